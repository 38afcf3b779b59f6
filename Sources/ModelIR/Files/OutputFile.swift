#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that appears under its name only when it is complete.
///
/// It is written without a name, see ``TemporaryFile``, and gets it by ``finish()``; without that call it disappears
/// again. A device or a FIFO is never replaced: the bytes go there as they come.
package final class OutputFile {
  private enum Target {
    case file(TemporaryFile)
    case stream(Int32)
  }

  private let path: String
  private let target: Target
  private var buffer: [UInt8] = []
  /// The number of bytes written so far.
  package private(set) var byteCount = 0

  private static let bufferByteCount = 1 << 16

  /// Called with the number of bytes of each file that is begun in this task, as they are written.
  @TaskLocal package static var progress: (@Sendable (_ byteCount: Int) -> Void)?
  private let progress = OutputFile.progress

  /// - Throws: the system's reason, with the path of the final file.
  package init(replacing path: String) throws(FileError) {
    self.path = path
    guard let existing = try ExistingFile(at: path), existing.isStream else {
      target = .file(try TemporaryFile(beside: path))
      return
    }
    // A FIFO that nobody reads is an error rather than a wait without end.
    let descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { throw FileError(path: path, code: errno) }
    target = .stream(descriptor)
    guard fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK) == 0 else {
      throw FileError(path: path, code: errno)
    }
  }

  deinit { if case .stream(let descriptor) = target { close(descriptor) } }

  /// Appends bytes.
  package func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    byteCount += bytes.count
    progress?(byteCount)
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

  /// What has been written, before it has a name; it must not be written to while it is looked at.
  /// - Throws: for a device or a FIFO, whose bytes are gone.
  package func written() throws(FileError) -> HeldBytes {
    guard case .file(let temporary) = target else { throw .notRegular(path) }
    try flush()
    return try MappedFile(path: temporary.path).content
  }

  /// Gives the complete file its name, replacing a file that has it.
  package func finish() throws(FileError) {
    try OutputFile.finish([self])
  }

  /// Gives files that belong together their names: all of them, or none.
  package static func finish(_ files: [OutputFile]) throws(FileError) {
    for file in files {
      try file.flush()
      if case .file(let temporary) = file.target { try temporary.complete(file.path) }
    }
    for (index, file) in files.enumerated() {
      guard case .file(let temporary) = file.target else { continue }
      do { try temporary.publish(file.path) } catch {
        for earlier in files[..<index] {
          if case .file(let temporary) = earlier.target { temporary.retract() }
        }
        throw error
      }
    }
  }

  private var descriptor: Int32 {
    switch target {
    case .file(let temporary): temporary.descriptor
    case .stream(let descriptor): descriptor
    }
  }

  private func flush() throws(FileError) {
    let pending = buffer
    buffer.removeAll(keepingCapacity: true)
    try pending.withUnsafeBytes { bytes in Result { () throws(FileError) in try writeThrough(bytes) } }.get()
  }

  private func writeThrough(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    try OutputProgress.current?.willWrite(bytes.count, to: path)
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
