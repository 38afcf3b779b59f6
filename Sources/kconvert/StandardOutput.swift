import Foundation
import ModelIR

/// What the command prints: the one way to standard output. Names from files are escaped, and a disk that is full or a
/// reader that is gone is an error.
enum StandardOutput {
  /// Prints lines of text.
  static func write(_ text: String) throws { try send(text.printableLines) }

  /// Prints one line.
  static func line(_ text: String) throws { try send(text.printable + "\n") }

  /// Prints JSON.
  static func json(_ text: String) throws { try send(text.printableJSON) }

  private static func send(_ text: String) throws {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw Failure("standard output: \(String(cString: strerror(errno)))", .cannotWrite)
      }
      rest = rest.dropFirst(count)
    }
  }
}
