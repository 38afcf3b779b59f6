import ModelIR
package import NativeFormat

extension LayerGraph {
  /// True for the class names of models among the layers.
  static func isModel(className: String, module: String) -> Bool {
    !LayerRegistry.isOperation(module: module)
      && (className == "Functional" || className == "Sequential" || className == "Model")
  }

  /// Builds a model from its canonical serialised form `{module, class_name, config}`.
  /// - Throws: every layer that is not supported at once (`several`), or the first thing that is malformed.
  package init(serialized: JSONValue, registry: LayerRegistry) throws(KerasImportError) {
    guard let className = serialized["class_name"]?.string, let config = serialized["config"] else {
      throw KerasImportError(.invalidGraph("expected a model, found \(serialized.shortText)"))
    }
    // What has no module is no operation.
    guard LayerGraph.isModel(className: className, module: serialized["module"]?.string ?? "") else {
      throw KerasImportError(.unsupportedLayer(className: className))
    }
    if className == "Sequential" {
      self = try LayerGraph(sequential: config, built: serialized["build_config"], registry: registry)
    } else {
      self = try LayerGraph(functional: config, registry: registry)
    }
  }

  /// Builds the objects of all layers.
  /// - Throws: the errors of all layers that cannot be built, unsupported ones together.
  private static func objects(
    _ layers: [JSONValue], registry: LayerRegistry
  ) throws(KerasImportError) -> [LayerObject] {
    var objects: [LayerObject] = []
    var unsupported: [KerasImportError] = []
    for layer in layers {
      do {
        objects.append(try LayerObject(serialized: layer, registry: registry))
      } catch {
        guard let refusals = error.refusals ?? (registry.keepsMisfits ? [error] : nil) else { throw error }
        unsupported += refusals
        if registry.keepsUnsupported { objects.append(LayerObject(unsupported: layer, error)) }
      }
    }
    if registry.keepsUnsupported { return objects }
    if unsupported.count == 1 { throw unsupported[0] }
    if !unsupported.isEmpty { throw KerasImportError(.several(unsupported)) }
    return objects
  }
}

// MARK: - Functional

extension LayerGraph {
  private init(functional config: JSONValue, registry: LayerRegistry) throws(KerasImportError) {
    guard let layers = config["layers"]?.array, let inputs = config["input_layers"],
      let outputs = config["output_layers"]
    else { throw KerasImportError(.missingKey("layers, input_layers or output_layers")) }
    let objects = try LayerGraph.objects(layers, registry: registry)
    var indices: [String: Int] = [:]
    for (index, object) in objects.enumerated() {
      guard indices.updateValue(index, forKey: object.name) == nil else {
        throw KerasImportError(.invalidGraph("two layers are named \"\(object.name)\""))
      }
    }
    var pending: [PendingCall] = []
    for (index, layer) in layers.enumerated() {
      // A layer that is never called has none.
      guard let nodes = layer["inbound_nodes"]?.array else { continue }
      for (number, node) in nodes.enumerated() {
        do throws(KerasImportError) {
          let arguments = try CallArguments(node: node)
          // Operations refuse what they do not call.
          if let object = arguments.objects.first, !(objects[index].layer is Operation) {
            throw KerasImportError(.unsupportedLayer(className: object.name))
          }
          pending.append(PendingCall(layer: index, call: number, arguments: arguments))
        } catch {
          throw error.at(.call(number)).at(
            .layer(name: objects[index].name, className: objects[index].className))
        }
      }
    }
    let order = CallOrder(objects: objects, indices: indices)
    self.init(
      name: config["name"]?.string ?? "functional", kind: .functional, layers: objects,
      calls: try order.sorted(pending), inputStructure: try order.structure(inputs),
      outputStructure: try order.structure(outputs))
    guard registry.keepsUnsupported else { return }
    for layer in layers { try declare(layer["inbound_nodes"] ?? .null, indices) }
  }

