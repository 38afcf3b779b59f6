/// Moves the indices of a lookup in the place of the rows that it finds.
///
/// Given:   indices [N, T] -> gather(table [V, C]) -> transpose [T, N, C] -> y
/// Result:  indices -> transpose [T, N] -> gather -> y
///
/// Does not apply when the transpose takes the rows apart, or another node reads what is found.
package struct LookupMovement: NodePass {
  package init() {}

  package func rewrite(_ id: NodeID, in graph: inout GraphRewriter) throws(GraphError) {
    guard case .transpose(let permutation) = graph[id].op,
      let before = graph.producer(of: graph[id].inputs[0]),
      graph[before].op == .gather(axis: 0), graph.onlyUser(of: graph[before].outputs[0]) == id
    else { return }
    let (table, indices) = (graph[before].inputs[0], graph[before].inputs[1])
    let rank = graph.shape(of: indices).rank
    guard Array(permutation.dropFirst(rank)) == Array(rank..<permutation.count) else { return }
    let moved = try graph.emit(.transpose(Array(permutation.prefix(rank))), indices)
    try graph.replace(id, with: .gather(axis: 0), [table, moved])
    graph.eraseIfUnused(before)
  }
}
