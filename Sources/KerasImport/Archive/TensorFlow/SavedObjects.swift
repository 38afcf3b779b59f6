import ModelFiles
import ModelIR

/// `saved_model.pb`: of the graph and the objects that TensorFlow wrote, what a Keras model needs. Nothing is executed.
///
/// | message | fields |
/// |---|---|
/// | SavedModel | meta graphs (2) |
/// | meta graph | information (1: TensorFlow's version 5), graph (2: nodes 1), files (6: name 2), objects (7) |
/// | objects | nodes (1), functions by name (2: the nodes of the tensors they hold 2) |
/// | node | children (1), user's object (4), file (5: index 1), function (6: names 1), constant (9: operation 1) |
/// | user's object | class (1), JSON (3; before TensorFlow 2.5) |
///
/// Source: `saved_model.proto`, `meta_graph.proto` and `saved_object_graph.proto` of `tensorflow/core/protobuf`.
struct SavedObjects: Sendable {
  /// `2.15.1`
  let version: String?
  let nodes: [ProtobufMessage]
  private let functions: [String: ProtobufMessage]
  private let graph: ProtobufMessage?
  private let files: [String]

  private static let nodeLimit = 1 << 20

  init(_ file: HeldBytes) throws(KerasImportError) {
    guard let metaGraph = try ProtobufMessage(file).messages(2).first else {
      throw KerasImportError(.corrupted("it has no graph"))
    }
    version = try metaGraph.message(1)?.text(5)
    graph = try metaGraph.message(2)
    // Protobuf's default.
    files = try metaGraph.messages(6).map { file throws(KerasImportError) in try file.text(2) ?? "" }
    let objects = try metaGraph.message(7)
    // A SavedModel without objects has no layers, and is refused as such.
    nodes = try objects?.messages(1) ?? []
    guard nodes.count <= SavedObjects.nodeLimit else {
      throw KerasImportError(.unsupported("more than \(SavedObjects.nodeLimit) objects"))
    }
    var functions: [String: ProtobufMessage] = [:]
    for entry in try objects?.messages(2) ?? [] {  // Nor functions.
      if let name = try entry.text(1), let function = try entry.message(2) { functions[name] = function }
    }
    self.functions = functions
  }

  /// What Keras says of the objects that are its own, by node (before TensorFlow 2.5).
  func keras() throws(KerasImportError) -> [Int: SavedModel.Record] {
    var records: [Int: SavedModel.Record] = [:]
    for (number, node) in nodes.enumerated() {
      guard let object = try node.message(4), let identifier = try object.text(1),
        identifier.hasPrefix("_tf_keras_"), let json = try object.message(3)
      else { continue }
      records[number] = SavedModel.Record(identifier: identifier, json: json.bytes)
    }
    return records
  }

  /// The objects in the attributes of an object, by name.
  func children(of node: Int) throws(KerasImportError) -> [String: Int] {
    var children: [String: Int] = [:]
    guard nodes.indices.contains(node) else { return children }
    for child in try nodes[node].messages(1) {
      let (name, number) = try TrackedObjects.Node.child(child)
      if nodes.indices.contains(number) { children[name] = number }
    }
    return children
  }
}

// MARK: - Lookup tables

extension SavedObjects {
  /// What a lookup table is filled with when the model is loaded, by what its initialising function holds: the names of
  /// constants of the graph (keys, values), or a file of the folder with one token a line.
  func content(ofTable node: Int) throws(KerasImportError) -> (constants: [String], file: String?) {
    var content: (constants: [String], file: String?) = ([], nil)
    guard let initializer = try children(of: node)["_initialize"],
      let name = try nodes[initializer].message(6)?.texts(1).first, let function = functions[name]
    else { return content }
    for input in try function.numbers(2) {
      guard let input = Int(exactly: input), nodes.indices.contains(input) else { continue }
      if let file = try nodes[input].message(5) {
        guard let index = Int(exactly: try file.number(1)), files.indices.contains(index) else {
          throw KerasImportError(.corrupted("a file that does not exist"))
        }
        content.file = files[index]
      }
      if let operation = try nodes[input].message(9)?.text(1) { content.constants.append(operation) }
    }
    return content
  }

  /// The tensors of the constants of the graph by name: the attribute `value` (5: key 1, value 2, its tensor 8).
  func constants() throws(KerasImportError) -> [String: ProtobufMessage] {
    var constants: [String: ProtobufMessage] = [:]
    guard let graph else { return [:] }
    for node in try graph.messages(1) where try node.text(2) == "Const" {
      guard let name = try node.text(1) else { continue }
      for attribute in try node.messages(5) where try attribute.text(1) == "value" {
        constants[name] = try attribute.message(2)?.message(8)
      }
    }
    return constants
  }
}
