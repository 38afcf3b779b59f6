/// Why a graph could not be written as ONNX. More may come: switch over it with a `default`.
public enum ONNXExportError: Error, Sendable, CustomStringConvertible {
  /// The opset asked for lacks an operator.
  case opset(node: String, op: String, needed: Int, requested: Int)
  /// ONNX has no operator for this and it cannot be composed.
  case unsupported(node: String, message: String)
  /// The source itself is at fault: what its `makeGraph()` throws, the `KerasImportError` of a model.
  case model(any Error)
  /// A constant could not be read.
  case constant(name: String, message: String)
  /// The file could not be created.
  case cannotCreate(file: String, message: String)
  /// Writing failed part of the way; nothing is left behind.
  case writing(file: String, message: String)

  /// What was thrown on the way.
  init(_ error: any Error) { self = error as? ONNXExportError ?? .model(error) }

  /// One line with the node, what is needed and what was asked for.
  public var description: String {
    switch self {
    case .opset(let node, let op, let needed, let requested):
      "node \"\(node)\" (\(op)): expected opset \(needed) or higher, found \(requested)"
    case .unsupported(let node, let message): "node \"\(node)\": \(message)"
    case .model(let error): "\(error)"
    case .constant(let name, let message): "constant \"\(name)\": \(message)"
    case .cannotCreate(let file, let message), .writing(let file, let message): "\(file): \(message)"
    }
  }
}
