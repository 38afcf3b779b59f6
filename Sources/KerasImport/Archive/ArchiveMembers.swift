import ModelFiles
import ModelIR

/// Files that belong together under names: those of a folder, or the members of a zip archive.
package enum ArchiveMembers: Sendable {
  /// A zip archive, and what the names of its members begin with.
  case zip(ZipArchive, prefix: String = "")
  case folder(String)

  /// The bytes of a file; nil if there is none of this name.
  ///
  /// Names come from files; none may lead out of the folder.
  /// - Parameter isVerified: whether the checksum of a member is compared, which reads all of it.
  func content(_ name: String, isVerified: Bool) throws(KerasImportError) -> HeldBytes? {
    switch self {
    case .zip(let zip, let prefix):
      guard let member = zip.members[prefix + name] else { return nil }
      return isVerified ? try member.verifiedContent() : try member.content()
    case .folder(let folder):
      let parts = name.split(separator: "/", omittingEmptySubsequences: false)
      guard !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) else { return nil }
      do {
        return try MappedFile(path: "\(folder)/\(name)").content
      } catch {
        if error.isAbsent { return nil }
        throw KerasImportError(error)
      }
    }
  }

  /// Begins to make the checksum of a member, beside what else is done.
  func verifyAhead(_ name: String) {
    if case .zip(let zip, let prefix) = self { zip.members[prefix + name]?.verifyAhead() }
  }

  /// Reads every member, on all cores, and compares checksums. A folder has none.
  func verifyChecksums() throws(KerasImportError) {
    guard case .zip(let zip, let prefix) = self else { return }
    for member in zip.members.values where member.name.hasPrefix(prefix) { try member.verifyChecksum() }
  }
}
