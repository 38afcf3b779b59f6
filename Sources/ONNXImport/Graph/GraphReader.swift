import ModelIR
import ONNXFormat

/// Builds a ``Graph`` from the nodes of an ONNX graph, one after another, each checked by the inference of its operation.
///
/// ONNX computes the sizes that are only known when a file runs with nodes; a graph has them as ``Dimension``s. The reader
/// follows such nodes with dimensions instead of adding them (see ``NodeReader/readSizes()``).
final class GraphReader {
  /// What a name stands for.
  enum Entry {
    case value(Value)
    /// An initializer that nothing has used as a value yet.
    case initializer(Tensor)
    case packed(ONNXPackedTensor)
    /// Sizes, as a vector or as a number.
    case sizes(Sizes)
    /// Texts on their way to the numbers of their tokens.
    case tokens(TokenChain)
  }

  struct Sizes {
    var dimensions: [Dimension]
    var isScalar = false
  }

  let opset: Int
  private(set) var graph = Graph()
  private var entries: [String: Entry] = [:]
  /// The values of names that were used as such.
  private var values: [String: Value] = [:]
  /// The reader of the graph around a loop's body.
  private let parent: GraphReader?
  /// How many parts of sizes, and integers of operands, may still be looked at: many nodes may read one list.
  private var integersLeft = GraphReader.integerLimit

  private static let integerLimit = 1 << 20

  init(opset: Int, parent: GraphReader? = nil) {
    self.opset = opset
    self.parent = parent
  }

  /// The whole graph.
  func read(_ source: ONNXGraph) throws(ONNXImportError) -> Graph {
    try checkOperators(source)
    try add(source.inputs)
    for (name, tensor) in source.initializers { try set(name, .initializer(tensor)) }
    for tensor in source.packed { try set(tensor.name, .packed(tensor)) }
    for node in source.nodes {
      do { try NodeReader(node, self).read() } catch {
        throw error.at("node \"\(node.name)\" (\(node.op))")
      }
    }
    for output in source.outputs {
      do { try addOutput(output) } catch { throw error.at("output \"\(output.name)\"") }
    }
    return graph
  }

  /// Refuses all operators that are not known at once.
  private func checkOperators(_ source: ONNXGraph) throws(ONNXImportError) {
    let unknown = Set(
      source.nodes.filter { NodeReader.operators[$0.qualifiedName] == nil }.map(\.qualifiedName))
    guard unknown.isEmpty else {
      throw ONNXImportError.unsupported(unknown.sorted().map { "the operator \($0.printable)" })
    }
  }

  private func add(_ inputs: [ONNXValue]) throws(ONNXImportError) {
    guard Set(inputs.map(\.name)).count == inputs.count else { throw .damaged("two inputs of one name") }
    for input in inputs {
      try set(input.name, .value(graph.input(name: input.name, type: input.type)))
    }
  }

  private func addOutput(_ output: ONNXValue) throws(ONNXImportError) {
    let value = try value(output.name)
    let found = graph.type(of: value)
    guard found.dtype == output.type.dtype, found.shape.fits(output.type.shape) else {
      throw .damaged("expected \(output.type) as declared, found \(found)")
    }
    graph.outputs.append(Graph.Output(name: output.name, value: value))
  }

  // MARK: Names

  /// Gives a name its meaning; the empty name is of results that nobody reads.
  func set(_ name: String, _ entry: Entry) throws(ONNXImportError) {
    guard !name.isEmpty else { return }
    guard entries.updateValue(entry, forKey: name) == nil else {
      throw .damaged("the name \"\(name)\" is given twice")
    }
    if case .sizes(let sizes) = entry { try count(sizes.dimensions.reduce(1) { $0 + $1.weight }) }
  }

  /// Counts integers that are looked at.
  func count(_ integers: Int) throws(ONNXImportError) {
    integersLeft -= integers
    guard integersLeft >= 0 else {
      throw .unsupported("more than \(GraphReader.integerLimit) sizes and integers that nodes read")
    }
  }

  /// What a name stands for; of the graph around a loop's body only sizes are seen.
  func entry(_ name: String) throws(ONNXImportError) -> Entry {
    if let entry = entries[name] { return entry }
    if let outer = try parent?.entry(name) {
      switch outer {
      case .sizes, .initializer: return outer
      case .value, .packed, .tokens:
        throw .unsupported("a loop that reads \"\(name)\" of the graph around it")
      }
    }
    throw .damaged("there is no value \"\(name)\"")
  }

  // MARK: Values

  /// The value of a name. An initializer becomes a constant, sizes that are data a node, when they are first used as such.
  func value(_ name: String) throws(ONNXImportError) -> Value {
    if let known = values[name] { return known }
    let value: Value
    switch try entry(name) {
    case .value(let known): value = known
    case .initializer(let tensor): value = graph.constant(tensor, name: name)
    case .sizes(let sizes): value = try self.value(sizes, name)
    case .packed: throw .unsupported("4-bit numbers that are read as they are")
    case .tokens: throw .unsupported("texts that are prepared, but not looked up")
    }
    values[name] = value
    return value
  }

  private func value(_ sizes: Sizes, _ name: String) throws(ONNXImportError) -> Value {
    let known = sizes.dimensions.compactMap(\.fixedSize)
    if known.count == sizes.dimensions.count {
      let vector = Tensor(vector: known.map(Int64.init))
      return graph.constant(
        sizes.isScalar ? try ONNXImportError.checked(vector.reshaped([])) : vector, name: name)
    }
    let vector = try append(.sizes(sizes.dimensions), [], name: name)[0]
    return sizes.isScalar ? try append(.reshape([]), [vector], name: name)[0] : vector
  }

  /// Adds a node.
  func append(
    _ op: Op, _ operands: [Value], name: String, origin: String = ""
  ) throws(ONNXImportError) -> [Value] {
    do { return try graph.append(op, operands, name: name, origin: origin) } catch {
      throw .damaged(error.message)
    }
  }

  func constant(_ tensor: Tensor, name: String) -> Value { graph.constant(tensor, name: name) }
}

extension ONNXNode {
  /// The operator's name, with its domain unless it is ONNX's own.
  var qualifiedName: String { domain.isEmpty ? op : "\(domain).\(op)" }
}
