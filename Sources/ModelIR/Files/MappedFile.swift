#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Why a file cannot be opened.
package struct FileError: Error, Sendable, CustomStringConvertible {
  package let path: String
  package let code: Int32
  /// What is wrong in words of our own.
  private let reason: String?

  package init(path: String, code: Int32) { self.init(path: path, code: code, reason: nil) }

  private init(path: String, code: Int32, reason: String?) {
    self.path = path
    self.code = code
    self.reason = reason
  }

  /// A device, a FIFO or a socket where a file is needed.
  static func notRegular(_ path: String) -> FileError {
    FileError(path: path, code: EINVAL, reason: "it is not a regular file")
  }

  /// Writing that nobody waits for any more.
  static func cancelled(_ path: String) -> FileError { FileError(path: path, code: ECANCELED) }

  /// The reason for which the last call to the system failed.
  package init(lastAt path: String) { self.init(path: path, code: errno == 0 ? EIO : errno) }

  /// What the system says: `No such file or directory`.
  package var message: String { reason ?? String(cString: strerror(code)) }
  package var description: String { "\(path): \(message)" }
  /// True if there is nothing at the path.
  package var isAbsent: Bool { code == ENOENT }
  /// True if the path is a folder's.
  package var isFolder: Bool { code == EISDIR }
}

/// Someone who is told which bytes have been read: a checksum that is made on the way.
package protocol ByteWitness: AnyObject, Sendable {
  /// Bytes of the witness's range are being read; called from any thread, in any order, also twice for the same ones.
  func saw(_ bytes: UnsafeRawBufferPointer)
}

/// A range of bytes together with whatever keeps them where they are: a mapped file, a block of memory.
package struct HeldBytes: @unchecked Sendable {
  // The bytes are read-only and stay valid as long as their owner, which is thread-safe by its type.
  private let owner: any AnyObject & Sendable
  private let bytes: UnsafeRawBufferPointer
  private let witness: (any ByteWitness)?

  /// - Precondition: the bytes stay valid and unchanged while `owner` lives.
  package init(
    _ bytes: UnsafeRawBufferPointer, owner: any AnyObject & Sendable, witness: (any ByteWitness)? = nil
  ) {
    self.bytes = bytes
    self.owner = owner
    self.witness = witness
  }

  /// The same bytes, with someone to tell which of them have been read.
  package func witnessed(by witness: any ByteWitness) -> HeldBytes {
    HeldBytes(bytes, owner: owner, witness: witness)
  }

  /// Tells the witness that these bytes are being read: while they are in the cache.
  package func reportRead() { witness?.saw(bytes) }

  /// Where the bytes are in a file, when nobody needs to see them on their way out of it.
  var fileRange: (descriptor: Int32, offset: Int)? {
    guard witness == nil, let file = owner as? MappedFile else { return nil }
    return file.offset(of: bytes).map { (file.descriptor, $0) }
  }

  package var count: Int { bytes.count }

  /// Shows the bytes; the pointer is valid only inside `body`.
  package func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    defer { withExtendedLifetime(owner) {} }
    return try body(bytes)
  }

  /// A range of these bytes; nil if it does not lie inside.
  package func slice(offset: Int, count: Int) -> HeldBytes? {
    guard offset >= 0, count >= 0, offset <= bytes.count, count <= bytes.count - offset else { return nil }
    return HeldBytes(
      UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]), owner: owner, witness: witness)
  }

  /// Drops the pages of these bytes from memory if they are a mapped file's; reading them again brings
  /// them back.
  package func releasePages() {
    if owner is MappedFile { MappedFile.release(bytes) }
  }

  /// Says that these bytes have been read for once: when enough of a mapped file has, its pages are dropped.
  package func countRead() { (owner as? MappedFile)?.countRead(bytes.count) }

  /// Shows the bytes in pieces of at most `pieceByteCount`, and gives the memory of each piece back to the system
  /// after use, so that reading through a mapped file does not make the process large.
  package func forEachPiece(
    pieceByteCount: Int = 4 << 20, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    defer { withExtendedLifetime(owner) {} }
    var start = 0
    while start < bytes.count {
      let end = Swift.min(bytes.count, start + pieceByteCount)
      let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
      try body(piece)
      (owner as? MappedFile)?.countRead(piece.count)
      start = end
    }
  }
}

