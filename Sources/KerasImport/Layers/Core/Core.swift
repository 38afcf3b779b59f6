import ModelIR

/// `activation(x . kernel + bias)` on the last axis. Mask: passed. Source: `keras/src/layers/core/dense.py`.
///
/// - x: `[N, ..., C]`; kernel: `[C, F]`; bias: `[F]`; result: `[N, ..., F]`.
/// - int8: `q = clip(round(x * s), -127, 127)` with `s = 127 / (max |x| + 1e-7)` over the last axis, result
///   `(q . kernel) / (s * kernel_scale)`, then bias and activation.
struct Dense: Layer {
  let units: Int
  let useBias: Bool
  let activation: Activation
  let isInt8: Bool
  let quantizesInputs: Bool
  var maskRule: MaskRule { .pass }
  var sublayers: [Sublayer] { activation.sublayers }
  var weights: [WeightSpec] {
    [WeightSpec("kernel")] + (useBias ? [WeightSpec("bias")] : [])
      + (isInt8 ? [WeightSpec("kernel_scale")] : [])
  }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    units = try config.count("units")
    useBias = try config.bool("use_bias", default: true)
    activation = try config.activation()
    let quantization = config.value("quantization_config")
    isInt8 = config.policy.quantization == "int8"
    if let mode = config.policy.quantization, mode != "int8" {
      throw KerasImportError(.unsupported("quantization mode \"\(mode)\" of Dense"))
    }
    quantizesInputs = quantization.map { !($0["config"]?["activation_quantizer"]?.isNull ?? true) } ?? true
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    let shape = scope.shape(of: x)
    guard shape.rank >= 1 else {
      throw KerasImportError(.invalidGraph("Dense needs an input of rank 2 or more"))
    }
    var y =
      isInt8
      ? try int8Product(x, in: scope)
      : try scope.product(x, scope.weight("kernel", [shape[shape.rank - 1], .fixed(units)]))
    if useBias { y = try scope.add(y, scope.weight("bias", [.fixed(units)])) }
    return [Operand(try activation.apply(y, in: scope))]
  }

  private func int8Product(_ x: Value, in scope: LoweringScope) throws(KerasImportError) -> Value {
    let shape = scope.shape(of: x)
    let kernel = try scope.cast(
      scope.variable("kernel", [shape[shape.rank - 1], .fixed(units)]), to: scope.dtype(of: x))
    let scale = try scope.weight("kernel_scale", [.fixed(units)])
    guard quantizesInputs else { return try scope.divide(scope.product(x, kernel), scale) }
    let largest = try scope.reduce(
      .maximum, scope.unary(.absolute, x), axes: [shape.rank - 1], keepDims: true)
    let inputScale = try scope.divide(scope.scalar(127, like: x), scope.add(largest, 1e-7))
    let rounded = try scope.unary(.round, scope.multiply(x, inputScale))
    let quantized = try scope.unary(.clip(minimum: -127, maximum: 127), rounded)
    // Sums of products of small integers: exact in float32 up to 2^24.
    return try scope.divide(scope.product(quantized, kernel), scope.multiply(inputScale, scale))
  }
}

extension LoweringScope {
  /// `x . kernel` for a kernel of rank 2 and x of any rank.
  func product(_ x: Value, _ kernel: Value) throws(KerasImportError) -> Value {
    if rank(of: x) >= 2 { return try matMul(x, kernel) }
    let row = try matMul(expandDims(x, axes: [0]), kernel)
    return try squeeze(row, axes: [0])
  }
}

/// Rows of a table picked by ids. Mask: with `mask_zero`, `ids != 0`; otherwise none.
/// Source: `keras/src/layers/core/embedding.py`.
///
/// - ids: `[N, ...]`, floats are truncated; embeddings: `[input_dim, output_dim]`; result: `[N, ..., output_dim]`.
struct Embedding: Layer, KeepsInputTypes {
  let inputDim: Int
  let outputDim: Int
  let maskZero: Bool
  var maskRule: MaskRule { .custom }
  var weights: [WeightSpec] { [WeightSpec("embeddings")] }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    inputDim = try config.count("input_dim")
    outputDim = try config.count("output_dim")
    maskZero = try config.bool("mask_zero", default: false)
    config.ignore("input_length", "sparse")
    try config.refuseQuantization()
    config.ignore("quantization_config")
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let ids = try call.input.value
    let isIndex = scope.dtype(of: ids) == .int32 || scope.dtype(of: ids) == .int64
    let indices = isIndex ? ids : try scope.cast(ids, to: .int32)
    let table = try scope.weight("embeddings", [.fixed(inputDim), .fixed(outputDim)])
    var result = Operand(try scope.emit(.gather(axis: 0), table, indices))
    if maskZero {
      result.mask = try scope.emit(.compare(.notEqual), ids, scope.scalar(0, like: ids), as: "mask")
    }
    return [result]
  }
}

/// Steps whose features all equal `mask_value` (a number, or one for each feature) become 0 and are masked. Mask: made here.
/// Source: `keras/src/layers/core/masking.py`.
struct Masking: Layer {
  let maskValue: (values: [Double], sizes: [Int])
  var maskRule: MaskRule { .custom }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    maskValue = try config.optionalArray("mask_value") ?? ([0], [])
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    let last = scope.rank(of: x) - 1
    let value = try scope.constant(
      checkedTensor(Tensor(maskValue.values, sizes: maskValue.sizes, dtype: scope.dtype(of: x))))
    let differs = try scope.emit(.compare(.notEqual), x, value)
    let kept = try scope.reduce(.any, differs, axes: [last], keepDims: true)
    let y = try scope.multiply(x, scope.cast(kept, to: scope.dtype(of: x)))
    return [Operand(y, mask: try scope.squeeze(kept, axes: [last]))]
  }
}

/// Layers that give back their input at inference: dropouts, noise, Identity, random augmentation. Mask: passed, but
/// dropped by the augmentation layers.
struct PassThrough: Layer {
  var maskRule: MaskRule { dropsMask ? .drop : .pass }
  private let dropsMask: Bool
  private let isRandom: Bool

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    dropsMask = config.className.hasPrefix("Random") || config.has(.dropsMask)
    switch config.className {
    case "Identity", "ActivityRegularization": isRandom = false
    // Dropout that drops nothing and noise without deviation stay what they are.
    case "GaussianNoise": isRandom = try config.optionalDouble("stddev") != 0
    case let name where name.hasSuffix("Dropout") || name.hasPrefix("SpatialDropout"):
      isRandom = try config.optionalDouble("rate") != 0
    default: isRandom = true
    }
    config.ignoreAll()
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    if isRandom, scope.isTraining { try scope.refuseRandomness() }
    return [try call.input]
  }
}
