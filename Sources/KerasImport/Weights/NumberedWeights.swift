import ModelIR

/// Binds the weights of the layout that Keras 3 and the archives of tf.keras 2.12 on share: layers found by class and
/// counter, weights by number (`layers/dense_1/vars/0`).
///
/// Source: `keras/src/saving/saving_lib.py`, `_save_state` and `_save_container_state`; all its numberings are read
/// by one rule: the folders of one class that hold tensors, in the order of their numbers, belong to the layers of
/// that class that have weights, in model order.
package struct NumberedWeights {
  let tree: WeightTree
  /// The archive whose `assets/` folder has the same paths.
  let archive: KerasArchive?
  /// Layers that do not find their weights are let go, for inspection.
  private let isLenient: Bool
  private var binding = WeightBinding()
  private var claimed: Set<String> = []

  /// Finds every weight of the model.
  /// - Throws: `weightNotFound` with the layer's place; `unusedWeights` for tensors that no layer asks for.
  static func bind(
    _ model: LayerGraph, to tree: WeightTree, assets archive: KerasArchive?, isLenient: Bool = false
  ) throws(KerasImportError) -> WeightBinding {
    var weights = NumberedWeights(tree: tree, archive: archive, isLenient: isLenient)
    try weights.bind(model, at: "")
    if !isLenient { try weights.checkUnclaimed() }
    return weights.binding
  }

  private init(tree: WeightTree, archive: KerasArchive?, isLenient: Bool) {
    self.tree = tree
    self.isLenient = isLenient
    self.archive = archive
  }

  private mutating func bind(_ model: LayerGraph, at path: String) throws(KerasImportError) {
    let containers = ["layers", "_layer_checkpoint_dependencies"].map { joined(path, $0) }
    let container = containers.first { tree.contains($0) } ?? containers[0]
    let elsewhere = Dictionary(grouping: model.keptLayers) { $0.config.object?.savedUnder }
    // The order alone: those without a folder first.
    for (folder, objects) in elsewhere.sorted(by: { $0.key ?? "" < $1.key ?? "" }) {
      try bind(objects, in: folder.map { joined(path, $0) } ?? container)
    }
  }

  /// Hands the folders of a container to the objects of each class in order.
  private mutating func bind(_ objects: [LayerObject], in container: String) throws(KerasImportError) {
    var folders: [String: [(number: Int, name: String)]] = [:]
    for child in tree.children(of: container) {
      let (name, number) = NumberedWeights.split(child)
      folders[name, default: []].append((number, child))
      if number > 0 { folders[child, default: []].append((0, child)) }
    }
    // Once for all objects, not for each.
    for name in folders.keys { folders[name]?.sort { $0.number < $1.number } }
    var used: [String: Int] = [:]
    var bound: Set<ObjectIdentifier> = []
    for object in objects where object.mayHaveWeights && bound.insert(ObjectIdentifier(object)).inserted {
      let name = object.folderName
      let candidates = folders[name, default: []]
      let index = used[name, default: 0]
      used[name] = index + 1
      guard index < candidates.count else {
        if isLenient { continue }
        if shareParts(of: object, with: objects) { continue }
        throw KerasImportError(
          .weightNotFound("\(container)/\(name)"),
          path: [.layer(name: object.name, className: object.className)])
      }
      let path = joined(container, candidates[index].name)
      if object.isUnsupported {
        binding.unassigned[ObjectIdentifier(object)] = tree.tensors(below: path)
        continue
      }
      do { try bind(object, at: path) } catch {
        guard isLenient else { throw error }
        binding.unassigned[ObjectIdentifier(object)] = tree.tensors(below: path)
      }
    }
    try bindAssets(of: objects, in: container)
  }

  /// Keras saves one object inside two wrappers only once, under the first: the parts of a wrapper without a folder are
  /// those of another wrapper that have the same class and name.
  private mutating func shareParts(of object: LayerObject, with others: [LayerObject]) -> Bool {
    let parts = object.layer.sublayers.map(\.object).filter(\.hasWeights)
    guard !parts.isEmpty, object.layer.weights.isEmpty else { return false }
    let known = others.filter { $0 !== object }.flatMap { $0.layer.sublayers.map(\.object) }
    for part in parts {
      let twin = known.first { other in
        other.className == part.className && other.name == part.name
          && binding.tensors[ObjectIdentifier(other)] != nil && other.layer.sublayers.isEmpty
      }
      guard let twin else { return false }
      binding.tensors[ObjectIdentifier(part)] = binding.tensors[ObjectIdentifier(twin)]
    }
    return true
  }

  /// The files of a container's objects; all objects of a class count, whether they have weights or not.
  private mutating func bindAssets(of objects: [LayerObject], in container: String) throws(KerasImportError) {
    guard let archive else { return }
    var counts: [String: Int] = [:]
    var seen: Set<ObjectIdentifier> = []
    for object in objects where seen.insert(ObjectIdentifier(object)).inserted {
      let name = object.folderName
      let count = counts[name, default: 0]
      counts[name] = count + 1
      // Most layers have neither files nor layers inside: no path is made for them.
      for asset in object.layer.assets {
        let folder = joined("assets", container, count == 0 ? name : "\(name)_\(count)")
        if let content = try archive.member(joined(folder, asset)) {
          binding.assets[ObjectIdentifier(object), default: [:]][asset] = content
        }
      }
      if let nested = object.layer as? NestedModel, !nested.model.layers.contains(where: \.hasWeights) {
        // Models with weights are bound, assets and all, with their folder.
        try bindAssets(
          of: nested.model.keptLayers, in: joined(container, count == 0 ? name : "\(name)_\(count)", "layers")
        )
      }
    }
  }

  private mutating func bind(_ object: LayerObject, at path: String) throws(KerasImportError) {
    do {
      if let nested = object.layer as? NestedModel {
        try bind(nested.model, at: path)
        return
      }
      try bindOwn(object, at: path)
      try bindSublayers(object, at: path)
    } catch {
      throw error.at(.layer(name: object.name, className: object.className))
    }
  }

  private mutating func bindOwn(_ object: LayerObject, at path: String) throws(KerasImportError) {
    let folder = joined(path, "vars")
    let numbered = (0..<tree.children(of: folder).count).map { "\(folder)/\($0)" }
    let stored = numbered.map { tree.tensors[$0] }
    for (number, spec) in object.layer.roles(of: stored.compactMap(\.self)).enumerated() {
      var place = number < numbered.count ? numbered[number] : "\(folder)/\(number)"
      var found = number < stored.count ? stored[number] : tree.tensors[place]
      if found == nil {
        place = "\(folder)/\(spec.name)"
        found = tree.tensors[place]
      }
      guard let found else {
        if !spec.isRequired { continue }
        throw KerasImportError(.weightNotFound(spec.name)).at(.weight("\(folder)/\(number)"))
      }
      binding.tensors[ObjectIdentifier(object), default: [:]][spec.name] = found
      claimed.insert(place)
    }
  }

  private mutating func bindSublayers(_ object: LayerObject, at path: String) throws(KerasImportError) {
    var lists: [(attribute: String, objects: [LayerObject])] = []
    for sublayer in object.layer.sublayers where sublayer.object.hasWeights {
      guard let list = sublayer.list else {
        try bind(sublayer.object, at: folder(sublayer.attribute, below: path))
        continue
      }
      if let index = lists.firstIndex(where: { $0.attribute == list }) {
        lists[index].objects.append(sublayer.object)
      } else {
        lists.append((list, [sublayer.object]))
      }
    }
    for list in lists { try bind(list.objects, in: folder(list.attribute, below: path)) }
  }

  /// Versions differ in whether an attribute is written by its public or its underscored name.
  private func folder(_ attribute: String, below path: String) -> String {
    let bare = attribute.hasPrefix("_") ? String(attribute.dropFirst()) : attribute
    let candidates = [joined(path, bare), joined(path, "_" + bare)]
    return candidates.first { tree.contains($0) } ?? candidates[0]
  }

  /// `dense_2` is (`dense`, 2); `conv2d` is (`conv2d`, 0).
  package static func split(_ folder: String) -> (name: String, number: Int) {
    guard let underscore = folder.utf8.lastIndex(of: UInt8(ascii: "_")),
      let number = Int(folder[folder.index(after: underscore)...]),
      number > 0
    else { return (folder, 0) }
    return (String(folder[..<underscore]), number)
  }

  private func checkUnclaimed() throws(KerasImportError) {
    let unused = tree.tensors.keys.filter { path in
      !claimed.contains(path) && !NumberedWeights.isState(path)
    }
    if !unused.isEmpty { throw KerasImportError(.unusedWeights(unused.sorted())) }
  }

  /// Optimizer and metric state, random seeds, the states of stateful layers, and the second copy that
  /// TextVectorization writes of its weights: not weights.
  static func isState(_ path: String) -> Bool {
    let parts = path.split(separator: "/")
    guard let first = parts.first else { return true }
    let states: Set<Substring> = [
      "optimizer", "metrics", "_metrics", "_compile_metrics", "compile_metrics", "_optimizer",
    ]
    return states.contains(first)
      || parts.contains {
        $0.contains("seed_generator") || $0.hasPrefix("random_generator") || $0.hasPrefix("_random_generator")
          || $0 == "states" || $0 == "_lookup_layer"
      }
  }
}
