/// Brings recurrent nodes into the form of exchange formats: time first, both directions of a pair in one node, masks as
/// lengths.
///
/// Given:   x -> recurrent -> a;  x -> recurrent(reverse) -> b;  concat(a, b)
/// Result:  x -> transpose -> sequenceRecurrent(2 directions) -> transpose -> reshape [T, N, 2 F] -> transpose
///
/// Two nodes are a pair when they read the same operand and mask in opposite directions and nothing of the later one
/// depends on what lies between. A mask moves the kept steps of each row to the front in the order of time; the node runs
/// over so many steps of each row, and its results are put back where they belong: exact for every mask. Nodes that the
/// target takes as they are stay.
package struct RecurrentSequences: Pass {
  private let target: Target

  package init(_ target: Target) { self.target = target }

  package func run(on graph: inout GraphRewriter) throws(GraphError) {
    var compactions: [CompactionKey: MaskCompaction] = [:]
    for id in graph.nodes where graph.isAlive(id) {
      guard let cell = graph[id].op.recurrence,
        !target.takes(graph[id].op, graph[id].inputs.map { graph.type(of: $0) })
      else { continue }
      let partner = partner(of: id, cell, in: graph)
      graph.cursor = id
      let group = partner.map { cell.reverse ? [$0, id] : [id, $0] } ?? [id]
      try SequenceBuilder(group, in: graph).build(&graph, &compactions)
    }
    graph.cursor = nil
  }

  /// A later node that can run side by side with this one.
  private func partner(of id: NodeID, _ cell: RecurrentAttributes, in graph: GraphRewriter) -> NodeID? {
    let node = graph[id]
    for use in graph.users(of: node.inputs[0]) {
      guard case .operand(let other, position: 0) = use, other != id,
        let mirrored = graph[other].op.recurrence,
        mirrored.isMirror(of: cell), graph.isLater(other, than: id)
      else { continue }
      let (own, others) = (cell.byRole(node.inputs), mirrored.byRole(graph[other].inputs))
      let isReady = graph[other].inputs.allSatisfy { graph.constant($0) != nil || node.inputs.contains($0) }
      guard own.mask == others.mask, isReady else { continue }
      // OpenVINO walks a pair of simple cells over the steps behind a row's length.
      if cell.hasMask, cell.cell == .simple { continue }
      // Steps that repeat an output repeat different ones in the two directions.
      let isRead = graph.isUsed(node.outputs[0]) || graph.isUsed(graph[other].outputs[0])
      if !cell.hasMask || cell.zeroOutputForMask || !isRead { return other }
    }
    return nil
  }
}

extension Op {
  fileprivate var recurrence: RecurrentAttributes? {
    if case .recurrent(let attributes) = self { return attributes }
    return nil
  }
}

extension RecurrentAttributes {
  /// Whether the two differ in direction and functions only.
  fileprivate func isMirror(of other: RecurrentAttributes) -> Bool {
    cell == other.cell && units == other.units && reverse != other.reverse && hasBias == other.hasBias
      && hasMask == other.hasMask && hasInitialState == other.hasInitialState
      && zeroOutputForMask == other.zeroOutputForMask
  }
}

extension GraphRewriter {
  fileprivate func isLater(_ id: NodeID, than other: NodeID) -> Bool {
    var current = node(after: other)
    while let next = current {
      if next == id { return true }
      current = node(after: next)
    }
    return false
  }
}

/// Builds the node of one or two directions and what their results become.
private struct SequenceBuilder {
  let nodes: [Node]
  let ids: [NodeID]
  let cells: [RecurrentAttributes]
  let operands: [RecurrentOperands<Value>]

  init(_ ids: [NodeID], in graph: GraphRewriter) {
    self.ids = ids
    nodes = ids.map { graph[$0] }
    cells = nodes.compactMap(\.op.recurrence)
    operands = zip(cells, nodes).map { $0.byRole($1.inputs) }
  }

