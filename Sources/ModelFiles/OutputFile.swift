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
  /// What follows the bytes that are in the file.
  private var pending: [OutputPart] = []
  private var pendingByteCount = 0
  private var holdsStorages = false
  /// Whether everything appended waits for ``flush()``, which alone shows it to a digest.
  package var holdsEverything = false
  /// The number of bytes written so far, those included that wait to be.
  package private(set) var byteCount = 0

  private static let bufferByteCount = 1 << 16

  /// - Throws: the system's reason, with the path of the final file.
  /// - Parameter isSeekable: bytes will be written over; a device or a FIFO is then an error.
  package init(replacing path: String, isSeekable: Bool = false) throws(FileError) {
    self.path = path
    guard !isSeekable, let existing = try ExistingFile(at: path), existing.isStream else {
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
    if !holdsStorages, !holdsEverything, bytes.count >= OutputFile.bufferByteCount {
      try flushBytes()
      try OutputProgress.current?.willWrite(bytes.count, to: path)
      try range.write(bytes, at: byteCount)
      byteCount += bytes.count
      return
    }
    if case .bytes(var last)? = pending.last {
      // Taken out of the list meanwhile, so that it is not copied.
      pending.removeLast()
      last.append(contentsOf: bytes)
      pending.append(.bytes(last))
    } else {
      pending.append(.bytes(Array(bytes)))
    }
    byteCount += bytes.count
    pendingByteCount += bytes.count
    if !holdsStorages, !holdsEverything, pendingByteCount >= OutputFile.bufferByteCount { try flushBytes() }
  }

  /// Appends all bytes of a storage; they are read by ``flush()``, in tiles on all cores.
  /// - Parameter failing: gives an error in reading them its place.
  package func append(
    _ storage: any ByteSource, failing: @escaping @Sendable (any Error) -> any Error = { $0 }
  ) {
    guard storage.byteCount > 0 else { return }
    pending.append(.storage(storage, failing))
    byteCount += storage.byteCount
    pendingByteCount += storage.byteCount
    holdsStorages = true
  }

  /// Writes over bytes that have been flushed.
  /// - Precondition: the file is none of those that take bytes as they come.
  package func overwrite(_ bytes: [UInt8], at offset: Int) throws(FileError) {
    try bytes.withUnsafeBytes { bytes in
      Result { () throws(FileError) in try range.write(bytes, at: offset) }
    }.get()
  }

  /// Brings everything appended into the file.
  /// - Throws: ``FileError``, and what reading the storages throws.
  package func flush() throws { _ = try flush { _ in () } }

  /// Brings everything appended into the file, and shows its tiles to `digest` while they are in the cache, in any order
  /// and from any thread.
  /// - Returns: what `digest` gave for each tile, with the tile's size, in the order of the bytes.
  package func flush<T: Sendable>(
    _ digest: @escaping @Sendable (UnsafeRawBufferPointer) -> T
  ) throws -> [(digest: T, byteCount: Int)] {
    let parts = pending
    let start = byteCount - pendingByteCount
    (pending, pendingByteCount, holdsStorages) = ([], 0, false)
    try range.reserve(start..<byteCount)
    // Read here: the threads that write the tiles are not of this task.
    let watcher = OutputProgress.current
    let path = path
    return try TileWriter(parts, to: range, at: start, digest) { count throws(FileError) in
      try watcher?.willWrite(count, to: path)
    }.run()
  }

  /// Appends bytes.
  package func write(_ bytes: [UInt8]) throws(FileError) {
    try bytes.withUnsafeBytes { bytes in Result { () throws(FileError) in try write(bytes) } }.get()
  }

  /// What has been written, before it has a name; it must not be written to while it is looked at.
  /// - Precondition: storages that were appended have been flushed.
  /// - Throws: for a device or a FIFO, whose bytes are gone.
  package func written() throws(FileError) -> HeldBytes {
    guard case .file(let temporary) = target else { throw .notRegular(path) }
    try flushBytes()
    return try MappedFile(path: temporary.path).content
  }

  /// Gives the complete file its name, replacing a file that has it.
  /// - Precondition: storages that were appended have been flushed.
  package func finish() throws(FileError) {
    try OutputFile.finish([self])
  }

  /// Gives files that belong together their names: all of them, or none.
  package static func finish(_ files: [OutputFile]) throws(FileError) {
    for file in files {
      try file.flushBytes()
      try OutputProgress.current?.check(file.path)
      if case .file(let temporary) = file.target { try temporary.complete(file.path) }
    }
    try Leftovers.holdingSignals { () throws(FileError) in try publish(files) }
  }

  private static func publish(_ files: [OutputFile]) throws(FileError) {
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

  private var range: FileRange {
    if case .stream = target { FileRange(stream: descriptor, path) } else { FileRange(descriptor, path) }
  }

  /// Brings pending bytes into the file, where no storages are among them.
  private func flushBytes() throws(FileError) {
    precondition(!holdsStorages, "storages are read by flush()")
    for case .bytes(let bytes) in pending {
      try OutputProgress.current?.willWrite(bytes.count, to: path)
      try overwrite(bytes, at: byteCount - pendingByteCount)
      pendingByteCount -= bytes.count
    }
    pending.removeAll(keepingCapacity: true)
  }
}
