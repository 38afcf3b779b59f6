/// Operands that an operation cannot take, or a graph that is not well formed.
public struct GraphError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong, with expected before found.
  public var message: String
  /// The operation, as ONNX would call it; empty when it is the whole graph.
  public var op: String
  /// The node's name, once it is known.
  public var node: String?
  /// Which operand does not fit, if one can be named.
  public var operand: Int?

  /// An error of an operation; the graph adds the node's name.
  public init(_ message: String, op: String = "", node: String? = nil, operand: Int? = nil) {
    self.message = message
    self.op = op
    self.node = node
    self.operand = operand
  }

  /// The place, then the message.
  public var description: String {
    let place = [node.map { "node \"\($0)\"" }, op.isEmpty ? nil : "(\(op))"].compactMap { $0 }
    return place.isEmpty ? message : place.joined(separator: " ") + ": " + message
  }
}

extension GraphError {
  /// A tensor's error as a graph's.
  package static func wrapping<R>(
    _ make: @autoclosure () throws(TensorError) -> R
  ) throws(GraphError) -> R {
    do {
      return try make()
    } catch {
      throw GraphError(error.message)
    }
  }
}
