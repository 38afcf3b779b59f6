/// Says attention in one node, where the target has one.
///
/// Given:   q, k, v: each reshape [N, T, H, D] -> transpose [N, H, T, D];  matMul(q, transpose(k)) -> add(mask) -> softmax
///          -> matMul(v) -> transpose -> reshape [N, T, H D] -> y
/// Result:  attention(q [N, T, H D], k, v, mask) -> reshape -> y
///
/// Heads of keys that serve several of queries in a row are taken once; a choice between the scores and a number that takes
/// all others in is an addition of that number, so that rows without a kept score stay means of all values. Without the split
/// into heads there is one. Does not apply when another node reads scores or weights.
package struct AttentionFusion: NodePass {
  private let target: Target

  package init(_ target: Target) { self.target = target }

  package func rewrite(_ id: NodeID, in graph: inout GraphRewriter) throws(GraphError) {
    guard case .matMul = graph[id].op, let pattern = AttentionPattern(id, in: graph) else { return }
    let op = Op.attention(pattern.attributes)
    guard target.takes(op, pattern.types(in: graph)) else { return }
    graph.cursor = id
    let y = graph[id].outputs[0]
    let result = try graph.emitAll(op, pattern.operands(in: &graph))[0]
    guard pattern.isSplit else { return graph.replace(id, with: [result]) }
    // What follows turns the heads back: the two transposes meet.
    let size = graph.shape(of: y)
    let wide = try graph.reshape(result, [size[0], size[2], size[1], size[3]])
    graph.replace(id, with: [try graph.emit(.transpose([0, 2, 1, 3]), wide)])
  }
}

/// A value as a transpose of another, which need not be there as a node.
private struct Turned {
  let value: Value
  let permutation: [Int]

  func shape(in graph: GraphRewriter) -> Shape {
    let shape = graph.shape(of: value)
    return Shape(permutation.map { shape[$0] })
  }
}

/// The parts of attention that ends in a product of weights and values.
private struct AttentionPattern {
  /// What is added to the scores.
  private enum Mask {
    case added(Value), subtracted(Value)
    /// The number in the place of scores that are not kept.
    case chosen(keep: Value, number: Value)

    var value: Value {
      switch self {
      case .added(let value), .subtracted(let value), .chosen(let value, _): value
      }
    }
  }

  /// Queries, keys and values, each head of keys and values once.
  private let parts: [Turned]
  private let mask: Mask?
  let attributes: AttentionAttributes
  /// Whether there is an axis of heads: `[N, H, T, D]`.
  let isSplit: Bool

  init?(_ id: NodeID, in graph: GraphRewriter) {
    let rank = graph.shape(of: graph[id].inputs[0]).rank
    guard rank == 3 || rank == 4, let softmax = graph.only(graph[id].inputs[0]),
      softmax.op == .softmax(axis: rank - 1)
    else { return nil }
    isSplit = rank == 4
    let masked = AttentionPattern.masked(softmax.inputs[0], in: graph)
    mask = masked.mask
    let scaled = graph.scaled(masked.scores)
    guard let product = graph.only(scaled.value), case .matMul = product.op else { return nil }
    let query = graph.turned(product.inputs[0])
    let key = graph.turned(product.inputs[1]).exchangingLastAxes
    let value = graph.turned(graph[id].inputs[1])
    let shapes = [query, key, value].map { $0.shape(in: graph) }
    guard shapes.allSatisfy({ $0.rank == rank && $0[rank - 1].fixedSize != nil }),
      let heads = isSplit ? shapes[0][1].fixedSize : 1,
      !isSplit || shapes.allSatisfy({ $0[1] == .fixed(heads) }),
      mask.map({ graph.shape(of: $0.value).spreads(to: graph.shape(of: scaled.value)) }) ?? true
    else { return nil }
    var groups = 1
    if let keys = graph.sharedHeads(key), let values = graph.sharedHeads(value), keys.count == values.count {
      parts = [query, keys.source, values.source]
      groups = keys.count
    } else {
      parts = [query, key, value]
    }
    attributes = AttentionAttributes(heads: heads, keyHeads: heads / groups, scale: scaled.factor)
  }

  /// The scores below a mask, if there is one.
  private static func masked(_ scores: Value, in graph: GraphRewriter) -> (scores: Value, mask: Mask?) {
    guard let node = graph.only(scores) else { return (scores, nil) }
    // Only a number that takes in all that is added to it is one that can be added.
    if case .select = node.op, graph.dtype(of: scores) == .float32, let number = graph.number(node.inputs[2]),
      number < -1e30
    {
      return (node.inputs[1], .chosen(keep: node.inputs[0], number: node.inputs[2]))
    }
    if case .binary(.add) = node.op { return (node.inputs[0], .added(node.inputs[1])) }
    if case .binary(.subtract) = node.op { return (node.inputs[0], .subtracted(node.inputs[1])) }
    return (scores, nil)
  }

