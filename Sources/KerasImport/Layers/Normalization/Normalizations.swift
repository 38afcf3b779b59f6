import ModelIR

/// `(x - mean) / sqrt(variance + epsilon) * gamma + beta` along an axis, in float32 at least; mean and variance are the
/// stored ones, with training=True (Keras 2) those of the batch. tf.keras takes several axes. Mask: passed.
/// Source: `keras/src/layers/normalization/batch_normalization.py`.
struct BatchNormalization: Layer, KeepsInputTypes {
  let axes: [Int]
  let epsilon: Double
  let center: Bool
  let scale: Bool
  let renorm: Bool
  /// A frozen layer keeps its stored statistics in training.
  let isFrozen: Bool
  /// Training in parts of the batch (`virtual_batch_size`).
  let hasVirtualBatches: Bool
  var maskRule: MaskRule { .pass }
  var callParameters: [String] { ["inputs", "training", "mask"] }
  var weights: [WeightSpec] {
    var specs = (scale ? [WeightSpec("gamma")] : []) + (center ? [WeightSpec("beta")] : [])
    specs += [
      WeightSpec("moving_mean", isTrainable: false), WeightSpec("moving_variance", isTrainable: false),
    ]
    if renorm {
      specs += ["moving_stddev", "renorm_mean", "renorm_stddev"].map { WeightSpec($0, isTrainable: false) }
    }
    return specs
  }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    let axes = try config.optionalInts("axis") ?? [-1]
    guard !axes.isEmpty else {
      throw config.invalid("axis", expected: "an axis or several", found: "\(axes)")
    }
    epsilon = try config.double("epsilon", default: 1e-3)
    center = try config.bool("center", default: true)
    scale = try config.bool("scale", default: true)
    renorm = try config.bool("renorm", default: false)
    isFrozen = !(try config.bool("trainable", default: true)) && !config.has(.trainsWhenFrozen)
    hasVirtualBatches = try config.optionalInt("virtual_batch_size") != nil
    // Built with virtual batches, the layer stores its axes counted with the one that it adds.
    self.axes = hasVirtualBatches ? axes.map { $0 > 0 ? $0 - 1 : $0 } : axes
    config.ignore("momentum", "synchronized", "renorm_clipping", "renorm_momentum", "fused", "adjustment")
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let input = try call.input.value
    let inputType = scope.dtype(of: input)
    let dtype: DType = scope.computeDType == .float64 ? .float64 : .float32
    let x = try scope.cast(input, to: dtype)
    let axes = try scope.axes(axes, rank: scope.rank(of: x))
    func parameter(_ name: String, _ isPresent: Bool, _ standard: Double) throws(KerasImportError) -> Value {
      if isPresent { return try scope.cast(variable(name, x, axes, in: scope), to: dtype) }
      return try scope.filled(standard, stored(axes, of: x, in: scope), dtype)
    }
    let statistics =
      scope.isTraining && !isFrozen
      ? try batchStatistics(x, axes: axes, isMasked: call.argument("mask", at: nil) != nil, in: scope)
      : (try parameter("moving_mean", true, 0), try parameter("moving_variance", true, 1))
    let gamma = try parameter("gamma", scale, 1)
    let beta = try parameter("beta", center, 0)
    let y: Value
    if isPlain {
      let operands = [x, gamma, beta, statistics.0, statistics.1]
      y = try scope.emitAll(.batchNormalization(axis: axes[0], epsilon: epsilon), operands)[0]
    } else {
      let factor = try scope.divide(gamma, scope.unary(.sqrt, scope.add(statistics.1, epsilon)))
      y = try scope.add(scope.multiply(scope.subtract(x, statistics.0), factor), beta)
    }
    let result = scope.computeDType.isFloatingPoint ? scope.computeDType : inputType
    return [Operand(try scope.cast(y, to: result))]
  }

  /// True where the weights are vectors. Over several axes and with virtual batches they have the input's rank.
  private var isPlain: Bool { axes.count == 1 && !hasVirtualBatches }

  /// The shape of the parameters.
  private func stored(_ axes: [Int], of x: Value, in scope: LoweringScope) -> Shape {
    let shape = scope.shape(of: x)
    if isPlain { return [shape[axes[0]]] }
    return Shape((0..<shape.rank).map { axes.contains($0) ? shape[$0] : 1 })
  }

  /// A weight, to be broadcast over the input; that of virtual batches has one axis more in the file, after the first.
  private func variable(
    _ name: String, _ x: Value, _ axes: [Int], in scope: LoweringScope
  ) throws(KerasImportError) -> Value {
    let shape = stored(axes, of: x, in: scope)
    guard hasVirtualBatches else { return try scope.variable(name, shape) }
    let wider = Shape([shape[0], 1] + shape.dimensions.dropFirst())
    return try scope.reshape(scope.variable(name, wider), shape)
  }

  /// Mean and (biased) variance over all axes but the channels'.
  private func batchStatistics(
    _ x: Value, axes: [Int], isMasked: Bool, in scope: LoweringScope
  ) throws(KerasImportError) -> (Value, Value) {
    guard !renorm, !hasVirtualBatches, !isMasked else {
      throw KerasImportError(
        .unsupported("a call with training=True and renorm, virtual_batch_size or a mask"))
    }
    let others = (0..<scope.rank(of: x)).filter { !axes.contains($0) }
    let mean = try scope.reduce(.mean, x, axes: others, keepDims: true)
    let squares = try scope.unary(.square, scope.subtract(x, mean))
    let variance = try scope.reduce(.mean, squares, axes: others, keepDims: !isPlain)
    return (isPlain ? try scope.squeeze(mean, axes: others) : mean, variance)
  }
}

