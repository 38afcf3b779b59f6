import Foundation
import KerasImport
import ModelIR
import NativeFormat
import NativeRuntime
import Testing

/// A model written by Keras with inputs and the outputs that Keras computed.
struct Case: Sendable, CustomTestStringConvertible {
  /// The case's folder.
  let folder: URL
  /// `family/name`.
  let name: String
  let model: String
  let weights: String?
  /// False where ONNX has no operators for what the model does: hashes of strings, tokens of texts.
  let hasONNX: Bool
  let absoluteTolerance: Double
  let relativeTolerance: Double

  var testDescription: String { name }

  /// All cases below `fixtures/cases`.
  static let all: [Case] = {
    let root = repository.appending(path: "fixtures/cases")
    var cases: [Case] = []
    for family in children(of: root) {
      for folder in children(of: family) {
        if let found = try? Case(folder, name: "\(family.lastPathComponent)/\(folder.lastPathComponent)") {
          cases.append(found)
        }
      }
    }
    return cases
  }()

  static var repository: URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
  }

  private static func children(of folder: URL) -> [URL] {
    let found =
      (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
    return found.sorted { $0.path < $1.path }
  }

  private init(_ folder: URL, name: String) throws {
    let meta = try JSONValue(
      parsing: String(contentsOf: folder.appending(path: "meta.json"), encoding: .utf8))
    self.folder = folder
    self.name = name
    model = folder.appending(path: meta["file"]?.string ?? "model.keras").path
    weights = meta["weights"]?.string.map { folder.appending(path: $0).path }
    hasONNX = meta["onnx"]?.string != "any"
    absoluteTolerance = meta["atol"]?.double ?? 1e-5
    relativeTolerance = meta["rtol"]?.double ?? 1e-4
  }

  func openModel() throws -> KerasModel {
    var options = KerasModel.Options()
    options.weights = weights
    return try KerasModel(contentsOf: model, options: options)
  }

  /// The arrays of an `.npz` in the order of their names.
  func arrays(_ file: String) throws -> [(name: String, tensor: Tensor)] {
    let archive = try ZipArchive(MappedFile(path: folder.appending(path: file).path).content)
    return try archive.members.values.sorted { $0.name < $1.name }.map { member in
      let tensor = try member.verifiedContent().withBytes { bytes in Result { try NumpyArray.decode(bytes) } }
        .get()
      return (String(member.name.dropLast(4)), tensor)
    }
  }
}
