/// Moves the stored integers in the place of what is made of them.
///
/// Given:   q (constant) -> dequantize(one scale) -> transpose or reshape -> y
/// Result:  q, moved (constant) -> dequantize -> y
///
/// Does not apply to scales that differ along an axis, to 4-bit numbers, or when another node reads the numbers.
package struct QuantizedMovement: NodePass {
  package init() {}

  package func rewrite(_ id: NodeID, in graph: inout GraphRewriter) throws(GraphError) {
    guard let x = graph[id].inputs.first, let before = graph.producer(of: x), graph.onlyUser(of: x) == id,
      case .dequantize(let attributes) = graph[before].op, attributes.numbers == .bytes,
      attributes.blockSize == nil,
      let stored = graph.constant(graph[before].inputs[0]),
      graph[before].inputs.dropFirst().allSatisfy({ graph.shape(of: $0).rank == 0 })
    else { return }
    guard let moved = try GraphError.wrapping(stored.moved(by: graph[id].op)) else { return }
    let numbers = graph.constant(moved, name: graph.name(of: graph[before].inputs[0]))
    let op = Op.dequantize(DequantizeAttributes(.bytes))
    try graph.replace(id, with: op, [numbers] + graph[before].inputs.dropFirst())
    graph.eraseIfUnused(before)
  }
}

extension Tensor {
  /// The tensor transposed or reshaped; nil for other operations and sizes that are not known.
  fileprivate func moved(by op: Op) throws(TensorError) -> Tensor? {
    if case .transpose(let permutation) = op { return try transposed(permutation) }
    if case .reshape(let shape) = op, let sizes = shape.fixedSizes { return try reshaped(sizes) }
    return nil
  }
}
