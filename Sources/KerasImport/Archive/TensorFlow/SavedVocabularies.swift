import ModelFiles
import ModelIR
import NativeFormat

/// Fills the vocabularies that a configuration leaves to the lookup tables of the graph.
struct SavedVocabularies {
  let objects: SavedObjects
  let model: SavedModel
  // Made when the first table needs them.
  private var constants: [String: ProtobufMessage]?
  private var saved: (bundle: TensorBundle, objects: TrackedObjects)?

  init(objects: SavedObjects, model: SavedModel) {
    self.objects = objects
    self.model = model
  }

  private static let lookups: Set<String> = ["TextVectorization", "StringLookup", "IntegerLookup"]

  /// A serialised model; its layers are the children `layer-0`, `layer-1`, ... of its node.
  mutating func filled(_ model: JSONValue, node: Int) throws(KerasImportError) -> JSONValue {
    guard var result = model.object, var config = model["config"]?.object,
      let layers = config["layers"]?.array
    else { return model }
    let isSequential = model["class_name"]?.string == "Sequential"
    let children = try objects.children(of: node)
    var filled: [JSONValue] = []
    var number = 0
    for layer in layers {
      if isSequential, layer["class_name"]?.string == "InputLayer" {
        filled.append(layer)
        continue
      }
      if let child = children["layer-\(number)"] {
        filled.append(try self.layer(layer, child))
      } else {
        filled.append(layer)
      }
      number += 1
    }
    config["layers"] = .array(filled)
    result["config"] = .object(config)
    return .object(result)
  }

  private mutating func layer(_ layer: JSONValue, _ node: Int) throws(KerasImportError) -> JSONValue {
    // A layer without a class is none of those that keep a vocabulary.
    let className = layer["class_name"]?.string ?? ""
    guard SavedVocabularies.lookups.contains(className) else { return try filled(layer, node: node) }
    guard var result = layer.object, var config = layer["config"]?.object, config["vocabulary"]?.array == nil
    else { return layer }
    do throws(KerasImportError) {
      guard let table = try table(of: node), let tokens = try tokens(ofTable: table, config) else {
        return layer
      }
      config["vocabulary"] = .array(tokens)
    } catch {
      throw error.at(.layer(name: config["name"]?.string ?? className, className: className))
    }
    result["config"] = .object(config)
    return .object(result)
  }

  private func table(of node: Int) throws(KerasImportError) -> Int? {
    let own = try objects.children(of: node)
    // TextVectorization has its table in a layer of its own.
    let inner = own["_lookup_layer"] ?? own["_index_lookup_layer"]
    let children = try inner.map { node throws(KerasImportError) in try objects.children(of: node) } ?? own
    return children["lookup_table"] ?? children["_table"]
  }

  // MARK: Tables

  /// The ordinary tokens of a table in order; nil when the table's content is not in the model.
  private mutating func tokens(
    ofTable node: Int, _ config: JSONObject
  ) throws(KerasImportError) -> [JSONValue]? {
    let content = try objects.content(ofTable: node)
    if let file = content.file { return try SavedVocabularies.lines(try model.asset(file)) }
    var pairs: [(token: JSONValue, index: JSONValue)]
    if content.constants.count == 2 {
      let isInverse = config["invert"]?.bool ?? false
      let keys = try constant(content.constants[isInverse ? 1 : 0])
      let values = try constant(content.constants[isInverse ? 0 : 1])
      guard keys.count == values.count else { throw SavedVocabularies.unlike }
      pairs = Array(zip(keys, values))
    } else {
      guard let saved = try savedTable(node) else { return nil }
      pairs = saved
    }
    let special = SavedVocabularies.specialTokens(config)
    pairs.removeAll { special.contains($0.token) }
    var numbered: [(token: JSONValue, index: Int)] = []
    for pair in pairs {
      guard let index = pair.index.int, index >= 0 else { throw SavedVocabularies.unlike }
      numbered.append((pair.token, index))
    }
    numbered.sort { $0.index < $1.index }
    // Neighbours that differ by one: nothing is left out, nothing comes twice.
    guard zip(numbered, numbered.dropFirst()).allSatisfy({ $1.index - $0.index == 1 }) else {
      throw SavedVocabularies.unlike
    }
    return numbered.map(\.token)
  }

