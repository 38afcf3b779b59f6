import Foundation
import Kconvert
import Testing

/// What is thrown is said by the types, and what stands behind it is kept.
@Suite struct TypedErrorTests {
  struct Mine: Error {}

  // None of these says `any Error`.

  private func session(_ url: URL) throws(KerasImportError) -> Session {
    try Session(KerasModel(contentsOf: url).castingWeights(to: .float32))
  }

  private func sum(_ tensor: Tensor) throws(TensorError) -> Float {
    try [Float](tensor.converted(to: .float32)).reduce(0, +)
      + tensor.withUnsafeBufferPointer(of: Float.self) { $0.reduce(0, +) }
  }

  private func write(_ model: KerasModel, to path: String) throws(KerasExportError) {
    try KerasWriter().write(model, to: path)
  }

  private func renamed(_ weights: KerasWeights) throws(WeightLoadError) -> [String: Tensor] {
    try weights.renamed([.skip(".*/bias")])
  }

  @Test func `each function throws one type`() throws {
    let model = try KerasModel(contentsOf: UmbrellaTests.cnn)
    #expect(try session(UmbrellaTests.cnn).inputs.count == 1)
    #expect(try sum(Tensor([Float(1), 2], sizes: [2])) == 6)
    #expect(try renamed(model.weights).count == 3)
    #expect(throws: KerasExportError.self) { try write(model, to: "/nowhere/model.keras") }
  }

  @Test func `an error of the caller's own passes through access to elements`() throws {
    let tensor = try Tensor([Float(1)], sizes: [1])
    #expect(throws: Mine.self) { try tensor.withUnsafeBytes { _ in throw Mine() } }
    #expect(throws: Mine.self) { try tensor.withUnsafeBufferPointer(of: Float.self) { _ in throw Mine() } }
    #expect(throws: TensorError.self) { try tensor.withUnsafeBufferPointer(of: Int8.self) { $0.count } }
  }

  @Test func `a replacement that fails names its weight`() throws {
    let model = try KerasModel(contentsOf: UmbrellaTests.cnn)
    let error = #expect(throws: KerasImportError.self) {
      try model.replacingWeights { weight in
        if weight.name == "dense/bias" { throw Mine() }
        return nil
      }
    }
    guard case .replacement(let cause)? = error?.reason else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(cause is Mine)
    #expect("\(try #require(error))".contains("weight \"dense/bias\""))
  }

  @Test func `a value that a program's model does not take names its parameter`() throws {
    struct Picky: WeightsLoadable {
      var parameters: [TensorSpec] { [TensorSpec("conv2d/bias", [32])] }
      mutating func setParameter(_ name: String, to tensor: Tensor) throws { throw Mine() }
    }
    var network = Picky()
    let weights = try KerasModel(contentsOf: UmbrellaTests.cnn).weights
    let error = #expect(throws: WeightLoadError.self) { try weights.load(into: &network, verify: .noMissing) }
    guard case .rejected(let parameter, let cause)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(parameter == "conv2d/bias" && cause is Mine)
  }

  @Test func `URLs that are no files are refused by what writes`() async throws {
    let elsewhere = try #require(URL(string: "https://example.com/model"))
    let model = try KerasModel(contentsOf: UmbrellaTests.cnn)
    await #expect(throws: KerasExportError.self) { try await KerasWriter().write(model, to: elsewhere) }
    await #expect(throws: KerasExportError.self) { try await NativeWriter().write(model, to: elsewhere) }
    await #expect(throws: ONNXExportError.self) { try await ONNXWriter().write(model, to: elsewhere) }
    #expect(throws: Safetensors.FormatError.self) { try Safetensors.save([:], to: elsewhere) }
    #expect(throws: NumpyArray.FormatError.self) { try NumpyArchive.load(elsewhere) }
  }

  /// A model of one layer of the program's own.
  private func model(of op: Op, _ dtype: DType) throws -> KerasModel {
    var options = KerasModel.Options()
    options.layers.define(class: "Own") { call, scope throws(KerasImportError) in
      [Operand(try scope.emitAll(op, [try call.input.value])[0])]
    }
    let x = LayerOutput.input(shape: [2], dtype: dtype, name: "x")
    return try KerasModel(inputs: [x], outputs: [LayerDefinition("Own")(x)], options: options)
  }

  @Test func `a program's layer may look values up`() throws {
    let table = LookupTable(keys: .integers([3, 5]), values: .integers([30, 50]), defaultInteger: -1)
    let session = try Session(model(of: .lookup(table), .int64))
    let y = try session.run(["x": Tensor([Int64(5), 7], sizes: [1, 2])])
    #expect(try [Int64](y[0].value) == [50, -1])
  }

  @Test(arguments: [
    Op.lookup(LookupTable(keys: .integers([3, 5]), values: .integers([30]))),
    .hash(HashAttributes(binCount: 0)), .hash(HashAttributes(binCount: 4, key: [1])),
    .reduce(.sum, axes: [7], keepDims: false), .slice([SliceRange(axis: 1, start: 0, stop: 1, step: 0)]),
    .transpose([0, 0]), .softmax(axis: 9), .split(axis: 1, sizes: [-1, 3]), .tile([-2, 1]),
    .pool(
      PoolAttributes(
        function: .maximum, kernelSize: [], strides: [], padding: .sameUpper, layout: .channelsLast)),
    .topK(k: 9, axis: 1, largest: true), .reshape([3, 3]), .expand([1]),
  ])
  func `an operation that its attributes make impossible is an error`(_ op: Op) throws {
    #expect(throws: (any Error).self) {
      let session = try Session(model(of: op, .int64))
      _ = try session.run(["x": Tensor([Int64(1), 2], sizes: [1, 2])])
    }
  }
}
