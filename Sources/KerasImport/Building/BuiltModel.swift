import ModelIR
import NativeFormat

/// The configuration and weights of a model that is built in code, in the form that today's Keras writes.
struct BuiltModel {
  private(set) var json: JSONValue = .null
  /// By the paths of their layers.
  private(set) var weights: [String: Tensor] = [:]
  private var layers: [BuiltLayer] = []
  private var places: [ObjectIdentifier: Int] = [:]
  /// For each call its layer and the number among its calls.
  private var calls: [ObjectIdentifier: (layer: Int, node: Int)] = [:]
  private var names: Set<String> = []

  private struct BuiltLayer {
    let definition: LayerDefinition
    let name: String
    var nodes: [JSONValue] = []
  }

  /// - Throws: `invalidGraph` for a model without inputs or outputs, an input that is none, and two layers of one name.
  init(inputs: [LayerOutput], outputs: [LayerOutput], name: String) throws(KerasImportError) {
    guard !inputs.isEmpty, !outputs.isEmpty else {
      throw KerasImportError(.invalidGraph("a model needs inputs and outputs"))
    }
    for tensor in inputs + outputs { try add(tensor.call) }
    let given = Set(inputs.map { ObjectIdentifier($0.call) })
    for layer in layers where layer.definition.className == "InputLayer" {
      guard inputs.contains(where: { $0.call.layer.identity === layer.definition.identity }) else {
        throw KerasImportError(
          .invalidGraph("the outputs need \"\(layer.name)\", which is not among the inputs"))
      }
    }
    guard given.count == inputs.count, inputs.allSatisfy({ $0.call.layer.className == "InputLayer" }) else {
      throw KerasImportError(.invalidGraph("the inputs of a model are made by LayerOutput.input, each once"))
    }
    func histories(_ tensors: [LayerOutput]) -> JSONValue { .array(tensors.map(history)) }
    let config: JSONObject = [
      "name": .string(name), "trainable": true, "layers": .array(layers.map(serialized)),
      "input_layers": histories(inputs), "output_layers": histories(outputs),
    ]
    json = [
      "module": "keras.src.models.functional", "class_name": "Functional", "config": .object(config),
      "registered_name": "Functional",
    ]
  }

  /// Adds a call and those that it needs, each once; a long chain is no deep recursion.
  private mutating func add(_ last: BuiltCall) throws(KerasImportError) {
    var waiting = [last]
    while let call = waiting.last {
      let missing = call.arguments.joined().map(\.call).filter { calls[ObjectIdentifier($0)] == nil }
      guard missing.isEmpty else {
        waiting += missing
        continue
      }
      waiting.removeLast()
      if calls[ObjectIdentifier(call)] != nil { continue }
      let place = try place(of: call.layer)
      calls[ObjectIdentifier(call)] = (place, layers[place].nodes.count)
      layers[place].nodes.append(node(call))
    }
  }

  private mutating func place(of definition: LayerDefinition) throws(KerasImportError) -> Int {
    let key = ObjectIdentifier(definition.identity)
    if let known = places[key] { return known }
    let name = definition.name ?? freshName(definition.className)
    guard names.insert(name).inserted else {
      throw KerasImportError(.invalidGraph("two layers are named \"\(name)\""))
    }
    for (weight, tensor) in definition.weights { weights["\(name)/\(weight)"] = tensor }
    layers.append(BuiltLayer(definition: definition, name: name))
    places[key] = layers.count - 1
    return layers.count - 1
  }

  /// As Keras names a layer: `MaxPooling2D` is `max_pooling2d`, the second `max_pooling2d_1`.
  private func freshName(_ className: String) -> String {
    var base = ""
    var previous: Character?
    for (index, character) in className.enumerated() {
      let next = className.dropFirst(index + 1).first
      let startsWord =
        previous?.isLowercase == true || previous?.isUppercase == true && next?.isLowercase == true
      if character.isUppercase, startsWord { base += "_" }
      base += character.lowercased()
      previous = character
    }
    var (name, number) = (base, 0)
    while names.contains(name) {
      number += 1
      name = "\(base)_\(number)"
    }
    return name
  }

