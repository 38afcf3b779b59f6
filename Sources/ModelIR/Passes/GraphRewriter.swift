/// The handle of a node of a ``GraphRewriter``; it stays valid while other nodes come and go.
package struct NodeID: Hashable, Sendable { let index: Int }

/// A graph being changed: nodes in an order in which they can be evaluated, with the users of every value at hand.
///
/// Values and nodes keep their handles through every change. ``finished()`` builds the graph anew, so that all types are
/// inferred again from what the rewriting left.
package struct GraphRewriter {
  /// One read of a value.
  package enum Use: Hashable, Sendable {
    case operand(NodeID, position: Int)
    /// An output of the graph.
    case output(Int)
  }

  private enum Source {
    case input
    case constant(Tensor)
    case node(NodeID)
  }

  private struct Record {
    var type: TensorType
    var name: String
    var source: Source
    /// Who reads the value, one entry for each read.
    var readers: [NodeID] = []
  }

  private struct Slot {
    var node: Node
    var previous: NodeID?
    var next: NodeID?
    var isAlive = true
  }

  private var records: [Record] = []
  private var slots: [Slot] = []
  /// The first node, if there is one.
  package private(set) var first: NodeID?
  private var last: NodeID?
  /// The graph's inputs in order.
  package private(set) var inputs: [Value] = []
  /// The graph's outputs in order.
  package private(set) var outputs: [Graph.Output] = []
  /// Where ``emit(_:_:as:)`` puts nodes: before this one; at the end without one.
  package var cursor: NodeID?

  package init(_ graph: Graph) {
    for value in graph.values {
      let type = graph.type(of: value)
      let name = graph.name(of: value)
      switch graph.source(of: value) {
      case .input: records.append(Record(type: type, name: name, source: .input))
      case .constant(let tensor): records.append(Record(type: type, name: name, source: .constant(tensor)))
      case .node(let index, _):
        records.append(Record(type: type, name: name, source: .node(NodeID(index: index))))
      }
    }
    inputs = graph.inputs
    outputs = graph.outputs
    for node in graph.nodes { link(node, before: nil) }
  }
}

// MARK: - Looking

extension GraphRewriter {
  /// The nodes as they are now, in order; nodes added later are not among them.
  package var nodes: [NodeID] {
    var result: [NodeID] = []
    var current = first
    while let id = current {
      result.append(id)
      current = slots[id.index].next
    }
    return result
  }

  package subscript(id: NodeID) -> Node { slots[id.index].node }
  /// False once a node was erased.
  package func isAlive(_ id: NodeID) -> Bool { slots[id.index].isAlive }
  package func node(after id: NodeID) -> NodeID? { slots[id.index].next }
  package func node(before id: NodeID) -> NodeID? { slots[id.index].previous }

  /// The node behind another, or behind what is left before it; the first one without another.
  func firstAlive(after id: NodeID?) -> NodeID? {
    var place = id
    while let id = place, !isAlive(id) { place = slots[id.index].previous }
    return place.map { slots[$0.index].next } ?? first
  }

  package func type(of value: Value) -> TensorType { records[value.index].type }
  package func shape(of value: Value) -> Shape { records[value.index].type.shape }
  package func dtype(of value: Value) -> DType { records[value.index].type.dtype }
  package func name(of value: Value) -> String { records[value.index].name }

  /// The tensor of a constant; nil for other values.
  package func constant(_ value: Value) -> Tensor? {
    if case .constant(let tensor) = records[value.index].source { return tensor }
    return nil
  }

  /// The node that makes a value; nil for inputs and constants.
  package func producer(of value: Value) -> NodeID? {
    if case .node(let id) = records[value.index].source { return id }
    return nil
  }

  /// Every read of a value, outputs of the graph last.
  package func users(of value: Value) -> [Use] {
    var uses: [Use] = []
    for id in Set(records[value.index].readers).sorted(by: { $0.index < $1.index }) {
      for (position, input) in slots[id.index].node.inputs.enumerated() where input == value {
        uses.append(.operand(id, position: position))
      }
    }
    for (index, output) in outputs.enumerated() where output.value == value { uses.append(.output(index)) }
    return uses
  }

  /// The only node that reads a value, once; nil when there are others or the value is an output of the graph.
  package func onlyUser(of value: Value) -> NodeID? {
    let readers = records[value.index].readers
    return readers.count == 1 && !isOutput(value) ? readers[0] : nil
  }

  package func isUsed(_ value: Value) -> Bool { !records[value.index].readers.isEmpty || isOutput(value) }
  package func isOutput(_ value: Value) -> Bool { outputs.contains { $0.value == value } }
}

// MARK: - Changing

extension GraphRewriter {
  /// Adds a constant.
  package mutating func constant(_ tensor: Tensor, name: String) -> Value {
    add(Record(type: tensor.type, name: name, source: .constant(tensor)))
  }

  /// Adds an input behind the others.
  package mutating func input(name: String, type: TensorType) -> Value {
    let value = add(Record(type: type, name: name, source: .input))
    inputs.append(value)
    return value
  }

