import Foundation
import KerasImport
import ModelFiles
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
  let isRefused: Bool
  let absoluteTolerance: Double
  let relativeTolerance: Double

  var testDescription: String { name }

  /// The cases of today's Keras, `fixtures/cases`, and those that each era's own Keras wrote, `fixtures/eras`.
  static let all: [Case] = found.filter { !$0.isRefused }

  /// The models that are to be refused: code of the program that made them.
  static let refused: [Case] = found.filter(\.isRefused)

  private static let found: [Case] = ["fixtures/cases", "fixtures/eras"].flatMap { root in
    found(in: repository.appending(path: root))
  }

  /// The cases in a folder of families.
  static func found(in root: URL) -> [Case] {
    children(of: root).flatMap { family in
      children(of: family).compactMap { folder in
        try? Case(folder, name: "\(family.lastPathComponent)/\(folder.lastPathComponent)")
      }
    }
  }

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
    isRefused = meta["expect"]?.string == "refuse"
    absoluteTolerance = meta["atol"]?.double ?? 1e-5
    relativeTolerance = meta["rtol"]?.double ?? 1e-4
  }

  func openModel() throws -> KerasModel {
    var options = KerasModel.Options()
    options.weights = weights
    return try KerasModel(contentsOfFile: model, options: options)
  }

  /// The inputs by the names the model has for them, in the types that it declares; by position where its file has no
  /// names.
  func inputs(of model: KerasModel) throws -> [String: Tensor] {
    let arrays = try arrays("inputs.npz")
    let named = Dictionary(uniqueKeysWithValues: arrays.map { ($0.name, $0.tensor) })
    var inputs: [String: Tensor] = [:]
    for (input, array) in zip(try model.inputs, arrays) {
      let tensor = model.graph.inventsInputNames ? array.tensor : named[input.name]
      inputs[input.name] = try tensor?.converted(to: input.type.dtype)
    }
    return inputs
  }

  /// The arrays of an `.npz` in the order of the file.
  func arrays(_ file: String) throws -> [(name: String, tensor: Tensor)] {
    let archive = try ZipArchive(MappedFile(path: folder.appending(path: file).path).content)
    return try archive.members.values.sorted { $0.position < $1.position }.map { member in
      let tensor = try member.verifiedContent().withBytes { bytes in Result { try NumpyArray.decode(bytes) } }
        .get()
      return (String(member.name.dropLast(4)), tensor)
    }
  }
}