  private func node(_ call: BuiltCall) -> JSONValue {
    // A layer of inputs has no node: nothing calls it.
    let arguments = call.arguments.map { operands in
      // Each has one.
      call.takesLists ? JSONValue.array(operands.map(tensor)) : operands.first.map(tensor) ?? .null
    }
    return ["args": .array(arguments), "kwargs": [:]]
  }

  private func tensor(_ output: LayerOutput) -> JSONValue {
    ["class_name": "__keras_tensor__", "config": ["keras_history": history(output)]]
  }

  /// `["layer", node, tensor]`; every call has been added.
  private func history(_ output: LayerOutput) -> JSONValue {
    guard let (layer, node) = calls[ObjectIdentifier(output.call)] else { return .null }
    return [.string(layers[layer].name), .integer(node), .integer(output.index)]
  }

  private func serialized(_ layer: BuiltLayer) -> JSONValue {
    // Refused by the layer: no object, no keys.
    var config = layer.definition.config.json.object ?? JSONObject()
    config["name"] = .string(layer.name)
    let isInput = layer.definition.className == "InputLayer"
    return [
      "module": "keras.layers", "class_name": .string(layer.definition.className), "config": .object(config),
      "registered_name": .null, "name": .string(layer.name),
      "inbound_nodes": .array(isInput ? [] : layer.nodes),
    ]
  }
}

extension KerasModel {
  /// A model built in code of layers that have been called, as Keras's Functional API has it. It runs and is saved as any
  /// other: `.keras` for Keras itself.
  /// - Parameter inputs: its inputs, in order.
  /// - Parameter outputs: its outputs, in order.
  /// - Parameter name: the model's name.
  /// - Parameter options: the layers that are known; weights are those of the layers.
  /// - Throws: ``KerasImportError``, as for a file: a layer that is not supported, keys that it does not have, weights that are
  ///   not given (`noSuchWeight`), of another shape, or of no layer.
  public init(
    inputs: [LayerOutput], outputs: [LayerOutput], name: String = "model", options: Options = Options()
  ) throws(KerasImportError) {
    let built: BuiltModel
    do { built = try BuiltModel(inputs: inputs, outputs: outputs, name: name) } catch {
      throw error.at(.file(name))
    }
    do {
      try self.init(
        placing: ModelFile(name: name, architecture: built.json), weights: built.weights, options: options)
      if unsupported == nil { _ = try lowering() }
    } catch {
      throw built.explained(error, known: options.layers)
    }
  }
}

extension BuiltModel {
  /// What is wrong is the program's, not a file's: it may have written another name than it meant.
  fileprivate func explained(_ error: KerasImportError, known: LayerRegistry) -> KerasImportError {
    let layers = error.path.compactMap { $0.asLayer?.name }
    switch error.reason {
    case .weightNotFound(let name):
      let path = layers.joined(separator: "/") + "/"
      let given = weights.keys.filter { $0.hasPrefix(path) }.map { String($0.dropFirst(path.count)) }
      return KerasImportError(.noSuchWeight(name, nearest: given.nearest(to: name)), path: error.path)
    case .missingKey(let key):
      let given = self.layers.first { $0.name == layers.last }?.definition.config.json.object
      let near = given?.keys(where: { _, _ in true }).nearest(to: key)
      // Left out.
      return near.map { KerasImportError(.unknownKeys([$0], nearest: key), path: error.path) } ?? error
    // A class of the program's own.
    case .unsupportedLayer(let name): return misspelt(name, error, known) ?? error
    case .several(let errors):
      let found = errors.lazy.compactMap { one in
        if case .unsupportedLayer(let name) = one.reason { misspelt(name, one, known) } else { nil }
      }
      return found.first ?? error  // Classes of the program's own.
    default: return error
    }
  }

  private func misspelt(_ name: String, _ error: KerasImportError, _ known: LayerRegistry)
    -> KerasImportError?
  {
    guard !known.layerNames.contains(name), RefusedLayers.reasons[name] == nil,
      let nearest = known.layerNames.nearest(to: name)
    else {
      return nil
    }
    return KerasImportError(.noSuchLayerClass(name, nearest: nearest), path: error.path)
  }
}
