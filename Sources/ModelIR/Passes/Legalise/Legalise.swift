/// Says what a target does not take with what it does.
///
/// Given:   x: int8 -> add -> y;  z -> expm1 -> w                     (a target of float32 and int64, without expm1)
/// Result:  x -> cast(int64) -> add -> cast(int8) -> y;  z -> tanh, exp, ... -> w
///
/// First the type: between casts, where the target names a carrier. Then the operation: the decompositions are the same
/// for every target. Afterwards the target takes every node, or the pass has thrown.
package struct Legalise: Pass {
  private let target: Target
  /// How many rewrites in a row may come of one node; a decomposition that leads to itself is a mistake in it.
  private static let limit = 64

  package init(_ target: Target) { self.target = target }

  package func run(on graph: inout GraphRewriter) throws(GraphError) {
    var current = graph.first
    var depths: [NodeID: Int] = [:]
    while let id = current {
      let before = graph.node(before: id)
      guard try rewrite(id, in: &graph) else {
        current = graph.node(after: id)
        continue
      }
      current = graph.firstAlive(after: before)
      let depth = depths[id, default: 0] + 1  // A node that came of no other has depth 0.
      guard depth < Legalise.limit else { throw refusal(graph[id], "it is decomposed without end") }
      var inserted = current
      while let next = inserted, next.index > id.index, depths[next] == nil {
        depths[next] = depth
        inserted = graph.node(after: next)
      }
    }
    graph.cursor = nil
  }

  /// - Returns: whether the node was rewritten.
  private func rewrite(_ id: NodeID, in graph: inout GraphRewriter) throws(GraphError) -> Bool {
    let node = graph[id]
    let types = node.inputs.map { graph.type(of: $0) }
    let rule = target.rule(for: node.op, types)
    graph.cursor = id
    if let dtype = node.op.dataType(types), !rule.types.contains(dtype) {
      guard let carrier = rule.carriers[dtype] else {
        throw refusal(node, "\(target.name) has no \(node.op.name) of \(dtype.rawValue)")
      }
      graph.replace(id, with: try graph.carried(node, from: dtype, in: carrier))
      return true
    }
    guard let reason = rule.refusal else { return false }
    guard let results = try graph.decomposed(node) else { throw refusal(node, reason) }
    graph.replace(id, with: results)
    return true
  }

  private func refusal(_ node: Node, _ message: String) -> GraphError {
    GraphError(message, op: node.op.name, node: node.name)
  }
}

extension GraphRewriter {
  /// The node done in another element type, between casts.
  fileprivate mutating func carried(
    _ node: Node, from dtype: DType, in carrier: DType
  ) throws(GraphError) -> [Value] {
    var operands: [Value] = []
    for input in node.inputs {
      operands.append(self.dtype(of: input) == dtype ? try computed(.cast(carrier), input) : input)
    }
    var results: [Value] = []
    for (result, old) in zip(try emitAll(node.op, operands), node.outputs) {
      let wanted = self.dtype(of: old)
      results.append(self.dtype(of: result) == wanted ? result : try emit(.cast(wanted), result))
    }
    return results
  }

  /// The node said with other operations; nil when there is no way.
  fileprivate mutating func decomposed(_ node: Node) throws(GraphError) -> [Value]? {
    let x = node.inputs
    switch node.op {
    case .unary(let function): return try decomposed(function, x[0]).map { [$0] }
    case .binary(let function): return try decomposed(function, x[0], x[1]).map { [$0] }
    case .compare(let comparison): return try decomposed(comparison, x[0], x[1]).map { [$0] }
    case .cast(let dtype): return try decomposedCast(to: dtype, x[0]).map { [$0] }
    case .dense(let attributes): return [try decomposedDense(attributes, x)]
    case .attention(let attributes): return [try decomposed(attributes, x)]
    case .conv(let attributes): return try decomposed(attributes, x).map { [$0] }
    case .convTranspose(let attributes): return try decomposed(attributes, x).map { [$0] }
    case .reduce(let function, let axes, let keepDims):
      return try decomposed(function, axes, keepDims, x[0]).map { [$0] }
    case .cumulative(let function, let axis, let isReverse, let isExclusive):
      return try decomposed(function, axis, isReverse: isReverse, isExclusive: isExclusive, x[0]).map { [$0] }
    case .batchNormalization(let axis, let epsilon):
      return [try decomposedBatchNormalization(axis, epsilon, x)]
    case .normalization(let normalization, let epsilon):
      return [try decomposed(normalization, epsilon, node)]
    case .pad(let attributes): return try decomposed(attributes, x[0]).map { [$0] }
    case .reverse(let axes):
      return [try emit(.slice(axes.map { SliceRange(axis: $0, start: nil, stop: nil, step: -1) }), x[0])]
    case .gather, .gatherElements, .gatherND: return try decomposedIndices(node).map { [$0] }
    case .scatterND(let reduction):
      if let y = try decomposedIndices(node) { return [y] }
      return try decomposedScatter(reduction, node).map { [$0] }
    case .triangle(let isUpper, let k): return [try decomposedTriangle(isUpper: isUpper, k, x[0])]
    case .hash(let attributes): return try decomposed(attributes, x).map { [$0] }
    case .dequantize, .select, .matMul, .einsum, .pool, .argReduce, .topK, .softmax, .logSoftmax, .reshape,
      .transpose,
      .concat,
      .split, .slice, .expand, .tile, .range, .count, .sizes, .recurrent, .sequenceRecurrent, .scan, .resize,
      .lookup,
      .vectorize:
      return nil
    }
  }
}
