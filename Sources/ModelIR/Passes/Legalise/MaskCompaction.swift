/// What a compaction is made of; nodes with equal ones share it.
struct CompactionKey: Hashable {
  let x: Value
  let mask: Value
}

/// The kept steps of each row moved to the front, in the order of time, and the way back.
struct MaskCompaction {
  /// The operand `[N, T, C]` with the kept steps of each row first.
  let x: Value
  /// How many they are: int32 `[N]`.
  let lengths: Value
  private let mask: Value
  private let kept: Value

  init(_ x: Value, mask: Value, in graph: inout GraphRewriter) throws(GraphError) {
    self.mask = mask
    kept = try graph.cast(mask, to: .int32)
    lengths = try graph.emit(.reduce(.sum, axes: [1], keepDims: false), kept)
    // Kept steps in the order of time, then the others. Engines differ in the order of equal elements, so none are.
    let steps = graph.shape(of: mask)[1]
    let time = try graph.cast(graph.emit(.range(steps)), to: .int32)
    let keys = try graph.subtract(graph.multiply(kept, MaskCompaction.weight), time)
    let order = try graph.emitAll(.topK(k: steps, axis: 1, largest: true), [keys])[1]
    self.x = try MaskCompaction.rows(x, at: order, &graph)
  }

  /// More than there are steps.
  private static let weight = 0x1p30

  private static func rows(_ x: Value, at places: Value, _ graph: inout GraphRewriter) throws(GraphError)
    -> Value
  {
    try graph.emit(.gatherND(batchDims: 1), x, graph.expandDims(places, 2))
  }

  /// The results of the kept steps put back. A masked step is zero, or repeats the output of the step before it in the
  /// order of processing: zeros before the first kept step.
  func spread(
    _ sequence: Value, zeroOutput: Bool, isReverse: Bool, _ graph: inout GraphRewriter
  ) throws(GraphError) -> Value {
    let isMirrored = isReverse && !zeroOutput
    let counts = try graph.emit(.cumulative(.sum, axis: 1, reverse: isMirrored, exclusive: false), kept)
    var places: Value
    if isMirrored {
      // So many kept steps lie before the first one from here on.
      places = try graph.subtract(graph.expandDims(lengths, 1), graph.binary(.maximum, counts, 1))
    } else {
      places = try graph.subtract(counts, 1)
    }
    places = try graph.binary(.maximum, places, 0)
    let picked = try MaskCompaction.rows(sequence, at: places, &graph)
    let shows = zeroOutput ? mask : try graph.compare(.greater, counts, 0)
    return try graph.select(graph.expandDims(shows, 2), picked, graph.scalar(0, like: sequence))
  }

  /// The last kept step's output of each row of a sequence whose kept steps are first; the first step's without one.
  func lastKept(_ sequence: Value, _ graph: inout GraphRewriter) throws(GraphError) -> Value {
    let places = try graph.binary(.maximum, graph.subtract(lengths, 1), 0)
    return try graph.emit(.gatherND(batchDims: 1), sequence, graph.expandDims(places, 1))
  }

  /// A state whose rows without a kept step are the initial ones.
  func keepingEmptyRows(_ state: Value, _ initial: Value, _ graph: inout GraphRewriter) throws(GraphError)
    -> Value
  {
    try graph.select(graph.expandDims(graph.compare(.equal, lengths, 0), 1), initial, state)
  }
}