  /// Adds a node before another (at the end without one), which must come after all that makes its operands.
  /// - Throws: ``GraphError`` when the operands do not fit.
  @discardableResult
  package mutating func insert(
    _ op: Op, _ operands: [Value], before next: NodeID?, name: String, origin: String? = nil
  ) throws(GraphError) -> [Value] {
    let types = try Graph.inferTypes(op, operands.map { type(of: $0) }, name: name)
    let id = NodeID(index: slots.count)
    let results = types.enumerated().map { position, type in
      add(Record(type: type, name: position == 0 ? name : "\(name):\(position)", source: .node(id)))
    }
    let place = origin ?? next.map { slots[$0.index].node.origin }
    // The origin is told in messages only.
    link(Node(name: name, op: op, inputs: operands, outputs: results, origin: place ?? ""), before: next)
    return results
  }

  /// Adds a node at the ``cursor``, named after the node there.
  package mutating func emitAll(_ op: Op, _ operands: [Value], as suffix: String? = nil) throws(GraphError)
    -> [Value]
  {
    let base = cursor.map { slots[$0.index].node.name }
    return try insert(
      op, operands, before: cursor, name: [base, suffix ?? op.name].compactMap { $0 }.joined(separator: "/"))
  }

  /// Adds a node of one result at the ``cursor``.
  package mutating func emit(_ op: Op, _ operands: Value..., as suffix: String? = nil) throws(GraphError)
    -> Value
  {
    try emitAll(op, operands, as: suffix)[0]
  }

  /// A scalar constant of the element type of a value.
  package mutating func scalar(_ number: Double, like value: Value) -> Value {
    scalar(number, dtype(of: value))
  }

  package mutating func scalar(_ number: Double, _ dtype: DType) -> Value {
    constant(Tensor(scalar: number, dtype), name: "scalar")
  }

  /// Lets everything that reads a value read another; an output of the graph keeps its name.
  package mutating func replace(_ value: Value, with other: Value) {
    guard value != other else { return }
    let readers = records[value.index].readers
    for id in Set(readers) {
      let node = slots[id.index].node
      slots[id.index].node = Node(
        name: node.name, op: node.op, inputs: node.inputs.map { $0 == value ? other : $0 },
        outputs: node.outputs,
        origin: node.origin)
    }
    records[other.index].readers += readers
    records[value.index].readers = []
    for index in outputs.indices where outputs[index].value == value { outputs[index].value = other }
  }

  /// Puts other values in the place of a node's results and erases the node.
  /// - Precondition: there is one for each result.
  package mutating func replace(_ id: NodeID, with values: [Value]) {
    for (old, new) in zip(slots[id.index].node.outputs, values) { replace(old, with: new) }
    erase(id)
  }

  /// Puts a node of another operation in the place of one, under its name.
  package mutating func replace(_ id: NodeID, with op: Op, _ operands: [Value]) throws(GraphError) {
    let results = try insert(op, operands, before: id, name: slots[id.index].node.name)
    replace(id, with: results)
  }

  /// Takes a node out.
  /// - Precondition: nothing reads its results.
  package mutating func erase(_ id: NodeID) {
    let slot = slots[id.index]
    for input in slot.node.inputs {
      if let place = records[input.index].readers.firstIndex(of: id) {
        records[input.index].readers.remove(at: place)
      }
    }
    if let previous = slot.previous { slots[previous.index].next = slot.next } else { first = slot.next }
    if let next = slot.next { slots[next.index].previous = slot.previous } else { last = slot.previous }
    slots[id.index].isAlive = false
    if cursor == id { cursor = slot.next }
  }

  /// Erases every node that no output of the graph depends on.
  package mutating func eraseDeadNodes() {
    var current = last
    while let id = current {
      current = slots[id.index].previous
      if !slots[id.index].node.outputs.contains(where: isUsed) { erase(id) }
    }
  }

  private mutating func add(_ record: Record) -> Value {
    records.append(record)
    return Value(index: records.count - 1)
  }

  private mutating func link(_ node: Node, before next: NodeID?) {
    let id = NodeID(index: slots.count)
    let previous = next.map { slots[$0.index].previous } ?? last
    slots.append(Slot(node: node, previous: previous, next: next))
    if let previous { slots[previous.index].next = id } else { first = id }
    if let next { slots[next.index].previous = id } else { last = id }
    for input in node.inputs { records[input.index].readers.append(id) }
  }
}

// MARK: - The result

extension GraphRewriter {
  /// The graph as it is now, with all types inferred anew and without what no output depends on.
  /// - Throws: ``GraphError`` when a node reads what is made after it, or operands do not fit any more.
  package func finished() throws(GraphError) -> Graph {
    var graph = Graph()
    var values: [Value?] = Array(repeating: nil, count: records.count)
    for input in inputs { values[input.index] = graph.input(name: name(of: input), type: type(of: input)) }
    func copy(_ value: Value) throws(GraphError) -> Value {
      if let known = values[value.index] { return known }
      guard let tensor = constant(value) else {
        throw GraphError("\"\(name(of: value))\" is read before it is made")
      }
      let added = graph.constant(tensor, name: name(of: value))
      values[value.index] = added
      return added
    }
    var current = first
    while let id = current {
      let node = slots[id.index].node
      var operands: [Value] = []
      for input in node.inputs { operands.append(try copy(input)) }
      let results = try graph.append(node.op, operands, name: node.name, origin: node.origin)
      for (old, new) in zip(node.outputs, results) { values[old.index] = new }
      current = slots[id.index].next
    }
    for output in outputs {
      graph.outputs.append(Graph.Output(name: output.name, value: try copy(output.value)))
    }
    return graph
  }
}
