import ModelIR

/// MultiHeadAttention and GroupQueryAttention. Call order: query, value, key = value.
/// Source: `keras/src/layers/attention/multi_head_attention.py`, `grouped_query_attention.py`.
///
/// - query: `[N, ..., D]`; kernels of query, key and value: `[D, H, K]`, biases `[H, K]`; output kernel: `[H, V, O]`.
/// - scores `q . k / sqrt(K)`; the mask is attention_mask and the masks of query (rows), value and key (columns), causal
///   and sliding window `|i - j| < w`; `use_gate`: the context times the sigmoid of a projection of the query.
/// - A row without a kept column: the fused attention gives the mean of the values; with dropout, returned scores or
///   another rank than 3 the masked softmax gives zeros.
struct MultiHeadAttention: Layer {
  let heads: Int
  let valueHeads: Int
  let keyDim: Int
  let isGrouped: Bool
  let attentionAxes: [Int]?
  let outputShape: [Int]?
  let dropout: Double
  let valueDim: Int
  let slidingWindow: Int?
  let ignoresMasks: Bool
  let masking: SoftmaxLayer.Masking
  /// The type that the softmax is computed in where it is a layer of its own.
  let softmaxType: DType
  let parts: [Sublayer]
  var maskRule: MaskRule { .custom }
  var sublayers: [Sublayer] { parts }
  var callParameters: [String] {
    [
      "query", "value", "key", "query_mask", "value_mask", "key_mask", "attention_mask",
      "return_attention_scores",
      "training", "use_causal_mask",
    ]
  }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    isGrouped = config.className.hasPrefix("Group")
    if isGrouped {
      heads = try config.count("num_query_heads")
      valueHeads = try config.count("num_key_value_heads")
      keyDim = try config.count("head_dim")
      attentionAxes = nil
      outputShape = nil
    } else {
      heads = try config.count("num_heads")
      valueHeads = heads
      keyDim = try config.count("key_dim")
      attentionAxes = try config.optionalInts("attention_axes")
      outputShape = try config.optionalInts("output_shape")
    }
    guard heads % valueHeads == 0 else {
      throw config.invalid("num_key_value_heads", expected: "a divisor of \(heads)", found: "\(valueHeads)")
    }
    valueDim = try config.optionalInt("value_dim") ?? keyDim
    dropout = try config.double("dropout", default: 0)
    slidingWindow = try config.optionalInt("sliding_window")
    ignoresMasks = config.has(.attendsToMasked)
    masking = SoftmaxLayer.Masking(
      spreads: config.has(.spreadsFullyMasked), lowers: config.has(.lowersByMask),
      replaces: try config.bool("softmax_robust_masking", default: false))
    let useBias = try config.bool("use_bias", default: true)
    softmaxType = try config.policy(ofPart: "softmax").compute
    let useGate = try config.bool("use_gate", default: false)
    config.ignore("flash_attention", "query_shape", "key_shape", "value_shape")
    let names =
      ["query_dense", "key_dense", "value_dense"] + (useGate ? ["gate_dense"] : []) + ["output_dense"]
    var built: [Sublayer] = []
    for name in names { built.append(try config.headProjection(name, useBias: useBias)) }
    parts = built
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let operands = call.inputs
    guard operands.count == 1, let query = operands.first, let value = call.operand("value") else {
      throw KerasImportError(.invalidGraph("attention needs a query and a value"))
    }
    let key = call.operand("key") ?? value
    try scope.expectNoDropout(dropout)
    let rank = scope.rank(of: query.value)
    let axes =
      try attentionAxes.map { given throws(KerasImportError) in
        // In the order given, which is that of the axes of returned scores.
        try given.map { axis throws(KerasImportError) in
          try scope.axis(axis, rank: rank, key: "attention_axes")
        }
      }
      ?? Array(1..<max(rank - 1, 1))
    // [N, H, batch axes..., T, K]: heads after the free axes, attended axes flattened.
    var q = try project(query.value, "query_dense", axes, scope)
    var k = try repeated(project(key.value, "key_dense", axes, scope), scope)
    var v = try repeated(project(value.value, "value_dense", axes, scope), scope)
    let wantsScores = try call.flag("return_attention_scores")
    let isFused = dropout == 0 && !wantsScores && rank == 3 && !masking.lowers
    // The fused attention brings all three to one type, the parts of the other two at a time.
    (q, k) = try scope.promoted(q, k, like: isFused ? v : nil)
    let scale = 1 / Double(keyDim).squareRoot()
    let kRank = scope.rank(of: k)
    var order = Array(0..<kRank)
    order.swapAt(kRank - 1, kRank - 2)
    var scores = try scope.matMul(scope.multiply(q, scale), scope.transpose(k, order))
    let mask = try self.mask(call, query, value, key, scores, axes, scope)
    if !isFused { scores = try scope.cast(scores, to: softmaxType) }
    scores = try softmax(scores, mask, isFused: isFused, scope)
    let weights: Value
    (weights, v) = try scope.promoted(scores, v)
    var context = try unflattened(scope.matMul(weights, v), query.value, axes, scope)
    if parts.contains(where: { $0.attribute == "gate_dense" }) {
      let gate = try scope.unary(.sigmoid, projection(query.value, "gate_dense", scope))
      let pair = try scope.promoted(context, gate)
      context = try scope.multiply(pair.0, pair.1)
    }
    var outputs = [Operand(try output(context, query.value, scope), mask: query.mask)]
    if wantsScores {
      outputs.append(Operand(try unflattenedScores(scores, query.value, value.value, axes, scope)))
    }
    return outputs
  }

  // MARK: Projections

  private func own(_ name: String, _ scope: LoweringScope) throws(KerasImportError) -> LoweringScope {
    guard let part = parts.first(where: { $0.attribute == name }) else {
      throw KerasImportError(.missingKey(name))
    }
    return LoweringScope(state: scope.state, object: part.object, path: "\(scope.path)/\(name)")
  }

  /// `[..., D]` to `[..., H, K]`.
  private func projection(_ x: Value, _ name: String, _ scope: LoweringScope) throws(KerasImportError)
    -> Value
  {
    let heads = name == "key_dense" || name == "value_dense" ? valueHeads : heads
    return try HeadProjection.intoHeads(
      x, [heads, name == "value_dense" || name == "gate_dense" ? valueDim : keyDim], in: own(name, scope))
  }

  /// Projected, heads in front, attended axes flattened: `[free axes..., H, T, K]`.
  private func project(_ x: Value, _ name: String, _ axes: [Int], _ scope: LoweringScope)
    throws(KerasImportError) -> Value
  {
    let y = try projection(x, name, scope)
    let rank = scope.rank(of: y)
    let free = (0..<(rank - 2)).filter { !axes.contains($0) }
    let moved = try scope.transpose(y, free + [rank - 2] + axes + [rank - 1])
    let shape = scope.shape(of: moved)
    if axes.count == 1 { return moved }
    let kept = free.count + 1
    let steps = Shape(Array(shape.dimensions[kept..<(kept + axes.count)])).elementCount
    return try scope.reshape(moved, Shape(Array(shape.dimensions[..<kept]) + [steps, shape[rank - 1]]))
  }

  /// Each key and value head serves several query heads in a row.
  private func repeated(_ x: Value, _ scope: LoweringScope) throws(KerasImportError) -> Value {
    if heads == valueHeads { return x }
    let shape = scope.shape(of: x)
    let wide: Shape = [shape[0], .fixed(valueHeads), .fixed(heads / valueHeads), shape[2], shape[3]]
    let spread = try scope.emit(.expand(wide), scope.expandDims(x, axes: [2]))
    return try scope.reshape(spread, [shape[0], .fixed(heads), shape[2], shape[3]])
  }

  /// `[free..., H, T, V]` back to the query's axes: `[..., H, V]`.
  private func unflattened(_ x: Value, _ query: Value, _ axes: [Int], _ scope: LoweringScope)
    throws(KerasImportError) -> Value
  {
    let shape = scope.shape(of: query)
    let rank = shape.rank
    let free = (0..<(rank - 1)).filter { !axes.contains($0) }
    let own = scope.shape(of: x)
    let sizes = Array(own.dimensions[..<(free.count + 1)]) + axes.map { shape[$0] } + [own[own.rank - 1]]
    let wide = try scope.reshape(x, Shape(sizes))
    // Now [free..., H, axes..., V]; wanted: the query's order, then H, V.
    let current = free + [-1] + axes + [-2]
    let wanted = Array(0..<(rank - 1)) + [-1, -2]
    return try scope.transpose(wide, wanted.compactMap { current.firstIndex(of: $0) })
  }

  private func unflattenedScores(
    _ scores: Value, _ query: Value, _ value: Value, _ axes: [Int], _ scope: LoweringScope
  ) throws(KerasImportError) -> Value {
    if axes.count == 1 { return scores }
    let own = scope.shape(of: scores)
    let kept = own.dimensions[..<(own.rank - 2)]
    let rows = axes.map { scope.shape(of: query)[$0] }
    let columns = axes.map { scope.shape(of: value)[$0] }
    return try scope.reshape(scores, Shape(Array(kept) + rows + columns))
  }

  private func output(_ context: Value, _ query: Value, _ scope: LoweringScope) throws(KerasImportError)
    -> Value
  {
    guard let sizes = outputShape ?? scope.shape(of: query).dimensions.last?.fixedSize.map({ [$0] }) else {
      throw KerasImportError(.invalidGraph("the last axis of \(scope.shape(of: query)) must be known"))
    }
    return try HeadProjection.outOfHeads(context, [heads, valueDim] + sizes, in: own("output_dense", scope))
  }

  // MARK: Masks

  /// What the projections are called in the names of weights.
  static let nameInFiles = [
    "query_dense": "query", "key_dense": "key", "value_dense": "value", "gate_dense": "gate",
    "output_dense": "attention_output",
  ]

  /// True when an attention mask that is the only mask reaches the softmax as it is.
  private var keepsNumbers: Bool { masking.lowers || isGrouped }

  private func mask(
    _ call: Call, _ query: Operand, _ value: Operand, _ key: Operand, _ scores: Value, _ axes: [Int],
    _ scope: LoweringScope
  ) throws(KerasImportError) -> Value? {
    var masks: [Value] = []
    let rows = scope.shape(of: query.value)[min(1, scope.rank(of: query.value) - 1)]
    let columns = scope.shape(of: value.value)[min(1, scope.rank(of: value.value) - 1)]
    func given(_ name: String, _ implicit: Value?) -> Value? {
      call.operand(name)?.value ?? (ignoresMasks ? nil : implicit)
    }
    // Today's MultiHeadAttention goes by the mask of the query itself, whatever it is given.
    let queryMask = isGrouped ? given("query_mask", query.mask) : ignoresMasks ? nil : query.mask
    if let mask = queryMask {
      masks.append(try scope.expandDims(scope.cast(mask, to: .bool), axes: [2]))
    }
    if let mask = given("value_mask", value.mask) {
      masks.append(try scope.expandDims(scope.cast(mask, to: .bool), axes: [1]))
    }
    if let mask = given("key_mask", call.operand("key")?.mask) {
      masks.append(try scope.expandDims(scope.cast(mask, to: .bool), axes: [1]))
    }
    if try call.flag("use_causal_mask") {
      masks.append(try scope.expandDims(scope.causalMask(rows, columns), axes: [0]))
    }
    if let slidingWindow {
      masks.append(try scope.expandDims(scope.windowMask(rows, columns, window: slidingWindow), axes: [0]))
    }
    if let mask = call.operand("attention_mask")?.value {
      // Alone, its numbers count as far as the softmax goes by them.
      masks.append(masks.isEmpty && keepsNumbers ? mask : try scope.cast(mask, to: .bool))
    }
    guard let combined = try scope.conjunction(masks) else { return nil }
    // [N, (free...), rows..., columns...] to the scores' axes: heads inserted before the attended ones.
    let shape = scope.shape(of: combined)
    let flatRank = scope.rank(of: scores)
    if axes.count > 1 {
      let lead = Array(shape.dimensions[..<(shape.rank - 2 * axes.count)])
      let row = Shape(Array(shape.dimensions[lead.count..<(lead.count + axes.count)])).elementCount
      let column = Shape(Array(shape.dimensions[(lead.count + axes.count)...])).elementCount
      let flat = try scope.reshape(combined, Shape(lead + [row, column]))
      return try withHeads(flat, flatRank, scope)
    }
    return try withHeads(combined, flatRank, scope)
  }

  private func withHeads(_ mask: Value, _ rank: Int, _ scope: LoweringScope) throws(KerasImportError) -> Value
  {
    var result = mask
    while scope.rank(of: result) < rank {
      result = try scope.expandDims(result, axes: [max(scope.rank(of: result) - 2, 0)])
    }
    return result
  }

  private func softmax(
    _ scores: Value, _ mask: Value?, isFused: Bool, _ scope: LoweringScope
  ) throws(KerasImportError) -> Value {
    let axis = scope.rank(of: scores) - 1
    guard let mask else { return try scope.emit(.softmax(axis: axis), scores) }
    if isFused {
      let mask = try scope.cast(mask, to: .bool)
      let lowest = scope.dtype(of: scores) == .float16 ? -65504.0 * 0.7 : -2.3819763e38
      let masked = try scope.emit(.select, mask, scores, scope.scalar(lowest, like: scores))
      return try scope.emit(.softmax(axis: axis), masked)
    }
    return try SoftmaxLayer(axes: [-1], masking: masking).apply(scores, mask: mask, in: scope)
  }
}
