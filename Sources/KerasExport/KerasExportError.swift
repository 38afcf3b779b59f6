/// Why a model could not be written. More may come: switch over it with a `default`.
public enum KerasExportError: Error, Sendable, CustomStringConvertible {
  /// The model has something that the format cannot hold; every such thing, by layer.
  case unsupported(String)
  /// The bytes of a weight could not be read.
  case weight(name: String, message: String)
  /// The file could not be created.
  case cannotCreate(file: String, message: String)
  /// Writing failed part of the way; nothing is left behind.
  case writing(file: String, message: String)

  /// The message, with the place in front.
  public var description: String {
    switch self {
    case .unsupported(let message): message
    case .weight(let name, let message): "weight \"\(name)\": \(message)"
    case .cannotCreate(let file, let message), .writing(let file, let message): "\(file): \(message)"
    }
  }
}
