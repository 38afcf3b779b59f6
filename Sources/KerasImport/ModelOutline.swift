import HDF5
import ModelIR
import NativeFormat

/// The layers of a model with their weights; of a model opened for inspection, as far as the file has them.
struct ModelOutline {
  let graph: LayerGraph
  let binding: WeightBinding
  /// What is not supported or missing; nil when nothing is.
  let unsupported: KerasImportError?

  /// Builds the layers and finds their weights.
  /// - Throws: what is not supported or missing, unless the options keep it; what does not fit together.
  static func read(
    _ source: ModelSource, weights file: ModelFile?, options: KerasModel.Options
  ) throws(KerasImportError) -> ModelOutline {
    var registry = options.layers
    registry.keepsUnsupported = options.keepsUnsupported
    registry.keepsMisfits = options.keepsMisfits
    let graph: LayerGraph
    do {
      graph = try LayerGraph(serialized: source.model.json, registry: registry)
    } catch {
      guard options.keepsUnsupported, case .unsupportedLayer(let className) = error.reason else {
        throw error
      }
      return unknown(className, error, source, file)
    }
    let refusals = graph.refusals
    func outline(_ binding: WeightBinding, _ refusals: [KerasImportError]) -> ModelOutline {
      let unsupported = refusals.count > 1 ? KerasImportError(.several(refusals)) : refusals.first
      return ModelOutline(graph: graph, binding: binding, unsupported: unsupported)
    }
    do {
      return outline(try source.bind(graph, weights: file, isLenient: !refusals.isEmpty), refusals)
    } catch {
      let told = graph.isUnbuilt && error.isAboutAbsence ? neverBuilt : error
      guard options.keepsMisfits || options.keepsUnsupported && told.isAboutAbsence else { throw told }
      return outline(WeightBinding(), refusals + [told])
    }
  }

  /// A model of a class that is not known.
  private static func unknown(
    _ className: String, _ error: KerasImportError, _ source: ModelSource, _ file: ModelFile?
  ) -> ModelOutline {
    let given = file.flatMap { try? WeightSource(file: $0) }  // Else the model is shown with its own weights.
    let layers = (given ?? source.weights).layers
    let name = source.model.json["config"]?["name"]?.string ?? className
    let graph = LayerGraph(unknown: className, name: name, layers: layers.map { $0.name }, error)
    var binding = WeightBinding()
    for (object, layer) in zip(graph.layers, layers) {
      binding.unassigned[ObjectIdentifier(object)] = layer.tensors
    }
    return ModelOutline(graph: graph, binding: binding, unsupported: error)
  }

  private static let neverBuilt = KerasImportError(
    .incomplete(
      "the Sequential model was never built: it has no input shape and no weights",
      remedy: .inputShape))
}

extension LayerGraph {
  /// True for a Sequential that did not learn the shape of its input.
  fileprivate var isUnbuilt: Bool {
    kind == .sequential && (layers.first?.layer as? InputLayer).map { $0.batchShape == nil } ?? false
  }
}

extension KerasImportError {
  /// True when weights are not there, rather than damaged or others than they should be.
  fileprivate var isAboutAbsence: Bool {
    switch reason {
    case .incomplete, .weightNotFound: true
    default: false
    }
  }
}

extension WeightSource {
  /// The topmost parts of the file that hold weights.
  fileprivate var layers: [(name: String, tensors: [Tensor])] {
    switch self {
    case .numbered(let read, _):
      guard let tree = try? read() else { return [] }  // What cannot be read is not counted.
      let containers = ["layers", "_layer_checkpoint_dependencies"].filter(tree.contains)
      let paths =
        containers.flatMap { container in tree.children(of: container).map { joined(container, $0) } }
        + tree.children(of: "").filter { !containers.contains($0) && !NumberedWeights.isState($0) }
      return paths.map { path in
        let last = path.split(separator: "/").last.map(String.init) ?? path
        return (tree.names[path] ?? last, tree.tensors(below: path))
      }
    case .legacy(let file, let group): return file.layers(in: group)
    case .named(let file): return [("weights", file.file.names.compactMap { file.file.tensors[$0] })]
    case .given(let tensors): return [("weights", tensors.sorted { $0.key < $1.key }.map(\.value))]
    case .checkpoint(let bundle): return bundle.layers
    // The model was read from the folder, so it has a class that is known.
    case .savedModel, .missing: return []
    }
  }
}

extension TensorBundle {
  /// The variables by the attributes of the model that hold them.
  fileprivate var layers: [(name: String, tensors: [Tensor])] {
    var layers: [(name: String, tensors: [Tensor])] = []
    guard let weights = try? weightTree() else { return [] }  // What cannot be read is not counted.
    for (name, tensor) in weights {
      let first = String(name.prefix { $0 != "/" })
      if layers.last?.name == first {
        layers[layers.count - 1].tensors.append(tensor)
      } else {
        layers.append((first, [tensor]))
      }
    }
    return layers
  }
}

extension HDF5File {
  fileprivate func layers(in group: String) -> [(name: String, tensors: [Tensor])] {
    // What cannot be read is not counted.
    guard let root = try? index.root.group(at: group) else { return [] }
    return LegacyWeights.list("layer_names", of: root).compactMap { name in
      guard let folder = root.group(at: name) else { return nil }
      let tensors = LegacyWeights.list("weight_names", of: folder).compactMap {
        try? tensor(at: joined(group, name, $0))  // An array that cannot be read is not counted.
      }
      return tensors.isEmpty ? nil : (name, tensors)
    }
  }
}
