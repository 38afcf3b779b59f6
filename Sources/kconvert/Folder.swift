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
  /// - Parameter limit: how many names there may be; further ones are left out.
  static func names(in path: String, limit: Int = .max) -> [String]? {
    guard let folder = opendir(path) else { return nil }
    defer { closedir(folder) }
    var names: [String] = []
    while names.count < limit, let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        UnsafeRawPointer(pointer).withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// More files than any model has that is a folder.
  private static let memberLimit = 10_000

  /// The paths of what is in a folder, at any depth, the nearest first, and of no more than a model may have: the path may be
  /// a whole disk's. Empty when it is no folder that can be read. Links are named, not followed.
  static func members(of path: String) -> [String] {
    var (members, next, folder) = ([String](), 0, path)
    while true {
      let names = names(in: folder, limit: memberLimit - members.count)
      members += (names ?? []).map { "\(folder)/\($0)" }  // What cannot be read has no members.
      while next < members.count, !isUnlinked(members[next]) { next += 1 }
      guard next < members.count, members.count < memberLimit else { return members }
      folder = members[next]
      next += 1
    }
  }

  /// Whether a path is a folder itself, not a link to one.
  static func isUnlinked(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
