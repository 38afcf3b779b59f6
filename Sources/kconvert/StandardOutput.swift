import ModelIR

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the command prints: the one way to standard output. Names from files are escaped, and a disk that is full or a
/// reader that is gone is an error.
enum StandardOutput {
  /// Prints lines of text.
  static func write(_ text: String) throws { try send(text.printableLines) }

  /// Prints one line.
  static func line(_ text: String) throws { try send(text.printable + "\n") }

  /// Prints the layer table, on a terminal with its frame dimmed and its heads in bold.
  static func table(_ text: String) throws {
    guard Terminal.hasColours else { return try write(text) }
    let lines = text.printableLines.split(separator: "\n", omittingEmptySubsequences: false)
    try send(lines.map { Terminal.styled(String($0)) }.joined(separator: "\n"))
  }

  /// Prints JSON.
  static func json(_ text: String) throws { try send(text.printableJSON) }

  private static func send(_ text: String) throws {
    let code = writeAll(text, to: STDOUT_FILENO)
    if code != 0 { throw Failure("standard output: \(String(cString: strerror(code)))", .cannotWrite) }
  }
}

/// Standard error. Nobody can be told that it cannot be written to.
enum StandardError {
  static func write(_ text: String) { _ = writeAll(text, to: STDERR_FILENO) }
}

/// Writes the whole text; the system's error number, or 0.
private func writeAll(_ text: String, to descriptor: Int32) -> Int32 {
  var rest = Array(text.utf8)[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    if count < 0, errno == EINTR { continue }
    guard count > 0 else { return count < 0 ? errno : EIO }
    rest = rest.dropFirst(count)
  }
  return 0
}
