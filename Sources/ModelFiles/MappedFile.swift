#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file mapped into memory, read-only.
///
/// A file that another process shortens while it is mapped ends this one with SIGBUS; no reader of mapped files can
/// prevent that.
package final class MappedFile: @unchecked Sendable {
  // Read-only from the start.
  private let bytes: UnsafeRawBufferPointer
  /// Open for reading as long as the file is mapped.
  let descriptor: Int32
  // Guarded by the lock.
  private var readByteCount = 0
  private let lock = Lazy<Never>()

  /// So many bytes are read before pages are dropped: each time that interrupts every core.
  private static let mappedByteCount = 128 << 20

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
  func offset(of part: UnsafeRawBufferPointer) -> Int? {
    guard let base = bytes.baseAddress, let start = part.baseAddress, start >= base,
      start - base <= bytes.count - part.count
    else { return nil }
    return start - base
  }

  /// All bytes of the file, which keep it mapped.
  package var content: HeldBytes { HeldBytes(bytes, owner: self) }

  private static let pageByteCount = Int(sysconf(Int32(_SC_PAGESIZE)))

  /// Drops all pages whenever many have been read since; those still needed come back.
  func countRead(_ byteCount: Int) {
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
  static func release(_ piece: UnsafeRawBufferPointer) {
    guard let base = piece.baseAddress else { return }
    let start = Int(bitPattern: base) / pageByteCount * pageByteCount
    let end = (Int(bitPattern: base) + piece.count) / pageByteCount * pageByteCount
    guard start < end, let pointer = UnsafeMutableRawPointer(bitPattern: start) else { return }
    madvise(pointer, end - start, MADV_DONTNEED)
  }
}
