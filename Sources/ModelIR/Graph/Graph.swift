/// The handle of one edge of a ``Graph``: an input, a constant, or a node's result. Valid only in its own graph.
public struct Value: Hashable, Sendable {
  /// The index into the graph's values, in order of creation.
  package let index: Int
}

/// One operation of a graph.
package struct Node: Sendable {
  /// The name, for people: `conv1/Conv`; exporters make names unique.
  package let name: String
  package let op: Op
  package let inputs: [Value]
  package let outputs: [Value]
  /// What the node comes from: the layers' names joined by `/`; empty when that is not known.
  package let origin: String
}

/// A typed graph of primitive operations, always in topological order.
///
/// The only way to add a node is `append`, which infers the types of its results: a graph that exists
/// has operands that fit.
public struct Graph: Sendable {
  /// What a value is.
  package enum Source: Sendable {
    case input
    case constant(Tensor)
    /// A result of `nodes[node]`.
    case node(Int, output: Int)
  }

  struct ValueRecord: Sendable {
    var type: TensorType
    var name: String
    var source: Source
  }

  /// The operations in an order in which they can be evaluated.
  package private(set) var nodes: [Node] = []
  /// The graph's inputs in order.
  package private(set) var inputs: [Value] = []
  /// The graph's outputs in order, with their package names. One value may appear more than once.
  package var outputs: [Output] = []
  private var records: [ValueRecord] = []

  /// A named result of the whole graph.
  package struct Output: Sendable {
    package var name: String
    package var value: Value
    package init(name: String, value: Value) {
      self.name = name
      self.value = value
    }
  }

  package init() {}

  /// The number of values; indices run below it.
  package var valueCount: Int { records.count }
  /// All values in order of creation.
  package var values: [Value] { records.indices.map(Value.init(index:)) }
  /// The element type and shape of a value.
  package func type(of value: Value) -> TensorType { records[value.index].type }
  /// The shape of a value.
  package func shape(of value: Value) -> Shape { records[value.index].type.shape }
  /// The element type of a value.
  package func dtype(of value: Value) -> DType { records[value.index].type.dtype }
  /// The name a value was given.
  package func name(of value: Value) -> String { records[value.index].name }
  /// Where a value comes from.
  package func source(of value: Value) -> Source { records[value.index].source }
  /// The tensor of a constant; nil for other values.
  package func constant(_ value: Value) -> Tensor? {
    if case .constant(let tensor) = records[value.index].source { return tensor }
    return nil
  }
  /// The node that produces a value; nil for inputs and constants.
  package func producer(of value: Value) -> Node? {
    if case .node(let index, _) = records[value.index].source { return nodes[index] }
    return nil
  }

  /// Adds an input of the graph.
  package mutating func input(name: String, type: TensorType) -> Value {
    let value = add(ValueRecord(type: type, name: name, source: .input))
    inputs.append(value)
    return value
  }

  /// Adds a constant.
  package mutating func constant(_ tensor: Tensor, name: String) -> Value {
    add(ValueRecord(type: tensor.type, name: name, source: .constant(tensor)))
  }

  /// Adds a node after the others, with the types that ``Op/inferTypes(_:)`` gives its results.
  /// - Throws: ``GraphError`` when the operands do not fit, naming what was expected and found.
  /// - Precondition: `operands` are values of this graph.
  @discardableResult
  package mutating func append(
    _ op: Op, _ operands: [Value], name: String, origin: String = ""
  ) throws(GraphError) -> [Value] {
    let types = try Graph.inferTypes(op, operands.map { type(of: $0) }, name: name)
    guard records.count + types.count <= Graph.valueLimit else {
      throw GraphError("the model has more than \(Graph.valueLimit) values once it is opened up", node: name)
    }
    let results = types.enumerated().map { position, type in
      add(
        ValueRecord(
          type: type, name: position == 0 ? name : "\(name):\(position)",
          source: .node(nodes.count, output: position)))
    }
    nodes.append(Node(name: name, op: op, inputs: operands, outputs: results, origin: origin))
    return results
  }

  /// The types of a node's results, none of them too large.
  /// - Throws: ``GraphError`` with the node's name.
  static func inferTypes(_ op: Op, _ operands: [TensorType], name: String) throws(GraphError) -> [TensorType]
  {
    do {
      let types = try op.inferTypes(operands)
      for type in types { try checkSizes(type.shape) }
      return types
    } catch {
      throw GraphError(error.message, op: op.name, node: name, operand: error.operand)
    }
  }

  private mutating func add(_ record: ValueRecord) -> Value {
    records.append(record)
    return Value(index: records.count - 1)
  }

  /// The most values of a graph; models that are read have tens of thousands.
  package static let valueLimit = 200_000

  private static func checkSizes(_ shape: Shape) throws(GraphError) {
    guard shape.rank <= ElementCount.rankLimit else {
      throw GraphError("expected at most \(ElementCount.rankLimit) axes, found a result of \(shape.rank)")
    }
    var count = 1
    for dimension in shape.dimensions {
      guard !dimension.isUnwieldy else {
        throw GraphError("an axis of the result has a size that is too large, or too long an expression")
      }
      guard let size = dimension.fixedSize else { continue }
      if size < 0 { throw GraphError("size \(size) along an axis of the result \(shape)") }
      count = Dimension.saturatingMultiply(count, max(size, 1))
      if size > Dimension.limit || count > Dimension.limit {
        throw GraphError("the result \(shape) is too large; the limit is \(Dimension.limit) elements")
      }
    }
  }
}

extension Graph: CustomStringConvertible {
  /// `8 nodes from image: float32[batch, 28, 28, 1] to dense: float32[batch, 10]`
  public var description: String {
    let taken = inputs.map { "\(name(of: $0)): \(type(of: $0))" }.joined(separator: ", ")
    let given = outputs.map { "\($0.name): \(type(of: $0.value))" }.joined(separator: ", ")
    return "\(nodes.count) nodes from \(taken.isEmpty ? "nothing" : taken) to \(given)"
  }
}
