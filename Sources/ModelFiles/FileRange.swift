import CSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// An open file that is written at any place, from any thread; or a stream, which takes bytes as they come.
struct FileRange: Sendable {
  private let descriptor: Int32
  private let path: String
  let isStream: Bool

  init(_ descriptor: Int32, _ path: String) {
    (self.descriptor, self.path, isStream) = (descriptor, path, false)
  }

  init(stream descriptor: Int32, _ path: String) {
    (self.descriptor, self.path, isStream) = (descriptor, path, true)
  }

  /// Below this, places on the disk are given as bytes come.
  private static let reservedFrom = 1 << 20

  /// Gives a range its place on the disk before its bytes are there: in one piece, and there is room or there is not.
  func reserve(_ range: Range<Int>) throws(FileError) {
    guard !isStream, range.count >= FileRange.reservedFrom else { return }
    let code = cs_reserve(descriptor, Int64(range.lowerBound), Int64(range.count))
    guard code == 0 else { throw FileError(path: path, code: code) }
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) {
    var done = 0
    while done < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
      // Linux and macOS take at most 2 GB at once.
      let limit = min(rest.count, 1 << 30)
      let count =
        isStream
        ? systemWrite(descriptor, rest.baseAddress, limit)
        : pwrite(descriptor, rest.baseAddress, limit, off_t(offset + done))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw FileError(path: path, code: count < 0 ? errno : EIO) }
      done += count
    }
  }

  /// What is thrown when a source has not shown the bytes that were to be written.
  var unread: FileError { FileError(path: path, code: EIO) }

  /// Copies a range of another file without looking at it.
  /// - Returns: how many bytes were copied; fewer than asked where the systems's files do not allow it.
  func copy(from source: (descriptor: Int32, offset: Int), count: Int, at offset: Int) -> Int {
    guard !isStream else { return 0 }
    var done = 0
    while done < count {
      let copied = cs_copy(
        source.descriptor, Int64(source.offset + done), descriptor, Int64(offset + done), Int64(count - done))
      guard copied > 0 else { return done }
      done += Int(copied)
    }
    return done
  }
}

/// `write(2)`, under a name that a method called `write` does not hide.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}
