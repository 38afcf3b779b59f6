import ModelIR

/// Dot-product attention (Luong) and additive attention (Bahdanau) on `[query, value, key = value]`.
/// Source: `keras/src/layers/attention/attention.py`, `additive_attention.py`.
///
/// - query: `[N, Tq, D]`; value: `[N, Tv, V]`; key: `[N, Tv, D]`; result: `[N, Tq, V]`.
/// - scores: dot: `scale * q . k`; concat: `w * sum(tanh(scale * (q + k)))`; additive: `sum(scale * tanh(q + k))`.
/// - A value mask (and the causal one) subtracts 1e9 (float16: 65504) from the scores; a query mask zeroes rows of the
///   result and is passed on.
struct Attention: Layer {
  enum ScoreMode: String, CaseIterable { case dot, concat }

  let isAdditive: Bool
  let useScale: Bool
  let scoreMode: ScoreMode
  var maskRule: MaskRule { .custom }
  var weights: [WeightSpec] {
    (useScale ? [WeightSpec("scale")] : []) + (scoreMode == .concat ? [WeightSpec("concat_score_weight")] : [])
  }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    isAdditive = config.className == "AdditiveAttention"
    useScale = try config.bool("use_scale", default: isAdditive)
    scoreMode = isAdditive ? .dot : try config.choice("score_mode", default: .dot)
    config.ignore("dropout", "score_mode")
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let inputs = call.inputs
    guard inputs.count == 2 || inputs.count == 3 else {
      throw KerasImportError(.invalidGraph("attention needs 2 or 3 inputs, found \(inputs.count)"))
    }
    let (query, value) = (inputs[0], inputs[1])
    let key = inputs.count == 3 ? inputs[2] : value
    let given = call.argument("mask", at: 1)
    var queryMask = query.mask
    var valueMask = value.mask
    if case .list(let masks)? = given {
      queryMask = masks.first?.tensors.first?.value
      valueMask = masks.count > 1 ? masks[1].tensors.first?.value : nil
    }
    var scores = try self.scores(query.value, key.value, in: scope)
    var keep: Value?
    if let valueMask { keep = try scope.expandDims(scope.cast(valueMask, to: .bool), axes: [1]) }
    if case .bool(true)? = call.argument("use_causal_mask", at: 4) {
      let causal = try scope.expandDims(
        scope.causalMask(scope.shape(of: query.value)[1], scope.shape(of: value.value)[1]), axes: [0])
      keep = if let keep { try scope.emit(.binary(.logicalAnd), keep, causal) } else { causal }
    }
    if let keep {
      let masked = try scope.cast(scope.unary(.logicalNot, keep), to: scope.dtype(of: scores))
      let penalty = scope.dtype(of: scores) == .float16 ? 65504.0 : 1e9
      scores = try scope.subtract(scores, scope.multiply(masked, penalty))
    }
    let weights = try scope.emit(.softmax(axis: 2), scores)
    var result = Operand(try scope.matMul(weights, value.value), mask: queryMask)
    if let queryMask {
      let rows = try scope.cast(scope.expandDims(queryMask, axes: [2]), to: scope.dtype(of: result.value))
      result.value = try scope.multiply(result.value, rows)
    }
    if case .bool(true)? = call.argument("return_attention_scores", at: 3) { return [result, Operand(weights)] }
    return [result]
  }

  private func scores(_ query: Value, _ key: Value, in scope: LoweringScope) throws(KerasImportError) -> Value {
    guard isAdditive || scoreMode == .concat else {
      let product = try scope.matMul(query, scope.transpose(key, [0, 2, 1]))
      return useScale ? try scope.multiply(product, scope.weight("scale", [])) : product
    }
    var sum = try scope.add(scope.expandDims(query, axes: [2]), scope.expandDims(key, axes: [1]))
    if isAdditive {
      var bent = try scope.unary(.tanh, sum)
      if useScale { bent = try scope.multiply(bent, scope.weight("scale", [scope.shape(of: query)[2]])) }
      return try scope.reduce(.sum, bent, axes: [3])
    }
    if useScale { sum = try scope.multiply(sum, scope.weight("scale", [])) }
    let total = try scope.reduce(.sum, scope.unary(.tanh, sum), axes: [3])
    return try scope.multiply(total, scope.weight("concat_score_weight", []))
  }
}

extension LoweringScope {
  /// `[rows, columns]`, true where the column is not after the row.
  func causalMask(_ rows: Dimension, _ columns: Dimension) throws(KerasImportError) -> Value {
    let row = try expandDims(emit(.range(rows)), axes: [1])
    let column = try expandDims(emit(.range(columns)), axes: [0])
    return try emit(.compare(.greaterOrEqual), row, column)
  }

  /// `[rows, columns]`, true where the distance is less than a window.
  func windowMask(_ rows: Dimension, _ columns: Dimension, window: Int) throws(KerasImportError) -> Value {
    let row = try expandDims(emit(.range(rows)), axes: [1])
    let column = try expandDims(emit(.range(columns)), axes: [0])
    let distance = try unary(.absolute, subtract(row, column))
    return try emit(.compare(.less), distance, scalar(Double(window), .int64))
  }

  /// The conjunction of masks that are there.
  func conjunction(_ masks: [Value]) throws(KerasImportError) -> Value? {
    var result = masks.first
    for mask in masks.dropFirst() { if let known = result { result = try emit(.binary(.logicalAnd), known, mask) } }
    return result
  }
}
