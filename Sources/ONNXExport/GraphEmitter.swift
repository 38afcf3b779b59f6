import ModelIR
import ONNXFormat

/// The names in use, shared by a graph and the bodies of its loops: ONNX wants them all different.
final class TakenNames {
  var names: Set<String> = []
}

/// Writes the nodes of a ``Graph`` that has been brought into ONNX's terms as ONNX nodes, one to one.
final class GraphEmitter {
  let graph: Graph
  let opset: Int
  /// The emitter of the graph around a loop's body.
  let parent: GraphEmitter?
  var result: ONNXGraph
  var usedDomains: Set<String> = []
  /// By the values' indices.
  private var names: [String?]
  private let taken: TakenNames
  /// The names of sizes and shapes that nodes compute, and of integers.
  var sizeNames: [Dimension: String] = [:]
  var shapeNames: [Shape: String] = [:]
  private var integerNames: [[Int64]: String] = [:]
  /// Whether some node or output reads a value, by its index.
  private let isReadValue: [Bool]
  /// The layer that the node being written comes from.
  var origin = ""

  init(_ graph: Graph, name: String, opset: Int, parent: GraphEmitter? = nil) {
    self.graph = graph
    self.opset = opset
    self.parent = parent
    result = ONNXGraph(name: name)
    names = Array(repeating: nil, count: graph.valueCount)
    var isRead = Array(repeating: false, count: graph.valueCount)
    for node in graph.nodes { for input in node.inputs { isRead[input.index] = true } }
    for output in graph.outputs { isRead[output.value.index] = true }
    isReadValue = isRead
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
    if let tensor = graph.constant(value) { result.initializers.append((name, tensor)) }
    return name
  }

  func setName(_ value: Value, _ name: String) { names[value.index] = name }

  func type(_ value: Value) -> TensorType { graph.type(of: value) }

  func isRead(_ value: Value) -> Bool { isReadValue[value.index] }

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
      ONNXNode(
        op: op, domain: domain, name: nodeName, inputs: inputs, outputs: results, attributes: attributes,
        origin: origin))
    if !domain.isEmpty { usedDomains.insert(domain) }
    return results
  }

  // MARK: Constants

  /// An int64 vector as an initializer.
  func integers(_ values: [Int]) -> String { integers(values.map(Int64.init)) }

  func integers(_ values: [Int64]) -> String {
    if let known = integerNames[values] { return known }
    let name = constant(Tensor(vector: values), as: "ints")
    integerNames[values] = name
    return name
  }

  /// A scalar as an initializer.
  func scalar(_ number: Double, _ dtype: DType) -> String {
    constant(Tensor(scalar: number, dtype), as: "scalar")
  }

  func scalar(_ number: Int64) -> String { constant(Tensor(number), as: "scalar") }

  private func constant(_ tensor: Tensor, as wanted: String) -> String {
    let name = unique(wanted)
    result.initializers.append((name, tensor))
    return name
  }
}
