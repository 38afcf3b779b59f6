/// Why a model could not be run.
public enum RuntimeError: Error, Sendable, CustomStringConvertible {
  /// An input is missing, unknown, or has a type or shape that the model cannot take.
  case input(String)
  /// An operation failed on this data: an index out of range, a size beyond memory.
  case operation(node: String, message: String)
  /// The reference kernels cannot do this.
  case unsupported(node: String, message: String)

  /// One line with the node, or with the input's name.
  public var description: String {
    switch self {
    case .input(let message): message
    case .operation(let node, let message), .unsupported(let node, let message):
      "node \"\(node)\": \(message)"
    }
  }
}

/// What a kernel throws; the executor adds the node.
struct KernelError: Error {
  let message: String
  init(_ message: String) { self.message = message }
}