  /// Notes the types that the arguments of calls declare.
  private mutating func declare(_ value: JSONValue, _ indices: [String: Int]) throws(KerasImportError) {
    if let items = value.array {
      for item in items { try declare(item, indices) }
      return
    }
    guard let object = value.object else { return }
    guard object["class_name"]?.string == "__keras_tensor__", let config = object["config"],
      let history = config["keras_history"], let reference = TensorReference(history: history),
      let layer = indices[reference.layer]
    else {
      for member in object { try declare(member.value, indices) }
      return
    }
    let tensor = KerasTensor(layer: layer, call: reference.call, output: reference.output)
    declaredTypes[tensor] = try TensorType(
      declared: config["shape"], dtype: config["dtype"], name: reference.layer)
  }
}

/// A call whose arguments still name layers.
private struct PendingCall {
  let layer: Int
  let call: Int
  let arguments: CallArguments<TensorReference>
}

/// Puts calls into an order in which each finds its tensors: the file's order is almost, but not always, one.
private struct CallOrder {
  let objects: [LayerObject]
  let indices: [String: Int]

  func sorted(_ calls: [PendingCall]) throws(KerasImportError) -> [LayerCall] {
    var waiting: [Int] = Array(repeating: 0, count: calls.count)
    var users: [KerasTensorCall: [Int]] = [:]
    var resolved: [LayerCall] = []
    for (index, call) in calls.enumerated() {
      let arguments = try resolve(call)
      resolved.append(LayerCall(layer: call.layer, call: call.call, arguments: arguments))
      let sources = Set(arguments.tensors.map { KerasTensorCall(layer: $0.layer, call: $0.call) })
      for source in sources where !(objects[source.layer].layer is InputLayer) {
        waiting[index] += 1
        users[source, default: []].append(index)
      }
    }
    var order: [LayerCall] = []
    var ready = IndexHeap(calls.indices.filter { waiting[$0] == 0 })
    while let next = ready.removeSmallest() {
      order.append(resolved[next])
      for user in users[KerasTensorCall(layer: calls[next].layer, call: calls[next].call), default: []] {
        waiting[user] -= 1
        if waiting[user] == 0 { ready.insert(user) }
      }
    }
    if let stuck = calls.indices.first(where: { waiting[$0] > 0 }) {
      throw KerasImportError(
        .invalidGraph("its inputs are made by no call, or depend on its own output"),
        path: [
          .layer(name: objects[calls[stuck].layer].name, className: objects[calls[stuck].layer].className)
        ])
    }
    return order
  }

  private func resolve(_ call: PendingCall) throws(KerasImportError) -> CallArguments<KerasTensor> {
    do {
      return try call.arguments.map { reference throws(KerasImportError) in try tensor(reference) }
    } catch {
      throw error.at(.layer(name: objects[call.layer].name, className: objects[call.layer].className))
    }
  }

  func tensor(_ reference: TensorReference) throws(KerasImportError) -> KerasTensor {
    guard let layer = indices[reference.layer] else {
      throw KerasImportError(.invalidGraph("there is no layer \"\(reference.layer)\""))
    }
    return KerasTensor(layer: layer, call: reference.call, output: reference.output)
  }

  /// Reads `input_layers` or `output_layers`: a reference, or lists and dictionaries of them.
  func structure(_ value: JSONValue) throws(KerasImportError) -> CallArgument<KerasTensor> {
    if let reference = TensorReference(history: value) { return .tensor(try tensor(reference)) }
    if let items = value.array {
      var list: [CallArgument<KerasTensor>] = []
      for item in items { list.append(try structure(item)) }
      return .list(list)
    }
    if let object = value.object {
      var entries: [(key: String, value: CallArgument<KerasTensor>)] = []
      for entry in object { entries.append((entry.key, try structure(entry.value))) }
      return .dictionary(entries)
    }
    if value.isNull { return .none }
    throw KerasImportError(.invalidGraph("expected references to layers, found \(value.shortText)"))
  }
}

private struct KerasTensorCall: Hashable {
  let layer: Int
  let call: Int
}

