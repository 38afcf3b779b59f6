import KerasImport
import ModelIR
import NativeFormat

/// Turns a model of any era into what Keras 3 would have saved.
///
/// The configuration is canonical already; here what canonical form says beyond Keras (``EraMark``s, layers of
/// `kconvert.layers`) becomes layers that Keras 3 has, or is refused by name, everything at once.
struct KerasUpgrade {
  let model: KerasModel
  /// nil leaves every layer as it is, for those who want the folders of the weights only.
  let lowered: LoweredModel?
  /// Written before Keras 3, so that keys may stand in the configuration that Keras 3 does not know.
  let isLegacy: Bool
  /// No layer of the outermost model makes masks or passes them on.
  private(set) var hasExplicitMasks = false
  /// What has no layer in Keras 3.
  private(set) var refusals = GroupedRefusals()

  init(_ model: KerasModel, _ lowered: LoweredModel?) {
    self.model = model
    self.lowered = lowered
    isLegacy = !model.kerasVersion.hasPrefix("3")
  }

  /// The model as a node.
  /// - Throws: ``KerasExportError/unsupported(_:)`` with every layer that has no form in Keras 3.
  mutating func root() throws(KerasExportError) -> KerasNode {
    let node = self.node(of: model.graph, name: KerasUpgrade.valid(model.graph.name), path: "")
    if !refusals.isEmpty { throw .unsupported("\(model.path): \(refusals.text)") }
    return node
  }

  /// A layer name that Keras 3 accepts: it may not hold slashes.
  static func valid(_ name: String) -> String { name.replacing("/", with: "_") }

  mutating func refuse(_ object: LayerObject, _ reason: String) {
    refusals.add(reason, layer: object.name, className: object.className)
  }

  // MARK: Models

  private mutating func node(of graph: LayerGraph, name: String, path: String) -> KerasNode {
    graph.kind == .sequential
      ? sequential(graph, name: name, path: path) : functional(graph, name: name, path: path)
  }

  private mutating func sequential(_ graph: LayerGraph, name: String, path: String) -> KerasNode {
    let names = uniqueNames(graph)
    var layers: [KerasNode] = []
    for (index, object) in graph.layers.enumerated() {
      if let input = object.layer as? InputLayer, input.batchShape == nil { continue }
      layers.append(
        node(of: object, name: names[index], path: path.isEmpty ? object.name : "\(path)/\(object.name)"))
    }
    var node = KerasNode(sequential: layers, name: name)
    node.parts = [
      KerasNode.Part(attribute: "layers", content: .list(layers.filter { $0.className != "InputLayer" }))
    ]
    return node
  }

  private mutating func functional(_ graph: LayerGraph, name: String, path: String) -> KerasNode {
    let names = uniqueNames(graph)
    var writer = CallWriter(graph: graph, names: names, lowered: lowered, path: path, isLegacy: isLegacy)
    let retired = lowered.map { lowered in
      RetiredOperations(graph, lowered.graph, names: names) { lowered.value(of: $0, in: graph, at: path) }
    }
    var entries: [JSONValue] = []
    if let lowered, let retired {
      writer.moved = retired.moved
      for (object, reason) in retired.refusals { refuse(object, reason) }
      if path.isEmpty, ExplicitMasks.areNeeded(graph, lowered) {
        entries = makeMasksExplicit(graph, lowered, &writer, taken: retired.writer.names)
      }
    }
    var layers: [String: KerasNode] = [:]
    for (index, object) in graph.layers.enumerated() {
      if let operations = retired?.entries[index] {
        entries += operations
        continue
      }
      let layer = node(
        of: object, name: names[index], path: path.isEmpty ? object.name : "\(path)/\(object.name)")
      if !object.isOperation { layers[names[index]] = layer }
      var entry = layer.serialized
      entry["name"] = .string(names[index])
      do { entry["inbound_nodes"] = .array(try writer.nodes(of: index)) } catch { refuse(object, "\(error)") }
      entries.append(.object(entry))
    }
    return functional(graph, entries, layers, writer, name: name, isPlain: isLegacy || !path.isEmpty)
  }

