import Foundation
import Kconvert
import KerasImport
import ModelIR
import NativeFormat
import NativeRuntime
import ONNXExport

// The listings of the articles and of the README, in their order. DocumentationTests compares them line by line; those
// that name files stand in functions that are compiled and not called.

enum GettingStarted {
  static func open() throws {
    let model = try KerasModel(contentsOfFile: "model.keras")
    print(model.name, model.kerasVersion, model.format)
    for layer in model.layers {
      print(layer.name, layer.className, try layer.outputShapes)
    }
  }

  static func memory(_ data: [UInt8]) throws -> [KerasModel] {
    let model = try KerasModel(bytes: data, name: "upload.keras")
    let other = try KerasModel(contentsOf: URL(filePath: "model.keras"))
    return [model, other]
  }

  static func anyFile() throws {
    let report = try KerasModel.inspect("model.keras")
    print(report.status, report.format)
    for layer in report.layers where !layer.isSupported { print(layer.path, layer.className) }
    for problem in report.problems { print(problem.message) }
  }

  static func ends(_ model: KerasModel) throws {
    for input in try model.inputs { print(input.name, input.dtype, input.shape) }
    for output in try model.outputs { print(output.name, output.dtype, output.shape) }
  }

  static func architecture() throws -> KerasModel {
    var options = KerasModel.Options()
    options.weights = "model.weights.h5"
    let model = try KerasModel(contentsOfFile: "model.json", options: options)
    return model
  }

  static func layer(_ model: KerasModel) throws {
    guard let layer = model["encoder/block_1/dense"] else { return }
    let units = layer.config["units"]?.int
    let activation = layer.config["activation"]?.string
    let kernel = try layer.weights.tensor("kernel")
    print(units as Any, activation as Any, kernel.sizes)
  }

  static func table(_ model: KerasModel) throws {
    let summary = try ModelSummary(model, model.lowered())
    print(summary.text(width: 100))
  }

  static func errors() throws {
    do {
      _ = try KerasModel(contentsOfFile: "model.keras")
    } catch {
      if case .unsupportedLayer(let className) = error.reason { print("no layer \(className)") }
      print(error)
    }
  }
}

struct Network: WeightsLoadable {
  var values: [String: [Float]] = [:]

  var parameters: [TensorSpec] {
    [
      TensorSpec("features.0.weight", [32, 1, 3, 3]), TensorSpec("features.0.bias", [32]),
      TensorSpec("features.1.weight", [64, 32, 3, 3]), TensorSpec("features.1.bias", [64]),
      TensorSpec("classifier.weight", [10, 1600]), TensorSpec("classifier.bias", [10]),
    ]
  }

  mutating func setParameter(_ name: String, to tensor: Tensor) throws {
    values[name] = try [Float](tensor)
  }
}

enum LoadingWeights {
  static func names(_ model: KerasModel) throws -> Tensor {
    for weight in model.weights {
      print(weight.name, weight.tensor.dtype, weight.tensor.sizes, weight.isTrainable)
    }
    let kernel = try model.weights.tensor("conv2d/kernel")
    return kernel
  }

  static func elements(_ kernel: Tensor) throws -> ([Float], [Double], Float) {
    let floats = try [Float](kernel)
    let doubles = try [Double](kernel)
    try kernel.withUnsafeBytes { bytes in
      print(bytes.count)
    }
    let sum = try kernel.withUnsafeBufferPointer(of: Float.self) { $0.reduce(0, +) }
    return (floats, doubles, sum)
  }