  private static let unlike = KerasImportError(
    .unsupported("a lookup table that does not number its tokens one after another"))

  /// The mask token and the token for unknown ones, which no vocabulary may hold as ordinary tokens.
  private static func specialTokens(_ config: JSONObject) -> [JSONValue] {
    let named = ["mask_token", "oov_token", "mask_value", "oov_value"].compactMap { config[$0] }
    // TextVectorization does not write them.
    return named.isEmpty ? ["", "[UNK]"] : named.filter { $0 != .null }
  }

  /// One token a line.
  private static func lines(_ bytes: HeldBytes) throws(KerasImportError) -> [JSONValue] {
    guard case .string(let text) = try JSONValue(token: bytes) else { return [] }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    if lines.last == "" { lines.removeLast() }
    return lines.map { .string(String($0)) }
  }

  /// The elements of a constant of the graph.
  private mutating func constant(_ operation: String) throws(KerasImportError) -> [JSONValue] {
    let known: [String: ProtobufMessage]
    if let constants { known = constants } else { known = try objects.constants() }
    constants = known
    guard let tensor = known[operation] else {
      throw KerasImportError(.corrupted("the graph has no constant \"\(operation)\""))
    }
    return try SavedVocabularies.elements(of: tensor)
  }

  /// Integers and strings of a tensor: type (1), raw bytes (4) or a list (strings 8, int64 10).
  private static func elements(of tensor: ProtobufMessage) throws(KerasImportError) -> [JSONValue] {
    switch try tensor.number(1) {
    case 7:
      return try tensor.messages(8).map { text throws(KerasImportError) in try JSONValue(token: text.bytes) }
    case 9:
      guard let raw = try tensor.message(4)?.bytes else {
        return try tensor.numbers(10).map { .integer(Int(Int64(bitPattern: $0))) }
      }
      return try raw.withBytes { raw throws(KerasImportError) in
        var reader = ByteReader(raw)
        var numbers: [JSONValue] = []
        while !reader.isAtEnd { numbers.append(.integer(Int(try reader.fixed(Int64.self)))) }
        return numbers
      }
    case let type: throw KerasImportError(.unsupported("a lookup table of TensorFlow's type number \(type)"))
    }
  }

  // MARK: Tables among the weights

  /// The content of a table that can change (before TensorFlow 2.6), which is among the weights.
  private mutating func savedTable(
    _ node: Int
  ) throws(KerasImportError) -> [(token: JSONValue, index: JSONValue)]? {
    if saved == nil {
      let bundle = try model.bundle()
      saved = (bundle, try TrackedObjects(bundle))
    }
    guard let (bundle, tracked) = saved else { return nil }
    guard tracked.nodes.indices.contains(node), let table = tracked.nodes[node].table else { return nil }
    let values = try bundle.tensor("\(table)-values")
    let keys = "\(table)-keys"
    let tokens: [JSONValue]
    if bundle.isText(keys) {
      tokens = try bundle.strings(keys).map { text throws(KerasImportError) in try JSONValue(token: text) }
    } else {
      tokens = try SavedVocabularies.integers(try bundle.tensor(keys))
    }
    guard tokens.count == values.elementCount else { throw SavedVocabularies.unlike }
    return Array(zip(tokens, try SavedVocabularies.integers(values)))
  }

  private static func integers(_ tensor: Tensor) throws(KerasImportError) -> [JSONValue] {
    guard tensor.dtype == .int64, let numbers = try? [Int64](tensor) else { throw unlike }  // Thrown.
    return numbers.map { .integer(Int($0)) }  // Int has 64 bits.
  }
}

extension JSONValue {
  /// A token of a vocabulary.
  /// - Throws: `unsupported` for bytes that are not text.
  fileprivate init(token bytes: HeldBytes) throws(KerasImportError) {
    guard let text = bytes.withBytes({ String(validating: $0, as: UTF8.self) }) else {
      throw KerasImportError(.unsupported("a vocabulary with tokens that are not UTF-8"))
    }
    self = .string(text)
  }
}
