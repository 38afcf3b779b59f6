/// Computes what depends on constants only. A big result is a storage that is computed when its bytes are read.
///
/// Given:   kernel -> transpose -> multiply(factor) -> conv
/// Result:  constant (a view of the kernel, times the factor, made as it is written) -> conv
///
/// Does not apply where the result would be much larger than its operands (expand, tile of big ones), nor to operations
/// that ``ConstantArithmetic`` does not have.
package struct ConstantFolding: NodePass {
  package init() {}

  package func rewrite(_ id: NodeID, in graph: inout GraphRewriter) throws(GraphError) {
    let node = graph[id]
    var operands: [Tensor] = []
    for input in node.inputs {
      guard let tensor = graph.constant(input) else { return }
      operands.append(tensor)
    }
    guard
      let results = try GraphError.wrapping(
        ConstantArithmetic.evaluate(
          node.op, operands, types: node.outputs.map { graph.type(of: $0) }))
    else { return }
    var values: [Value] = []
    for (result, output) in zip(results, node.outputs) {
      values.append(graph.constant(result, name: graph.name(of: output)))
    }
    graph.replace(id, with: values)
  }
}
