import ModelIR

/// `activation(x)`. Mask: passed. Source: `keras/src/layers/activations/activation.py`.
struct ActivationLayer: Layer {
  let activation: Activation
  var maskRule: MaskRule { .pass }
  var sublayers: [Sublayer] { activation.sublayers }

  init(_ config: inout LayerConfig) throws(KerasImportError) { activation = try config.activation() }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    // Of the functions that need floats Keras takes integers only into tanh.
    if case .named(.tanh) = activation.function {
      return [Operand(try activation.apply(scope.inComputeType(x), in: scope))]
    }
    return [Operand(try activation.apply(x, in: scope))]
  }
}

/// `min(x, max_value)` above the threshold, `negative_slope * (x - threshold)` below. Mask: passed.
/// Source: `keras/src/layers/activations/relu.py`, `activations.relu`.
struct ReLU: Layer {
  let maximum: Double?
  let slope: Double
  let threshold: Double
  var maskRule: MaskRule { .pass }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    maximum = try config.optionalDouble("max_value")
    slope = try config.double("negative_slope", default: 0)
    threshold = try config.double("threshold", default: 0)
  }

  init(maximum: Double?, slope: Double, threshold: Double) {
    self.maximum = maximum
    self.slope = slope
    self.threshold = threshold
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    [Operand(try apply(call.input.value, in: scope))]
  }

  func apply(_ x: Value, in scope: LoweringScope) throws(KerasImportError) -> Value {
    if threshold == 0 {
      if slope == 0 { return try scope.unary(maximum.map { .clip(minimum: 0, maximum: $0) } ?? .relu, x) }
      let y = try scope.unary(.leakyRelu(slope: slope), scope.floating(x))
      return try maximum.map { bound throws(KerasImportError) in
        try scope.unary(.clip(minimum: nil, maximum: bound), y)
      } ?? y
    }
    let isAbove = try scope.emit(.compare(.greater), x, scope.scalar(threshold, like: x))
    let below =
      try slope == 0
      ? scope.scalar(0, like: x) : scope.multiply(scope.add(x, -threshold), slope)
    var above = x
    if let maximum { above = try scope.unary(.clip(minimum: nil, maximum: maximum), x) }
    let y = try scope.emit(.select, isAbove, above, below)
    guard let maximum, slope == 0 else { return y }
    return try scope.unary(.clip(minimum: 0, maximum: maximum), y)
  }
}

/// `x` above 0, else `negative_slope * x`. Mask: passed. Source: `keras/src/layers/activations/leaky_relu.py`.
struct LeakyReLU: Layer {
  let slope: Double
  var maskRule: MaskRule { .pass }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    slope = try config.double("negative_slope", default: 0.3)
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    [Operand(try scope.unary(.leakyRelu(slope: slope), scope.inComputeType(call.input.value)))]
  }
}

/// `x` above 0, else `alpha * (exp(x) - 1)`. Mask: passed. Source: `keras/src/layers/activations/elu.py`.
struct ELU: Layer {
  let alpha: Double
  var maskRule: MaskRule { .pass }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    alpha = try config.double("alpha", default: 1)
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    [Operand(try scope.unary(.elu(alpha: alpha), call.input.value))]
  }
}

/// `max(x, 0) - alpha * max(-x, 0)`; alpha has the shape of one sample, 1 on the shared axes. Keras 1 did not store
/// which axes those are: its array tells. Mask: passed. Source: `keras/src/layers/activations/prelu.py`.
struct PReLU: Layer {
  /// Nil: those on which the array has size 1.
  let sharedAxes: [Int]?
  var maskRule: MaskRule { .pass }
  var weights: [WeightSpec] { [WeightSpec("alpha")] }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    let isStored = config.json.contains("shared_axes")
    let axes = try config.optionalInts("shared_axes")
    sharedAxes = isStored ? axes ?? [] : nil  // null: no axis is shared.
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    var expected = scope.shape(of: x)
    guard expected.rank > 1 else {
      throw KerasImportError(.invalidGraph("PReLU needs an input of rank 2 or more"))
    }
    expected.dimensions.removeFirst()
    // Nil: see below.
    for axis in sharedAxes ?? [] where axis >= 1 && axis <= expected.rank { expected[axis - 1] = 1 }
    let alpha = try sharedAxes == nil ? scope.sampleWeight("alpha", of: x) : scope.weight("alpha", expected)
    let negative = try scope.unary(.relu, scope.unary(.negate, x))
    return [Operand(try scope.subtract(scope.unary(.relu, x), scope.multiply(alpha, negative)))]
  }
}

/// Softmax over an axis, or over several jointly. A mask adds -1e9 (float16: -3e4) where it is false and zeroes
/// those places afterwards. Mask: passed. Source: `keras/src/layers/activations/softmax.py`.
struct SoftmaxLayer: Layer {
  let axes: [Int]
  let masking: Masking
  var maskRule: MaskRule { .pass }
  var callParameters: [String] { ["inputs", "mask"] }

  /// What becomes of masked positions.
  struct Masking {
    /// Where everything is masked the result is even (``EraMark/spreadsFullyMasked``: before Keras 3.10), not zero.
    var spreads = false
    /// The mask's numbers count (``EraMark/lowersByMask``); else a position counts when it is true or above 0.5.
    var lowers = false
    /// Masked scores are replaced by -1e9 instead of lowered by it (`robust_masking` of tf-keras).
    var replaces = false
  }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    axes = try config.optionalInts("axis") ?? [-1]
    masking = Masking(
      spreads: config.has(.spreadsFullyMasked), lowers: config.has(.lowersByMask),
      replaces: try config.bool("robust_masking", default: false))
  }

  init(axes: [Int], masking: Masking) {
    self.axes = axes
    self.masking = masking
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let operand = try call.input
    let mask = call.operand("mask")?.value ?? operand.mask
    return [Operand(try apply(operand.value, mask: mask, in: scope))]
  }

  func apply(_ x: Value, mask: Value?, in scope: LoweringScope) throws(KerasImportError) -> Value {
    var x = x
    var keep: Value?
    if let mask {
      let bias = scope.dtype(of: x) == .float16 ? -3e4 : -1e9
      let aligned = try scope.cast(masking.lowers ? mask : kept(mask, in: scope), to: scope.dtype(of: x))
      if masking.replaces {
        x = try scope.emit(.select, scope.cast(mask, to: .bool), x, scope.scalar(bias, like: x))
      } else {
        let penalty = try scope.multiply(scope.subtract(scope.scalar(1, like: x), aligned), bias)
        x = try scope.add(x, penalty)
      }
      if !masking.spreads { keep = aligned }
    }
    let resolved = try scope.axes(axes, rank: scope.rank(of: x))
    let y: Value
    if resolved.count == 1 {
      y = try scope.emit(.softmax(axis: resolved[0]), x)
    } else {
      y = try scope.unary(
        .exp, scope.subtract(x, scope.reduce(.logSumExp, x, axes: resolved, keepDims: true)))
    }
    guard let keep else { return y }
    return try scope.multiply(y, keep)
  }

  /// True for positions that are true or above 0.5. Source: `Softmax.call` since Keras 3.13.
  private func kept(_ mask: Value, in scope: LoweringScope) throws(KerasImportError) -> Value {
    if scope.dtype(of: mask) == .bool { return mask }
    // 0.5 in the mask's own type: 0 in integers.
    let half = scope.dtype(of: mask).isFloatingPoint ? 0.5 : 0.0
    return try scope.emit(.compare(.greater), mask, scope.scalar(half, like: mask))
  }
}
