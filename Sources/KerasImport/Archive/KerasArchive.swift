package import ModelIR
package import NativeFormat

/// What a `.keras` archive holds, zipped or as a folder.
///
///     metadata.json       version of Keras and date
///     config.json         the serialised model
///     model.weights.h5    the weights; or model.weights.npz, or model.weights.json with shards
///     assets/...          vocabularies
package struct KerasArchive: Sendable {
  /// The file that holds the weights.
  package enum Weights: Sendable {
    case hdf5(HeldBytes)
    /// Arrays of NumPy; Keras's own are pickled dictionaries, which nothing but Python can read.
    case npz(HeldBytes)
    case shards(index: HeldBytes)
    case absent
  }

  /// Where the members come from.
  private enum Source: Sendable {
    case zip(ZipArchive)
    case folder(String)
  }

  private let source: Source
  package let metadata: JSONValue?
  package let config: JSONValue
  package let weights: Weights

  /// Opens a zip archive. The small members' checksums are verified, see ``verifyChecksums()`` for the others.
  package init(_ archive: HeldBytes) throws(KerasImportError) {
    try self.init(.zip(try ZipArchive(archive)))
  }

  /// Opens an unzipped archive.
  package init(folder: String) throws(KerasImportError) { try self.init(.folder(folder)) }

  private init(_ source: Source) throws(KerasImportError) {
    self.source = source
    guard let config = try KerasArchive.json("config.json", in: source) else {
      if case .zip(let zip) = source, let foreign = ForeignFile(members: Array(zip.members.keys)) {
        throw foreign.error
      }
      throw KerasImportError(.notAKerasFile("it has no member \"config.json\""))
    }
    self.config = config
    metadata = try KerasArchive.json("metadata.json", in: source)
    if let content = try KerasArchive.content("model.weights.h5", in: source, isVerified: false) {
      weights = .hdf5(content)
    } else if let index = try KerasArchive.content("model.weights.json", in: source, isVerified: true) {
      weights = .shards(index: index)
    } else if let content = try KerasArchive.content("model.weights.npz", in: source, isVerified: false) {
      weights = .npz(content)
    } else {
      weights = .absent
    }
  }

  /// A member such as `assets/string_lookup/vocabulary.txt`; nil if there is none.
  package func member(_ name: String) throws(KerasImportError) -> HeldBytes? {
    try KerasArchive.content(name, in: source, isVerified: true)
  }

  /// Reads every member, on all cores, and compares checksums. A folder has none.
  package func verifyChecksums() throws(KerasImportError) {
    guard case .zip(let zip) = source else { return }
    for member in zip.members.values { try member.verifyChecksum() }
  }

  private static func json(_ name: String, in source: Source) throws(KerasImportError) -> JSONValue? {
    guard let content = try content(name, in: source, isVerified: true) else { return nil }
    do {
      return try content.withBytes { bytes throws(JSONSyntaxError) in try JSONValue(parsing: bytes) }
    } catch {
      throw KerasImportError(.corrupted("\(name): \(error)"))
    }
  }

  private static func content(
    _ name: String, in source: Source, isVerified: Bool
  ) throws(KerasImportError) -> HeldBytes? {
    switch source {
    case .zip(let zip):
      guard let member = zip.members[name] else { return nil }
      return isVerified ? try member.verifiedContent() : try member.content()
    case .folder(let folder):
      // Names come from the file; none may lead out of the folder.
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
}
