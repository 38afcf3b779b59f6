import ModelIR
import ONNXFormat

/// One node being read: its operands and attributes, each of which has to be looked at.
final class NodeReader {
  let node: ONNXNode
  let graph: GraphReader
  private var attributes: [String: ONNXAttribute] = [:]
  private var unread: Set<Int> = []

  init(_ node: ONNXNode, _ graph: GraphReader) throws(ONNXImportError) {
    self.node = node
    self.graph = graph
    for (name, value) in node.attributes {
      guard attributes.updateValue(value, forKey: name) == nil else {
        throw .damaged("the attribute \"\(name)\" is given twice")
      }
    }
    unread = Set(node.inputs.indices.filter { !node.inputs[$0].isEmpty })
  }

  /// What reads an operator's nodes: a function that the operator is the name of, or a piece of code.
  enum Reading: Sendable {
    case unary(UnaryFunction)
    case binary(BinaryFunction)
    case compare(Comparison)
    case reduce(ReduceFunction)
    case other(@Sendable (NodeReader) throws(ONNXImportError) -> Void)
  }

  /// Every operator that is known, by its qualified name.
  static let operators: [String: Reading] = [
    elementwise, products, windows, reductions, movement, indexing, sizes, recurrent, quantization, texts,
  ].reduce(into: [:]) { all, family in all.merge(family) { first, _ in first } }

  func read() throws(ONNXImportError) {
    guard let reading = NodeReader.operators[node.qualifiedName] else {
      throw .unsupported("the operator \(node.qualifiedName.printable)")
    }
    if try !readSizes(), try !readTokens() { try read(reading) }
    guard unread.isEmpty else { throw .unsupported("operand \((unread.min() ?? 0) + 1)") }  // One is unread.
    guard attributes.isEmpty else {
      throw ONNXImportError.unsupported(
        attributes.keys.sorted().map { "the attribute \"\($0.printable)\"" })
    }
  }

  private func read(_ reading: Reading) throws(ONNXImportError) {
    switch reading {
    case .unary(let function): try readUnary(function)
    case .binary(let function): try emit(.binary(function), operands())
    case .compare(let comparison): try emit(.compare(comparison), operands())
    case .reduce(let function): try readReduce(function)
    case .other(let read): try read(self)
    }
  }

  // MARK: Operands

  var operandCount: Int { node.inputs.count }

  /// Whether there is an operand at a place; the empty name stands for none.
  func hasOperand(_ index: Int) -> Bool { index < node.inputs.count && !node.inputs[index].isEmpty }

  private func name(_ index: Int) throws(ONNXImportError) -> String {
    guard hasOperand(index) else { throw .damaged("expected an operand \(index + 1), found none") }
    unread.remove(index)
    return node.inputs[index]
  }

  func operand(_ index: Int) throws(ONNXImportError) -> Value { try graph.value(name(index)) }

  func entry(_ index: Int) throws(ONNXImportError) -> GraphReader.Entry { try graph.entry(name(index)) }

  /// An operand's meaning without counting as read.
  func peek(_ index: Int) throws(ONNXImportError) -> GraphReader.Entry? {
    hasOperand(index) ? try graph.entry(node.inputs[index]) : nil
  }

  func operands() throws(ONNXImportError) -> [Value] {
    var values: [Value] = []
    for index in node.inputs.indices { values.append(try operand(index)) }
    return values
  }

  func type(_ value: Value) -> TensorType { graph.graph.type(of: value) }

  /// The elements of an operand that has to be known: the constant itself.
  func tensor(_ index: Int) throws(ONNXImportError) -> Tensor {
    switch try entry(index) {
    case .initializer(let tensor): return tensor
    case .value(let value):
      if let tensor = graph.graph.constant(value) { return tensor }
    case .sizes(let sizes) where sizes.dimensions.allSatisfy { $0.fixedSize != nil }:
      return Tensor(vector: sizes.dimensions.compactMap(\.fixedSize).map(Int64.init))
    case .sizes, .packed, .tokens: break
    }
    throw .unsupported("operand \(index + 1) that is computed")
  }

  /// An operand of known integers.
  func integers(_ index: Int) throws(ONNXImportError) -> [Int] {
    let tensor = try tensor(index)
    guard tensor.rank <= 1, tensor.elementCount <= NodeReader.integerLimit else {
      throw .damaged("expected a list of integers as operand \(index + 1), found \(tensor.type)")
    }
    try graph.count(tensor.elementCount)
    do { return try tensor.elements(as: Int64.self).map(Int.init) } catch { throw .damaged("\(error)") }
  }