/// A binary min-heap of indices: the ready call that comes first in the file is evaluated first.
private struct IndexHeap {
  private var items: [Int] = []

  init(_ sorted: [Int]) { items = sorted }

  mutating func insert(_ item: Int) {
    items.append(item)
    var child = items.count - 1
    while child > 0, items[child] < items[(child - 1) / 2] {
      items.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func removeSmallest() -> Int? {
    guard let smallest = items.first, let last = items.popLast() else { return nil }
    if items.isEmpty { return smallest }
    items[0] = last
    var parent = 0
    while 2 * parent + 1 < items.count {
      var child = 2 * parent + 1
      if child + 1 < items.count, items[child + 1] < items[child] { child += 1 }
      guard items[child] < items[parent] else { break }
      items.swapAt(child, parent)
      parent = child
    }
    return smallest
  }
}

// MARK: - Sequential

extension LayerGraph {
  /// A chain of layers. The input is its InputLayer, or follows from the first layer or the shape it was built with.
  private init(sequential config: JSONValue, built: JSONValue?, registry: LayerRegistry)
    throws(KerasImportError)
  {
    guard let layers = config["layers"]?.array else { throw KerasImportError(.missingKey("layers")) }
    var objects = try LayerGraph.objects(layers, registry: registry)
    if !(objects.first?.layer is InputLayer) {
      objects.insert(
        try LayerGraph.inputLayer(
          config: config, built: built, first: layers.first, object: objects.first, registry),
        at: 0)
    }
    var previous: CallArgument<KerasTensor> = .tensor(KerasTensor(layer: 0, call: 0, output: 0))
    var calls: [LayerCall] = []
    for index in objects.indices.dropFirst() {
      calls.append(LayerCall(layer: index, call: 0, arguments: CallArguments(positional: [previous])))
      previous = LayerGraph.results(of: objects[index], layer: index)
    }
    self.init(
      name: config["name"]?.string ?? "sequential", kind: .sequential, layers: objects, calls: calls,
      inputStructure: .tensor(KerasTensor(layer: 0, call: 0, output: 0)), outputStructure: previous)
  }

  private static func results(of object: LayerObject, layer: Int) -> CallArgument<KerasTensor> {
    let nested = object.layer as? NestedModel
    let count = nested?.model.outputs.count ?? 1  // A layer that is no model has one result here.
    if count == 1 { return .tensor(KerasTensor(layer: layer, call: 0, output: 0)) }
    return .list((0..<count).map { .tensor(KerasTensor(layer: layer, call: 0, output: $0)) })
  }

  private static func inputLayer(
    config: JSONValue, built: JSONValue?, first: JSONValue?, object: LayerObject?, _ registry: LayerRegistry
  ) throws(KerasImportError) -> LayerObject {
    var dtype = JSONValue.string("float32")
    var shape = first?["config"]?["batch_shape"] ?? first?["config"]?["batch_input_shape"]
    if shape == nil, let nested = object?.layer as? NestedModel, nested.model.inputs.count == 1,
      let input = nested.model.layers[nested.model.inputs[0].layer].layer as? InputLayer
    {
      shape = input.batchShape.map { .array($0.map { $0.map(JSONValue.integer) ?? .null }) }
      dtype = .string(input.dtype.rawValue)
    }
    shape =
      shape ?? config["build_input_shape"] ?? built?["input_shape"] ?? first?["build_config"]?["input_shape"]
    let name = (object?.name ?? "sequential") + "_input"
    // A nested Sequential may never have learned its shape before it was called.
    let known = shape?.array == nil ? .null : shape ?? .null
    var json = JSONObject([("batch_shape", known), ("dtype", dtype), ("name", .string(name))])
    json.insert(.inputNameIsInvented)
    let layer = JSONValue.object(
      JSONObject([("class_name", .string("InputLayer")), ("config", .object(json)), ("name", .string(name))]))
    return try LayerObject(serialized: layer, registry: registry)
  }
}
