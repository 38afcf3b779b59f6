/// The objects that a checkpoint was made of: layers, lists and variables, joined by the names of attributes.
///
/// The key `_CHECKPOINTABLE_OBJECT_GRAPH` holds nodes (1), each with children (1: node 1, name 2) and attributes
/// (2: name 1, the variable's own name 2, key 3). Source: `tensorflow/core/protobuf/trackable_object_graph.proto`.
struct TrackedObjects: Sendable {
  struct Node: Sendable {
    var children: [(name: String, node: Int)] = []
    /// The key of the data if the object is a variable, and the name it had in its program.
    var variable: (key: String, name: String)?
    /// What the keys of a lookup table's data begin with.
    var table: String?
  }

  /// Node 0 is what was saved.
  let nodes: [Node]

  private static let nodeLimit = 1 << 20

  /// - Throws: `unsupported` for checkpoints of TensorFlow 1, which have names only.
  init(_ bundle: TensorBundle) throws(KerasImportError) {
    let key = "_CHECKPOINTABLE_OBJECT_GRAPH"
    guard bundle.contains(key) else {
      throw KerasImportError(
        .unsupported(
          "\(bundle.name): the checkpoint has no objects, only names, as those of TensorFlow 1 sessions"))
    }
    var nodes: [Node] = []
    do throws(KerasImportError) {
      try ProtobufMessage(try bundle.scalar(key)).forEachField { number, value throws(KerasImportError) in
        guard number == 1 else { return }
        guard nodes.count < TrackedObjects.nodeLimit else {
          throw KerasImportError(.unsupported("more than \(TrackedObjects.nodeLimit) objects"))
        }
        nodes.append(try Node(try value.message()))
      }
      guard nodes.allSatisfy({ $0.children.allSatisfy { nodes.indices.contains($0.node) } }) else {
        throw KerasImportError(.corrupted("an object has a child that does not exist"))
      }
    } catch { throw error.at(.weight(key)).at(.file(bundle.name)) }
    self.nodes = nodes
  }

  /// The object in an attribute.
  func child(_ name: String, of node: Int) -> Int? {
    guard nodes.indices.contains(node) else { return nil }
    return nodes[node].children.first { $0.name == name }?.node
  }

  /// The objects in the attributes `PREFIX0`, `PREFIX1`, ... in the order of the numbers.
  func numbered(_ prefix: String, of node: Int) -> [Int] {
    guard nodes.indices.contains(node) else { return [] }
    let found = nodes[node].children.compactMap { child in
      child.name.hasPrefix(prefix)
        ? Int(child.name.dropFirst(prefix.count)).map { (number: $0, node: child.node) } : nil
    }
    return found.sorted { $0.number < $1.number }.map(\.node)
  }

  /// The objects in the attributes of an object and of those inside it that are variables, each once.
  /// - Parameter isPart: whether an attribute belongs to what is asked for.
  func variables(below node: Int, where isPart: (String) -> Bool) -> [Int] {
    var found: [Int] = []
    var seen: Set<Int> = [node]
    var waiting = [node]
    while let next = waiting.popLast() {
      if nodes[next].variable != nil { found.append(next) }
      for child in nodes[next].children where isPart(child.name) && seen.insert(child.node).inserted {
        waiting.append(child.node)
      }
    }
    return found
  }
}

extension TrackedObjects.Node {
  fileprivate init(_ message: ProtobufMessage) throws(KerasImportError) {
    try message.forEachField { number, value throws(KerasImportError) in
      switch number {
      case 1: children.append(try Self.child(try value.message()))
      case 2:
        let attribute = try value.message()
        guard let name = try attribute.text(1), let key = try attribute.text(3) else { return }
        // Protobuf's default.
        if name == "VARIABLE_VALUE" { variable = (key, try attribute.text(2) ?? "") }
        if name == "table" { table = key }
      default: break  // Optimizer slots, and fields of later versions.
      }
    }
  }

  static func child(_ message: ProtobufMessage) throws(KerasImportError) -> (name: String, node: Int) {
    var child = (name: "", node: 0)
    try message.forEachField { number, value throws(KerasImportError) in
      switch number {
      case 1: child.node = try value.index()
      case 2: child.name = try value.text()
      default: break  // Fields of later versions.
      }
    }
    return child
  }
}
