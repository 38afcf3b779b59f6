package import ModelFiles
import ModelIR
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
    case hdf5(HDF5File)
    /// Arrays of NumPy; Keras's own are pickled dictionaries, which nothing but Python can read.
    case npz(HeldBytes)
    case shards(index: HeldBytes)
    case absent
  }

  /// The member that holds weights as HDF5.
  static let weightsName = "model.weights.h5"

  private let members: ArchiveMembers
  package let metadata: JSONValue?
  package let config: JSONValue
  package let weights: Weights

  /// Opens a zip archive or an unzipped one. Small members' checksums are verified, see ``verifyChecksums()`` for the
  /// others.
  package init(_ members: ArchiveMembers) throws(KerasImportError) {
    self.members = members
    // First, since it takes longest when a child process does it.
    let weights = try KerasArchive.weights(in: members)
    guard let config = try KerasArchive.json("config.json", in: members) else {
      if case .zip(let zip, _) = members, let foreign = ForeignFile(members: Array(zip.members.keys)) {
        throw foreign.error
      }
      throw KerasImportError(.notAKerasFile("it has no member \"config.json\""))
    }
    (self.config, self.weights) = (config, weights)
    metadata = try KerasArchive.json("metadata.json", in: members)
  }

  private static func weights(in members: ArchiveMembers) throws(KerasImportError) -> Weights {
    if let content = try members.content(weightsName, isVerified: false) {
      return .hdf5(try HDF5File(content))
    }
    if let index = try members.content("model.weights.json", isVerified: true) {
      return .shards(index: index)
    }
    return try members.content("model.weights.npz", isVerified: false).map(Weights.npz) ?? .absent
  }

  /// A member such as `assets/string_lookup/vocabulary.txt`; nil if there is none.
  package func member(_ name: String) throws(KerasImportError) -> HeldBytes? {
    try members.content(name, isVerified: true)
  }

  /// Reads every member, on all cores, and compares checksums. A folder has none.
  package func verifyChecksums() throws(KerasImportError) {
    try members.verifyChecksums()
  }

  /// Begins to make the checksum of the weights, beside what else is done.
  func verifyAhead() { members.verifyAhead(KerasArchive.weightsName) }

  private static func json(
    _ name: String, in members: ArchiveMembers
  ) throws(KerasImportError) -> JSONValue? {
    guard let content = try members.content(name, isVerified: true) else { return nil }
    do {
      return try content.withBytes { bytes throws(JSONSyntaxError) in try JSONValue(parsing: bytes) }
    } catch {
      throw KerasImportError(.corrupted("\(name): \(error)"))
    }
  }
}
