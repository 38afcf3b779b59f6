import NativeFormat

/// Turns calls written as lists of `[layer, node, tensor, kwargs]` into calls with arguments, counted from 0.
struct LegacyNodes {
  /// How far the node numbers of a nested model are ahead of its calls.
  private let offsets: [String: Int]
  /// The names of the layers of this model.
  private let names: Set<String>

  init(config: JSONObject) {
    let layers = config["layers"]?.array ?? []  // The caller has refused a model without layers.
    var names: Set<String> = []
    for layer in layers { if let name = layer["name"]?.string { names.insert(name) } }
    var highest: [String: Int] = [:]
    for layer in layers { LegacyNodes.collect(layer["inbound_nodes"] ?? .null, names, &highest) }
    for key in ["input_layers", "output_layers"] {
      LegacyNodes.collect(config[key] ?? .null, names, &highest)
    }
    var offsets: [String: Int] = [:]
    for layer in layers {
      guard let name = layer["name"]?.string, let calls = layer["inbound_nodes"]?.array, !calls.isEmpty,
        // What has no class is no model.
        let last = highest[name], LegacyConfig.isModel(layer["class_name"]?.string ?? "")
      else { continue }
      offsets[name] = max(0, last + 1 - calls.count)
    }
    self.names = names
    self.offsets = offsets
  }

  private static func collect(_ value: JSONValue, _ names: Set<String>, _ highest: inout [String: Int]) {
    // The first reference to it.
    if let (name, node, _) = reference(value, names) { highest[name] = max(highest[name, default: 0], node) }
    if let items = value.array {
      for item in items { collect(item, names, &highest) }
    } else if let object = value.object {
      for member in object { collect(member.value, names, &highest) }
    }
  }

  /// A list of 3 or 4 whose first element names a layer and whose next two are numbers.
  private static func reference(_ value: JSONValue, _ names: Set<String>) -> (String, Int, Int)? {
    guard let items = value.array, items.count == 3 || items.count == 4, let name = items[0].string,
      names.contains(name), let node = items[1].int, let tensor = items[2].int, node >= 0,
      items.count == 3 || items[3].object != nil
    else { return nil }
    return (name, node, tensor)
  }

  private func history(_ reference: (String, Int, Int)) -> JSONValue {
    // Layers that are no models have no offset.
    let node = max(0, reference.1 - offsets[reference.0, default: 0])
    return .array([.string(reference.0), .integer(node), .integer(reference.2)])
  }

  /// `input_layers` or `output_layers`.
  func structure(_ value: JSONValue) -> JSONValue {
    if let found = LegacyNodes.reference(value, names) { return history(found) }
    if let items = value.array { return .array(items.map(structure)) }
    guard let object = value.object else { return value }
    return .object(JSONObject(object.map { ($0.key, structure($0.value)) }))
  }

  /// A value of a call, its references as tensors.
  func argument(_ value: JSONValue) -> JSONValue {
    if let found = LegacyNodes.reference(value, names) {
      return ["class_name": "__keras_tensor__", "config": ["keras_history": history(found)]]
    }
    if let items = value.array {
      let isConstant = items.count == 4 && items[0].string == "_CONSTANT_VALUE"
      return isConstant ? items[2] : .array(items.map(argument))
    }
    guard let object = value.object else { return value }
    return .object(JSONObject(object.map { ($0.key, argument($0.value)) }))
  }

  /// One call: its first argument and the keywords.
  struct LegacyCall {
    var first: JSONValue
    var keywords: JSONObject
  }

  /// - Throws: `invalidGraph` for a node that is no list or dictionary of references.
  func call(_ node: JSONValue, keepsList: Bool) throws(KerasImportError) -> LegacyCall {
    if let items = node.array, items.count == 4, items[0].string == "_CONSTANT_VALUE" {
      return LegacyCall(first: items[2], keywords: keywords(items[3]))
    }
    if LegacyNodes.reference(node, names) != nil {
      return LegacyCall(first: argument(node), keywords: keywords(node[3] ?? .null))
    }
    if let items = node.array, let first = items.first {
      let isOne = items.count == 1 && !keepsList
      return LegacyCall(
        first: isOne ? argument(first) : .array(items.map(argument)), keywords: deepKeywords(node))
    }
    guard node.object != nil else {
      throw KerasImportError(.invalidGraph("expected references to layers, found \(node.shortText)"))
    }
    return LegacyCall(first: argument(node), keywords: deepKeywords(node))
  }

  /// The keywords that every reference of a nested structure repeats.
  private func deepKeywords(_ value: JSONValue) -> JSONObject {
    if LegacyNodes.reference(value, names) != nil || value[0]?.string == "_CONSTANT_VALUE" {
      return keywords(value[3] ?? .null)
    }
    if let first = value.array?.first { return deepKeywords(first) }
    if let first = value.object?.values.first { return deepKeywords(first) }
    return JSONObject()
  }

  private func keywords(_ value: JSONValue) -> JSONObject {
    guard let object = value.object else { return JSONObject() }
    return JSONObject(object.map { ($0.key, argument($0.value)) })
  }
}
