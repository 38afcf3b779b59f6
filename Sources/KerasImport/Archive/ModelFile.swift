package import ModelIR
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
  }

  package let path: String
  package let content: Content

  /// Opens a file, or the folder of an unzipped archive.
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
    let file: MappedFile
    do {
      file = try MappedFile(path: path)
    } catch {
      if error.isFolder { return .archive(try KerasArchive(folder: path)) }
      throw KerasImportError(error)
    }
    let content = file.content
    guard content.count > 0 else { throw KerasImportError(.notAKerasFile("the file is empty")) }
    if let foreign = ForeignFile(content) { throw foreign.error }
    switch ModelFileKind(of: content) {
    case .archive: return .archive(try KerasArchive(content))
    case .hdf5: return .hdf5(try HDF5File(content))
    case .safetensors: return .safetensors(content)
    case .json: return .json(try ArchitectureText.model(try json(content)))
    case .yaml: return .yaml(try YAMLDocument.json(content))
    case nil:
      throw KerasImportError(.notAKerasFile("neither a zip archive nor HDF5, safetensors, JSON or YAML"))
    }
  }

  private static func json(_ content: HeldBytes) throws(KerasImportError) -> JSONValue {
    do {
      return try content.withBytes { bytes throws(JSONSyntaxError) in try JSONValue(parsing: bytes) }
    } catch {
      throw KerasImportError(.corrupted("\(error)"))
    }
  }
}
