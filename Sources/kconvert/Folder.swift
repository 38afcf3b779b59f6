#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A folder on disk: an unpacked archive or a SavedModel.
enum Folder {
  /// What is in a folder, in no order; nil when the path is no folder that can be read, with the reason in `errno`.
  static func names(in path: String) -> [String]? {
    guard let folder = opendir(path) else { return nil }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        UnsafeRawPointer(pointer).withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// The paths of everything in a folder, at any depth; empty when the path is no folder that can be read. Links are
  /// named, not followed.
  static func members(of path: String) -> [String] {
    (names(in: path) ?? []).flatMap { name -> [String] in  // What cannot be read has no members.
      let member = "\(path)/\(name)"
      return [member] + (isUnlinked(member) ? members(of: member) : [])
    }
  }

  /// Whether a path is a folder itself, not a link to one.
  static func isUnlinked(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
