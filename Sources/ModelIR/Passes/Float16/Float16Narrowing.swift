/// Computes in float16 what float16 can hold, with weights stored so; the model's inputs and outputs keep their types.
///
/// Given:   x: float32 -> matMul(kernel: float32) -> y: float32
/// Result:  x: float32 -> cast -> matMul(kernel: float16) -> cast -> y: float32
///
/// What float16 has no place for stays in float32, and so does what is computed from it: a mask that adds -1e9 until its
/// softmax bounds it, squares, exponentials and integers until the next product. So does what no weight has touched yet:
/// the inputs up to the first product, where rounding could carry a number over a step. Loops are converted with their
/// bodies.
package struct Float16Narrowing: RebuildingPass {
  package init() {}

  // A body's inputs change with the values that they take.
  package var appliesToBodies: Bool { false }

  package func rebuilt(_ graph: Graph) throws(GraphError) -> Graph {
    var copy = GraphCopy(graph)
    var narrowed = NarrowedGraph(graph)
    for input in graph.inputs { copy.addInput(input, type: graph.type(of: input)) }
    for node in graph.nodes { try narrowed.add(node, to: &copy) }
    for output in graph.outputs {
      let value = try narrowed.value(output.value, as: .float32, in: &copy, name: output.name)
      copy.target.outputs.append(Graph.Output(name: output.name, value: value))
    }
    return copy.target
  }
}

/// A graph whose float32 values are float16 in the copy, but for those that need their range.
private struct NarrowedGraph {
  let graph: Graph
  /// The values that are float32 in the copy.
  private var float32: Set<Value>
  /// How far values may lie outside float16's range.
  private var ranges: [Value: Float16Range] = [:]
  /// The model's inputs and what was computed of them without weights.
  private var untouched: Set<Value>
  /// The other form of a value, once a node asked for it.
  private var casts: [Value: Value] = [:]

  init(_ graph: Graph) {
    self.graph = graph
    // Inputs are given in float32; a node takes them in float16 where it can.
    float32 = Set(graph.inputs)
    untouched = float32
  }

  /// A value of the copy in one of the two types; those of other types as they are.
  mutating func value(
    _ old: Value, as dtype: DType, in copy: inout GraphCopy, name: String
  ) throws(GraphError) -> Value {
    guard graph.dtype(of: old) == .float32 else { return copy.value(old) }
    let isConstant = graph.constant(old) != nil
    if (isConstant || float32.contains(old)) == (dtype == .float32) { return copy.value(old) }
    if let known = casts[old] { return known }
    let made: Value
    if let tensor = graph.constant(old) {
      made = copy.target.constant(tensor.convertedWhenRead(to: .float16), name: graph.name(of: old))
    } else {
      made = try copy.target.append(.cast(dtype), [copy.value(old)], name: "\(name)/\(dtype.rawValue)")[0]
    }
    casts[old] = made
    return made
  }

  mutating func add(_ node: Node, to copy: inout GraphCopy) throws(GraphError) {
    var range = Float16Range.inside
    for input in node.inputs { range = max(range, try self.range(of: input, name: node.name)) }
    let isUntouched = isUntouched(node)
    let isWide = range > node.op.acceptedRange || node.op.needsFloat32 || casts(node) || isUntouched
    let dtype = isWide ? DType.float32 : .float16
    var operands: [Value] = []
    for input in node.inputs { operands.append(try value(input, as: dtype, in: &copy, name: node.name)) }
    var op =
      isWide ? node.op : try node.op.mapSubgraphs { (body) throws(GraphError) -> Graph in try narrowed(body) }
    if case .cast(.float32) = op, !isWide { op = .cast(.float16) }
    let results = try copy.target.append(op, operands, name: node.name, origin: node.origin)
    for (old, new) in zip(node.outputs, results) {
      copy.set(old, new)
      if isWide { float32.insert(old) }
      if isUntouched { untouched.insert(old) }
      ranges[old] = casts(node) ? .large : node.op.resultRange(of: isWide ? range : .inside)
    }
  }

  /// Whether a node only has the model's inputs, what came of them and single numbers to work on.
  private func isUntouched(_ node: Node) -> Bool {
    guard node.op.acceptedRange == .inside else { return false }
    return node.inputs.allSatisfy {
      untouched.contains($0) || graph.constant($0).map { $0.elementCount <= 16 } == true
    }
  }

  /// A cast from integers, which may be as large as they like, or from float64; or one to float64, of which all digits
  /// are wanted.
  private func casts(_ node: Node) -> Bool {
    if case .cast(.float64) = node.op { return true }
    guard case .cast(.float32) = node.op else { return false }
    return !graph.dtype(of: node.inputs[0]).fits(in: .float16)
  }

  /// A loop's body with float16 in the place of float32, at its ends too.
  private func narrowed(_ body: Graph) throws(GraphError) -> Graph {
    var copy = GraphCopy(body)
    var inner = NarrowedGraph(body)
    (inner.float32, inner.untouched) = ([], [])
    for input in body.inputs {
      let type = body.type(of: input)
      copy.addInput(input, type: TensorType(type.dtype == .float32 ? .float16 : type.dtype, type.shape))
    }
    for node in body.nodes { try inner.add(node, to: &copy) }
    for output in body.outputs {
      let value = try inner.value(output.value, as: .float16, in: &copy, name: output.name)
      copy.target.outputs.append(Graph.Output(name: output.name, value: value))
    }
    return copy.target
  }

  private func range(of value: Value, name: String) throws(GraphError) -> Float16Range {
    guard graph.dtype(of: value) == .float32 else { return .inside }
    guard let tensor = graph.constant(value) else {
      // Values whose nodes were all in float16, and inputs, are taken to fit.
      return ranges[value] ?? .inside
    }
    do { return try tensor.float16Range() } catch {
      throw GraphError("a constant cannot be read: \(error)", node: name)
    }
  }
}
