#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file without a name that takes the name of one that is to be written when it is complete, and is gone otherwise,
/// however the process ends. Where the system has no such files it is a hidden sibling, see ``Leftovers``.
package final class TemporaryFile {
  /// A path under which the file can be opened while it has no name of its own.
  package private(set) var path: String
  /// Open for writing; -1 once the file has its name.
  package private(set) var descriptor: Int32
  /// The folder of the final file with a slash, and the file's own name.
  private let folder: String
  private let name: String
  /// The sibling's entry among the leftovers; nil where the file has no name.
  private var leftover: Leftovers.Entry?
  /// The hidden sibling once there is one.
  private var sibling: String?
  /// Whether there was no file of the name.
  private var isNew: Bool

  /// - Parameter isNamed: the file is a hidden sibling everywhere, for libraries that open it by a name; see ``dropName()``.
  /// - Throws: the system's reason, with the path of the final file; for a device, a FIFO, a socket or a folder too.
  package init(beside final: String, isNamed: Bool = false) throws(FileError) {
    let existing = try ExistingFile(at: final)
    if let existing, !existing.isRegular { throw .notRegular(final) }
    isNew = existing == nil
    let target = existing?.path ?? final
    let slash = target.lastIndex(of: "/").map { target.index(after: $0) } ?? target.startIndex
    folder = String(target[..<slash])
    name = String(target[slash...])
    descriptor = isNamed ? -1 : TemporaryFile.openWithoutName(folder.isEmpty ? "." : folder)
    if descriptor >= 0 {
      path = "/proc/self/fd/\(descriptor)"
    } else {
      path = "\(folder)\(TemporaryFile.hidden(name))"
      sibling = path
      leftover = Leftovers.add(path)
      descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else {
        let failure = FileError(path: final, code: errno)
        leftover.map(Leftovers.forget)
        sibling = nil
        throw failure
      }
    }
    // A new file has the rights that umask leaves; one that is replaced hands on its own.
    if let existing {
      _ = fchown(descriptor, existing.owner, existing.group)  // Only root may give files away.
      // Not the rights of its owner for whoever runs it: these are other bytes.
      fchmod(descriptor, existing.mode & 0o777)
    }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    discard()
  }

  /// Takes the name of a hidden sibling away, where the system lets files be opened without: nothing is left of it then,
  /// however the process ends.
  package func dropName() {
    #if os(Linux)
      let open = "/proc/self/fd/\(descriptor)"
      guard sibling != nil, access(open, R_OK) == 0 else { return }
      discard()
      path = open
    #endif
  }

  /// Gives the complete file its name, replacing a file that has it.
  package func rename(to final: String) throws(FileError) {
    try complete(final)
    try publish(final)
  }

  /// Does all that can fail for want of room. What is to replace a file lies beside it from now on, since the system gives
  /// a name that is taken only by renaming.
  func complete(_ final: String) throws(FileError) {
    // Closing a descriptor brings out what a disk of another machine has not taken yet, and says whether it does.
    let copy = dup(descriptor)
    guard copy >= 0, close(copy) == 0 else { throw abandoned(final) }
    if !isNew { try linkBeside(final) }
  }

  /// Gives the file its name: a new one in one step, so that nothing is left however the process ends.
  func publish(_ final: String) throws(FileError) {
    if sibling == nil, linkat(AT_FDCWD, path, AT_FDCWD, "\(folder)\(name)", AT_SYMLINK_FOLLOW) != 0 {
      guard errno == EEXIST else { throw abandoned(final) }
      isNew = false  // Somebody was faster.
      try linkBeside(final)
    }
    if let sibling, systemRename(sibling, "\(folder)\(name)") != 0 { throw abandoned(final) }
    leftover.map(Leftovers.forget)
    (sibling, leftover) = (nil, nil)
    close(descriptor)
    descriptor = -1
  }

  /// Gives the file a name of its own beside the final one, unless it has one.
  private func linkBeside(_ final: String) throws(FileError) {
    guard sibling == nil else { return }
    let hidden = "\(folder)\(TemporaryFile.hidden(name))"
    (sibling, leftover) = (hidden, Leftovers.add(hidden))
    guard linkat(AT_FDCWD, path, AT_FDCWD, hidden, AT_SYMLINK_FOLLOW) == 0 else { throw abandoned(final) }
  }

  /// Takes the name away again from a file that replaced none.
  func retract() { if isNew { unlink("\(folder)\(name)") } }

  /// Removes what is there, after the system's reason has been noted.
  private func abandoned(_ final: String) -> FileError {
    let failure = FileError(lastAt: final)
    discard()
    return failure
  }

  private func discard() {
    if let sibling { unlink(sibling) }
    leftover.map(Leftovers.forget)
    (sibling, leftover) = (nil, nil)
  }

  private static func openWithoutName(_ folder: String) -> Int32 {
    #if os(Linux)
      // O_TMPFILE, which Swift does not see; the file can be opened again through /proc.
      let unnamed = open(folder, 0o20_000_000 | O_DIRECTORY | O_RDWR | O_CLOEXEC, 0o666)
      guard unnamed >= 0, access("/proc/self/fd/\(unnamed)", R_OK) == 0 else {
        if unnamed >= 0 { close(unnamed) }
        return -1
      }
      return unnamed
    #else
      return -1
    #endif
  }

  private static func hidden(_ name: String) -> String {
    // Names may take up 255 bytes.
    ".\(String(decoding: name.utf8.prefix(200), as: UTF8.self)).\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
  }
}

/// What is at a path to be written, behind symbolic links.
struct ExistingFile {
  let path: String
  let isRegular: Bool
  /// Whether bytes can be written to it one after another: a character device or a FIFO.
  let isStream: Bool
  let mode: mode_t
  let owner: uid_t
  let group: gid_t

  /// Nil when there is nothing.
  /// - Throws: the system's reason for a folder.
  init?(at path: String) throws(FileError) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    let kind = status.st_mode & S_IFMT
    guard kind != S_IFDIR else { throw FileError(path: path, code: EISDIR) }
    isRegular = kind == S_IFREG
    isStream = kind == S_IFCHR || kind == S_IFIFO
    mode = status.st_mode & 0o7777
    owner = status.st_uid
    group = status.st_gid
    guard let resolved = realpath(path, nil) else {
      self.path = path
      return
    }
    defer { free(resolved) }
    self.path = String(cString: resolved)
  }
}

/// `rename(2)`, under a name that the method does not hide.
private func systemRename(_ old: String, _ new: String) -> Int32 { rename(old, new) }
