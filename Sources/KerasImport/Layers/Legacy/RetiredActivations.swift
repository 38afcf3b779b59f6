import ModelIR

/// `x` above theta, else 0 (a NaN stays). Mask: passed.
/// Source: tf.keras 2.15 `layers/activation/thresholded_relu.py`.
struct ThresholdedReLU: Layer {
  let theta: Double
  var maskRule: MaskRule { .pass }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    theta = try config.double("theta", default: 1)
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    let isAbove = try scope.emit(.compare(.greater), x, scope.scalar(theta, like: x))
    return [Operand(try scope.multiply(x, scope.cast(isAbove, to: scope.dtype(of: x))))]
  }
}

/// `alphas * softplus(betas * x)`; both arrays have the shape of one sample, 1 on shared axes. Mask: passed.
/// Source: Keras 1.2 `layers/advanced_activations.py`.
struct ParametricSoftplus: Layer {
  var maskRule: MaskRule { .pass }
  var weights: [WeightSpec] { [WeightSpec("alphas"), WeightSpec("betas")] }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    config.ignore("alpha_init", "beta_init", "shared_axes")
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    let bent = try scope.unary(.softplus, scope.multiply(scope.sampleWeight("betas", of: x), x))
    return [Operand(try scope.multiply(scope.sampleWeight("alphas", of: x), bent))]
  }
}

/// With `tr = t_left + |t_right|`: `x` between t_left and tr, `t_left + a_left * (x - t_left)` below,
/// `tr + a_right * (x - tr)` above; the arrays have the shape of one sample, 1 on shared axes. Mask: passed.
/// Source: Keras 1.2 `layers/advanced_activations.py`.
struct SReLU: Layer {
  var maskRule: MaskRule { .pass }
  var weights: [WeightSpec] { ["t_left", "a_left", "t_right", "a_right"].map { WeightSpec($0) } }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    config.ignore("t_left_init", "a_left_init", "t_right_init", "a_right_init", "shared_axes")
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    let left = try scope.sampleWeight("t_left", of: x)
    let width = try scope.unary(.absolute, scope.sampleWeight("t_right", of: x))
    let above = try scope.subtract(x, left)
    let middle = try scope.emit(.binary(.minimum), scope.unary(.relu, above), width)
    let below = try scope.unary(.relu, scope.unary(.negate, above))
    let bent = try scope.subtract(
      scope.add(left, middle), scope.multiply(scope.sampleWeight("a_left", of: x), below))
    let beyond = try scope.unary(.relu, scope.subtract(x, scope.add(left, width)))
    return [Operand(try scope.add(bent, scope.multiply(scope.sampleWeight("a_right", of: x), beyond)))]
  }
}

extension LoweringScope {
  /// A weight of the shape of one sample of `x`. Keras 1 did not store which axes are shared: they have size 1.
  func sampleWeight(_ name: String, of x: Value) throws(KerasImportError) -> Value {
    let stored = try tensor(name).sizes
    var expected = Shape(Array(shape(of: x).dimensions.dropFirst()))
    if stored.count == expected.rank {
      for axis in stored.indices where stored[axis] == 1 { expected[axis] = 1 }
    }
    return try weight(name, expected)
  }
}
