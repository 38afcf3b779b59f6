import ModelIR

/// Binds the weights of a checkpoint of TensorFlow by the objects it was made of, as TensorFlow itself does: the layers of a
/// model are its children `layer-0`, `layer-1`, ..., a layer's weights and inner layers are in attributes.
///
/// Source: `_layer_checkpoint_dependencies` of `keras/src/engine/functional.py` of Keras 2.15.
struct CheckpointWeights {
  private let bundle: TensorBundle
  private let objects: TrackedObjects
  /// What Keras calls the layers, by node; a SavedModel says it, a checkpoint does not.
  private let names: [Int: String]
  /// Layers that do not find their weights are let go, for inspection.
  private let isLenient: Bool
  private var binding = WeightBinding()
  private var claimed: Set<Int> = []

  /// Finds every weight of the model.
  /// - Throws: `weightNotFound` with the layer's place; `unusedWeights` for variables of layers that no layer asks for.
  static func bind(
    _ model: LayerGraph, to bundle: TensorBundle, names: [Int: String] = [:], isLenient: Bool = false
  ) throws(KerasImportError) -> WeightBinding {
    var weights = CheckpointWeights(bundle, names, try TrackedObjects(bundle), isLenient: isLenient)
    let root = try weights.root()
    try weights.bind(model, at: root)
    if !isLenient { try weights.checkUnclaimed(root) }
    return weights.binding
  }

  private init(_ bundle: TensorBundle, _ names: [Int: String], _ objects: TrackedObjects, isLenient: Bool) {
    self.isLenient = isLenient
    self.bundle = bundle
    self.names = names
    self.objects = objects
  }

  /// The model among the objects: what was saved, or the only model in it (`tf.train.Checkpoint(model=...)`).
  private func root() throws(KerasImportError) -> Int {
    func isModel(_ node: Int) -> Bool { objects.child("layer-0", of: node) != nil }
    guard let root = objects.nodes.first, !isModel(0) else { return 0 }
    let models = root.children.filter { isModel($0.node) }
    if models.count == 1 { return models[0].node }
    let found = models.isEmpty ? "none" : models.map { "\"\($0.name)\"" }.joined(separator: ", ")
    throw KerasImportError(
      .unsupported("\(bundle.name): expected the weights of one model of layers, found \(found)"))
  }

  // MARK: Layers

  private mutating func bind(_ model: LayerGraph, at node: Int) throws(KerasImportError) {
    let tracked = model.layers.filter { !(model.kind == .sequential && $0.layer is InputLayer) }
    let all = objects.numbered("layer-", of: node)
    if all.count == tracked.count {
      for (object, node) in zip(tracked, all) { try bind(layer: object, at: node) }
      return
    }
    // Layers that today's form does not have are among them; those with weights are counted apart.
    let withWeights = tracked.filter(\.mayHaveWeights)
    let nodes = objects.numbered("layer_with_weights-", of: node)
    guard nodes.count == withWeights.count else {
      throw KerasImportError(
        .corrupted(
          "expected \(tracked.count) layers, \(withWeights.count) of them with weights, as in \"\(model.name)\", found "
            + "\(all.count) and \(nodes.count); give the weights of this very model"),
        path: [.file(bundle.name)])
    }
    for (object, node) in zip(withWeights, nodes) { try bind(layer: object, at: node) }
  }

  /// A layer of a model; what a SavedModel calls it is compared.
  private mutating func bind(layer object: LayerObject, at node: Int) throws(KerasImportError) {
    if let name = names[node], name != object.name {
      throw KerasImportError(
        .corrupted("the object in its place is the layer \"\(name)\""),
        path: [.layer(name: object.name, className: object.className)])
    }
    if object.isUnsupported { return leave(object, node) }
    do { try bind(object, at: node) } catch {
      guard isLenient else { throw error }
      leave(object, node)
    }
  }

  /// Notes what the file has for a layer whose weights are not known.
  private mutating func leave(_ object: LayerObject, _ node: Int) {
    let keys = variables(below: node).compactMap { objects.nodes[$0].variable?.key }
    // For the summary only.
    binding.unassigned[ObjectIdentifier(object)] = keys.compactMap { try? bundle.tensor($0) }
  }

  private mutating func bind(_ object: LayerObject, at node: Int) throws(KerasImportError) {
    do throws(KerasImportError) {
      if let nested = object.layer as? NestedModel { return try bind(nested.model, at: node) }
      try bindOwn(object, at: node)
      for sublayer in object.layer.sublayers where sublayer.object.hasWeights {
        try bind(sublayer.object, at: try self.node(of: sublayer, in: object, at: node))
      }
      binding.shareInner(of: object)
    } catch {
      throw error.at(.layer(name: object.name, className: object.className))
    }
  }

