import ModelFiles
public import ModelIR

/// One weight of a model.
public struct KerasWeight: Sendable {
  /// The path of its layer and its role, `encoder/block_1/dense/kernel`.
  public let name: String
  /// The type, the shape and where the bytes are.
  public let tensor: Tensor
  /// False for moving statistics and the like, and for weights of frozen layers.
  public let isTrainable: Bool
}

/// Weights by name, in Keras's order of creation. No bytes are read until a tensor's are asked for.
public struct KerasWeights: Sendable {
  /// Made when the first is asked for, which conversions to ONNX never do.
  private let made: Lazy<[KerasWeight]>
  private let make: @Sendable () -> [KerasWeight]
  /// Made when the first is looked up by its name.
  private let known: Lazy<[String: Int]>

  private init(_ make: @escaping @Sendable () -> [KerasWeight]) {
    (made, known, self.make) = (Lazy(), Lazy(), make)
  }

  init(_ weights: [KerasWeight]) { self.init { weights } }

  private var weights: [KerasWeight] { made.value(make) }

  private var positions: [String: Int] {
    known.value { Dictionary(weights.enumerated().map { ($1.name, $0) }) { first, _ in first } }
  }

  /// The weights of a model; one that several layers share comes once.
  init(_ graph: LayerGraph, _ binding: WeightBinding) {
    self.init { KerasWeights.weights(graph.places, binding) }
  }

  /// The weights of layers at their places.
  init(_ places: [LayerPlace], _ binding: WeightBinding) {
    self.init { KerasWeights.weights(places, binding) }
  }

  private static func weights(_ places: [LayerPlace], _ binding: WeightBinding) -> [KerasWeight] {
    places.flatMap { place in
      place.weights.compactMap { name, spec in
        binding.tensor(spec.name, of: place.object).map { tensor in
          KerasWeight(name: name, tensor: tensor, isTrainable: place.isTrainable && spec.isTrainable)
        }
      }
    }
  }

  /// The names in order.
  public var names: [String] { weights.map(\.name) }

  /// The tensor of a name; nil if there is none.
  public subscript(name: String) -> Tensor? { positions[name].map { weights[$0].tensor } }

  /// The tensor of a name that must be there.
  /// - Throws: `noSuchWeight` with the name that may have been meant.
  public func tensor(_ name: String) throws(KerasImportError) -> Tensor {
    guard let tensor = self[name] else {
      throw KerasImportError(.noSuchWeight(name, nearest: names.nearest(to: name)))
    }
    return tensor
  }
}

extension KerasWeights: RandomAccessCollection {
  /// 0
  public var startIndex: Int { 0 }
  /// The number of weights.
  public var endIndex: Int { weights.count }
  /// The weight at a place in Keras's order of creation.
  /// - Precondition: `position` is in `0..<count`.
  public subscript(position: Int) -> KerasWeight { weights[position] }
}

/// A layer object and where it stands in its model.
package struct LayerPlace: Sendable {
  package let object: LayerObject
  /// The names of the models around it and its own; inside layers, the attribute that holds it:
  /// `encoder/bidirectional/forward_layer/cell`. Unique in the model.
  package let path: String
  /// False when the layer or something around it is frozen.
  package let isTrainable: Bool

  /// The layer's own weights in Keras's order, named by path and role. A wrapper's name for the weight of the layer
  /// inside it is left out.
  package var weights: [(name: String, spec: WeightSpec)] {
    object.layer.orderedWeights.filter { !$0.isInner }.map { (joined(path, $0.name), $0) }
  }

  /// The names of the layer's files, by path and file name.
  package var assets: [(name: String, asset: String)] { object.layer.assets.map { (joined(path, $0), $0) } }
}

extension LayerGraph {
  /// Every layer object of the model, inside nested models and wrappers too, each once, at the first place that
  /// reaches it. The names of weights follow from it, so native files depend on this order and on these paths.
  package var places: [LayerPlace] {
    var collector = PlaceCollector()
    for layer in keptLayers { collector.add(layer, path: layer.name, isTrainable: true) }
    return collector.places
  }
}

extension LayerObject {
  /// This layer's place and those of the layers inside it, with paths that start here.
  func places(isTrainable: Bool) -> [LayerPlace] {
    var collector = PlaceCollector()
    collector.add(self, path: "", isTrainable: isTrainable)
    return collector.places
  }
}

private struct PlaceCollector {
  var places: [LayerPlace] = []
  private var seen: Set<ObjectIdentifier> = []
  private var paths: Set<String> = []

  mutating func add(_ object: LayerObject, path: String, isTrainable: Bool) {
    guard seen.insert(ObjectIdentifier(object)).inserted else { return }
    // Layer names may hold slashes, so that two paths can read the same.
    let unique = paths.insertUnique(path)
    let own = isTrainable && (object.config["trainable"]?.bool ?? true)
    places.append(LayerPlace(object: object, path: unique, isTrainable: own))
    if let nested = object.layer as? NestedModel {
      for layer in nested.model.keptLayers { add(layer, path: joined(unique, layer.name), isTrainable: own) }
    }
    for sublayer in object.layer.sublayers {
      add(sublayer.object, path: joined(unique, sublayer.attribute), isTrainable: own)
    }
  }
}

extension Set<String> {
  /// Adds a name, or where it is taken the name with the first free number: `dense`, `dense_1`, ...
  package mutating func insertUnique(_ name: String) -> String {
    var unique = name
    var count = 1
    while !insert(unique).inserted {
      unique = "\(name)_\(count)"
      count += 1
    }
    return unique
  }
}
