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
  let dropout: Double
  let keepsRank: Bool
  let useScale: Bool
  let scoreMode: ScoreMode
  var maskRule: MaskRule { .custom }
  var callParameters: [String] {
    ["inputs", "mask", "training", "return_attention_scores", "use_causal_mask"]
  }
  var weights: [WeightSpec] {
    (useScale ? [WeightSpec("scale")] : [])
      + (scoreMode == .concat ? [WeightSpec("concat_score_weight")] : [])
  }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    isAdditive = config.className == "AdditiveAttention"
    useScale = try config.bool("use_scale", default: isAdditive)
    scoreMode = isAdditive ? .dot : try config.choice("score_mode", default: .dot)
    dropout = try config.double("dropout", default: 0)
    keepsRank = config.has(.keepsRankWhenCausal)
    config.ignore("score_mode")
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let inputs = call.inputs
    guard inputs.count == 2 || inputs.count == 3 else {
      throw KerasImportError(.invalidGraph("attention needs 2 or 3 inputs, found \(inputs.count)"))
    }
    let (query, value) = (inputs[0], inputs[1])
    let key = inputs.count == 3 ? inputs[2] : value
    try scope.expectNoDropout(dropout)
    let (queryMask, valueMask) = try masks(call, query, value)
    var scores = try self.scores(query.value, key.value, in: scope)
    var keep: Value?
    let rank = scope.rank(of: scores)
    if let valueMask {
      let steps = scope.rank(of: valueMask)
      keep = try scope.expandDims(scope.cast(valueMask, to: .bool), axes: [steps - 1])
    }
    if try call.flag("use_causal_mask") {
      let shape = scope.shape(of: scores)
      var causal = try scope.causalMask(shape[rank - 2], shape[rank - 1])
      if !keepsRank { causal = try scope.expandDims(causal, axes: [0]) }
      keep = if let keep { try scope.emit(.binary(.logicalAnd), keep, causal) } else { causal }
    }
    if let keep {
      let masked = try scope.cast(scope.unary(.logicalNot, keep), to: scope.dtype(of: scores))
      let penalty = scope.dtype(of: scores) == .float16 ? 65504.0 : 1e9
      scores = try scope.subtract(scores, scope.multiply(masked, penalty))
    }
    let weights = try scope.emit(.softmax(axis: scope.rank(of: scores) - 1), scores)
    var result = Operand(try scope.matMul(weights, value.value), mask: queryMask)
    if let queryMask {
      let kept = try scope.expandDims(scope.cast(queryMask, to: .bool), axes: [scope.rank(of: queryMask)])
      let rows = try scope.cast(kept, to: scope.dtype(of: result.value))
      result.value = try scope.multiply(result.value, rows)
    }
    if try call.flag("return_attention_scores") { return [result, Operand(weights)] }
    return [result]
  }

  /// The masks of query and value: those of the call, else those beside the operands.
  private func masks(
    _ call: Call, _ query: Operand, _ value: Operand
  ) throws(KerasImportError) -> (query: Value?, value: Value?) {
    switch call.argument("mask", at: nil) {
    case nil: return (query.mask, value.mask)
    case .list(let masks) where masks.count == 2 || masks.count == 3:
      func given(_ mask: CallArgument<Operand>) -> Value? {
        if case .tensor(let mask) = mask { mask.value } else { nil }
      }
      return (given(masks[0]), given(masks[1]))
    default: throw KerasImportError(.unsupported("masks of attention that are not a list of two or three"))
    }
  }

  private func scores(_ query: Value, _ key: Value, in scope: LoweringScope) throws(KerasImportError) -> Value
  {
    let rank = scope.rank(of: query)
    guard rank >= 2, scope.rank(of: key) == rank else {
      throw KerasImportError(
        .unsupported("attention between inputs of rank \(rank) and \(scope.rank(of: key))"))
    }
    guard isAdditive || scoreMode == .concat else {
      var order = Array(0..<rank)
      order.swapAt(rank - 2, rank - 1)
      let product = try scope.matMul(query, scope.transpose(key, order))
      return useScale ? try scope.multiply(product, scope.weight("scale", [])) : product
    }
    var sum = try scope.add(
      scope.expandDims(query, axes: [rank - 1]), scope.expandDims(key, axes: [rank - 2]))
    if isAdditive {
      var bent = try scope.unary(.tanh, sum)
      if useScale {
        bent = try scope.multiply(bent, scope.weight("scale", [scope.shape(of: query)[rank - 1]]))
      }
      return try scope.reduce(.sum, bent, axes: [rank])
    }
    if useScale { sum = try scope.multiply(sum, scope.weight("scale", [])) }
    let total = try scope.reduce(.sum, scope.unary(.tanh, sum), axes: [rank])
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
    for mask in masks.dropFirst() {
      if let known = result { result = try emit(.binary(.logicalAnd), known, mask) }
    }
    return result
  }
}
