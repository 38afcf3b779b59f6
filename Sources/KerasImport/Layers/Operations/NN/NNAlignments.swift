import ModelIR

/// CTC's loss of `keras/src/ops/nn.py`.
extension OperationCall {
  /// The negative logarithm of the probability of each label sequence: logits `[N, T, C]`, labels `[N, L]`, how many of
  /// both count, and the blank's class. Sums over all alignments in a loop over time.
  func ctcLoss() throws(KerasImportError) -> Value {
    let labels = try scope.cast(tensor("target", at: 0), to: .int64)
    let given = try floating("output", at: 1)
    let labelCounts = try scope.expandDims(scope.cast(tensor("target_length", at: 2), to: .int64), axes: [1])
    let stepCounts = try scope.expandDims(scope.cast(tensor("output_length", at: 3), to: .int64), axes: [1])
    let blank = try int("mask_index", default: 0)
    try scope.expectRank(3, of: given)
    try scope.expectRank(2, of: labels)
    let alignments = try Alignments(labels: labels, blank: blank, scope: scope)
    let logarithms = try scope.emit(.logSoftmax(axis: 2), scope.cast(given, to: .float32))
    let shape = scope.shape(of: logarithms)
    let places: Shape = [shape[0], shape[1], alignments.size]
    let wide = try scope.expanded(scope.expandDims(alignments.classes, axes: [1]), places)
    let emissions = try scope.emit(.gatherElements(axis: 2), logarithms, wide)
    let isInside = try scope.compare(.less, scope.emit(.range(shape[1])), stepCounts)
    let inside = try scope.expanded(isInside, [shape[0], shape[1]])
    let attributes = ScanAttributes(body: try alignments.body(), stateCount: 2, reverse: false)
    let start = try alignments.start(batch: shape[0])
    let last = try scope.emitAll(.scan(attributes), [start, alignments.skips, emissions, inside])[0]
    // An alignment ends with the last label or the blank behind it.
    let end = try scope.multiply(labelCounts, 2)
    let place = try scope.emit(.range(alignments.size))
    let isEnd = try scope.or(
      scope.compare(.equal, place, end), scope.compare(.equal, place, scope.add(end, -1)))
    let ends = try scope.select(isEnd, last, scope.scalar(-.infinity, .float32))
    let loss = try scope.unary(.negate, scope.logSumExp(ends, axes: [1]))
    return try scope.cast(loss, to: scope.dtype(of: given) == .float64 ? .float64 : .float32)
  }
}

/// Labels with blanks between and around them, and how alignments walk through them.
private struct Alignments {
  let scope: LoweringScope
  /// `[N, 2 L + 1]`: blank, label, blank, ...
  let classes: Value
  /// `[N, 2 L + 1]`: 0 where the blank in front of a label may be left out, minus infinity elsewhere.
  let skips: Value
  let size: Dimension

  init(labels: Value, blank: Int, scope: LoweringScope) throws(KerasImportError) {
    self.scope = scope
    let shape = scope.shape(of: labels)
    size = shape[1] * 2 + 1
    let blanks = try scope.filled([shape[0], shape[1], 1], Double(blank), .int64)
    let pairs = try scope.concat([blanks, scope.expandDims(labels, axes: [2])], axis: 2)
    let last = try scope.filled([shape[0], 1], Double(blank), .int64)
    classes = try scope.concat([scope.reshape(pairs, [shape[0], shape[1] * 2]), last], axis: 1)
    let earlier = try scope.slice(classes, axis: 1, from: nil, to: -2)
    let later = try scope.slice(classes, axis: 1, from: 2, to: nil)
    let isBlank = try scope.compare(.equal, later, Double(blank))
    let isFree = try scope.and(scope.compare(.notEqual, later, earlier), scope.not(isBlank))
    let never = scope.scalar(-.infinity, .float32)
    let head = try scope.filled([shape[0], 2], -.infinity, .float32)
    skips = try scope.concat([head, scope.select(isFree, scope.scalar(0, .float32), never)], axis: 1)
  }

  /// Everything lies before the first place.
  func start(batch: Dimension) throws(KerasImportError) -> Value {
    let first = try scope.filled([batch, 1], 0, .float32)
    return try scope.concat([first, scope.filled([batch, size - 1], -.infinity, .float32)], axis: 1)
  }

  /// `a, skips, emission, inside -> a', skips`: each place is reached from itself, the one before, or the one before that.
  func body() throws(KerasImportError) -> Subgraph {
    let state = LoweringState(weights: scope.state.weights)
    let inner = LoweringScope(state: state, object: scope.object, path: scope.path)
    let batch = Dimension.symbol("step_batch")
    let type = TensorType(.float32, [batch, size])
    let alpha = state.graph.input(name: "alpha", type: type)
    let skips = state.graph.input(name: "skips", type: type)
    let emission = state.graph.input(name: "emission", type: type)
    let isInside = state.graph.input(name: "inside", type: TensorType(.bool, [batch]))
    func shifted(_ count: Int) throws(KerasImportError) -> Value {
      let head = try inner.filled([batch, .fixed(count)], -.infinity, .float32)
      return try inner.concat([head, inner.slice(alpha, axis: 1, from: nil, to: -count)], axis: 1)
    }
    let ways = try inner.stack([alpha, shifted(1), inner.add(shifted(2), skips)], axis: 1)
    let next = try inner.add(inner.reduce(.logSumExp, ways, axes: [1]), emission)
    let kept = try inner.select(inner.expandDims(isInside, axes: [1]), next, alpha)
    let results = [kept, skips]
    state.graph.outputs = results.enumerated().map { Graph.Output(name: "result\($0)", value: $1) }
    return Subgraph(state.graph)
  }
}