  func build(
    _ graph: inout GraphRewriter, _ compactions: inout [CompactionKey: MaskCompaction]
  ) throws(GraphError) {
    var x = operands[0].x
    var compaction: MaskCompaction?
    if let mask = operands[0].mask {
      // One direction that walks back goes forward over its steps in the order of processing.
      let key = CompactionKey(x: x, mask: mask, isReverse: cells.count == 1 && cells[0].reverse)
      if compactions[key] == nil { compactions[key] = try MaskCompaction(key, in: &graph) }
      compaction = compactions[key]
      x = compaction.map(\.x) ?? x
    }
    let results = try graph.emitAll(
      .sequenceRecurrent(attributes), inputs(x, lengths: compaction?.lengths, &graph), as: cells[0].name)
    let walked = try sequence(results[0], &graph)
    let compact = try parts(walked, &graph)
    var shown = compact
    if let compaction, nodes.contains(where: { graph.isUsed($0.outputs[0]) }) || cells[0].zeroOutputForMask {
      let zero = cells[0].zeroOutputForMask
      shown = try parts(
        compaction.spread(walked, zeroOutput: zero, &graph), &graph)
    }
    let states = try states(results, compaction, &graph)
    for (index, node) in nodes.enumerated() {
      let finals = states.map { $0[index] }
      let last = try last(index, shown[index], states: finals, outputs: results[0], compaction, &graph)
      for (old, new) in zip(node.outputs, [shown[index], last] + finals) { graph.replace(old, with: new) }
    }
    for id in ids { graph.erase(id) }
  }

  private var attributes: SequenceRecurrentAttributes {
    var directions = cells
    if cells.count == 1, cells[0].hasMask { directions[0].reverse = false }
    return SequenceRecurrentAttributes(
      directions: directions, hasBias: cells[0].hasBias, hasLengths: cells[0].hasMask,
      hasInitialState: cells[0].hasInitialState)
  }

  // MARK: Operands

  private func inputs(_ x: Value, lengths: Value?, _ graph: inout GraphRewriter) throws(GraphError) -> [Value]
  {
    var list = [try graph.emit(.transpose([1, 0, 2]), x)]
    list.append(
      try stacked({ (o, cell, graph) throws(GraphError) in try cell.rows(o.kernel, &graph) }, &graph))
    list.append(
      try stacked({ (o, cell, graph) throws(GraphError) in try cell.rows(o.recurrentKernel, &graph) }, &graph)
    )
    if cells[0].hasBias {
      list.append(
        try stacked(
          { (o, cell, graph) throws(GraphError) in
            guard let bias = o.bias else { throw GraphError("a recurrent node without its bias") }
            return try cell.bothBiases(bias, &graph)
          }, &graph))
    }
    if let lengths { list.append(lengths) }
    for state in operands[0].states.indices {
      list.append(try stacked({ (o, _, _) throws(GraphError) in o.states[state] }, &graph))
    }
    return list
  }

  /// What each direction gives, along a new first axis.
  private func stacked(
    _ part: (RecurrentOperands<Value>, RecurrentAttributes, inout GraphRewriter) throws(GraphError) -> Value,
    _ graph: inout GraphRewriter
  ) throws(GraphError) -> Value {
    var parts: [Value] = []
    for (operand, cell) in zip(operands, cells) {
      parts.append(try graph.expandDims(part(operand, cell, &graph), 0))
    }
    return parts.count == 1 ? parts[0] : try graph.computedJoin(parts, axis: 0)
  }

  // MARK: Results

  /// `[T, D, N, F]` as `[N, T, D F]`.
  private func sequence(_ y: Value, _ graph: inout GraphRewriter) throws(GraphError) -> Value {
    let shape = graph.shape(of: y)
    let turned = cells.count == 1 ? y : try graph.emit(.transpose([0, 2, 1, 3]), y)
    let flat = try graph.reshape(turned, [shape[0], shape[2], shape[3] * .fixed(cells.count)])
    return try graph.emit(.transpose([1, 0, 2]), flat)
  }

  /// The directions' features, which lie side by side on the last axis.
  private func parts(_ whole: Value, _ graph: inout GraphRewriter) throws(GraphError) -> [Value] {
    if cells.count == 1 { return [whole] }
    let axis = graph.shape(of: whole).rank - 1
    return try graph.emitAll(.split(axis: axis, sizes: cells.map { .fixed($0.units) }), [whole])
  }

  /// For each state one `[N, F]` of each direction. Behind a mask the first is taken from the outputs, which OpenVINO
  /// leaves right where it walks on: everywhere but in a pair of LSTMs or GRUs.
  private func states(
    _ results: [Value], _ compaction: MaskCompaction?, _ graph: inout GraphRewriter
  ) throws(GraphError) -> [[Value]] {
    var result: [[Value]] = []
    for number in 0..<cells[0].stateCount {
      guard let compaction else {
        result.append(try parts(flat(results[1 + number], &graph), &graph))
        continue
      }
      let flat =
        try number == 0 && cells.count == 1
        ? lastOutputs(results[0], compaction, &graph) : flat(results[1 + number], &graph)
      var parts = try parts(flat, &graph)
      for index in parts.indices where !operands[index].states.isEmpty {
        parts[index] = try compaction.keepingEmptyRows(parts[index], operands[index].states[number], &graph)
      }
      result.append(parts)
    }
    return result
  }