  static func load(_ model: KerasModel) throws -> (Network, WeightReport, [WeightRule]) {
    let rules: [WeightRule] = [
      .exact("conv2d/kernel", to: "features.0.weight", as: .hwioToOIHW),
      .prefix("conv2d/", to: "features.0."),
      .pattern(#"conv2d_(\d+)/kernel"#, to: "features.$1.weight", as: .hwioToOIHW),
      .pattern(#"conv2d_(\d+)/bias"#, to: "features.$1.bias"),
      .exact("dense/kernel", to: "classifier.weight", as: .flattenedHWCToCHW(height: 5, width: 5)),
      .prefix("dense/", to: "classifier."),
    ]
    var network = Network()
    let report = try model.weights.load(into: &network, rules)
    return (network, report, rules)
  }

  static func partly(_ model: KerasModel, _ network: inout Network, _ rules: [WeightRule]) throws -> [String:
    Tensor]
  {
    let report = try model.weights.load(into: &network, rules, verify: .noMissing)
    print(report.unused)
    let arrays = try model.weights.renamed(rules)
    return arrays
  }

  static func explained(_ model: KerasModel, _ network: inout Network, _ rules: [WeightRule]) {
    do {
      try model.weights.load(into: &network, rules)
    } catch {
      guard let report = error.report else { return print(error) }
      for misfit in report.mismatches { print(misfit.parameter, misfit.weight, misfit.message) }
      print("without a weight:", report.missing, "without a parameter:", report.unused)
    }
  }

  static func changed(_ model: KerasModel) throws -> [KerasModel] {
    let changed = try model.replacingWeights { weight in
      weight.name.hasSuffix("/bias") ? try weight.tensor.converted(to: .float16) : nil
    }
    let half = try model.castingWeights(to: .float16)
    return [changed, half]
  }

  static func recurrent(_ model: KerasModel) throws -> ([String: Tensor], [String: Tensor]) {
    let torch: [WeightRule] = [
      .exact("gru/cell/kernel", to: "weight_ih_l0", as: .gruGatesToRZN.then(.inOutToOutIn)),
      .exact("gru/cell/recurrent_kernel", to: "weight_hh_l0", as: .gruGatesToRZN.then(.inOutToOutIn)),
      .exact("gru/cell/bias", to: "bias_ih_l0", as: .row(0).then(.gruGatesToRZN)),
      .exact("gru/cell/bias", to: "bias_hh_l0", as: .row(1).then(.gruGatesToRZN)),
    ]
    let mlx: [WeightRule] = [
      .exact("gru/cell/kernel", to: "Wx", as: .gruGatesToRZN.then(.inOutToOutIn)),
      .exact("gru/cell/recurrent_kernel", to: "Wh", as: .gruGatesToRZN.then(.inOutToOutIn)),
      .exact("gru/cell/bias", to: "b", as: .mergedGRUBias.then(.gruGatesToRZN)),
      .exact("gru/cell/bias", to: "bhn", as: .row(1).then(.blocks([2], of: 3))),
    ]
    return (try model.weights.renamed(torch), try model.weights.renamed(mlx))
  }
}

enum RunningAModel {
  static func run(_ pixels: [Float]) throws -> ([Float], Outputs) {
    let model = try KerasModel(contentsOfFile: "model.keras")
    let session = try Session(model)
    let image = try Tensor(pixels, sizes: [1, 28, 28, 1])
    let outputs = try session.run(["image": image])
    let probabilities = try [Float](outputs[0].value)
    return (probabilities, outputs)
  }

  static func tasks(_ model: KerasModel, _ image: Tensor) async throws -> Outputs {
    let session = try await Session.prepare(model)
    let outputs = try await session.run(["image": image])
    return outputs
  }

  static func server(_ model: KerasModel) async throws -> Session {
    let session = try await Session.prepare(model, options: Session.Options(threads: 1))
    return session
  }

  static func names(_ outputs: Outputs) throws {
    for (name, value) in outputs { print(name, value.dtype, value.sizes) }
    if let scores = outputs["dense"] { print(try [Float](scores)) }
  }

  static func tensors(_ bytes: [UInt8]) throws -> [Tensor] {
    let zeros = try Tensor([Float](repeating: 0, count: 784), sizes: [1, 28, 28, 1])
    let words = try Tensor(["one", "two"], sizes: [2, 1])
    let raw = try bytes.withUnsafeBytes { try Tensor(dtype: .uint8, sizes: [1, 28, 28, 1], bytes: $0) }
    let floats = try raw.converted(to: .float32)
    return [zeros, words, raw, floats]
  }

  static func arrays(_ outputs: Outputs) throws -> Tensor {
    let array = try NumpyArray.load("image.npy")
    try NumpyArray.save(outputs[0].value, to: "probabilities.npy")
    return array
  }

  static func sizes(_ model: KerasModel) throws -> Session {
    var options = LoweringOptions()
    options.batch = 1
    options.inputShapes["tokens"] = [.symbol("batch"), 128]
    let lowered = try model.lowered(options)
    let session = try Session(lowered.graph)
    return session
  }

  static func onnx(_ model: KerasModel) throws {
    try ONNXWriter(opset: 18).write(model, to: "model.onnx")
  }
}

/// `x * s`, where `s` has one element for each channel.
struct Scale: Layer {
  let weights = [WeightSpec("s")]

  init(_ config: inout LayerConfig) throws(KerasImportError) {}

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    let channels = scope.shape(of: x).dimensions.last ?? 1
    return [Operand(try scope.emit(.binary(.multiply), x, scope.weight("s", [channels])))]
  }
}

/// `x` where it is larger than a threshold, otherwise 0.
struct Gate: Layer {
  let threshold: Double
  var maskRule: MaskRule { .pass }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    threshold = try config.double("threshold", default: 0.5)
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    let isLarger = try scope.emit(.compare(.greater), x, scope.scalar(threshold, like: x))
    return [Operand(try scope.emit(.select, isLarger, x, scope.scalar(0, like: x)))]
  }
}