  /// A Functional model of serialised layers.
  /// - Parameters:
  ///   - layers: those with a folder, by name.
  ///   - isPlain: an input or output in a list of its own is meant to be just that tensor, as before Keras 3 and in
  ///     models inside others.
  private func functional(
    _ graph: LayerGraph, _ entries: [JSONValue], _ layers: [String: KerasNode], _ writer: CallWriter,
    name: String,
    isPlain: Bool
  ) -> KerasNode {
    func structure(_ argument: CallArgument<KerasTensor>) -> JSONValue {
      if isPlain, case .list(let items) = argument, items.count == 1 { return writer.structure(items[0]) }
      return writer.structure(argument)
    }
    // Layers that no output depends on are built when the model is loaded, but are not among its layers.
    let order = OperationOrder.names(
      entries, inputs: graph.inputs.map { writer.history($0) },
      outputs: graph.outputs.map { writer.moved[$0]?["config"]?["keras_history"] ?? writer.history($0) })
    var node = KerasNode(
      name: name, className: "Functional", module: "keras.src.models.functional",
      config: JSONObject([("name", .string(name)), ("trainable", true), ("layers", .array(entries))]))
    node.config["input_layers"] = structure(graph.inputStructure)
    node.config["output_layers"] = structure(graph.outputStructure)
    node.parts = [KerasNode.Part(attribute: "layers", content: .list(order.compactMap { layers[$0] }))]
    return node
  }

  /// Gives layers of the outermost model their masks as arguments, see ``ExplicitMasks``.
  /// - Returns: the operations that make the masks.
  private mutating func makeMasksExplicit(
    _ graph: LayerGraph, _ lowered: LoweredModel, _ writer: inout CallWriter, taken: Set<String>
  ) -> [JSONValue] {
    hasExplicitMasks = true
    var masks = ExplicitMasks(graph, lowered, writer, taken: taken.union(writer.names))
    for call in graph.calls {
      let key = KerasTensor(layer: call.layer, call: call.call, output: 0)
      do { writer.masks[key] = try masks.keywords(for: call) } catch {
        refuse(graph.layers[call.layer], "\(error)")
      }
      masks.strip(call)
    }
    writer.stripped = masks.stripped
    return masks.operations
  }

  /// Names that Keras 3 gives to the operations which make masks when a model is loaded (`compute_mask` of Embedding,
  /// Masking and merging layers), numbered where there are several.
  private static let maskOperations: Set<String> = [
    "not_equal", "any", "where", "squeeze", "logical_or", "concatenate", "ones_like", "zeros_like",
    "expand_dims",
  ]

  /// A name for each layer that no other has, nor an operation that makes masks.
  private func uniqueNames(_ graph: LayerGraph) -> [String] {
    var used: Set<String> = []
    let makesMasks = isLegacy && graph.layers.contains { lowered?.masks(of: $0) != nil }
    return graph.layers.map { layer in
      var name = KerasUpgrade.valid(layer.name)
      if makesMasks, KerasUpgrade.maskOperations.contains(NumberedWeights.split(name).name) {
        name = "layer_" + name
      }
      return used.insertUnique(name)
    }
  }

  // MARK: Layers