  /// The object in a layer's attribute; releases differ in whether its name has an underscore.
  private func node(
    of sublayer: Sublayer, in object: LayerObject, at node: Int
  ) throws(KerasImportError) -> Int {
    var found: Int? = node
    for part in sublayer.attribute.split(separator: "/") {
      let bare = part.drop { $0 == "_" }
      guard let current = found else { break }
      found =
        objects.child(String(part), of: current) ?? objects.child(String(bare), of: current)
        ?? objects.child("_\(bare)", of: current)
    }
    if let found { return found }
    // CuDNN's layers hold the weights of their cells themselves.
    if object.layer.sublayers.count == 1, sublayer.object.layer is RecurrentCell { return node }
    throw KerasImportError(.weightNotFound(sublayer.attribute))
  }

  // MARK: Weights

  private mutating func bindOwn(_ object: LayerObject, at node: Int) throws(KerasImportError) {
    let conversion = LegacyConversion(isKeras1: false, isTheano: false, storesDeviations: false)
    let specs = object.layer.orderedWeights.filter { !$0.isInner }
    for (spec, variable) in try variables(for: specs, at: node) {
      guard let key = objects.nodes[variable].variable?.key else { continue }
      let tensor = try bundle.tensor(key)
      binding.tensors[ObjectIdentifier(object), default: [:]][spec.name] =
        try conversion.converted(tensor, spec.name, object)
      claimed.insert(variable)
    }
  }

  /// The variables of weights: by the attributes that hold them, by the names they had, at last by their order, which is
  /// that of creation.
  private func variables(
    for specs: [WeightSpec], at node: Int
  ) throws(KerasImportError) -> [(spec: WeightSpec, node: Int)] {
    var seen: Set<Int> = []
    var rest = objects.nodes[node].children.filter { child in
      objects.nodes[child.node].variable != nil && seen.insert(child.node).inserted
    }
    var found: [(spec: WeightSpec, node: Int)] = []
    var missing: [WeightSpec] = []
    for spec in specs {
      let byAttribute = objects.child(spec.name, of: node) ?? objects.child("_\(spec.name)", of: node)
      let named = rest.first { $0.node == byAttribute } ?? rest.first { ownName(of: $0.node) == spec.name }
      guard let named else {
        missing.append(spec)
        continue
      }
      rest.removeAll { $0.node == named.node }
      found.append((spec, named.node))
    }
    let required = missing.filter(\.isRequired)
    guard !required.isEmpty else { return found }
    guard required.count == rest.count else { throw KerasImportError(.weightNotFound(required[0].name)) }
    let ordered = try LegacyRoles.ordered(
      rest.map { (name: $0.name, array: $0.node) }, for: required.map { (layer: "", role: $0.name) })
    return found + zip(required, ordered).map { (spec: $0, node: $1) }
  }

  /// `kernel` of `dense/kernel`.
  private func ownName(of node: Int) -> String? {
    let name = objects.nodes[node].variable?.name.split(separator: "/").last
    return name.map { String($0.prefix { $0 != ":" }) }
  }

  // MARK: What is left

  /// Attributes of layers that hold no weights, or hold them a second time.
  private static let apart: Set<String> = [
    "keras_api", "variables", "trainable_variables", "non_trainable_variables", "regularization_losses",
    "__call__",
    "call_and_return_all_conditional_losses", "_default_save_signature", "signatures", "states",
    "state_variables",
    "_random_generator", "random_generator", "_rng", "optimizer", "metrics", "_metrics", "compiled_metrics",
  ]

  private func variables(below node: Int) -> [Int] {
    objects.variables(below: node) { !CheckpointWeights.apart.contains($0) }
  }

  private func checkUnclaimed(_ root: Int) throws(KerasImportError) {
    var unused: Set<String> = []
    for layer in objects.numbered("layer-", of: root) {
      for variable in variables(below: layer) where !claimed.contains(variable) {
        // The name is told, not looked up.
        unused.insert(objects.nodes[variable].variable?.name ?? "")
      }
    }
    if !unused.isEmpty { throw KerasImportError(.unusedWeights(unused.sorted()), path: [.file(bundle.name)]) }
  }
}

extension TensorBundle {
  /// Every variable under its key without the attribute's name, in the order of the keys.
  func weightTree() throws(KerasImportError) -> [(name: String, tensor: Tensor)] {
    let suffix = "/.ATTRIBUTES/VARIABLE_VALUE"
    var tensors: [(name: String, tensor: Tensor)] = []
    for key in keys where key.hasSuffix(suffix) && !key.contains("/.OPTIMIZER_SLOT/") {
      let name = String(key.dropLast(suffix.count))
      if ["optimizer", "keras_api", "save_counter"].contains(String(name.prefix { $0 != "/" })) { continue }
      tensors.append((name, try tensor(key)))
    }
    return tensors.sorted { WeightTree.naturally($0.name, $1.name) }
  }
}