/// `x * s`, then the dense layers of `blocks` one after another.
struct ScaledBlocks: Layer {
  let weights = [WeightSpec("s")]
  let sublayers: [Sublayer]

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    sublayers = [
      try config.sublayer("blocks/0", className: "Dense", config: ["units": 4]),
      try config.sublayer("blocks/1", className: "Dense", config: ["units": 4]),
    ]
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    let channels = scope.shape(of: x).dimensions.last ?? 1
    var results = [Operand(try scope.emit(.binary(.multiply), x, scope.weight("s", [channels])))]
    for block in sublayers { results = try scope.lower(block, Call(results)) }
    return results
  }
}

enum CustomLayers {
  static func open() throws -> KerasModel {
    var options = KerasModel.Options()
    options.layers.register(Scale.self, as: "Scale", "Demo>Scale")
    let model = try KerasModel(contentsOfFile: "model.keras", options: options)
    return model
  }
}

/// `share * alpha * x`, a share that the program knows.
struct Blend: Layer {
  let factor: Double

  init(share: Double, alpha: Double) { factor = share * alpha }

  init(_ config: inout LayerConfig) throws(KerasImportError) { self.init(share: 1, alpha: 1) }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    return [Operand(try scope.emit(.binary(.multiply), x, scope.scalar(factor, like: x)))]
  }
}

enum MadeByClosures {
  static func register(_ options: inout KerasModel.Options, share: Double) {
    options.layers.register("Blend") { config throws(KerasImportError) in
      Blend(share: share, alpha: try config.double("alpha", default: 1))
    }
    options.layers.define(class: "Twice") { call, scope throws(KerasImportError) in
      let x = try call.input.value
      return [Operand(try scope.emit(.binary(.add), x, x))]
    }
  }
}

enum Operations {
  static func register(_ options: inout KerasModel.Options) {
    options.layers.register(operation: "ScaledSum", "Demo>ScaledSum") { call throws(KerasImportError) in
      let x = try call.operands("x1", "x2")
      let sum = try call.scope.emit(.binary(.add), x[0], x[1])
      let factor = call.scope.scalar(try call.double("factor", default: 1), like: sum)
      return [try call.scope.emit(.binary(.multiply), sum, factor)]
    }
  }
}

