/// Stores float32 constants and computes in float16; inputs and outputs keep their types.
///
/// Given:   x: float32 -> matMul(kernel: float32) -> y: float32
/// Result:  x: float32 -> cast -> matMul(kernel: float16) -> cast -> y: float32
package enum HalfPrecisionGraph {
  /// - Throws: ``GraphError`` for loops with a body, which are not converted.
  package static func run(on graph: Graph) throws(GraphError) -> Graph {
    var copy = GraphCopy(graph)
    copy.convert = { tensor in
      guard tensor.dtype == .float32 else { return tensor }
      return tensor.convertedWhenRead(to: .float16)
    }
    for input in graph.inputs {
      let type = graph.type(of: input)
      copy.addInput(input, type: type)
      guard type.dtype == .float32 else { continue }
      let narrow = try copy.target.append(
        .cast(.float16), [copy.value(input)], name: "\(graph.name(of: input))/float16")
      copy.set(input, narrow[0])
    }
    for node in graph.nodes {
      if !node.op.subgraphs.isEmpty {
        throw GraphError("a loop cannot be converted to float16", op: node.op.name, node: node.name)
      }
      if case .cast(.float32) = node.op {
        try copy.add(node, .cast(.float16))
      } else {
        try copy.add(node, node.op)
      }
    }
    for output in graph.outputs {
      var value = copy.value(output.value)
      if graph.dtype(of: output.value) == .float32 {
        value = try copy.target.append(.cast(.float32), [value], name: "\(output.name)/float32")[0]
      }
      copy.target.outputs.append(Graph.Output(name: output.name, value: value))
    }
    return copy.target
  }
}
