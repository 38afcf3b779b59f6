/// What a compaction is made of; nodes with equal ones share it.
struct CompactionKey: Hashable {
  let x: Value
  let mask: Value
  let isReverse: Bool
}

/// The kept steps of each row moved to the front, in the order in which they are processed, and the way back.
///
/// Whatever an engine does with the steps behind a row's length, nothing here reads it: OpenVINO walks over them.
struct MaskCompaction {
  /// The operand `[N, T, C]` with the kept steps of each row first.
  let x: Value
  /// How many they are: int32 `[N]`.
  let lengths: Value
  private let mask: Value
  private let kept: Value
  private let isReverse: Bool

  init(_ key: CompactionKey, in graph: inout GraphRewriter) throws(GraphError) {
    (mask, isReverse) = (key.mask, key.isReverse)
    kept = try graph.cast(mask, to: .int32)
    lengths = try graph.emit(.reduce(.sum, axes: [1], keepDims: false), kept)
    // Kept steps in the order of time, then the others. Engines differ in the order of equal elements, so none are.
    let steps = graph.shape(of: mask)[1]
    let time = try graph.cast(graph.emit(.range(steps)), to: .int32)
    let later = isReverse ? time : try graph.computed(.binary(.subtract), graph.scalar(0, .int32), time)
    // No more than there are steps: OpenVINO selects integers by way of float32.
    let first = try graph.computed(
      .binary(.add), later, graph.cast(graph.emit(.sizes([steps])), to: .int32))
    let keys = try graph.select(mask, first, later)
    let order = try graph.emitAll(.topK(k: steps, axis: 1, largest: true), [keys])[1]
    if let found = try graph.lookup(key.x, at: order) {
      x = found
    } else {
      x = try MaskCompaction.rows(key.x, at: order, &graph)
    }
  }

  private static func rows(
    _ x: Value, at places: Value, _ graph: inout GraphRewriter
  ) throws(GraphError) -> Value {
    try graph.emit(.gatherND(batchDims: 1), x, graph.expandDims(places, 2))
  }

  /// The results `[N, T, F]` of the kept steps put back. A masked step is zero, or repeats the output of the step
  /// processed before it: zeros before the first kept step.
  func spread(_ sequence: Value, zeroOutput: Bool, _ graph: inout GraphRewriter) throws(GraphError) -> Value {
    let counts = try graph.emit(.cumulative(.sum, axis: 1, reverse: isReverse, exclusive: false), kept)
    let places = try graph.binary(.maximum, graph.subtract(counts, 1), 0)
    let picked = try MaskCompaction.rows(sequence, at: places, &graph)
    let shows = zeroOutput ? mask : try graph.compare(.greater, counts, 0)
    return try graph.select(graph.expandDims(shows, 2), picked, graph.scalar(0, like: sequence))
  }

  /// The output `[N, D F]` of the step processed last of each row, of the results `[T, D, N, F]`: the last kept one, of
  /// a direction that walks back the first.
  func last(_ y: Value, isMirrored: [Bool], _ graph: inout GraphRewriter) throws(GraphError) -> Value {
    let shape = graph.shape(of: y)
    let rows = try graph.emit(.transpose([2, 1, 0, 3]), y)
    var places = try graph.binary(.maximum, graph.subtract(lengths, 1), 0)
    places = try graph.reshape(places, [shape[2], 1, 1])
    if isMirrored.contains(true) {
      let factors = isMirrored.map { Int32($0 ? 0 : 1) }
      let column = try GraphError.wrapping(Tensor(factors, sizes: [factors.count, 1]))
      places = try graph.multiply(places, graph.constant(column, name: "directions"))
    }
    let picked = try graph.emit(.gatherND(batchDims: 2), rows, places)
    return try graph.reshape(picked, [shape[2], shape[1] * shape[3]])
  }

  /// A state whose rows without a kept step are the initial ones.
  func keepingEmptyRows(_ state: Value, _ initial: Value, _ graph: inout GraphRewriter) throws(GraphError)
    -> Value
  {
    try graph.select(graph.expandDims(graph.compare(.equal, lengths, 0), 1), initial, state)
  }
}

extension GraphRewriter {
  /// Rows that are looked up in a table, in another order of their indices; nil for others.
  fileprivate mutating func lookup(_ rows: Value, at order: Value) throws(GraphError) -> Value? {
    guard let id = producer(of: rows), self[id].op == .gather(axis: 0),
      shape(of: self[id].inputs[1]) == shape(of: order)
    else { return nil }
    let (table, indices) = (self[id].inputs[0], self[id].inputs[1])
    return try emit(.gather(axis: 0), table, emit(.gatherElements(axis: 1), indices, order))
  }
}
