/// Brings arithmetic with constants before the movement of its operand, next to the product that it belongs to.
///
/// Given:   x [N, T, H D] -> reshape [N, T, H, D] -> add(bias [H, D]) -> transpose -> multiply(scalar) -> y
/// Result:  x -> add(bias [H D]) -> multiply(scalar) -> reshape -> transpose -> y
///
/// A number moves before every reshape and transpose, an array before reshapes that split the last axis into those that
/// the array has. Does not apply when another node reads what lies between, or the arithmetic would widen it.
package struct EarlyArithmetic: NodePass {
  package init() {}

  package func rewrite(_ id: NodeID, in graph: inout GraphRewriter) throws(GraphError) {
    let node = graph[id]
    guard case .binary = node.op, let y = node.outputs.first else { return }
    for (position, moved) in node.inputs.enumerated() {
      guard let before = graph.producer(of: moved), graph.onlyUser(of: moved) == id,
        graph.type(of: moved) == graph.type(of: y), let source = graph[before].inputs.first,
        let constant = try earlier(node.inputs[1 - position], before: graph[before].op, source, &graph)
      else { continue }
      let operands = position == 0 ? [source, constant] : [constant, source]
      let result = try graph.insert(
        node.op, operands, before: before, name: node.name, origin: node.origin)[0]
      try graph.replace(id, with: graph[before].op, [result])
      graph.eraseIfUnused(before)
      // There may be another movement before the one.
      if let earlier = graph.producer(of: result) { try rewrite(earlier, in: &graph) }
      return
    }
  }

  /// The constant against the operand of the movement; nil when it is none, or needs the movement's result.
  private func earlier(
    _ value: Value, before movement: Op, _ source: Value, _ graph: inout GraphRewriter
  ) throws(GraphError) -> Value? {
    guard let tensor = graph.constant(value) else { return nil }
    if tensor.rank == 0, movement.isTransposeOrReshape { return value }
    guard case .reshape(let target) = movement,
      let sizes = graph.shape(of: source).splitLastAxis(into: target),
      tensor.rank <= sizes.count
    else { return nil }
    let flat = try GraphError.wrapping(tensor.broadcast(to: sizes).reshaped([sizes.reduce(1, *)]))
    return graph.constant(flat, name: graph.name(of: value))
  }
}

extension Op {
  fileprivate var isTransposeOrReshape: Bool {
    if case .transpose = self { return true }
    if case .reshape = self { return true }
    return false
  }
}

extension Shape {
  /// The sizes that the last axis of this shape becomes in another, whose axes before them are this one's; nil otherwise.
  fileprivate func splitLastAxis(into target: Shape) -> [Int]? {
    guard rank > 0, target.rank > rank, let width = dimensions[rank - 1].fixedSize,
      Array(target.dimensions.prefix(rank - 1)) == Array(dimensions.dropLast()),
      let sizes = Shape(Array(target.dimensions.dropFirst(rank - 1))).fixedSizes, sizes.reduce(1, *) == width
    else { return nil }
    return sizes
  }
}
