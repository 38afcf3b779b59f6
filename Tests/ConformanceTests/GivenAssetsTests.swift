import Foundation
import KerasImport
import ModelIR
import NativeRuntime
import Testing

/// Vocabularies that a model keeps in files beside it.
@Suite struct GivenAssetsTests {
  private static let model = """
    {"class_name": "Sequential", "module": "keras", "config": {"name": "words", "layers": [
      {"class_name": "InputLayer", "module": "keras.layers",
       "config": {"batch_shape": [null, 3], "dtype": "string", "name": "x"}},
      {"class_name": "StringLookup", "module": "keras.layers",
       "config": {"name": "lookup", "trainable": true, "vocabulary": "/tmp/words.txt"}}]}}
    """

  private func withFiles<R>(_ body: (_ model: String, _ words: String) throws -> R) throws -> R {
    let folder = FileManager.default.temporaryDirectory.appending(path: "assets-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (model, words) = (folder.appending(path: "model.json"), folder.appending(path: "own.txt"))
    try GivenAssetsTests.model.write(to: model, atomically: true, encoding: .utf8)
    try "red\ngreen\n".write(to: words, atomically: true, encoding: .utf8)
    return try body(model.path, words.path)
  }

  @Test func `a path in the configuration is not followed`() throws {
    try withFiles { model, _ in
      let error = #expect(throws: KerasImportError.self) { try KerasModel(contentsOfFile: model).makeGraph() }
      #expect("\(String(describing: error))".contains("a vocabulary in a file outside the model"))
    }
  }

  @Test func `a file that the caller names is the vocabulary`() throws {
    try withFiles { model, words in
      var options = KerasModel.Options()
      options.assets = ["lookup": words]
      let session = try Session(KerasModel(contentsOfFile: model, options: options))
      let outputs = try session.run(["x": Tensor(["green", "blue", "red"], sizes: [1, 3])])
      #expect(try [Int64](outputs[0].value) == [2, 0, 1])
    }
  }

  @Test func `a name that no layer has is refused`() throws {
    try withFiles { model, words in
      var options = KerasModel.Options()
      options.assets = ["look": words]
      let error = #expect(throws: KerasImportError.self) {
        try KerasModel(contentsOfFile: model, options: options)
      }
      #expect("\(String(describing: error))".contains("expected one of \"lookup\", found \"look\""))
    }
  }
}
