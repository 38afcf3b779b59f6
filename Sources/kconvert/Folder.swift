#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A folder on disk: an unpacked archive or a SavedModel.
enum Folder {
  /// The paths of everything in a folder, at any depth; empty when the path is no folder that can be read. Links are
  /// named, not followed.
  static func members(of path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var members: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        UnsafeRawPointer(pointer).withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name == "." || name == ".." { continue }
      let member = "\(path)/\(name)"
      members.append(member)
      var status = stat()
      if lstat(member, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
        members += self.members(of: member)
      }
    }
    return members
  }
}
