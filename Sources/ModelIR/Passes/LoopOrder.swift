/// Takes transposes at the edges of a loop's body out of the loop, and what is last of its results from its states.
///
/// Given:   scan(h, x) { h -> transpose -> conv -> ... -> transpose -> h' };  all steps -> slice(last) -> y
/// Result:  h -> transpose -> scan { h -> conv -> ... -> h' } -> transpose -> y
///
/// Bodies get their channels first before. Applies to a state or sequence that is read by one and the same transpose only, a
/// state if it is written by the opposite one; the batch stays in front. Steps that nothing reads are not collected.
package struct LoopOrder: Pass {
  package init() {}

  package var appliesToBodies: Bool { true }

  package func run(on graph: inout GraphRewriter) throws(GraphError) {
    for id in graph.nodes where graph.isAlive(id) {
      guard case .scan(let attributes) = graph[id].op else { continue }
      graph.cursor = id
      try LoopEdges(id, attributes, in: graph).rewrite(&graph)
    }
    graph.cursor = nil
  }
}

/// A loop and how the values at the edges of its body can lie.
private struct LoopEdges {
  private let id: NodeID
  private let attributes: ScanAttributes
  private let body: Graph
  /// The transpose of each input, and the one that makes each result; nil: as it is.
  private var inputs: [[Int]?] = []
  private var results: [[Int]?] = []

  init(_ id: NodeID, _ attributes: ScanAttributes, in graph: GraphRewriter) throws(GraphError) {
    (self.id, self.attributes) = (id, attributes)
    let given = attributes.body.graph
    let pass = ChannelsFirst()
    body = pass.isNeeded(in: GraphRewriter(given)) ? try pass.rebuilt(given) : given
    inputs = body.inputs.map { body.onlyTranspose(of: $0) }
    results = body.outputs.map { body.transpose(making: $0.value) }
    for index in 0..<attributes.stateCount where results[index]?.inversePermutation != inputs[index] {
      (inputs[index], results[index]) = (nil, nil)
    }
  }

  func rewrite(_ graph: inout GraphRewriter) throws(GraphError) {
    var node = graph[id]
    try takeLast(node, &graph)
    node = graph[id]
    let states = attributes.stateCount
    let kept = node.outputs.indices.filter { $0 < states || graph.isUsed(node.outputs[$0]) }
    guard kept.count < node.outputs.count || (inputs + results).contains(where: { $0 != nil }) else { return }
    var operands: [Value] = []
    for (index, operand) in node.inputs.enumerated() {
      let order = inputs[index].map { index < states ? $0 : $0.overSteps }
      operands.append(
        try order.map { order throws(GraphError) in try graph.emit(.transpose(order), operand) } ?? operand)
    }
    var changed = attributes
    changed.body = Subgraph(try rebuiltBody(keeping: kept))
    let made = try graph.insert(.scan(changed), operands, before: id, name: node.name, origin: node.origin)
    for (index, new) in zip(kept, made) {
      let order = results[index].map { index < states ? $0 : $0.overSteps }
      let value = try order.map { order throws(GraphError) in try graph.emit(.transpose(order), new) } ?? new
      graph.replace(node.outputs[index], with: value)
    }
    graph.erase(id)
  }

  /// The last step of a result that is a state, too, is the final state.
  private func takeLast(_ node: Node, _ graph: inout GraphRewriter) throws(GraphError) {
    guard !attributes.reverse else { return }
    for index in attributes.stateCount..<max(body.outputs.count, attributes.stateCount) {
      let state = (0..<attributes.stateCount).first { body.outputs[$0].value == body.outputs[index].value }
      guard let state else { continue }
      for use in graph.users(of: node.outputs[index]) {
        guard case .operand(let reader, _) = use,
          graph[reader].op == .slice([SliceRange(axis: 1, start: -1, stop: nil)])
        else { continue }
        graph.cursor = reader
        let shape = graph.shape(of: graph[reader].outputs[0])
        graph.replace(reader, with: [try graph.emit(.reshape(shape), node.outputs[state])])
        graph.cursor = id
      }
    }
  }

  /// The body with its edges in their other order.
  private func rebuiltBody(keeping kept: [Int]) throws(GraphError) -> Graph {
    var copy = GraphCopy(body)
    for (index, input) in body.inputs.enumerated() {
      let type = body.type(of: input)
      let shape = inputs[index].map { Shape($0.map { type.shape[$0] }) } ?? type.shape
      copy.addInput(input, type: TensorType(type.dtype, shape))
    }
    for node in body.nodes {
      if let place = node.inputs.first.flatMap({ body.inputs.firstIndex(of: $0) }), inputs[place] != nil {
        copy.set(node.outputs[0], copy.value(node.inputs[0]))  // The transpose that is outside now.
      } else {
        try copy.add(node, node.op)
      }
    }
    for index in kept {
      let output = body.outputs[index]
      let value =
        results[index] == nil ? output.value : body.nodes.first { $0.outputs[0] == output.value }?.inputs[0]
      copy.target.outputs.append(Graph.Output(name: output.name, value: copy.value(value ?? output.value)))
    }
    return copy.target
  }
}

extension Graph {
  /// The transpose that every reader of a value is; nil where there are others.
  fileprivate func onlyTranspose(of value: Value) -> [Int]? {
    guard !outputs.contains(where: { $0.value == value }) else { return nil }
    var found: [Int]?
    for node in nodes where node.inputs.contains(value) {
      guard case .transpose(let permutation) = node.op, permutation.first == 0,
        found ?? permutation == permutation
      else { return nil }
      found = permutation
    }
    return found
  }

  /// The transpose that makes a value.
  fileprivate func transpose(making value: Value) -> [Int]? {
    guard let node = nodes.first(where: { $0.outputs.contains(value) }),
      case .transpose(let permutation) = node.op,
      permutation.first == 0
    else { return nil }
    return permutation
  }
}

extension [Int] {
  /// The permutation of a step's axes for all steps, which lie along axis 1.
  fileprivate var overSteps: [Int] { [0, 1] + dropFirst().map { $0 + 1 } }
}
