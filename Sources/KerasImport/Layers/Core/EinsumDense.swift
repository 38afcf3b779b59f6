import ModelIR

/// `activation(einsum(equation, x, kernel) + bias)`; the bias has the axes named by `bias_axes`, 1 elsewhere.
/// Source: `keras/src/layers/core/einsum_dense.py`.
struct EinsumDense: Layer {
  let equation: String
  let useBias: Bool
  let activation: Activation
  var sublayers: [Sublayer] { activation.sublayers }
  var weights: [WeightSpec] { [WeightSpec("kernel")] + (useBias ? [WeightSpec("bias")] : []) }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    guard let text = try config.optionalString("equation") else {
      throw KerasImportError(.missingKey("equation"))
    }
    equation = text
    useBias = try config.optionalString("bias_axes") != nil
    activation = try config.activation()
    config.ignore("output_shape", "quantization_config", "gptq_unpacked_column_size")
    try config.refuseQuantization()
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    let kernel = try scope.weight("kernel", Shape(scope.tensor("kernel").sizes))
    var y = try scope.einsum(equation, [x, kernel])
    if useBias {
      let bias = try scope.weight("bias", Shape(scope.tensor("bias").sizes))
      y = try scope.add(y, bias)
    }
    return [Operand(try activation.apply(y, in: scope))]
  }
}

/// Embedding that can also map back: `x . transposed table`, or a table of its own, then a soft cap.
/// Source: `keras/src/layers/core/reversible_embedding.py`.
struct ReversibleEmbedding: Layer, KeepsInputTypes {
  let inputDim: Int
  let outputDim: Int
  let maskZero: Bool
  let tiesWeights: Bool
  let softCap: Double?
  var maskRule: MaskRule { .custom }
  var callParameters: [String] { ["inputs", "reverse"] }
  var weights: [WeightSpec] {
    [WeightSpec("embeddings")] + (tiesWeights ? [] : [WeightSpec("reverse_embeddings")])
  }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    inputDim = try config.count("input_dim")
    outputDim = try config.count("output_dim")
    maskZero = try config.bool("mask_zero", default: false)
    tiesWeights = try config.bool("tie_weights", default: true)
    softCap = try config.optionalDouble("logit_soft_cap")
    config.ignore("reverse_dtype", "quantization_config")
    try config.refuseQuantization()
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    let table = try scope.weight("embeddings", [.fixed(inputDim), .fixed(outputDim)])
    if try call.flag("reverse") {
      let reverse =
        tiesWeights
        ? try scope.transpose(table, [1, 0])
        : try scope.weight("reverse_embeddings", [.fixed(outputDim), .fixed(inputDim)])
      var y = try scope.product(x, reverse)
      if let softCap { y = try scope.multiply(scope.unary(.tanh, scope.multiply(y, 1 / softCap)), softCap) }
      return [Operand(y)]
    }
    let isIndex = scope.dtype(of: x) == .int32 || scope.dtype(of: x) == .int64
    var result = Operand(try scope.emit(.gather(axis: 0), table, isIndex ? x : scope.cast(x, to: .int32)))
    if maskZero { result.mask = try scope.emit(.compare(.notEqual), x, scope.scalar(0, like: x)) }
    return [result]
  }
}
