/// Folds scale and shift into the product before or behind them, and chains of them into one.
///
/// Given:   x -> conv(kernel) -> batchNormalization -> multiply(constant) -> y
/// Result:  x -> conv(kernel * factor, bias: offset) -> y
///
/// Given:   x -> multiply(a) -> subtract(b) -> dense(kernel, bias) -> y
/// Result:  x -> dense(a * kernel, bias - b . kernel) -> y
///
/// A shift moves into a product behind it only where no padding would have to be shifted with it. Nothing is folded
/// when another node reads what lies between, or weights are no constants.
package struct AffineFolding: NodePass {
  package init() {}

  package func rewrite(_ id: NodeID, in graph: inout GraphRewriter) throws(GraphError) {
    if try foldIntoProductBefore(id, &graph) { return }
    if try foldChain(id, &graph) { return }
    try foldIntoProductBehind(id, &graph)
  }

  /// A product whose only reader is an affine node takes it up.
  private func foldIntoProductBefore(_ id: NodeID, _ graph: inout GraphRewriter) throws(GraphError) -> Bool {
    let node = graph[id]
    for input in node.inputs {
      guard let before = graph.producer(of: input), graph.onlyUser(of: input) == id,
        let product = FoldableProduct(graph[before], in: graph),
        let affine = try graph.affine(node, axis: product.resultAxis), affine.x == input
      else { continue }
      let (op, operands) = try product.followed(by: affine, in: &graph)
      try graph.replace(id, with: op, operands)
      graph.eraseIfUnused(before)
      return true
    }
    return false
  }

  /// Two affine nodes become a multiplication and an addition.
  private func foldChain(_ id: NodeID, _ graph: inout GraphRewriter) throws(GraphError) -> Bool {
    let node = graph[id]
    let rank = graph.shape(of: node.outputs[0]).rank
    for input in node.inputs {
      guard let before = graph.producer(of: input), graph.onlyUser(of: input) == id else { continue }
      for axis in Set([rank - 1, 1]) where axis >= 0 && axis < rank {
        guard let second = try graph.affine(node, axis: axis), second.x == input,
          let first = try graph.affine(graph[before], axis: axis)
        else { continue }
        let whole = try graph.composed(first, second)
        // Nothing is gained by two nodes in the place of two.
        guard whole.scale == nil || whole.offset == nil else { continue }
        graph.replace(id, with: [try graph.applied(whole, axis: axis, rank: rank)])
        graph.eraseIfUnused(before)
        return true
      }
    }
    return false
  }

  /// An affine node whose only reader is a product without padding goes into its weights.
  private func foldIntoProductBehind(_ id: NodeID, _ graph: inout GraphRewriter) throws(GraphError) {
    guard let product = FoldableProduct(graph[id], in: graph), product.takesOperandAffine,
      let before = graph.producer(of: product.x), graph.onlyUser(of: product.x) == id,
      let affine = try graph.affine(graph[before], axis: product.operandAxis),
      affine.offset == nil || product.hasNoPadding,
      let (op, operands) = try product.preceded(by: affine, in: &graph)
    else { return }
    try graph.replace(id, with: op, operands)
    graph.eraseIfUnused(before)
  }
}

extension GraphRewriter {
  mutating func eraseIfUnused(_ id: NodeID) {
    if isAlive(id), !self[id].outputs.contains(where: isUsed) { erase(id) }
  }

  /// The affine function as nodes.
  fileprivate mutating func applied(_ affine: ChannelAffine, axis: Int, rank: Int) throws(GraphError) -> Value
  {
    var y = affine.x
    if let scale = affine.scale { y = try emit(.binary(.multiply), y, along(scale, axis: axis, rank: rank)) }
    if let offset = affine.offset { y = try emit(.binary(.add), y, along(offset, axis: axis, rank: rank)) }
    return y
  }

  /// A vector shaped to broadcast along an axis.
  mutating func along(_ vector: Value, axis: Int, rank: Int) throws(GraphError) -> Value {
    if shape(of: vector).rank == 0 || axis == rank - 1 { return vector }
    var sizes = Array(repeating: Dimension.fixed(1), count: rank)
    sizes[axis] = shape(of: vector)[0]
    return try computed(.reshape(Shape(sizes)), vector)
  }
}
