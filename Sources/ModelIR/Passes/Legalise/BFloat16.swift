/// Computes bfloat16 in float32, rounded after every operation that can change a number; for targets without it.
///
/// Given:   x: bfloat16 -> exp -> y: bfloat16
/// Result:  x: float32 -> exp -> cast(bfloat16) -> cast(float32) -> y: float32
///
/// The model's inputs and outputs become float32, too. Does nothing without a value of bfloat16.
package struct BFloat16Emulation: RebuildingPass {
  package init() {}

  // A body's inputs change with the values that they take.
  package var appliesToBodies: Bool { false }

  package func isNeeded(in graph: GraphRewriter) -> Bool {
    let values =
      graph.inputs + graph.outputs.map(\.value) + graph.nodes.flatMap { graph[$0].inputs + graph[$0].outputs }
    return values.contains { graph.dtype(of: $0) == .bfloat16 }
      || graph.nodes.contains { graph[$0].op.subgraphs.contains(where: \.usesBFloat16) }
  }

  package func rebuilt(_ graph: Graph) throws(GraphError) -> Graph {
    guard graph.usesBFloat16 else { return graph }
    var copy = GraphCopy(graph)
    copy.convert = { $0.dtype == .bfloat16 ? $0.convertedWhenRead(to: .float32) : $0 }
    for input in graph.inputs { copy.addInput(input, type: graph.type(of: input).widened) }
    for node in graph.nodes {
      let op = try node.op.mapSubgraphs { (body) throws(GraphError) -> Graph in try rebuilt(body) }
      try copy.add(node, op.withoutBFloat16)
      if node.op.onlyChooses { continue }
      for output in node.outputs where graph.dtype(of: output) == .bfloat16 {
        let rounded = try copy.target.append(
          .cast(.bfloat16), [copy.value(output)], name: "\(node.name)/round", origin: node.origin)
        copy.set(
          output,
          try copy.target.append(.cast(.float32), rounded, name: "\(node.name)/float32", origin: node.origin)[
            0])
      }
    }
    for output in graph.outputs {
      copy.target.outputs.append(Graph.Output(name: output.name, value: copy.value(output.value)))
    }
    return copy.target
  }
}

extension TensorType {
  fileprivate var widened: TensorType { dtype == .bfloat16 ? TensorType(.float32, shape) : self }
}

extension Op {
  /// A cast to bfloat16 keeps its operand here, it is rounded like every other result.
  fileprivate var withoutBFloat16: Op {
    if case .cast(.bfloat16) = self { return .cast(.float32) }
    return self
  }
}

extension Graph {
  fileprivate var usesBFloat16: Bool {
    values.contains { dtype(of: $0) == .bfloat16 }
      || nodes.contains { $0.op.subgraphs.contains { $0.usesBFloat16 } }
  }
}
