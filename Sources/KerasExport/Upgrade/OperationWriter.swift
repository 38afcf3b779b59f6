import KerasImport
import ModelIR
import NativeFormat

/// Writes values of the lowered graph as operations of `keras.ops`, for what Keras 3 has no layer or function of its
/// own: functions of TensorFlow, and masks that came about by the rules of an earlier release.
struct OperationWriter {
  let graph: Graph
  /// The serialised operations in an order in which they can be called, each called once.
  private(set) var entries: [JSONValue] = []
  /// The names of the model's layers, and of the operations so far.
  private(set) var names: Set<String>
  /// What stands for the values that have been written.
  private var made: [Value: JSONValue] = [:]

  init(_ graph: Graph, names: some Sequence<String>) {
    self.graph = graph
    self.names = Set(names)
  }

  /// The argument that stands for a value: a number, an array, or a reference to a tensor.
  /// - Parameter known: what stands for the values that layers make.
  /// - Throws: ``KerasExportError/unsupported(_:)`` for a value that no operations of Keras 3 make.
  mutating func argument(
    for value: Value, known: [Value: JSONValue]
  ) throws(KerasExportError) -> JSONValue {
    if let found = known[value] ?? made[value] { return found }
    if let constant = graph.constant(value) { return try OperationWriter.constant(constant) }
    guard let node = graph.producer(of: value) else {
      throw .unsupported("it needs the input \"\(graph.name(of: value))\" of another model")
    }
    var operands: [JSONValue] = []
    for input in node.inputs { operands.append(try argument(for: input, known: known)) }
    // Keras calls an operation when it meets its tensors: one of constants alone is a node that it never reaches.
    guard operands.contains(where: CallWriter.holdsTensor) else {
      throw .unsupported(
        "it computes with constants alone (\(node.op.name)), which a model of Keras 3 cannot hold")
    }
    let first = try write(node, operands)
    for (output, result) in node.outputs.enumerated() {
      made[result] = output == 0 ? first : OperationWriter.output(output, of: first)
    }
    return made[value] ?? first
  }

  /// Gives the operation that was written last a name of its own, unless the name is taken.
  /// - Parameter argument: a reference to one of its results.
  /// - Returns: the reference with the new name; unchanged if it is to another operation.
  mutating func nameLast(_ name: String, like argument: JSONValue) -> JSONValue {
    guard var entry = entries.last?.object, var config = entry["config"]?.object,
      let history = argument["config"]?["keras_history"]?.array, let old = entry["name"],
      history.first == old,
      names.insert(name).inserted
    else { return argument }
    entry["name"] = .string(name)
    config["name"] = .string(name)
    entry["config"] = .object(config)
    entries[entries.count - 1] = .object(entry)
    func renamed(_ argument: JSONValue) -> JSONValue {
      guard let history = argument["config"]?["keras_history"]?.array, history.first == old else {
        return argument
      }
      return CallWriter.tensor(.array([.string(name)] + history.dropFirst()), type: nil)
    }
    made = made.mapValues(renamed)
    return renamed(argument)
  }

  // MARK: Pieces

  /// Adds an operation and its only call.
  /// - Returns: a reference to its first result.
  mutating func add(
    _ className: String, _ operands: [JSONValue], _ config: [(String, JSONValue)] = [],
    module: String = "numpy"
  ) -> JSONValue {
    let name = names.insertUnique(snakeName(className))
    var node = KerasNode(className, name: name, config)
    node.module = module == "layers" ? "keras.layers" : "keras.src.ops.\(module)"
    var entry = node.serialized
    entry["name"] = .string(name)
    entry["inbound_nodes"] = [["args": .array(operands), "kwargs": [:]]]
    entries.append(.object(entry))
    return CallWriter.tensor([.string(name), 0, 0], type: nil)
  }

  private func snakeName(_ className: String) -> String { LayerObject.folderName(ofClass: className) }

  private static func output(_ output: Int, of first: JSONValue) -> JSONValue {
    guard let name = first["config"]?["keras_history"]?[0] else { return first }
    return CallWriter.tensor([name, 0, .integer(output)], type: nil)
  }

  /// How many elements an array in a configuration may have.
  private static let elementLimit = 1 << 20

  private static func constant(_ tensor: Tensor) throws(KerasExportError) -> JSONValue {
    guard tensor.elementCount <= elementLimit else {
      throw .unsupported("a constant of \(tensor.elementCount) elements would stand in the configuration")
    }
    if tensor.rank > 0 { return try CallWriter.array(tensor) }
    let numbers = try CallWriter.numbers(tensor)
    return numbers.first ?? .null  // A tensor of rank 0 has one element.
  }

  /// The number of a size that has to be known.
  static func fixed(_ dimension: Dimension) throws(KerasExportError) -> Int {
    guard let size = dimension.fixedSize else { throw openSize(dimension) }
    return size
  }

  static func openSize(_ dimension: Dimension) -> KerasExportError {
    .unsupported("Keras 3 needs a size that is known before the model runs, found \(dimension)")
  }
}