enum BuildingModels {
  static func build(_ kernel: Tensor, _ bias: Tensor, _ scores: Tensor) throws -> KerasModel {
    let image = LayerOutput.input(shape: [28, 28, 1], name: "image")
    let convolution = LayerDefinition(
      "Conv2D", ["filters": 8, "kernel_size": 3, "activation": "relu"],
      weights: ["kernel": kernel, "bias": bias])
    let pooling = LayerDefinition("GlobalAveragePooling2D")
    let head = LayerDefinition(
      "Dense", ["units": 10, "use_bias": false], name: "head", weights: ["kernel": scores])
    let model = try KerasModel(inputs: [image], outputs: [head(pooling(convolution(image)))], name: "digits")
    return model
  }

  static func save(_ model: KerasModel) throws {
    try KerasWriter().write(model, to: "digits.keras")
  }
}

enum Formats {
  static func awaited(_ model: KerasModel) async throws {
    try await ONNXWriter().write(model, to: URL(filePath: "model.onnx")) { bytes in print(bytes) }
  }

  static func tensors() throws {
    let tensors = try Safetensors.load("weights.safetensors")
    try Safetensors.save(tensors, metadata: ["format": "pt"], to: "copy.safetensors")
    try NumpyArchive.save(tensors, to: "weights.npz")
  }

  static func write() throws {
    let model = try KerasModel(contentsOfFile: "model.h5")
    var writer = ONNXWriter(opset: 18)
    writer.layout = .channelsFirst
    try writer.write(model, to: "model.onnx")
    try model.verifyChecksums()
  }

  static func openApart() throws -> KerasModel {
    var options = KerasModel.Options()
    options.hdf5Helper = "/usr/local/libexec/kconvert-hdf5"
    let model = try KerasModel(contentsOfFile: "upload.h5", options: options)
    return model
  }
}

enum Readme {
  static func run(_ pixels: [Float], _ network: inout Network, _ rules: [WeightRule]) throws -> [Float] {
    let model = try KerasModel(contentsOfFile: "model.keras")
    let kernel = try [Float](model.weights.tensor("conv2d/kernel"))  // any weight, as an array
    try model.weights.load(into: &network, rules)  // or all of them, into a model of your own

    let session = try Session(model)
    let outputs = try session.run(["image": Tensor(pixels, sizes: [1, 28, 28, 1])])
    let probabilities = try [Float](outputs[0].value)
    return kernel + probabilities
  }
}

/// `h = rate * h + tanh(x . w)`; the output is the state.
struct LeakyCell: CellLayer {
  let units: Int
  let rate: Double
  let weights = [WeightSpec("w")]

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    units = try config.count("units")
    rate = try config.double("rate", default: 0.5)
  }

  func stateShapes(for input: Shape, in scope: LoweringScope) throws(KerasImportError) -> [Shape] {
    [[input[0], .fixed(units)]]
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let (x, states) = try call.step(states: 1)
    let kernel = try scope.weight("w", [scope.shape(of: x)[1], .fixed(units)])
    let fresh = try scope.emit(.unary(.tanh), scope.emit(.matMul, x, kernel))
    let kept = try scope.emit(.binary(.multiply), states[0], scope.scalar(rate, like: states[0]))
    let h = try scope.emit(.binary(.add), kept, fresh)
    return [Operand(h), Operand(h)]
  }
}

enum LambdaLayers {
  static func meanings() throws -> KerasModel {
    var options = KerasModel.Options()
    options.layers.define(lambda: "middle", as: try LayerExpression("mean(x * 2, axis=1) - x[:, 0] / 4"))
    options.layers.define(lambda: "twice") { call, scope throws(KerasImportError) in
      let x = try call.input.value
      return [Operand(try scope.emit(.binary(.add), x, x))]
    }
    let model = try KerasModel(contentsOfFile: "model.keras", options: options)
    return model
  }
}
