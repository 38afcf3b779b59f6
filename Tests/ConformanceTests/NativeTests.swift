import Foundation
import KerasExport
import KerasImport
import ModelFiles
import ModelIR
import NativeRuntime
import ONNXExport
import Testing

/// Every case through its native file: the same numbers, table and ONNX file, to the byte. `Scripts/judge_native.py`
/// opens the files with the format's own reader afterwards.
@Suite struct NativeTests {
  @Test(arguments: Case.all)
  func `a native file is the model it was written from`(_ item: Case) throws {
    let folder = Case.repository.appending(path: ".build/conformance/\(item.name)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let path = folder.appending(path: "model.safetensors").path
    let original = try item.openModel()
    try NativeWriter().write(original, to: path)
    let native = try KerasModel(contentsOfFile: path)
    let (first, second) = (try original.lowered(), try native.lowered())

    let inputs = try item.inputs(of: original)
    let expected = try Session(first.graph).run(inputs)
    let results = try Session(second.graph).run(inputs)
    #expect(results.map(\.name) == expected.map(\.name))
    for (result, wanted) in zip(results, expected) {
      #expect(result.value.type == wanted.value.type)
      #expect(try bytes(result.value) == bytes(wanted.value), "\(result.name) differs")
    }
    #expect(ModelSummary(native, second).text(width: nil) == ModelSummary(original, first).text(width: nil))
    #expect(native.weights.names == original.weights.names)
    #expect(native.weights.map(\.isTrainable) == original.weights.map(\.isTrainable))
    if item.hasONNX { #expect(try onnx(first.graph, in: folder) == onnx(second.graph, in: folder)) }
  }

  @Test func `a native file is written again as it is`() throws {
    let folder = Case.repository.appending(path: ".build/conformance")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let paths = ["once", "twice"].map { folder.appending(path: "\($0).safetensors").path }
    let item = try #require(Case.all.first { $0.name == "seed/cnn" })
    try NativeWriter().write(item.openModel(), to: paths[0])
    try NativeWriter().write(KerasModel(contentsOfFile: paths[0]), to: paths[1])
    let contents = try paths.map { try Data(contentsOf: URL(filePath: $0)) }
    #expect(contents[0] == contents[1])
  }

  @Test func `a file that is not confirmed never appears`() throws {
    struct Refused: Error {}
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).safetensors").path
    let item = try #require(Case.all.first { $0.name == "layers/dense" })
    #expect(throws: Refused.self) {
      try NativeWriter().write(item.openModel(), to: path) { throw Refused() }
    }
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func `vocabularies are rows of bytes and come back`() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "kconvert-\(UUID().uuidString)")
    let assets = folder.appending(path: "assets/layers/holds_words")
    try FileManager.default.createDirectory(at: assets, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data("one\nzwölf".utf8).write(to: assets.appending(path: "vocabulary.txt"))
    try FileManager.default.copyItem(
      at: Case.repository.appending(path: "fixtures/archive/folder/model.weights.h5"),
      to: folder.appending(path: "model.weights.h5"))
    let layers = """
      {"class_name": "InputLayer", "module": "keras.layers", "config": {"name": "x", "batch_shape": [null, 2], "dtype": "float32"}},
      {"class_name": "HoldsWords", "module": "keras.layers", "config": {"name": "words"}},
      {"class_name": "Dense", "module": "keras.layers", "config": {"name": "dense", "units": 3, "activation": "linear", "use_bias": true}}
      """
    let config = #"{"class_name": "Sequential", "config": {"name": "s", "layers": [\#(layers)]}}"#
    try Data(config.utf8).write(to: folder.appending(path: "config.json"))

    var options = KerasModel.Options()
    options.layers.register(HoldsWords.self, as: "HoldsWords")
    let path = folder.appending(path: "model.safetensors").path
    try NativeWriter().write(KerasModel(contentsOfFile: folder.path, options: options), to: path)
    let native = try KerasModel(contentsOfFile: path, options: options)
    let place = try #require(native.graph.places.first { $0.path == "words" })
    let words = native.binding.asset("vocabulary.txt", of: place.object)?.withBytes {
      String(decoding: $0, as: UTF8.self)
    }
    #expect(words == "one\nzwölf")
    let file = try NativeFile(MappedFile(path: path).content)
    #expect(file.file.tensors["words/vocabulary.txt"]?.dtype == .uint8)
    #expect(try KerasWeights(contentsOfFile: path).names == ["dense/bias", "dense/kernel"])
    #expect(native.weights.names == ["dense/kernel", "dense/bias"])
  }

  /// A layer with a file and nothing to do.
  struct HoldsWords: Layer {
    var assets: [String] { ["vocabulary.txt"] }
    init(_ config: inout LayerConfig) throws(KerasImportError) {}
    func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] { call.inputs }
  }

  private func bytes(_ tensor: Tensor) throws -> [UInt8] { try tensor.withBytes { Array($0) } }

  private func onnx(_ graph: Graph, in folder: URL) throws -> Data {
    let path = folder.appending(path: "native-\(UUID().uuidString).onnx").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try ONNXWriter().write(graph, to: path)
    return try Data(contentsOf: URL(filePath: path))
  }
}
