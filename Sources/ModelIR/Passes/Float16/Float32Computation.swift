/// Computes float16 and bfloat16 in float32 without rounding between operations; inputs and outputs keep their types, and
/// weights stay as they are stored until a kernel reads them.
///
/// Given:   x: float16 -> matMul(kernel: float16) -> relu -> y: float16
/// Result:  x: float16 -> cast -> matMul(kernel: float32) -> relu -> cast -> y: float16
///
/// What a float16 operation would have rounded or taken for infinite is not: results are closer to those of a float32
/// model. A cast still rounds: quantised layers mean it to. Loops are converted with their bodies, at their ends too. Does
/// nothing without a value of one of these types.
package struct Float32Computation: RebuildingPass {
  package init() {}

  // A body's inputs change with the values that they take.
  package var appliesToBodies: Bool { false }

  package func isNeeded(in graph: GraphRewriter) -> Bool {
    graph.nodes.contains { id in
      (graph[id].inputs + graph[id].outputs).contains { graph.dtype(of: $0).isHalf }
        || graph[id].op.subgraphs.contains(where: \.usesHalf)
    }
  }

  package func rebuilt(_ graph: Graph) throws(GraphError) -> Graph {
    var copy = try widened(graph) { (copy, input) throws(GraphError) in
      copy.addInput(input, type: graph.type(of: input))
      guard graph.dtype(of: input).isHalf else { return }
      let name = "\(graph.name(of: input))/float32"
      copy.set(input, try copy.target.append(.cast(.float32), [copy.value(input)], name: name)[0])
    }
    for output in graph.outputs {
      var value = copy.value(output.value)
      let dtype = graph.dtype(of: output.value)
      if dtype.isHalf { value = try copy.target.append(.cast(dtype), [value], name: output.name)[0] }
      copy.target.outputs.append(Graph.Output(name: output.name, value: value))
    }
    return copy.target
  }

  /// A loop's body, its inputs and outputs in float32, too.
  private func widenedBody(_ body: Graph) throws(GraphError) -> Graph {
    var copy = try widened(body) { (copy, input) throws(GraphError) in
      copy.addInput(input, type: TensorType(body.dtype(of: input).widened, body.shape(of: input)))
    }
    for output in body.outputs {
      copy.target.outputs.append(Graph.Output(name: output.name, value: copy.value(output.value)))
    }
    return copy.target
  }

  private func widened(
    _ graph: Graph, addInput: (inout GraphCopy, Value) throws(GraphError) -> Void
  ) throws(GraphError) -> GraphCopy {
    var copy = GraphCopy(graph)
    copy.convert = { $0.dtype.isHalf ? $0.convertedWhenRead(to: .float32) : $0 }
    for input in graph.inputs { try addInput(&copy, input) }
    for node in graph.nodes {
      let op = try node.op.mapSubgraphs { (body) throws(GraphError) -> Graph in try widenedBody(body) }
      try copy.add(node, op)
      guard case .cast(let dtype) = op, dtype.isHalf else { continue }
      let rounded = [copy.value(node.outputs[0])]
      copy.set(
        node.outputs[0], try copy.target.append(.cast(.float32), rounded, name: "\(node.name)/float32")[0])
    }
    return copy
  }
}

extension DType {
  /// Whether these are floating-point numbers of 16 bits.
  fileprivate var isHalf: Bool { self == .float16 || self == .bfloat16 }
  fileprivate var widened: DType { isHalf ? .float32 : self }
}

extension Graph {
  fileprivate var usesHalf: Bool {
    values.contains { dtype(of: $0).isHalf } || nodes.contains { $0.op.subgraphs.contains { $0.usesHalf } }
  }
}