  /// `[D, N, F]` as `[N, D F]`.
  private func flat(_ state: Value, _ graph: inout GraphRewriter) throws(GraphError) -> Value {
    let shape = graph.shape(of: state)
    let turned = cells.count == 1 ? state : try graph.emit(.transpose([1, 0, 2]), state)
    return try graph.reshape(turned, [shape[1], shape[2] * .fixed(cells.count)])
  }

  private func lastOutputs(
    _ y: Value, _ compaction: MaskCompaction, _ graph: inout GraphRewriter
  ) throws(GraphError) -> Value {
    try compaction.last(y, isMirrored: cells.map { $0.reverse && cells.count > 1 }, &graph)
  }

  /// The output of the step processed last: of a masked step zero, or what it repeats.
  private func last(
    _ index: Int, _ shown: Value, states: [Value], outputs y: Value, _ compaction: MaskCompaction?,
    _ graph: inout GraphRewriter
  ) throws(GraphError) -> Value {
    guard let compaction else { return states[0] }
    if cells[index].zeroOutputForMask {
      let shape = graph.shape(of: shown)
      let range: (Int, Int?) = cells[index].reverse ? (0, 1) : (-1, nil)
      let step = try graph.emit(.slice([SliceRange(axis: 1, start: range.0, stop: range.1)]), shown)
      return try graph.reshape(step, [shape[0], shape[2]])
    }
    // Without a kept step the output is zero, whatever the initial state is.
    return cells[index].hasInitialState
      ? try parts(lastOutputs(y, compaction, &graph), &graph)[index] : states[0]
  }
}

extension RecurrentAttributes {
  /// `[C, G F]` with Keras's gates as `[G F, C]` with those of exchange formats.
  fileprivate func rows(_ kernel: Value, _ graph: inout GraphRewriter) throws(GraphError) -> Value {
    try gates(graph.computed(.transpose([1, 0]), kernel), axis: 0, &graph)
  }

  private func gates(_ x: Value, axis: Int, _ graph: inout GraphRewriter) throws(GraphError) -> Value {
    let order = exchangeGateOrder
    if order.isIdentityPermutation { return x }
    let parts = try graph.computedSplit(x, axis: axis, sizes: Array(repeating: units, count: gateCount))
    return try graph.computedJoin(order.map { parts[$0] }, axis: axis)
  }

  /// The biases of the input, then of the state; Keras has one sum (but for a GRU with `reset_after`).
  fileprivate func bothBiases(_ bias: Value, _ graph: inout GraphRewriter) throws(GraphError) -> Value {
    let count = gateCount * units
    var rows = try gates(
      graph.reshape(bias, [graph.shape(of: bias).rank == 2 ? 2 : 1, .fixed(count)]), axis: 1, &graph)
    if graph.shape(of: bias).rank == 1 {
      let zeros = graph.constant(
        try GraphError.wrapping(
          Tensor(Array(repeating: 0, count: count), sizes: [1, count], dtype: graph.dtype(of: bias))),
        name: "zeros")
      rows = try graph.computedJoin([rows, zeros], axis: 0)
    }
    return try graph.reshape(rows, [.fixed(2 * count)])
  }
}

extension GraphRewriter {
  /// Parts of a constant as constants; of other values by a node.
  fileprivate mutating func computedSplit(_ x: Value, axis: Int, sizes: [Int]) throws(GraphError) -> [Value] {
    guard let tensor = constant(x) else {
      return try emitAll(.split(axis: axis, sizes: sizes.map(Dimension.fixed)), [x])
    }
    let name = name(of: x)
    return try GraphError.wrapping(tensor.split(axis: axis, sizes: sizes)).map { constant($0, name: name) }
  }

  fileprivate mutating func computedJoin(_ parts: [Value], axis: Int) throws(GraphError) -> Value {
    let tensors = parts.compactMap { constant($0) }
    let type = try Graph.inferTypes(.concat(axis: axis), parts.map { self.type(of: $0) }, name: "constants")[
      0]
    if tensors.count == parts.count, let sizes = type.shape.fixedSizes,
      let joined = try GraphError.wrapping(Tensor.joined(tensors, axis: axis, sizes: sizes))
    {
      return constant(joined, name: name(of: parts[0]))
    }
    return try emitAll(.concat(axis: axis), parts)[0]
  }
}
