import Foundation
import ModelIR
import Testing

@testable import KerasImport

/// A model as a value: layers, paths, shapes and weights, and what none of them reads.
@Suite struct KerasLayerTests {
  static let repository = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  static func open(_ path: String) throws -> KerasModel {
    try KerasModel(contentsOfFile: repository.appending(path: "fixtures/\(path)").path)
  }

  @Test func `a model lists its layers with their shapes and configuration`() throws {
    let model = try Self.open("cases/seed/cnn/model.keras")
    #expect(model.name == "sequential")
    #expect(model.kerasVersion == "3.15.1")
    #expect(try model.inputs.map(\.description) == ["image: float32[batch, 28, 28, 1]"])
    #expect(try model.outputs.map(\.description) == ["dense: float32[batch, 10]"])
    #expect(
      model.layers.map(\.className) == [
        "InputLayer", "Conv2D", "MaxPooling2D", "Conv2D", "MaxPooling2D", "Flatten", "Dense",
      ])
    let conv = try #require(model["conv2d_1"])
    #expect(conv.config["filters"]?.int == 64)
    #expect(conv.config["kernel_size"]?.array?.map(\.int) == [3, 3])
    #expect(try conv.inputShapes == [[.symbol("batch"), 13, 13, 32]])
    #expect(try conv.outputShapes == [[.symbol("batch"), 11, 11, 64]])
    #expect(conv.weights.names == ["kernel", "bias"])
    #expect(conv.weights["kernel"]?.sizes == [3, 3, 32, 64])
    #expect(try model.layers[0].outputShapes == [[.symbol("batch"), 28, 28, 1]])
    #expect(try model.layers[0].inputShapes == [])
    #expect(model["conv2d_9"] == nil)
    #expect(throws: KerasImportError.self) { try model.weights.tensor("conv2d_9/kernel") }
  }

  @Test func `paths lead into nested models and wrappers`() throws {
    let nested = try Self.open("cases/graph/nested_reused/model.keras")
    let outer = try #require(nested.layers.first { !$0.layers.isEmpty })
    for layer in outer.layers {
      #expect(nested[layer.path]?.name == layer.name)
      #expect(outer[layer.name]?.path == layer.path)
      #expect(try layer.outputShapes.count == 1)
    }
    let wrapped = try Self.open("cases/rnn/bidir_lstm/model.keras")
    let bidirectional = try #require(wrapped.layers.first { $0.className == "Bidirectional" })
    let forward = try #require(wrapped["\(bidirectional.name)/forward_layer"])
    #expect(forward.className == "LSTM")
    #expect(wrapped["\(bidirectional.name)/\(forward.name)"]?.path == forward.path)
    #expect(forward.weights.count == 3)
    #expect(try forward.outputShapes.isEmpty)
  }

  @Test func `every weight of the model is a weight of one of its layers`() throws {
    for path in ["cases/graph/nested_multi_out", "cases/rnn/bidir_stacked_cells", "cases/seed/lstm"] {
      let model = try Self.open("\(path)/model.keras")
      let names = model.layers.flatMap { layer in layer.weights.names.map { "\(layer.name)/\($0)" } }
      #expect(Set(names) == Set(model.weights.names))
      for layer in model.layers {
        for weight in layer.weights {
          #expect(model.weights["\(layer.name)/\(weight.name)"]?.sizes == weight.tensor.sizes)
        }
      }
    }
  }

  @Test func `a compressed dataset is unpacked once`() throws {
    let path = Self.repository.appending(path: "fixtures/hdf5/layouts.h5").path
    guard case .hdf5(let file) = try ModelFile(at: path).content else { return }
    let chunked = try file.weightTree().tensors.values.filter { $0.storage is ChunkedStorage }
    #expect(!chunked.isEmpty)
    for tensor in chunked {
      let address = try tensor.withUnsafeBytes { Int(bitPattern: $0.baseAddress) }
      #expect(try tensor.withUnsafeBytes { Int(bitPattern: $0.baseAddress) } == address)
    }
  }
}
