/// Turns images as soon as they come in: what follows on single elements then runs along whole planes.
///
/// Given:   x: input [N, H, W, C] -> subtract(mean [C]) -> transpose [N, C, H, W] -> y
/// Result:  x -> transpose -> subtract(mean [C, 1, 1]) -> y
///
/// In onnxruntime three numbers against the last axis of an image of 224 x 224 cost 0.39 ms, against planes 0.02 ms.
/// Applies between an input of the model and its transpose only; not when another node reads what lies between.
package struct EarlyTransposes: NodePass {
  package init() {}

  package func rewrite(_ id: NodeID, in graph: inout GraphRewriter) throws(GraphError) {
    guard case .transpose(let permutation) = graph[id].op,
      let (input, chain) = graph.elementwiseChain(to: graph[id].inputs[0])
    else { return }
    var current = try graph.emit(.transpose(permutation), input)
    for step in chain {
      let node = graph[step]
      var operands: [Value] = []
      for operand in node.inputs {
        operands.append(
          graph.constant(operand) == nil ? current : try graph.constant(operand, inOrder: permutation))
      }
      current = try graph.insert(node.op, operands, before: id, name: node.name, origin: node.origin)[0]
    }
    graph.replace(id, with: [current])
    for step in chain.reversed() { graph.eraseIfUnused(step) }
  }
}

extension GraphRewriter {
  /// The functions of single elements that make a value of an input of the graph, each read once; nil if there are none,
  /// or others are among them.
  fileprivate func elementwiseChain(to value: Value) -> (input: Value, nodes: [NodeID])? {
    var (current, chain) = (value, [NodeID]())
    while let id = producer(of: current) {
      let node = self[id]
      let data = node.inputs.filter { constant($0) == nil }
      guard node.op.isElementwise, data.count == 1, shape(of: data[0]) == shape(of: current),
        onlyUser(of: current) != nil
      else { return nil }
      chain.append(id)
      current = data[0]
    }
    return chain.isEmpty || constant(current) != nil ? nil : (current, chain.reversed())
  }

  /// A constant that lies against a value, against the value in another order of axes.
  fileprivate mutating func constant(_ value: Value, inOrder permutation: [Int]) throws(GraphError) -> Value {
    guard let tensor = constant(value), tensor.rank > 0 else { return value }
    let full = Array(repeating: 1, count: permutation.count - tensor.rank) + tensor.sizes
    let turned = try GraphError.wrapping(tensor.reshaped(full).transposed(permutation))
    return constant(turned, name: name(of: value))
  }
}

extension Op {
  fileprivate var isElementwise: Bool {
    if case .unary = self { return true }
    if case .binary = self { return true }
    if case .cast = self { return true }
    return false
  }
}