  func types(in graph: GraphRewriter) -> [TensorType] {
    parts.map { part in
      let shape = part.shape(in: graph)
      let dtype = graph.dtype(of: part.value)
      return TensorType(dtype, isSplit ? [shape[0], shape[2], shape[1] * shape[3]] : shape)
    }
  }

  /// Heads side by side, and the mask as a summand.
  func operands(in graph: inout GraphRewriter) throws(GraphError) -> [Value] {
    var list: [Value] = []
    for part in parts { list.append(try flat(part, &graph)) }
    if let mask { list.append(try summand(mask, &graph)) }
    return list
  }

  private func flat(_ part: Turned, _ graph: inout GraphRewriter) throws(GraphError) -> Value {
    let order = isSplit ? [0, 2, 1, 3].map { part.permutation[$0] } : part.permutation
    let x = order.isIdentityPermutation ? part.value : try graph.emit(.transpose(order), part.value)
    let shape = graph.shape(of: x)
    return isSplit ? try graph.reshape(x, [shape[0], shape[1], shape[2] * shape[3]]) : x
  }

  private func summand(_ mask: Mask, _ graph: inout GraphRewriter) throws(GraphError) -> Value {
    let made: Value
    switch mask {
    case .added(let value): made = value
    case .subtracted(let value): made = try graph.computed(.unary(.negate), value)
    case .chosen(let keep, let number): made = try graph.select(keep, graph.scalar(0, like: number), number)
    }
    // onnxruntime broadcasts a mask over samples and heads only.
    let raised = isSplit ? made : try graph.expandDims(made, 1)
    let (own, queries, keys) = (graph.shape(of: raised), parts[0].shape(in: graph), parts[1].shape(in: graph))
    let axis = isSplit ? 2 : 1
    let whole: Shape = [own[0], own[1], queries[axis], keys[axis]]
    return own == whole ? raised : try graph.emit(.expand(whole), raised)
  }
}

extension Turned {
  fileprivate var exchangingLastAxes: Turned {
    var order = permutation
    if order.count > 1 { order.swapAt(order.count - 1, order.count - 2) }
    return Turned(value: value, permutation: order)
  }
}

extension Shape {
  /// Whether every axis is one of another shape's, or 1.
  fileprivate func spreads(to other: Shape) -> Bool {
    rank == other.rank && zip(dimensions, other.dimensions).allSatisfy { $0 == 1 || $0 == $1 }
  }
}

extension GraphRewriter {
  /// The node that makes a value that nothing else reads.
  fileprivate func only(_ value: Value) -> Node? {
    guard onlyUser(of: value) != nil else { return nil }
    return producer(of: value).map { self[$0] }
  }

  /// The number that a constant of rank 0 is.
  fileprivate func number(_ value: Value) -> Double? {
    guard let tensor = constant(value), tensor.rank == 0 else { return nil }
    return try? tensor.doubles().first  // A constant that cannot be read fails where its bytes are needed.
  }

  /// What a value is a multiple of.
  fileprivate func scaled(_ value: Value) -> (value: Value, factor: Double) {
    guard let node = only(value), case .binary(.multiply) = node.op, let factor = number(node.inputs[1])
    else {
      return (value, 1)
    }
    return (node.inputs[0], factor)
  }

  fileprivate func turned(_ value: Value) -> Turned {
    if let node = producer(of: value).map({ self[$0] }), case .transpose(let permutation) = node.op {
      return Turned(value: node.inputs[0], permutation: permutation)
    }
    return Turned(value: value, permutation: Array(0..<shape(of: value).rank))
  }

  /// Heads of which each stands several times in a row: `[N, K, S, D]` as `[N, K, R, S, D]` as `[N, K R, S, D]`.
  fileprivate func sharedHeads(_ heads: Turned) -> (source: Turned, count: Int)? {
    guard heads.permutation == [0, 1, 2, 3], let joined = producer(of: heads.value).map({ self[$0] }),
      case .reshape = joined.op, let spread = producer(of: joined.inputs[0]).map({ self[$0] }),
      case .expand(let wide) = spread.op, wide.rank == 5, let count = wide[2].fixedSize,
      let raised = producer(of: spread.inputs[0]).map({ self[$0] }), case .reshape(let narrow) = raised.op,
      narrow.rank == 5, narrow[2] == 1
    else { return nil }
    let (own, all) = (shape(of: raised.inputs[0]), shape(of: heads.value))
    guard own == [narrow[0], narrow[1], narrow[3], narrow[4]], wide[1] == narrow[1], all[2] == own[2],
      all[3] == own[3]
    else { return nil }
    return (turned(raised.inputs[0]), count)
  }
}