  /// The node of a layer, under the name it has in its new model.
  /// - Parameter isWritten: false for parts that follow from the configuration of the layer around them.
  mutating func node(of object: LayerObject, name: String, path: String, isWritten: Bool = true) -> KerasNode
  {
    if let nested = object.layer as? NestedModel {
      var node = self.node(of: nested.model, name: name, path: path)
      if object.config["trainable"]?.bool == false { node.config["trainable"] = false }
      return node
    }
    var node = KerasNode(
      name: name, className: object.className, module: object.module, config: object.config.object ?? [:])
    // Operations that save no name take none.
    if isLegacy || !object.isOperation || node.config["name"] != nil { node.config["name"] = .string(name) }
    node.buildConfig = object.buildConfig ?? builtShape(of: object)
    for spec in object.layer.writtenRoles(model.binding.tensors[ObjectIdentifier(object)] ?? [:]) {
      guard let tensor = model.binding.tensor(spec.name, of: object) else { continue }
      node.variables.append((spec.isNamed ? spec.name : "\(node.variables.count)", tensor))
    }
    node.assets = object.layer.assets.compactMap { name in
      model.binding.asset(name, of: object).map { (name, $0) }
    }
    addSublayers(of: object, path: path, to: &node)
    if object.className == "TextVectorization" { addLookup(to: &node) }
    guard isWritten, let lowered else { return node }
    return upgraded(reloadable(node, object), object, lowered, path: path)
  }

  /// A TextVectorization's own lookup, which Keras 3 saves once more with the same table and factors.
  private func addLookup(to node: inout KerasNode) {
    var lookup = KerasNode("StringLookup", name: "string_lookup", [])
    lookup.variables = node.variables
    lookup.assets = node.assets
    node.parts.append(KerasNode.Part(attribute: "_lookup_layer", content: .layer(lookup)))
  }

  /// The shape that a layer used as an activation is to be built with where its weights are the only trace of it.
  private func builtShape(of object: LayerObject) -> JSONValue? {
    guard object.className == "PReLU", let alpha = model.binding.tensor("alpha", of: object) else {
      return nil
    }
    return ["input_shape": .array([.null] + alpha.sizes.map(JSONValue.integer))]
  }

  /// The layers inside a layer, in its folder and, where they are part of it, in its configuration.
  private mutating func addSublayers(of object: LayerObject, path: String, to node: inout KerasNode) {
    var lists: [String: [KerasNode]] = [:]
    for sublayer in object.layer.sublayers {
      let attribute = sublayer.list ?? sublayer.attribute
      // Cells of LSTM layers, and backward layers that follow from the forward one, are not in the configuration.
      let key = attribute == "forward_layer" ? "layer" : attribute
      let isWritten = sublayer.list == nil ? node.config[key]?.object != nil : node.config[key]?.array != nil
      let inner = self.node(
        of: sublayer.object, name: KerasUpgrade.valid(sublayer.object.name),
        path: "\(path)/\(sublayer.attribute)",
        isWritten: isWritten)
      if let list = sublayer.list {
        lists[list, default: []].append(inner)
        continue
      }
      // Public attributes come before those with an underscore; these have no public ones.
      let isHidden =
        object.className.hasPrefix("Group") && attribute.hasSuffix("_dense") || attribute == "gate_dense"
      node.parts.append(
        KerasNode.Part(attribute: isHidden ? "_" + attribute : attribute, content: .layer(inner)))
      if isWritten { node.config[key] = .object(inner.serialized) }
    }
    for (attribute, nodes) in lists {
      node.parts.append(KerasNode.Part(attribute: attribute, content: .list(nodes)))
      if node.config[attribute]?.array != nil {
        node.config[attribute] = .array(nodes.map { .object($0.serialized) })
      }
    }
  }
}

extension LayerObject {
  /// True for a `keras.ops` function in the graph, which has no weights and no folder.
  var isOperation: Bool { LayerRegistry.isOperation(module: module) }
}

extension LoweredModel {
  /// The value that a tensor of the model became, or of a nested model at its first call.
  /// - Parameter path: the path of the nested model; empty for the outermost.
  func value(of tensor: KerasTensor, in graph: LayerGraph, at path: String) -> Value? {
    if path.isEmpty { return values[tensor] }
    guard let results = nestedResults["\(path)/\(graph.layers[tensor.layer].name)"],
      tensor.call < results.count,
      tensor.output < results[tensor.call].count
    else { return nil }
    return results[tensor.call][tensor.output]
  }
}
