import Foundation
import ModelIR
import Testing

@testable import KerasImport

/// What is told about files of every kind, and files in memory.
@Suite struct ReportTests {
  private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "fixtures")

  private static func path(_ name: String) -> String { fixtures.appending(path: name).path }

  private static func bytes(_ name: String) throws -> [UInt8] {
    try [UInt8](Data(contentsOf: fixtures.appending(path: name)))
  }

  @Test func `a model is told with shapes, parameters and weights`() throws {
    let report = try KerasModel.inspect(Self.path("cases/seed/cnn/model.keras"))
    #expect(report.status == .supported)
    #expect(report.fileFormat == .kerasArchive)
    #expect(report.kerasVersion == "3.15.1")
    #expect(report.problems.isEmpty)
    #expect(
      report.inputs == [
        ModelReport.Port(
          name: "image", dtype: .float32, shape: [.named("batch"), .fixed(28), .fixed(28), .fixed(1)])
      ])
    let layer = try #require(report.layers.first { $0.name == "conv2d_1" })
    #expect(layer.className == "Conv2D")
    #expect(layer.parameterCount == 18_496)
    #expect(layer.outputShapes == [[.named("batch"), .fixed(11), .fixed(11), .fixed(64)]])
    #expect(report.weights.first?.name == "conv2d/kernel")
    #expect(report.trainable == ModelReport.Count(parameters: 34_826, bytes: 139_304))
  }

  @Test func `nested layers are told inside theirs`() throws {
    let report = try KerasModel.inspect(Self.path("cases/graph/nested_reused/model.keras"))
    let nested = try #require(report.layers.first { !$0.layers.isEmpty })
    #expect(nested.layers.allSatisfy { $0.path.hasPrefix(nested.path + "/") })
    #expect(nested.layers.contains { $0.outputShapes != nil })
  }

  @Test func `a model with an unknown layer is told as far as it goes`() throws {
    let report = try KerasModel.inspect(Self.path("custom/keras3.15/model.keras"))
    #expect(report.status == .unsupported)
    let problem = try #require(report.problems.first)
    #expect(problem.kind == "unsupportedLayer")
    #expect(report.layers.contains { $0.name == problem.layer && !$0.isSupported })
    #expect(!report.weights.isEmpty)
  }

  @Test func `weights alone are told as weights`() throws {
    let report = try KerasModel.inspect(Self.path("eras/keras3.10/sharded/model_00000.weights.h5"))
    #expect(report.status == .weights)
    #expect(report.fileFormat == .hdf5)
    #expect(report.weights.count > 0)
  }

  @Test func `what is no model or damaged is told as that`() throws {
    let text = try KerasModel.inspect(bytes: Array("hello".utf8), name: "note.txt")
    #expect(text.status == .unreadable)
    #expect(text.fileFormat == nil)
    #expect(text.problems.map(\.kind) == ["notAKerasFile"])
    let whole = try Self.bytes("cases/seed/mlp/model.keras")
    let cut = try KerasModel.inspect(bytes: whole.prefix(whole.count / 2), name: "cut.keras")
    #expect(cut.problems.map(\.kind) == ["corrupted"])
    #expect(throws: KerasImportError.self) { try KerasModel.inspect("/nowhere/model.keras") }
  }

  @Test func `a damaged layer is told beside the others`() throws {
    let text = """
      {"class_name": "Sequential", "module": "keras", "config": {"name": "m", "layers": [
        {"class_name": "InputLayer", "module": "keras.layers", "config": {"batch_shape": [null, 3], "name": "x"}},
        {"class_name": "Dense", "module": "keras.layers", "config": {"name": "d", "units": "many"}},
        {"class_name": "Dense", "module": "keras.layers", "config": {"name": "e", "units": 2}}]}}
      """
    let report = try KerasModel.inspect(bytes: Array(text.utf8))
    #expect(report.status == .unsupported)
    #expect(report.layers.map(\.name) == ["x", "d", "e"])
    #expect(report.layers.map(\.isSupported) == [true, false, true])
    #expect(report.problems.contains { $0.layer == "d" && $0.message.contains("units") })
  }

  @Test func `a report is written as JSON and read again`() throws {
    let report = try KerasModel.inspect(Self.path("cases/seed/lstm/model.keras"))
    let data = try JSONEncoder().encode(report)
    #expect(try JSONDecoder().decode(ModelReport.self, from: data) == report)
    #expect(String(decoding: data, as: UTF8.self).contains("\"shape\":[\"batch\","))
  }

  @Test(arguments: [
    "cases/seed/cnn/model.keras", "custom/tfkeras2.10/model.h5", "eras/keras1.2.2-theano/cnn_th/model.h5",
    "cases/field/k2_res_lstm/model.h5",
  ])
  func `bytes in memory open like the file`(_ name: String) throws {
    var options = KerasModel.Options()
    options.keepsUnsupported = true
    let file = try KerasModel(contentsOfFile: Self.path(name), options: options)
    let memory = try KerasModel(bytes: Self.bytes(name), name: "x", options: options)
    #expect(memory.weights.names == file.weights.names)
    #expect(memory.fileFormat == file.fileFormat)
    for (one, other) in zip(memory.weights, file.weights) {
      let pair = try (
        one.tensor.withUnsafeBytes { [UInt8]($0) }, other.tensor.withUnsafeBytes { [UInt8]($0) }
      )
      #expect(pair.0 == pair.1)
    }
    let weights = try KerasWeights(bytes: Data(contentsOf: Self.fixtures.appending(path: name)))
    #expect(try weights.names == KerasWeights(contentsOfFile: Self.path(name)).names)
  }

  @Test func `bytes of one of several files are refused as that`() throws {
    let error = #expect(throws: KerasImportError.self) {
      try KerasModel(bytes: [0x08, 0x01, 0x12, 0, 0, 0, 0, 0, 0, 0], name: "saved_model.pb")
    }
    #expect("\(try #require(error))".contains("one of several files"))
  }

  @Test func `the table's lines are values`() throws {
    let model = try KerasModel(contentsOfFile: Self.path("cases/seed/cnn/model.keras"))
    let rows = try ModelSummary(model).rows
    #expect(rows.map(\.className).last == "Dense")
    #expect(rows.map(\.parameterCount).compactMap { $0 }.reduce(0, +) == 34_826)
    #expect(rows.first?.outputShapes == [[.symbol("batch"), 26, 26, 32]])
  }
}
