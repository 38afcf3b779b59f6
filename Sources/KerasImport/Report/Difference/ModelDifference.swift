import ModelIR
import NativeFormat

/// What differs between two models, layer by layer and weight by weight: made for reviewing a fine-tuned model against the
/// one it comes from.
///
/// Layers and weights correspond by their paths. Nothing is computed with the models, which may be opened with
/// ``KerasModel/Options/keepsUnsupported``.
public struct ModelDifference: Sendable {
  /// A value that differs: of a key of the configuration, `kernel_initializer.config.seed`, or of what a layer is called
  /// with, `inbound`.
  public struct Change: Hashable, Sendable {
    /// The key, its parts joined by dots.
    public let key: String
    /// The values; nil where a model has no such key.
    public let first, second: ConfigValue?
  }

  /// A layer that one model lacks, or that is another in the second.
  public struct Layer: Hashable, Sendable {
    /// The layer's path: `encoder/block_1/dense`.
    public let path: String
    /// The classes in both models; nil where a model has no such layer.
    public let firstClass, secondClass: String?
    /// What differs of a layer that both have.
    public let changes: [Change]
  }

  /// What differs of the models themselves: name, kind, inputs and outputs.
  public let changes: [Change]
  /// The layers that differ, in the order of the first model, then of the second.
  public let layers: [Layer]
  /// How many layers are the same in both.
  public let equalLayerCount: Int
  /// All weights, in the order of the first model, then of the second.
  public let weights: [WeightDifference]

  /// Whether nothing differs.
  public var isEmpty: Bool { changes.isEmpty && layers.isEmpty && weights.allSatisfy(\.isEqual) }

  /// Compares two models. Weights are read piece by piece.
  /// - Throws: ``KerasImportError`` when a weight's bytes are damaged.
  public init(_ first: KerasModel, _ second: KerasModel) throws(KerasImportError) {
    changes = ModelDifference.changes(
      ModelDifference.outline(first.graph), ModelDifference.outline(second.graph))
    let (before, after) = (DescribedLayers(first.graph), DescribedLayers(second.graph))
    let paths = before.paths + after.paths.filter { before.layers[$0] == nil }
    let compared = paths.compactMap { ModelDifference.layer($0, before.layers[$0], after.layers[$0]) }
    layers = compared
    equalLayerCount = paths.count - compared.count
    let (own, others) = (first.namedTensors, second.namedTensors)
    let (known, found) = (Dictionary(own) { a, _ in a }, Dictionary(others) { a, _ in a })
    let names = own.map(\.0) + others.map(\.0).filter { known[$0] == nil }
    weights = try names.map { name throws(KerasImportError) in
      do { return try WeightDifference(name, known[name], found[name]) } catch {
        throw KerasImportError(reading: error).at(.weight(name))
      }
    }
  }

  /// Nil when the layer is the same in both.
  private static func layer(_ path: String, _ first: DescribedLayer?, _ second: DescribedLayer?) -> Layer? {
    guard let first, let second else {
      return Layer(path: path, firstClass: first?.className, secondClass: second?.className, changes: [])
    }
    let changes = changes(first.values, second.values)
    if changes.isEmpty, first.className == second.className { return nil }
    return Layer(path: path, firstClass: first.className, secondClass: second.className, changes: changes)
  }

  /// What a model is besides its layers.
  private static func outline(_ graph: LayerGraph) -> JSONObject {
    [
      "name": .string(graph.name), "class": .string(graph.kind.rawValue),
      "inputs": graph.described(graph.inputStructure), "outputs": graph.described(graph.outputStructure),
    ]
  }

  /// The keys whose values differ. Objects are entered, lists are values; a key that only one release of Keras writes, and
  /// leaves null, says nothing.
  static func changes(_ first: JSONObject, _ second: JSONObject, under prefix: String = "") -> [Change] {
    let keys = first.keys + second.keys.filter { !first.contains($0) }
    return keys.flatMap { key -> [Change] in
      let (a, b) = (first[key], second[key])
      if a ?? .null == b ?? .null { return [] }  // See above.
      if let a = a?.object, let b = b?.object { return changes(a, b, under: "\(prefix)\(key).") }
      return [Change(key: prefix + key, first: a.map(ConfigValue.init), second: b.map(ConfigValue.init))]
    }
  }
}

/// A layer as it is compared.
struct DescribedLayer {
  let className: String
  /// The configuration without the layers inside, which are compared by themselves, and what the layer is called with.
  let values: JSONObject

  init(_ object: LayerObject, calls: [JSONValue]) {
    className = object.className
    var values: JSONObject = [:]
    // No keys, no values.
    for (key, value) in object.config.object ?? [:] where !DescribedLayer.holdsLayers(value) {
      values[key] = DescribedLayer.plain(value)
    }
    // Not in files of the first releases of Keras 3, where no input is any of these.
    if className == "InputLayer" {
      for key in ["ragged", "optional"] where values[key] == .bool(false) { values[key] = nil }
    }
    if object.layer is NestedModel { for key in ["input_layers", "output_layers"] { values[key] = nil } }
    if !calls.isEmpty { values["inbound"] = .array(calls) }
    self.values = values
  }

  /// A value without what differs from release to release and from process to process alone: a policy is its type's name,
  /// and `shared_object_id` is where an object lay in memory.
  private static func plain(_ value: JSONValue) -> JSONValue {
    if let list = value.array { return .array(list.map(plain)) }
    guard let object = value.object else { return value }
    if object["class_name"] == .string("DTypePolicy"), let name = object["config"]?["name"] { return name }
    var kept: JSONObject = [:]
    for (key, member) in object where key != "shared_object_id" { kept[key] = plain(member) }
    return .object(kept)
  }

  /// Whether a value is a layer, or a list of layers.
  private static func holdsLayers(_ value: JSONValue) -> Bool {
    if let list = value.array { return !list.isEmpty && list.allSatisfy(holdsLayers) }
    return value["class_name"] != nil && value["config"]?["name"] != nil
      && value["config"]?["trainable"] != nil
      || value["class_name"]?.string == "InputLayer"
  }
}

/// The layers of a model by their paths, in order.
struct DescribedLayers {
  private(set) var paths: [String] = []
  private(set) var layers: [String: DescribedLayer] = [:]
  private var calls: [ObjectIdentifier: [JSONValue]] = [:]

  init(_ graph: LayerGraph) {
    note(graph)
    for place in graph.places {
      paths.append(place.path)
      layers[place.path] = DescribedLayer(
        place.object, calls: calls[ObjectIdentifier(place.object), default: []])
    }
  }

  /// Notes the calls of a model and of the models inside it.
  private mutating func note(_ graph: LayerGraph) {
    for call in graph.calls {
      calls[ObjectIdentifier(graph.layers[call.layer]), default: []].append(graph.described(call.arguments))
    }
    for layer in graph.layers {
      if let nested = layer.layer as? NestedModel { note(nested.model) }
    }
  }
}

extension KerasModel {
  /// The weights by name; those of layers that are not supported are numbered.
  fileprivate var namedTensors: [(String, Tensor)] {
    let numbered = graph.places.flatMap { place in
      binding.unassigned[ObjectIdentifier(place.object), default: []].enumerated().map { number, tensor in
        ("\(place.path)/\(number)", tensor)
      }
    }
    return weights.map { ($0.name, $0.tensor) } + numbered
  }
}
