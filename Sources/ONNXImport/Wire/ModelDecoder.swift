import ModelFiles
import ModelIR
import ONNXFormat
import ProtobufWire

typealias Message = WireMessage<ONNXImportError>
typealias Field = Message.Value

/// The bytes of an ONNX file as Swift values.
///
/// Fields that say nothing of the numbers (documentation, producers, properties) are passed over by name; every other field
/// that ``ONNXWriter`` does not write is refused. Source: onnx/onnx.proto, IR versions 8 to 13.
final class ModelDecoder {
  /// The files beside the model, by their name.
  let sideFile: (String) throws(ONNXImportError) -> HeldBytes
  /// How many messages and texts may still be read: each takes more memory than its two bytes in a file.
  private var partsLeft = ModelDecoder.partLimit

  private static let partLimit = 1 << 21
  /// How deep loops may lie in each other.
  private static let depthLimit = 8
  private static let formatVersions = 8...13
  static let opsets = 13...25

  init(sideFile: @escaping (String) throws(ONNXImportError) -> HeldBytes) { self.sideFile = sideFile }

  /// Counts a part of the file.
  func count() throws(ONNXImportError) {
    partsLeft -= 1
    guard partsLeft >= 0 else { throw .unsupported("more than \(ModelDecoder.partLimit) parts in one file") }
  }

  /// The error of a field that is not known.
  func unknown(_ field: UInt64, _ message: String) -> ONNXImportError {
    .unsupported("field \(field) of \(message)")
  }

  // MARK: Model

  /// The graph and the version of its operators.
  func model(_ message: Message) throws(ONNXImportError) -> (graph: ONNXGraph, opset: Int) {
    var graph: Message?
    var opsets: [String: Int] = [:]
    try message.forEachField { field, value throws(ONNXImportError) in
      switch field {
      case 1: try checkVersion(try value.number())
      case 7:
        guard graph == nil else { throw .damaged("the model has two graphs") }
        graph = try value.message()
      case 8:
        let (domain, version) = try opset(value.message())
        guard opsets.updateValue(version, forKey: domain) == nil else {
          throw .damaged("two versions of the operators \"\(domain)\"")
        }
      case 2...6, 14: break  // producer, domain, model version, documentation, properties
      default: throw unknown(field, "ModelProto")
      }
    }
    guard let graph else { throw .damaged("the model has no graph") }
    guard let version = opsets[""] else {
      throw .damaged("the model does not say which opset it is written in")
    }
    try checkOpsets(opsets)
    return (try self.graph(graph, depth: 0), version)
  }

  private func checkVersion(_ version: UInt64) throws(ONNXImportError) {
    guard let version = Int(exactly: version), ModelDecoder.formatVersions.contains(version) else {
      throw .unsupported("version \(version) of the format")
    }
  }

  private func opset(_ message: Message) throws(ONNXImportError) -> (String, Int) {
    var (domain, version) = ("", 0)
    try message.forEachField { field, value throws(ONNXImportError) in
      switch field {
      case 1: domain = try text(value)
      case 2: version = try value.index()
      default: throw unknown(field, "OperatorSetIdProto")
      }
    }
    return (domain, version)
  }

  private func checkOpsets(_ opsets: [String: Int]) throws(ONNXImportError) {
    let others = opsets.sorted { $0.key < $1.key }.filter { domain, version in
      switch domain {
      case "": !ModelDecoder.opsets.contains(version)
      case "ai.onnx.ml": version != 3
      default: true
      }
    }
    guard others.isEmpty else {
      throw ONNXImportError.unsupported(
        others.map { "opset \($0.value) of \($0.key.isEmpty ? "ONNX" : $0.key.printable)" })
    }
  }

  // MARK: Graph

  func graph(_ message: Message, depth: Int) throws(ONNXImportError) -> ONNXGraph {
    guard depth < ModelDecoder.depthLimit else { throw .unsupported("loops in loops, \(depth) deep") }
    var graph = ONNXGraph(name: "")
    try message.forEachField { field, value throws(ONNXImportError) in
      switch field {
      case 1: graph.nodes.append(try node(value.message(), depth: depth))
      case 2: graph.name = try text(value)
      case 5:
        switch try tensor(value.message()) {
        case .plain(let name, let tensor): graph.initializers.append((name, tensor))
        case .packed(let tensor): graph.packed.append(tensor)
        }
      case 11: graph.inputs.append(try valueInfo(value.message()))
      case 12: graph.outputs.append(try valueInfo(value.message()))
      case 10, 13, 16: break  // documentation, types of values inside, properties
      default: throw unknown(field, "GraphProto")
      }
    }
    return graph
  }

  private func node(_ message: Message, depth: Int) throws(ONNXImportError) -> ONNXNode {
    try count()
    var node = ONNXNode(op: "", name: "", inputs: [], outputs: [])
    try message.forEachField { field, value throws(ONNXImportError) in
      switch field {
      case 1: node.inputs.append(try text(value))
      case 2: node.outputs.append(try text(value))
      case 3: node.name = try text(value)
      case 4: node.op = try text(value)
      case 5: node.attributes.append(try attribute(value.message(), depth: depth))
      case 6: node.origin = try text(value)
      case 7: node.domain = try text(value)
      case 9: break  // properties
      default: throw unknown(field, "NodeProto")
      }
    }
    return node
  }

  /// A text of its own, which must be one.
  func text(_ value: Field) throws(ONNXImportError) -> String {
    try count()
    let bytes = try value.message().bytes
    let text = bytes.withBytes { String(decoding: $0, as: UTF8.self) }
    guard bytes.withBytes({ text.utf8.elementsEqual($0) }) else { throw .damaged("a text is not UTF-8") }
    return text
  }
}
