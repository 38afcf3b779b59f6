import ModelIR

/// The largest of n dense results: `max over n of (x W[n] + b[n])`. Mask: none.
/// Source: Keras 1.2 `layers/core.py`.
///
/// - x: `[N, C]`; W: `[n, C, F]`; b: `[n, F]`.
struct MaxoutDense: Layer {
  let units: Int
  let featureCount: Int
  let useBias: Bool
  var weights: [WeightSpec] { [WeightSpec("kernel")] + (useBias ? [WeightSpec("bias")] : []) }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    units = try config.count("units")
    featureCount = try config.int("nb_feature", default: 4)
    useBias = try config.bool("use_bias", default: true)
    guard featureCount > 0, featureCount < 1 << 31 else {
      throw config.invalid("nb_feature", expected: "a positive integer", found: "\(featureCount)")
    }
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    try scope.expectRank(2, of: x)
    let (features, units) = (Dimension.fixed(featureCount), Dimension.fixed(units))
    let kernel = try scope.weight("kernel", [features, scope.shape(of: x)[1], units])
    var y = try scope.emit(.einsum("bi,niu->bnu"), x, kernel)
    if useBias { y = try scope.add(y, scope.weight("bias", [features, units])) }
    return [Operand(try scope.reduce(.maximum, y, axes: [1]))]
  }
}

/// `t * activation(x W + b) + (1 - t) * x` with `t = sigmoid(x W_carry + b_carry)`. Mask: none.
/// Source: Keras 1.2 `layers/core.py`; Keras 1.0 and 1.1 stored the biases beside their kernels.
///
/// - x: `[N, C]`; W, W_carry: `[C, C]`; b, b_carry: `[C]`.
struct Highway: Layer {
  let activation: Activation
  let useBias: Bool
  var sublayers: [Sublayer] { activation.sublayers }
  var weights: [WeightSpec] {
    ["kernel", "carry_kernel"].map { WeightSpec($0) }
      + (useBias ? ["bias", "carry_bias"].map { WeightSpec($0) } : [])
  }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    activation = try config.activation()
    useBias = try config.bool("use_bias", default: true)
    // Where training started the bias of the gate.
    config.ignore("transform_bias")
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    try scope.expectRank(2, of: x)
    let width = scope.shape(of: x)[1]
    func dense(_ kernel: String, _ bias: String) throws(KerasImportError) -> Value {
      let y = try scope.matMul(x, scope.weight(kernel, [width, width]))
      return useBias ? try scope.add(y, scope.weight(bias, [width])) : y
    }
    let gate = try scope.unary(.sigmoid, dense("carry_kernel", "carry_bias"))
    let changed = try scope.multiply(activation.apply(dense("kernel", "bias"), in: scope), gate)
    let carried = try scope.multiply(scope.subtract(scope.scalar(1, like: gate), gate), x)
    return [Operand(try scope.add(changed, carried))]
  }
}
