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