extension LayerObject {
  /// True when training=True changes what the layer or one inside it gives: a BatchNormalization that is not frozen.
  package var normalizesByBatch: Bool {
    if let layer = layer as? BatchNormalization { return !layer.isFrozen }
    if let nested = layer as? NestedModel { return nested.model.layers.contains(where: \.normalizesByBatch) }
    return layer.sublayers.contains { $0.object.normalizesByBatch }
  }
}

extension LoweringScope {
  /// A constant of one value; the shape must be known.
  func filled(_ number: Double, _ shape: Shape, _ dtype: DType) throws(KerasImportError) -> Value {
    guard let sizes = shape.fixedSizes, let count = shape.elementCount.fixedSize,
      (0..<1 << 16).contains(count)
    else {
      return try emit(.expand(shape), scalar(number, dtype))
    }
    return constant(
      try checkedTensor(Tensor(Array(repeating: number, count: count), sizes: sizes, dtype: dtype)))
  }
}

/// Mean 0 and variance 1 over axes, then scale and shift, in float32 at least. `rms_scaling` divides by the root of
/// the variance and does not subtract the mean. Mask: passed.
/// Source: `keras/src/layers/normalization/layer_normalization.py`.
struct LayerNormalization: Layer, KeepsInputTypes {
  let axes: [Int]
  let epsilon: Double
  let center: Bool
  let scale: Bool
  let rmsScaling: Bool
  /// The result takes the input's type before the policy's.
  let isRounded: Bool
  var maskRule: MaskRule { .pass }
  var weights: [WeightSpec] {
    (scale || rmsScaling ? [WeightSpec("gamma")] : []) + (center && !rmsScaling ? [WeightSpec("beta")] : [])
  }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    axes = try config.optionalInts("axis") ?? [-1]
    epsilon = try config.double("epsilon", default: 1e-3)
    center = try config.bool("center", default: true)
    scale = try config.bool("scale", default: true)
    rmsScaling = try config.bool("rms_scaling", default: false)
    isRounded = !config.has(.normalizesUnrounded)
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let input = try call.input.value
    let dtype: DType = scope.computeDType == .float64 ? .float64 : .float32
    let x = try scope.cast(input, to: dtype)
    let shape = scope.shape(of: x)
    let axes = try scope.axes(self.axes, rank: shape.rank)
    let parameters = Shape(axes.map { shape[$0] })
    func parameter(_ name: String) throws(KerasImportError) -> Value? {
      guard weights.contains(where: { $0.name == name }) else { return nil }
      return try scope.cast(scope.variable(name, parameters), to: dtype)
    }
    let gamma = try parameter("gamma")
    let beta = try parameter("beta")
    let y: Value
    if !rmsScaling, let first = scope.firstOfLast(axes, rank: shape.rank), parameters.fixedSizes != nil {
      let one = if let gamma { gamma } else { try scope.filled(1, parameters, dtype) }
      let zero = if let beta { beta } else { try scope.filled(0, parameters, dtype) }
      y = try scope.emit(.normalization(.layer(axis: first), epsilon: epsilon), x, one, zero)
    } else {
      y = try composed(x, axes: axes, gamma: gamma, beta: beta, in: scope)
    }
    let rounded = isRounded ? try scope.cast(y, to: scope.dtype(of: input)) : y
    return [Operand(try scope.cast(rounded, to: scope.computeDType))]
  }

  private func composed(
    _ x: Value, axes: [Int], gamma: Value?, beta: Value?, in scope: LoweringScope
  ) throws(KerasImportError) -> Value {
    let centered = try scope.subtract(x, scope.reduce(.mean, x, axes: axes, keepDims: true))
    let variance = try scope.reduce(.mean, scope.unary(.square, centered), axes: axes, keepDims: true)
    var y = try scope.divide(rmsScaling ? x : centered, scope.unary(.sqrt, scope.add(variance, epsilon)))
    let rank = scope.rank(of: x)
    if let gamma { y = try scope.multiply(y, scope.spread(gamma, over: axes, rank: rank)) }
    if let beta { y = try scope.add(y, scope.spread(beta, over: axes, rank: rank)) }
    return y
  }
}