  private static let integerLimit = 1 << 16

  func integer(_ index: Int) throws(ONNXImportError) -> Int {
    let list = try integers(index)
    guard list.count == 1 else {
      throw .damaged("expected one integer as operand \(index + 1), found \(list)")
    }
    return list[0]
  }

  /// An operand of one known number.
  func number(_ index: Int) throws(ONNXImportError) -> Double {
    let tensor = try tensor(index)
    guard tensor.elementCount == 1, tensor.dtype != .string else {
      throw .damaged("expected one number as operand \(index + 1), found \(tensor.type)")
    }
    do { return try tensor.doubles()[0] } catch { throw .damaged("\(error)") }
  }

  /// An operand of sizes.
  func sizes(_ index: Int) throws(ONNXImportError) -> [Dimension] {
    if case .sizes(let sizes) = try entry(index) { return sizes.dimensions }
    return try integers(index).map { .fixed($0) }
  }

  // MARK: Attributes

  private func attribute<T>(
    _ name: String, _ kind: String, _ value: (ONNXAttribute) -> T?
  ) throws(ONNXImportError) -> T? {
    guard let attribute = attributes.removeValue(forKey: name) else { return nil }
    guard let value = value(attribute) else { throw .damaged("expected \(kind) as attribute \"\(name)\"") }
    return value
  }

  func int(_ name: String) throws(ONNXImportError) -> Int? {
    try attribute(name, "an integer") { if case .int(let value) = $0 { value } else { nil } }
  }

  func ints(_ name: String) throws(ONNXImportError) -> [Int]? {
    try attribute(name, "integers") { if case .ints(let value) = $0 { value } else { nil } }
  }

  func float(_ name: String) throws(ONNXImportError) -> Double? {
    try attribute(name, "a number") { if case .float(let value) = $0 { value } else { nil } }
  }

  func floats(_ name: String) throws(ONNXImportError) -> [Double]? {
    try attribute(name, "numbers") { if case .floats(let value) = $0 { value } else { nil } }
  }

  func string(_ name: String) throws(ONNXImportError) -> String? {
    try attribute(name, "a text") { if case .string(let value) = $0 { value } else { nil } }
  }

  func strings(_ name: String) throws(ONNXImportError) -> [String]? {
    try attribute(name, "texts") { if case .strings(let value) = $0 { value } else { nil } }
  }

  func body(_ name: String) throws(ONNXImportError) -> ONNXGraph? {
    try attribute(name, "a graph") { if case .graph(let value) = $0 { value } else { nil } }
  }

  /// A flag, off unless it is said.
  func flag(_ name: String, default value: Bool = false) throws(ONNXImportError) -> Bool {
    switch try int(name) {
    case nil: value
    case 0: false
    case 1: true
    case let other?: throw .damaged("expected 0 or 1 as attribute \"\(name)\", found \(other)")
    }
  }

  /// An attribute that has to be there.
  func required<T>(_ name: String, _ value: T?) throws(ONNXImportError) -> T {
    guard let value else { throw .unsupported("no attribute \"\(name)\"") }
    return value
  }

  /// An axis of an operand, which may be counted from the end.
  func axis(_ axis: Int, rank: Int) throws(ONNXImportError) -> Int {
    guard (-rank..<rank).contains(axis) else { throw .damaged("expected an axis of \(rank), found \(axis)") }
    return axis < 0 ? axis + rank : axis
  }

  func axis(_ name: String = "axis", of value: Value) throws(ONNXImportError) -> Int {
    try axis(required(name, int(name)), rank: type(value).shape.rank)
  }

  // MARK: Results

  /// Adds the operation that the node stands for, and gives its results their names.
  func emit(_ op: Op, _ operands: [Value]) throws(ONNXImportError) {
    let results = try graph.append(op, operands, name: node.name, origin: node.origin)
    guard node.outputs.count <= results.count else {
      throw .damaged("expected at most \(results.count) results, found \(node.outputs.count)")
    }
    for (name, value) in zip(node.outputs, results) { try graph.set(name, .value(value)) }
  }

  /// Adds an operation inside of what the node stands for.
  func step(_ op: Op, _ operands: Value...) throws(ONNXImportError) -> Value {
    try graph.append(op, operands, name: node.name, origin: node.origin)[0]
  }

  /// Gives the node's one result a meaning.
  func result(_ entry: GraphReader.Entry) throws(ONNXImportError) {
    guard node.outputs.count == 1 else { throw .damaged("expected one result, found \(node.outputs.count)") }
    try graph.set(node.outputs[0], entry)
  }
}
