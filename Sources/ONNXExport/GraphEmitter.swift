import ModelIR

/// The names in use, shared by a graph and the bodies of its loops: ONNX wants them all different.
final class TakenNames {
  var names: Set<String> = []
}

/// Turns the nodes of a ``Graph`` into ONNX nodes: names, constants, and sizes that are only known when the file runs.
final class GraphEmitter {
  let graph: Graph
  let opset: Int
  /// The emitter of the graph around a loop's body.
  let parent: GraphEmitter?
  var result: ONNXGraph
  var usedDomains: Set<String> = []
  private var names: [Int: String] = [:]
  private let taken: TakenNames
  private var sizeNames: [Dimension: String] = [:]
  private var integerNames: [[Int64]: String] = [:]

  init(_ graph: Graph, name: String, opset: Int, parent: GraphEmitter? = nil) {
    self.graph = graph
    self.opset = opset
    self.parent = parent
    result = ONNXGraph(name: name)
    taken = parent?.taken ?? TakenNames()
  }

  // MARK: Names

  /// A name that no other value or node has.
  func unique(_ wanted: String) -> String {
    var name = wanted.isEmpty ? "value" : wanted
    var number = 1
    while !taken.names.insert(name).inserted {
      name = "\(wanted)_\(number)"
      number += 1
    }
    return name
  }

  /// The ONNX name of a value; a constant becomes an initializer when it is first used.
  func name(_ value: Value) -> String {
    if let known = names[value.index] { return known }
    let name = unique(graph.name(of: value))
    names[value.index] = name
    if let tensor = graph.constant(value) { result.initializers.append((name, tensor.writable)) }
    return name
  }

  func setName(_ value: Value, _ name: String) { names[value.index] = name }

  func type(_ value: Value) -> TensorType {
    var type = graph.type(of: value)
    if type.dtype == .bfloat16 { type.dtype = .float32 }
    return type
  }

  // MARK: Nodes

  /// Adds a node and returns the names of its results.
  @discardableResult
  func emit(
    _ op: String, _ inputs: [String], outputs: [String]? = nil, count: Int = 1, as name: String? = nil,
    domain: String = "", _ attributes: [(name: String, value: ONNXAttribute)] = []
  ) -> [String] {
    let base = name ?? outputs?.first ?? op
    let nodeName = unique(base + (outputs == nil ? "" : "/node"))
    let results = outputs ?? (0..<count).map { unique($0 == 0 ? "\(nodeName):0" : "\(nodeName):\($0)") }
    result.nodes.append(
      ONNXNode(op: op, domain: domain, name: nodeName, inputs: inputs, outputs: results, attributes: attributes))
    if !domain.isEmpty { usedDomains.insert(domain) }
    return results
  }

  /// Adds a node of one result.
  func one(
    _ op: String, _ inputs: String..., as name: String? = nil, with attributes: [(name: String, value: ONNXAttribute)] = []
  ) -> String { emit(op, inputs, as: name, attributes)[0] }

  // MARK: Constants

  /// An int64 vector as an initializer.
  func integers(_ values: [Int]) -> String { integers(values.map(Int64.init)) }

  func integers(_ values: [Int64]) -> String {
    if let known = integerNames[values] { return known }
    let name = constant(Tensor(vector: values), as: "ints")
    integerNames[values] = name
    return name
  }

  /// A scalar of an element type as an initializer.
  func scalar(_ number: Double, _ dtype: DType) -> String {
    constant(Tensor(scalar: number, dtype == .bfloat16 ? .float32 : dtype), as: "scalar")
  }

  func constant(_ tensor: Tensor, as wanted: String) -> String {
    let name = unique(wanted)
    result.initializers.append((name, tensor.writable))
    return name
  }

  func cast(_ x: String, _ dtype: DType) -> String {
    one("Cast", x, with: [("to", .int(Int(dtype.onnxType)))])
  }

  // MARK: Sizes

  /// A shape as an int64 vector: an initializer when all sizes are known, else computed.
  func shape(_ shape: Shape) -> String {
    if let sizes = shape.fixedSizes { return integers(sizes) }
    let parts = shape.dimensions.map { dimension in
      dimension.fixedSize.map { integers([$0]) } ?? size(dimension)
    }
    return parts.count == 1 ? parts[0] : emit("Concat", parts, [("axis", .int(0))])[0]
  }

  /// A size as an int64 vector of one element.
  func size(_ dimension: Dimension) -> String {
    if let known = sizeNames[dimension] { return known }
    let name: String
    switch dimension.expression {
    case .constant(let number): name = integers([number])
    case .symbol(let symbol): name = symbolSize(symbol)
    case .sum(let parts): name = fold("Add", parts)
    case .product(let parts): name = fold("Mul", parts)
    case .quotient(let a, let b): name = one("Div", size(a), size(b))
    case .maximum(let a, let b): name = one("Max", size(a), size(b))
    case .minimum(let a, let b): name = one("Min", size(a), size(b))
    }
    sizeNames[dimension] = name
    return name
  }

  private func fold(_ op: String, _ parts: [Dimension]) -> String {
    var name = size(parts[0])
    for part in parts.dropFirst() { name = one(op, name, size(part)) }
    return name
  }

  /// The size of a named axis, read off the first value that has it.
  private func symbolSize(_ symbol: String) -> String {
    for value in graph.values where names[value.index] != nil && graph.constant(value) == nil {
      guard let axis = graph.shape(of: value).dimensions.firstIndex(where: { $0.symbolName == symbol }) else { continue }
      let shape = one("Shape", name(value))
      return one("Gather", shape, integers([axis]), with: [("axis", .int(0))])
    }
    return integers([1])
  }
}

extension Tensor {
  /// The tensor in a type that onnxruntime computes in: bfloat16 becomes float32.
  var writable: Tensor {
    dtype == .bfloat16 ? convertedWhenRead(to: .float32) : self
  }

  /// A tensor made of another for a value; its error as this module's.
  static func writing(
    _ name: String, _ make: @autoclosure () throws(TensorError) -> Tensor
  ) throws(ONNXExportError) -> Tensor {
    do {
      return try make()
    } catch {
      throw .constant(name: name, message: error.message)
    }
  }
}
