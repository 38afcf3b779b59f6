import ModelIR

/// `activation(x . kernel + bias)` on the last axis. Mask: passed. Source: `keras/src/layers/core/dense.py`.
///
/// - x: `[N, ..., C]`; kernel: `[C, F]`; bias: `[F]`; result: `[N, ..., F]`. Quantised: ``QuantizedKernel``.
struct Dense: Layer, NumbersItsWeights {
  let units: Int
  let useBias: Bool
  let activation: Activation
  let kernel: QuantizedKernel
  var maskRule: MaskRule { .pass }
  var sublayers: [Sublayer] { activation.sublayers }
  var weights: [WeightSpec] { kernel.weights(useBias: useBias) }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    units = try config.count("units")
    useBias = try config.bool("use_bias", default: true)
    activation = try config.activation()
    kernel = try QuantizedKernel(&config)
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try scope.inComputeType(call.input.value)
    let shape = scope.shape(of: x)
    guard shape.rank >= 1 else {
      throw KerasImportError(.invalidGraph("Dense needs an input of rank 2 or more"))
    }
    var y = try product(x, in: scope)
    if useBias { y = try scope.add(y, scope.bias([.fixed(units)], kernel.mode)) }
    return [Operand(try activation.apply(y, in: scope))]
  }

  private func product(_ x: Value, in scope: LoweringScope) throws(KerasImportError) -> Value {
    let last = scope.rank(of: x) - 1
    let channels = scope.shape(of: x)[last]
    guard kernel.mode != nil else {
      let matrix = try scope.weight("kernel", [channels, .fixed(units)])
      return try scope.product(x, matrix)
    }
    guard let rows = channels.fixedSize else {
      throw KerasImportError(.invalidGraph("a quantised kernel needs a known number of inputs"))
    }
    let form = KernelForm(
      sizes: [rows, units], rows: rows, columns: units, reducedAxes: [last], packedAxis: 0,
      scalesKernel: false,
      product: { a, b throws(KerasImportError) in try scope.product(a, b) }, alignedScale: { $0 })
    return try kernel.product(x, form, in: scope)
  }
}

extension LoweringScope {
  /// The bias; beside float8 products in float32 Keras rounds it to bfloat16.
  func bias(_ shape: Shape, _ mode: QuantizationMode?) throws(KerasImportError) -> Value {
    let bias = try weight("bias", shape)
    guard mode == .float8, computeDType == .float32 else { return bias }
    return try cast(cast(bias, to: .bfloat16), to: .float32)
  }

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
/// - Quantised: ``QuantizedTable``.
struct Embedding: Layer, KeepsInputTypes, NumbersItsWeights {
  let inputDim: Int
  let outputDim: Int
  let maskZero: Bool
  let table: QuantizedTable
  var maskRule: MaskRule { .custom }
  var weights: [WeightSpec] { table.weights }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    inputDim = try config.count("input_dim")
    outputDim = try config.count("output_dim")
    maskZero = try config.bool("mask_zero", default: false)
    config.ignore("input_length", "sparse", "quantization_config")
    table = try QuantizedTable(&config, rows: inputDim, columns: outputDim)
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let ids = try call.input.value
    let isIndex = scope.dtype(of: ids) == .int32 || scope.dtype(of: ids) == .int64
    let indices = isIndex ? ids : try scope.cast(ids, to: .int32)
    var result = Operand(try table.rows(at: indices, in: scope))
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
    let y =
      try scope.dtype(of: x) == .bool
      ? scope.cast(scope.emit(.binary(.logicalAnd), x, kept), to: .int32)
      : scope.multiply(x, scope.cast(kept, to: scope.dtype(of: x)))
    return [Operand(y, mask: try scope.squeeze(kept, axes: [last]))]
  }
}

/// Layers that give back their input at inference: dropouts, noise, Identity, random augmentation. Mask: passed, but
/// dropped by the augmentation layers.
struct PassThrough: Layer {
  var maskRule: MaskRule { dropsMask ? .drop : .pass }
  private let dropsMask: Bool
  private let isRandom: Bool
  /// Augmentation that casts images to the policy's type before it knows that it has nothing to do.
  private let givesFloats: Bool

  /// Source: `transform_images` of each class in `keras/src/layers/preprocessing/image_preprocessing`.
  private static let casting: Set<String> = [
    "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomSharpness", "RandomErasing",
    "RandomElasticTransform", "RandomGaussianBlur", "RandomPerspective", "RandomShear", "Solarization",
    "CutMix",
    "AugMix", "RandAugment",
  ]

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    dropsMask = config.className.hasPrefix("Random") || config.has(.dropsMask)
    switch config.className {
    case "Identity", "TFDIdentity", "ActivityRegularization": isRandom = false
    // Dropout that drops nothing and noise without deviation stay what they are.
    case "GaussianNoise": isRandom = try config.optionalDouble("stddev") != 0
    case let name where name.hasSuffix("Dropout") || name.hasPrefix("SpatialDropout"):
      isRandom = try config.optionalDouble("rate") != 0
    default: isRandom = true
    }
    givesFloats = PassThrough.casting.contains(config.className) || config.has(.resizesToPolicyType)
    // Marks of the era say how the work would be done of which there is none.
    config.ignore(PassThrough.keysOfTraining.union(config.json.eraMarks.map(\.key)))
  }

  /// What the classes are configured with, all of it for training.
  private static let keysOfTraining: Set<String> = [
    "addition_factor", "all_ops", "alpha", "bounding_box_format", "brightness_factor", "chain_depth",
    "contrast_factor",
    "data_format", "drop_path_rate", "factor", "fill_mode", "fill_value", "force_generator", "height",
    "height_factor",
    "hue_factor", "interpolation", "kernel_size", "l1", "l2", "mode", "noise_shape", "num_chains", "num_ops",
    "rate",
    "rng_type", "saturation_factor", "scale", "sigma", "stddev", "threshold_factor", "value_range", "width",
    "width_factor",
    "x_factor", "y_factor",
  ]

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    if isRandom, scope.isTraining { try scope.refuseRandomness() }
    return try call.mapImages { input, isMask throws(KerasImportError) in
      guard givesFloats else { return input }
      if isMask, scope.dtype(of: input.value) != scope.computeDType {
        throw KerasImportError(.unsupported("segmentation masks of another type than the images'"))
      }
      return Operand(try scope.inComputeType(input.value), mask: input.mask)
    }
  }
}
