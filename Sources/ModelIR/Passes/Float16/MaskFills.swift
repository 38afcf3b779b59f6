/// Gives scores that a mask takes out a number that float16 has, so that nothing around them needs float32.
///
/// Given:   select(mask, scores, -2.4e38) -> softmax -> y
/// Result:  select(mask, scores, -65504) -> softmax -> y
///
/// The exponential of either is 0 beside a kept score, and a row without one is a mean all the same. Does not apply to masks
/// that are added: the scores of a row without a kept one count there.
package struct MaskFills: NodePass {
  /// The lowest number of float16.
  private static let lowest = -65504.0

  package init() {}

  package func rewrite(_ id: NodeID, in graph: inout GraphRewriter) throws(GraphError) {
    let node = graph[id]
    guard case .softmax = node.op, let before = graph.producer(of: node.inputs[0]),
      graph[before].op == .select,
      graph.onlyUser(of: node.inputs[0]) == id, graph.dtype(of: node.inputs[0]) == .float32,
      let tensor = graph.constant(graph[before].inputs[2]), tensor.rank == 0,
      // A constant that cannot be read fails where its bytes are needed.
      let number = try? tensor.doubles().first,
      number < MaskFills.lowest
    else { return }
    let fill = graph.scalar(MaskFills.lowest, .float32)
    try graph.replace(before, with: .select, Array(graph[before].inputs.prefix(2)) + [fill])
  }
}
