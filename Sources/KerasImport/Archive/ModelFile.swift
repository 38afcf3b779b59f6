package import ModelFiles
import ModelIR
package import NativeFormat

/// A file on disk, opened and recognised by its content.
package struct ModelFile: Sendable {
  /// What the file holds.
  package enum Content: Sendable {
    case archive(KerasArchive)
    case hdf5(HDF5File)
    case safetensors(HeldBytes)
    /// An architecture, or the index of sharded weights (``ShardedWeights/isIndex(_:)``).
    case json(JSONValue)
    /// An architecture in YAML.
    case yaml(JSONValue)
    /// A SavedModel folder, zipped or not.
    case savedModel(SavedModel)
    /// A checkpoint of TensorFlow: weights alone.
    case checkpoint(TensorBundle)
  }

  /// The path; of a file in memory, what the caller calls it.
  package let path: String
  package let content: Content

  /// A file in memory, recognised like one on disk.
  /// - Parameter name: what errors call it.
  /// - Throws: `notAKerasFile` if it is none of the formats or needs other files beside it, `corrupted` if it breaks the
  ///   rules of its format.
  package init(_ bytes: HeldBytes, name: String) throws(KerasImportError) {
    path = name
    do {
      content = try ModelFile.content(of: bytes, at: nil)
    } catch {
      throw error.at(.file(name))
    }
  }

  /// An architecture that no file holds.
  /// - Parameter name: what errors call it.
  init(name: String, architecture: JSONValue) { (path, content) = (name, .json(architecture)) }

  /// Opens a file, the folder of an unzipped archive or SavedModel, or a checkpoint by its name without `.index`.
  /// - Throws: `io` if it cannot be opened, `notAKerasFile` if it is none of the formats, `corrupted` if it breaks the
  ///   rules of its format.
  package init(at path: String) throws(KerasImportError) {
    self.path = path
    do {
      content = try ModelFile.content(at: path)
    } catch {
      if case .io = error.reason { throw error }
      throw error.at(.file(path))
    }
  }

  private static func content(at path: String) throws(KerasImportError) -> Content {
    if let started = HeadStart.content(at: path) { return try content(of: started, at: path) }
    let file: MappedFile
    do {
      file = try MappedFile(path: path)
    } catch {
      if error.isFolder { return try folder(.folder(path)) }
      // Else `error` is thrown.
      if error.isAbsent, let index = try? MappedFile(path: path + ".index").content {
        return try checkpoint(index, path + ".index")
      }
      throw KerasImportError(error)
    }
    return try content(of: file.content, at: path)
  }

  /// - Parameter path: where the file is; nil for one in memory, beside which there are no others.
  private static func content(of content: HeldBytes, at path: String?) throws(KerasImportError) -> Content {
    guard content.count > 0 else { throw KerasImportError(.notAKerasFile("the file is empty")) }
    if let foreign = ForeignFile(content) { throw foreign.error }
    switch ModelFileKind(of: content) {
    case .archive: return try archive(try ZipArchive(content))
    case .hdf5: return .hdf5(try HDF5File(content))
    case .safetensors: return .safetensors(content)
    case .json: return .json(try ArchitectureText.model(try json(content)))
    case .yaml: return .yaml(try YAMLDocument.json(content))
    case .savedModel:
      guard let path else { throw isOneOfSeveral }
      return .savedModel(try SavedModel(.folder(split(path).folder)))
    case .checkpoint:
      guard let path else { throw isOneOfSeveral }
      return try checkpoint(content, path)
    case nil:
      throw KerasImportError(
        .notAKerasFile("neither a zip archive nor HDF5, safetensors, SavedModel, JSON or YAML"))
    }
  }

  private static var isOneOfSeveral: KerasImportError {
    KerasImportError(
      .notAKerasFile(
        "it is one of several files of a SavedModel or checkpoint",
        suggestion: "give the folder's path, or the bytes of a zip archive of it"))
  }

  private static func folder(_ members: ArchiveMembers) throws(KerasImportError) -> Content {
    SavedModel.isThere(members) ? .savedModel(try SavedModel(members)) : .archive(try KerasArchive(members))
  }

  /// A zipped SavedModel has its files at the top or in the folder that was zipped.
  private static func archive(_ zip: ZipArchive) throws(KerasImportError) -> Content {
    if zip.members["config.json"] != nil { return .archive(try KerasArchive(.zip(zip))) }
    let names = [SavedModel.fileNames.objects, SavedModel.fileNames.metadata]
    let prefixes = Set(
      zip.members.keys.compactMap { path in
        names.first { path == $0 || path.hasSuffix("/\($0)") }.map { String(path.dropLast($0.count)) }
      })
    guard let prefix = prefixes.first else { return .archive(try KerasArchive(.zip(zip))) }
    guard prefixes.count == 1 else {
      let folders = prefixes.sorted().map { "\"\($0)\"" }.joined(separator: ", ")
      throw KerasImportError(
        .unsupported("the archive holds several SavedModels: \(folders); unpack the one that is meant"))
    }
    return .savedModel(try SavedModel(.zip(zip, prefix: prefix)))
  }

  private static func checkpoint(_ index: HeldBytes, _ path: String) throws(KerasImportError) -> Content {
    let (folder, file) = split(path)
    let name = file.hasSuffix(".index") ? String(file.dropLast(6)) : file
    return .checkpoint(try TensorBundle(index: index, name: name, in: .folder(folder)))
  }

  /// A path's folder and what it holds there.
  private static func split(_ path: String) -> (folder: String, file: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    let folder = path[..<slash]
    return (folder.isEmpty ? "/" : String(folder), String(path[path.index(after: slash)...]))
  }

  /// The format, for programs.
  package var format: FileFormat {
    switch content {
    case .archive: .kerasArchive
    case .hdf5: .hdf5
    case .safetensors: .safetensors
    case .json, .yaml: .architecture
    case .savedModel: .savedModel
    case .checkpoint: .checkpoint
    }
  }

  /// Compares the checksums of what the file holds with its content, on all cores. Formats without checksums pass.
  func verifyChecksums() throws(KerasImportError) {
    switch content {
    case .archive(let archive): try archive.verifyChecksums()
    case .savedModel(let model): try model.verifyChecksums()
    case .checkpoint(let bundle): try bundle.verifyChecksums()
    case .hdf5, .safetensors, .json, .yaml: break
    }
  }

  /// Begins to make checksums, beside what else is done.
  func verifyAhead() {
    if case .archive(let archive) = content { archive.verifyAhead() }
  }

  private static func json(_ content: HeldBytes) throws(KerasImportError) -> JSONValue {
    do {
      return try content.withBytes { bytes throws(JSONSyntaxError) in try JSONValue(parsing: bytes) }
    } catch {
      throw KerasImportError(.corrupted("\(error)"))
    }
  }
}