extension LoweringScope {
  /// A parameter whose axes are some of a tensor's, reshaped to broadcast against it.
  func spread(_ parameter: Value, over axes: [Int], rank: Int) throws(KerasImportError) -> Value {
    var dimensions = Array(repeating: Dimension.fixed(1), count: rank)
    for (index, axis) in axes.enumerated() { dimensions[axis] = shape(of: parameter)[index] }
    return try reshape(parameter, Shape(dimensions))
  }
}

/// LayerNormalization inside groups of channels, over everything but the batch. `groups` -1: one per channel.
/// Mask: passed. Source: `keras/src/layers/normalization/group_normalization.py`.
struct GroupNormalization: Layer, KeepsInputTypes {
  let groups: Int
  let axis: Int
  let epsilon: Double
  let center: Bool
  let scale: Bool
  /// The result takes the input's type before the policy's.
  let isRounded: Bool
  var maskRule: MaskRule { .pass }
  var weights: [WeightSpec] { (scale ? [WeightSpec("gamma")] : []) + (center ? [WeightSpec("beta")] : []) }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    groups = try config.int("groups", default: 32)
    axis = try config.int("axis", default: -1)
    epsilon = try config.double("epsilon", default: 1e-3)
    center = try config.bool("center", default: true)
    scale = try config.bool("scale", default: true)
    isRounded = !config.has(.normalizesUnrounded)
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    let shape = scope.shape(of: x)
    let rank = shape.rank
    let axis = try scope.axis(axis, rank: rank)
    guard let channels = shape[axis].fixedSize else {
      throw KerasImportError(.invalidGraph("the number of channels of \(shape) must be known"))
    }
    let groups = groups == -1 ? channels : groups
    guard groups > 0, channels % groups == 0 else {
      throw KerasImportError(
        .invalidValue(key: "groups", expected: "a divisor of \(channels)", found: "\(groups)"))
    }
    let compute: DType = scope.computeDType == .float64 ? .float64 : .float32
    func parameter(_ isStored: Bool, _ name: String, else value: Double) throws(KerasImportError) -> Value {
      let shape: Shape = [.fixed(channels)]
      return isStored
        ? try scope.cast(scope.variable(name, shape), to: compute) : try scope.filled(value, shape, compute)
    }
    var y = try scope.emit(
      .normalization(.groups(groups, axis: axis), epsilon: epsilon), scope.cast(x, to: compute),
      parameter(scale, "gamma", else: 1), parameter(center, "beta", else: 0))
    if isRounded { y = try scope.cast(y, to: scope.dtype(of: x)) }
    return [Operand(try scope.cast(y, to: scope.computeDType))]
  }
}

