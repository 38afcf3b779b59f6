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
  private let temporaryPath: String
  private var descriptor: Int32
  private var buffer: [UInt8] = []
  /// The number of bytes written so far.
  package private(set) var byteCount = 0

  private static let bufferByteCount = 1 << 16

  /// Creates the sibling.
  /// - Throws: the system's reason, with the path of the final file.
  package init(replacing path: String) throws(FileError) {
    self.path = path
    let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    var template = Array("\(path[..<slash]).\(path[slash...]).XXXXXX".utf8CString)
    descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw FileError(path: path, code: errno) }
    temporaryPath = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // mkstemp makes private files; an ordinary new file has the rights that umask leaves.
    let mask = umask(0)
    umask(mask)
    fchmod(descriptor, 0o666 & ~mask)
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    unlink(temporaryPath)
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
    let closed = close(descriptor)
    let code = errno
    descriptor = -1
    guard closed == 0, rename(temporaryPath, path) == 0 else {
      let failure = FileError(path: path, code: closed == 0 ? errno : code)
      unlink(temporaryPath)
      throw failure
    }
  }

  private func flush() throws(FileError) {
    let pending = buffer
    buffer.removeAll(keepingCapacity: true)
    try pending.withUnsafeBytes { bytes in Result { () throws(FileError) in try writeThrough(bytes) } }.get()
  }

  private func writeThrough(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: rest))
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
