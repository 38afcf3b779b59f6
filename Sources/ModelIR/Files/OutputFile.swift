#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that appears under its name only when it is complete.
///
/// It is written as a hidden sibling and renamed by ``finish()``; without that call it disappears again.
package final class OutputFile {
  private let path: String
  private let temporary: TemporaryFile
  private var buffer: [UInt8] = []
  /// The number of bytes written so far.
  package private(set) var byteCount = 0

  private static let bufferByteCount = 1 << 16

  /// Creates the sibling.
  /// - Throws: the system's reason, with the path of the final file.
  package init(replacing path: String) throws(FileError) {
    self.path = path
    temporary = try TemporaryFile(beside: path)
  }

  /// Appends bytes.
  package func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    byteCount += bytes.count
    if bytes.count < OutputFile.bufferByteCount {
      buffer.append(contentsOf: bytes)
      if buffer.count >= OutputFile.bufferByteCount { try flush() }
    } else {
      try flush()
      try writeThrough(bytes)
    }
  }

  /// Appends bytes.
  package func write(_ bytes: [UInt8]) throws(FileError) {
    try bytes.withUnsafeBytes { bytes in Result { () throws(FileError) in try write(bytes) } }.get()
  }

  /// Gives the complete file its name, replacing a file that has it.
  package func finish() throws(FileError) {
    try flush()
    try temporary.rename(to: path)
  }

  private func flush() throws(FileError) {
    let pending = buffer
    buffer.removeAll(keepingCapacity: true)
    try pending.withUnsafeBytes { bytes in Result { () throws(FileError) in try writeThrough(bytes) } }.get()
  }

  private func writeThrough(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = systemWrite(temporary.descriptor, UnsafeRawBufferPointer(rebasing: rest))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw FileError(path: path, code: count < 0 ? errno : EIO) }
      rest = rest.dropFirst(count)
    }
  }
}

/// `write(2)`, under a name that a method called `write` does not hide. Linux and macOS take at most 2 GB at once.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
  write(descriptor, bytes.baseAddress, min(bytes.count, 1 << 30))
}
