/// Elements that cannot be read or made as asked.
public struct TensorError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong, expected before found.
  public let message: String
  package init(_ message: String) { self.message = message }
  /// The message.
  public var description: String { message }
}
