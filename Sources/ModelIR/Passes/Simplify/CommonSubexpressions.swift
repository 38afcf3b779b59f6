/// Computes equal things once.
///
/// Given:   a = exp(x); b = exp(x); y = a + b;  two equal constants
/// Result:  a = exp(x); y = a + a;              one constant
///
/// Constants are equal when they are the same storage, or small with the same bytes.
package struct CommonSubexpressions: Pass {
  package init() {}

  private struct NodeKey: Hashable {
    let op: Op
    let inputs: [Value]

    /// By the operands: few nodes have the same, and hashing an operation takes longer than comparing two.
    func hash(into hasher: inout Hasher) { hasher.combine(inputs) }
  }

  private enum ConstantKey: Hashable {
    case storage(ObjectIdentifier, TensorType)
    case bytes([UInt8], TensorType)
    case strings([String], TensorType)
  }

  package func run(on graph: inout GraphRewriter) throws(GraphError) {
    var constants: [ConstantKey: Value] = [:]
    var nodes: [NodeKey: [Value]] = [:]
    for id in graph.nodes {
      for input in graph[id].inputs {
        guard let tensor = graph.constant(input) else { continue }
        let key = key(tensor)
        if let known = constants[key] { graph.replace(input, with: known) } else { constants[key] = input }
      }
      let node = graph[id]
      let key = NodeKey(op: node.op, inputs: node.inputs)
      if let known = nodes[key] { graph.replace(id, with: known) } else { nodes[key] = node.outputs }
    }
  }

  private func key(_ tensor: Tensor) -> ConstantKey {
    if let strings = tensor.strings { return .strings(strings, tensor.type) }
    // A constant that cannot be read is compared by its storage and fails where its bytes are needed.
    if tensor.byteCount <= 256, let bytes = try? tensor.withBytes(Array.init) {  // See above.
      return .bytes(bytes, tensor.type)
    }
    return .storage(ObjectIdentifier(tensor.storage), tensor.type)
  }
}

/// Leaves out what no output of the graph depends on.
///
/// Given:   a = exp(x); b = log(x); output a
/// Result:  a = exp(x); output a
package struct DeadNodes: Pass {
  package init() {}
  package func run(on graph: inout GraphRewriter) throws(GraphError) { graph.eraseDeadNodes() }
}