/// A file mapped into memory, read-only.
///
/// A file that another process shortens while it is mapped ends this one with SIGBUS; no reader of mapped files can
/// prevent that.
package final class MappedFile: @unchecked Sendable {
  // Read-only from the start.
  private let bytes: UnsafeRawBufferPointer
  /// Open for reading as long as the file is mapped.
  fileprivate let descriptor: Int32
  // Guarded by the lock.
  private var readByteCount = 0
  private let lock = Lazy<Never>()

  /// So many bytes are read before pages are dropped: each time that interrupts every core.
  private static let mappedByteCount = 32 << 20

  /// Maps a regular file.
  /// - Parameter followsLinks: whether the path may be a symbolic link.
  package init(path: String, followsLinks: Bool = true) throws(FileError) {
    // Opening a FIFO that nobody writes to would wait for ever.
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followsLinks ? 0 : O_NOFOLLOW))
    guard descriptor >= 0 else { throw FileError(path: path, code: errno) }
    do { bytes = try MappedFile.map(descriptor, path) } catch {
      close(descriptor)
      throw error
    }
  }

  private static func map(_ descriptor: Int32, _ path: String) throws(FileError) -> UnsafeRawBufferPointer {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError(path: path, code: errno) }
    guard status.st_mode & S_IFMT != S_IFDIR else { throw FileError(path: path, code: EISDIR) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegular(path) }
    guard let count = Int(exactly: status.st_size) else { throw FileError(path: path, code: EFBIG) }
    guard count > 0 else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let start, start != MAP_FAILED else { throw FileError(path: path, code: errno) }
    return UnsafeRawBufferPointer(start: start, count: count)
  }

  deinit {
    if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
    close(descriptor)
  }

  /// Where a part of the mapping is in the file; nil for other memory.
  fileprivate func offset(of part: UnsafeRawBufferPointer) -> Int? {
    guard let base = bytes.baseAddress, let start = part.baseAddress, start >= base,
      start - base <= bytes.count - part.count
    else { return nil }
    return start - base
  }

  /// All bytes of the file, which keep it mapped.
  package var content: HeldBytes { HeldBytes(bytes, owner: self) }

  private static let pageByteCount = Int(sysconf(Int32(_SC_PAGESIZE)))

  /// Drops all pages whenever many have been read since; those still needed come back.
  fileprivate func countRead(_ byteCount: Int) {
    let isMuch = lock.guarded {
      readByteCount += byteCount
      guard readByteCount >= MappedFile.mappedByteCount else { return false }
      readByteCount = 0
      return true
    }
    if isMuch { MappedFile.release(bytes) }
  }

  /// Drops the pages of a range from memory, but for the one in which it ends, which what follows needs; reading them
  /// again brings them back.
  fileprivate static func release(_ piece: UnsafeRawBufferPointer) {
    guard let base = piece.baseAddress else { return }
    let start = Int(bitPattern: base) / pageByteCount * pageByteCount
    let end = (Int(bitPattern: base) + piece.count) / pageByteCount * pageByteCount
    guard start < end, let pointer = UnsafeMutableRawPointer(bitPattern: start) else { return }
    madvise(pointer, end - start, MADV_DONTNEED)
  }
}

/// A tensor's bytes as they are in a file or in memory.
package final class HeldStorage: ResidentStorage {
  package let bytes: HeldBytes

  package init(_ bytes: HeldBytes) { self.bytes = bytes }

  package var byteCount: Int { bytes.count }

  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    try bytes.withBytes(body)
  }

  package func reader() throws -> any TensorReader { HeldReader(bytes: bytes) }
}

/// Counts what it reads, so that reading through a mapped file does not make the process large.
struct HeldReader: TensorReader {
  let bytes: HeldBytes

  func withBytes(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let part = try part(range)
    part.reportRead()
    try part.withBytes(body)
    part.countRead()
  }

  func read(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    try withBytes(range) { target.copyMemory(from: $0) }
  }

  func part(_ range: Range<Int>) throws(TensorError) -> HeldBytes {
    guard let part = bytes.slice(offset: range.lowerBound, count: range.count) else {
      throw TensorError("bytes \(range) of \(bytes.count)")
    }
    return part
  }
}