/// `x / sqrt(mean(x^2) + epsilon) * scale` over axes. Mask: dropped.
/// Source: `keras/src/layers/normalization/rms_normalization.py`.
struct RMSNormalization: Layer {
  let axes: [Int]
  let epsilon: Double
  var weights: [WeightSpec] { [WeightSpec("scale")] }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    axes = try config.optionalInts("axis") ?? [-1]
    epsilon = try config.double("epsilon", default: 1e-6)
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    let shape = scope.shape(of: x)
    let axes = try scope.axes(self.axes, rank: shape.rank)
    let compute: DType = scope.computeDType == .float64 ? .float64 : .float32
    let wide = try scope.cast(x, to: compute)
    let weight = try scope.cast(scope.variable("scale", Shape(axes.map { shape[$0] })), to: compute)
    let y: Value
    if let normalized = try scope.normalizedRows(wide, axes: axes, epsilon: epsilon, scale: weight) {
      y = normalized
    } else {
      y = try scope.multiply(
        scope.dividedByRootMeanSquare(wide, axes: axes, epsilon: epsilon),
        scope.spread(weight, over: axes, rank: shape.rank))
    }
    return [Operand(try scope.cast(y, to: scope.dtype(of: x)))]
  }
}

/// `x * min(1 / sqrt(sum x^2), 1e12)` over axes. Mask: passed.
/// Source: `keras/src/layers/normalization/unit_normalization.py`.
struct UnitNormalization: Layer {
  let axes: [Int]
  var maskRule: MaskRule { .pass }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    axes = try config.optionalInts("axis") ?? [-1]
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try scope.inComputeType(call.input.value)
    return [
      Operand(try scope.unitNormalized(x, axes: scope.axes(axes, rank: scope.rank(of: x)), epsilon: 1e-24))
    ]
  }
}

extension LoweringScope {
  /// `x / sqrt(max(sum of squares, epsilon))`.
  func unitNormalized(_ x: Value, axes: [Int], epsilon: Double) throws(KerasImportError) -> Value {
    let squares = try reduce(.sum, unary(.square, x), axes: axes, keepDims: true)
    return try divide(x, unary(.sqrt, unary(.clip(minimum: epsilon, maximum: nil), squares)))
  }
}

/// At inference the wrapped layer with its stored kernel, its result in the input's type. Mask: dropped.
/// Source: `keras/src/layers/normalization/spectral_normalization.py`.
struct SpectralNormalization: Layer {
  let inner: LayerObject
  var weights: [WeightSpec] {
    var kernel = WeightSpec("kernel")
    kernel.isInner = true
    return [kernel, WeightSpec("vector_u", isTrainable: false)]
  }
  var sublayers: [Sublayer] { [Sublayer("layer", inner)] }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    inner = try config.layer("layer")
    config.ignore("power_iterations")
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    if scope.isTraining {
      throw KerasImportError(.unsupported("a call with training=True: it changes the kernel each time"))
    }
    let type = scope.dtype(of: try call.input.value)
    return try scope.lower(Sublayer("layer", inner), call).map { result throws(KerasImportError) in
      Operand(try scope.cast(result.value, to: type), mask: result.mask)
    }
  }
}

extension LoweringScope {
  /// `x / sqrt(mean(x^2) + epsilon) * scale` as one operation; nil where the axes are not the last ones or the scale has
  /// another shape than they.
  func normalizedRows(
    _ x: Value, axes: [Int], epsilon: Double, scale: Value
  ) throws(KerasImportError) -> Value? {
    let shape = shape(of: x)
    guard let first = firstOfLast(axes, rank: shape.rank),
      self.shape(of: scale) == Shape(axes.map { shape[$0] })
    else { return nil }
    return try emit(
      .normalization(.rootMeanSquare(axis: first), epsilon: epsilon), x, cast(scale, to: dtype(of: x)))
  }

  /// The first of axes that are the last ones in order; nil for others, and for none.
  func firstOfLast(_ axes: [Int], rank: Int) -> Int? {
    axes == Array((rank - axes.count)..<rank) ? axes.first : nil
  }

  /// `x / sqrt(mean(x^2) + epsilon)` over axes.
  func dividedByRootMeanSquare(_ x: Value, axes: [Int], epsilon: Double) throws(KerasImportError) -> Value {
    let square = try reduce(.mean, unary(.square, x), axes: axes, keepDims: true)
    return try divide(x, unary(.sqrt, add(square, epsilon)))
  }
}
