/// Folds scale and shift into the product before or behind them, and chains of them into one.
///
/// Given:   x -> conv(kernel) -> batchNormalization -> multiply(constant) -> y
/// Result:  x -> conv(kernel * factor, bias: offset) -> y
///
/// Given:   x -> multiply(a) -> subtract(b) -> dense(kernel, bias) -> y
/// Result:  x -> dense(a * kernel, bias - b . kernel) -> y
///
/// Given:   x -> multiply(a) -> subtract(b) -> divide(c) -> conv(kernel, padding) -> y
/// Result:  x -> add(-b / a) -> conv(a / c * kernel, padding) -> y
///
/// A shift moves into a product behind it only where no padding would have to be shifted with it; before such a product
/// it goes before the scale. Nothing is folded when another node reads what lies between, or weights are no constants.
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
        var whole = try graph.composed(first, second)
        // Nothing is gained by two nodes in the place of two, but in the place of three.
        if whole.scale != nil, whole.offset != nil {
          guard let earlier = try graph.affine(before: first, read: before, axis: axis) else { continue }
          whole = try graph.composed(earlier, whole)
        }
        graph.replace(id, with: [try graph.applied(whole, axis: axis, rank: rank)])
        graph.eraseDeadNodes(from: before)
        return true
      }
    }
    return false
  }

  /// An affine node whose only reader is a product without padding goes into its weights.
  private func foldIntoProductBehind(_ id: NodeID, _ graph: inout GraphRewriter) throws(GraphError) {
    guard let product = FoldableProduct(graph[id], in: graph), product.takesOperandAffine,
      let before = graph.producer(of: product.x), graph.onlyUser(of: product.x) == id,
      var affine = try graph.affine(graph[before], axis: product.operandAxis)
    else { return }
    if affine.offset != nil, !product.hasNoPadding {
      guard let shifted = try graph.shiftedFirst(affine, before, axis: product.operandAxis) else { return }
      affine = shifted
    }
    guard let (op, operands) = try product.preceded(by: affine, in: &graph) else { return }
    try graph.replace(id, with: op, operands)
    graph.eraseDeadNodes(from: before)
  }
}

extension GraphRewriter {
  /// The affine node that makes another's operand, if nothing else reads it.
  fileprivate mutating func affine(
    before other: ChannelAffine, read reader: NodeID, axis: Int
  ) throws(GraphError) -> ChannelAffine? {
    guard let id = producer(of: other.x), onlyUser(of: other.x) == reader else { return nil }
    return try affine(self[id], axis: axis)
  }

  /// `x * scale + offset` as a scale of `x + offset / scale`, the sum as a node; with the scale of a node before it, where
  /// it has none of its own. Nil where a scale is 0.
  fileprivate mutating func shiftedFirst(
    _ affine: ChannelAffine, _ id: NodeID, axis: Int
  ) throws(GraphError) -> ChannelAffine? {
    var whole = affine
    if whole.scale == nil {
      guard let earlier = try self.affine(before: affine, read: id, axis: axis) else { return nil }
      whole = try composed(earlier, affine)
    }
    guard let scale = whole.scale, let offset = whole.offset, isWellAboveZero(scale) else { return nil }
    let shift = try computed(.binary(.divide), offset, scale)
    let rank = shape(of: whole.x).rank
    return ChannelAffine(x: try add(whole.x, along(shift, axis: axis, rank: rank)), scale: scale)
  }

  /// Whether dividing by a small constant loses nothing.
  private func isWellAboveZero(_ value: Value) -> Bool {
    guard let tensor = constant(value), tensor.elementCount <= 4096,
      let numbers = try? tensor.doubles()  // A constant that cannot be read fails where its bytes are needed.
    else { return false }
    return numbers.allSatisfy { $0.isFinite && $0.magnitude > 1e-20 }
  }

  /// Erases a node and what makes its operands, as far as nothing reads them.
  mutating func eraseDeadNodes(from id: NodeID) {
    guard isAlive(id), !self[id].outputs.contains(where: isUsed) else { return }
    let operands = self[id].inputs
    erase(id)
    for operand in operands { if let before = producer(of: operand) { eraseDeadNodes(from: before) } }
  }

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
