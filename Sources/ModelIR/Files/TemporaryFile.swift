#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A hidden, empty sibling of a file that is to be written: it takes the file's name when it is complete, and
/// disappears otherwise.
package final class TemporaryFile {
  package let path: String
  /// Open for writing; -1 once the file has its name.
  package private(set) var descriptor: Int32

  /// Creates the sibling with the rights of an ordinary new file.
  /// - Throws: the system's reason, with the path of the final file.
  package init(beside final: String) throws(FileError) {
    let slash = final.lastIndex(of: "/").map { final.index(after: $0) } ?? final.startIndex
    var template = Array("\(final[..<slash]).\(final[slash...]).XXXXXX".utf8CString)
    descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw FileError(path: final, code: errno) }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // mkstemp makes private files; an ordinary new file has the rights that umask leaves.
    let mask = umask(0)
    umask(mask)
    fchmod(descriptor, 0o666 & ~mask)
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    unlink(path)
  }

  /// Gives the complete file its name, replacing a file that has it.
  package func rename(to final: String) throws(FileError) {
    let closed = close(descriptor)
    let code = errno
    descriptor = -1
    guard closed == 0, systemRename(path, final) == 0 else {
      let failure = FileError(path: final, code: closed == 0 ? errno : code)
      unlink(path)
      throw failure
    }
  }
}

/// `rename(2)`, under a name that the method does not hide.
private func systemRename(_ old: String, _ new: String) -> Int32 { rename(old, new) }
