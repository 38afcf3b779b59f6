import HDF5
import ModelFiles
import ModelIR
import NativeFormat

extension KerasWeights {
  /// Opens the weights of a file without an architecture; no bytes are read.
  ///
  /// - `.weights.h5`, sharded `.weights.json` and `.keras`: named by their paths, `layers/dense/vars/0`, in the order in
  ///   which they were written.
  /// - `.h5` of earlier releases, with or without a model: `dense_1/kernel`, by layer and variable name, in the order of
  ///   the file's lists; before Keras 1 `layer_0/param_0`.
  /// - checkpoints of TensorFlow and SavedModels: by the attributes that hold them, `layer_with_weights-0/kernel`.
  /// - `.safetensors`: by name; a native file's in Keras's order of creation.
  ///
  /// Files of weights do not say which are trainable; all count as such.
  /// - Parameter path: where the file is.
  /// - Parameter hdf5Helper: as in ``KerasModel/Options/hdf5Helper``.
  /// - Throws: ``KerasImportError`` with the file's place.
  public init(contentsOfFile path: String, hdf5Helper: String? = nil) throws(KerasImportError) {
    self = try HDF5File.indexing(in: hdf5Helper) { () throws(KerasImportError) in
      try KerasWeights(placing: ModelFile(at: path))
    }
  }

  /// Opens the weights of a file in memory, named as ``init(contentsOfFile:hdf5Helper:)`` names them. The bytes are copied once.
  /// - Parameter bytes: the file's content.
  /// - Parameter name: what errors call it.
  /// - Parameter hdf5Helper: as in ``KerasModel/Options/hdf5Helper``.
  /// - Throws: ``KerasImportError``.
  public init(
    bytes: some Collection<UInt8>, name: String = "weights", hdf5Helper: String? = nil
  ) throws(KerasImportError) {
    let bytes = try HeldBytes(copying: bytes, name: name)
    self = try HDF5File.indexing(in: hdf5Helper) { () throws(KerasImportError) in
      try KerasWeights(placing: ModelFile(bytes, name: name))
    }
  }

  /// Opens a file; errors get its place.
  init(placing file: ModelFile) throws(KerasImportError) {
    do {
      if case .safetensors(let bytes) = file.content {
        self = try NativeFile(bytes).weights
      } else {
        let tensors = try WeightSource(file: file).tensors()
        self.init(tensors.map { KerasWeight(name: $0.name, tensor: $0.tensor, isTrainable: true) })
      }
    } catch {
      if case .file? = error.path.first { throw error }
      throw error.at(.file(file.path))
    }
  }
}

extension WeightSource {
  /// Every tensor in the file's order.
  fileprivate func tensors() throws(KerasImportError) -> [(name: String, tensor: Tensor)] {
    switch self {
    case .numbered(let tree, _): return try tree().orderedTensors
    case .legacy(let file, let group):
      let isNumbered = try file.index.root.group(at: group)?.attributes["nb_layers"] != nil
      return isNumbered ? try file.weightTree(at: group).orderedTensors : try file.legacyTensors(in: group)
    case .named(let file): return file.weights.map { ($0.name, $0.tensor) }
    case .given(let tensors): return tensors.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    case .checkpoint(let bundle): return try bundle.weightTree()
    case .savedModel(let saved): return try saved.bundle().weightTree()
    case .missing(let message):
      throw KerasImportError(.incomplete(message, remedy: .advice("name a file with weights")))
    }
  }
}

extension NativeFile {
  /// The weights, without the files of layers. Those of a model that can be built come in Keras's order.
  fileprivate var weights: KerasWeights {
    // A model that cannot be built still has its tensors, by name.
    if let description, let graph = try? LayerGraph(serialized: description.config, registry: .standard),
      let binding = try? WeightBinding(graph, named: file.tensors, names: file.names)  // Else by name, below.
    {
      return KerasWeights(graph, binding)
    }
    let assets = Set(description?.assets ?? [])  // Without a description there are weights only.
    return KerasWeights(
      file.names.filter { !assets.contains($0) }.compactMap { name in
        file.tensors[name].map { KerasWeight(name: name, tensor: $0, isTrainable: true) }
      })
  }
}

extension WeightTree {
  /// The tensors folder by folder, folders in the order in which they were written: HDF5 keeps its members sorted by
  /// name, but data is written one after another. Within a folder numbers count.
  fileprivate var orderedTensors: [(name: String, tensor: Tensor)] {
    var folders: [String: [String]] = [:]
    for path in tensors.keys { folders[WeightTree.folder(of: path), default: []].append(path) }
    let ordered = folders.map { folder, paths in
      let sorted = paths.sorted(by: WeightTree.naturally)
      return (folder: folder, position: sorted.first.flatMap { positions[$0] } ?? Int.max, paths: sorted)
    }.sorted { a, b in
      a.position == b.position ? WeightTree.naturally(a.folder, b.folder) : a.position < b.position
    }
    return ordered.flatMap(\.paths).compactMap { path in tensors[path].map { (path, $0) } }
  }

  private static func folder(of path: String) -> String {
    String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
  }

  /// Compares names by their parts, numbers by value: `vars/2` comes before `vars/10`.
  static func naturally(_ a: String, _ b: String) -> Bool {
    let (first, second) = (a.split(separator: "/"), b.split(separator: "/"))
    for (one, other) in zip(first, second) where one != other {
      let (left, right) = (split(one), split(other))
      return left.stem == right.stem ? left.number < right.number : left.stem < right.stem
    }
    return first.count < second.count
  }

  /// `dense_10` is (`dense_`, 10).
  private static func split(_ name: Substring) -> (stem: Substring, number: Int) {
    let digits = name.reversed().prefix { $0.isASCII && $0.isNumber }.count
    return (name.dropLast(digits), Int(name.suffix(digits)) ?? -1)
  }
}

extension HDF5File {
  /// The tensors of the `layer_names` layout, in the order of its lists.
  fileprivate func legacyTensors(in group: String) throws(KerasImportError) -> [(
    name: String, tensor: Tensor
  )] {
    guard let root = try index.root.group(at: group) else { throw KerasImportError(.weightNotFound(group)) }
    var layers = LegacyWeights.list("layer_names", of: root)
    // Weights of the model itself, beside its layers.
    if root.groups["top_level_model_weights"] != nil { layers.append("top_level_model_weights") }
    var tensors: [(name: String, tensor: Tensor)] = []
    var used: Set<String> = []
    for layer in layers {
      guard let folder = root.group(at: layer) else { throw KerasImportError(.weightNotFound(layer)) }
      for variable in LegacyWeights.list("weight_names", of: folder) {
        let name = HDF5File.readable(variable, of: layer)
        var unique = name
        var count = 1
        while !used.insert(unique).inserted {
          unique = "\(name)_\(count)"
          count += 1
        }
        tensors.append((unique, try tensor(at: joined(group, layer, variable))))
      }
    }
    return tensors
  }

  /// The name of a variable without TensorFlow's `:0`, below its layer's: `dense_1/kernel` for both `dense_1/kernel:0` and
  /// `kernel` of the layer `dense_1`.
  private static func readable(_ variable: String, of layer: String) -> String {
    var name = variable[...]
    if let colon = name.lastIndex(of: ":"), Int(name[name.index(after: colon)...]) != nil {
      name = name[..<colon]
    }
    while name.hasPrefix("\(layer)/\(layer)/") { name = name.dropFirst(layer.count + 1) }
    return name.hasPrefix("\(layer)/") ? String(name) : "\(layer)/\(name)"
  }
}
