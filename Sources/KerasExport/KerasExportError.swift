public import KerasImport

/// Why a model could not be written. More may come: switch over it with a `default`.
public enum KerasExportError: Error, Sendable, CustomStringConvertible {
  /// The model has something that the format cannot hold; every such thing, by layer.
  case unsupported(String)
  /// The model itself is at fault: a layer that cannot be lowered, a weight whose bytes are damaged.
  case model(KerasImportError)
  /// The bytes of a weight could not be read.
  case weight(name: String, message: String)
  /// The file could not be created.
  case cannotCreate(file: String, message: String)
  /// Writing failed part of the way; nothing is left behind.
  case writing(file: String, message: String)

  /// What was thrown on the way.
  init(_ error: any Error) { self = error as? KerasExportError ?? .model(KerasImportError(reading: error)) }

  /// The message, with the place in front.
  public var description: String {
    switch self {
    case .unsupported(let message): message
    case .model(let error): "\(error)"
    case .weight(let name, let message): "weight \"\(name)\": \(message)"
    case .cannotCreate(let file, let message), .writing(let file, let message): "\(file): \(message)"
    }
  }
}
