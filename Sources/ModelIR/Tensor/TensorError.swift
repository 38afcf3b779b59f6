/// Elements that cannot be read or made as asked.
public struct TensorError: Error, Sendable, CustomStringConvertible {
  /// What is wrong, expected before found.
  public let message: String
  /// Why the elements could not be read, where a file is damaged: what its reader says.
  public let cause: (any Error)?

  package init(_ message: String) { (self.message, cause) = (message, nil) }

  /// What was thrown while elements were read.
  package init(reading error: any Error) {
    if let error = error as? TensorError {
      self = error
    } else {
      (message, cause) = ("\(error)", error)
    }
  }

  /// The message.
  public var description: String { message }
}

extension TensorError: Hashable {
  /// Whether they say the same.
  public static func == (a: TensorError, b: TensorError) -> Bool { a.message == b.message }
  /// Hashes the message.
  public func hash(into hasher: inout Hasher) { hasher.combine(message) }
}

/// The result of `body`, what it throws being a ``TensorError``.
package func readingElements<R>(_ body: () throws -> R) throws(TensorError) -> R {
  do { return try body() } catch { throw TensorError(reading: error) }
}
