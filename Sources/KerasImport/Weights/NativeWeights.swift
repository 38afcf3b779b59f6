import ModelIR

extension WeightBinding {
  /// Finds every weight and file of a model under the names that ``LayerGraph/places`` gives.
  /// - Parameter names: the tensors' in order.
  /// - Throws: `weightNotFound` with the layer's place; `unusedWeights` for tensors that no layer asks for.
  init(_ model: LayerGraph, named given: [String: Tensor], names: [String]) throws(KerasImportError) {
    self.init()
    var claimed: Set<String> = []
    let places = model.places
    for place in places {
      for (name, spec) in place.weights {
        guard let tensor = given[name] else {
          if !spec.isRequired { continue }
          throw KerasImportError(.weightNotFound(spec.name)).at(place.step)
        }
        tensors[ObjectIdentifier(place.object), default: [:]][spec.name] = tensor
        claimed.insert(name)
      }
      for (name, asset) in place.assets {
        guard let tensor = given[name] else { continue }
        guard tensor.dtype == .uint8, tensor.rank == 1, let storage = tensor.storage as? HeldStorage else {
          throw KerasImportError(
            .corrupted("the file \"\(asset)\": expected bytes (U8) in one row, found \(tensor.type)")
          )
          .at(place.step)
        }
        assets[ObjectIdentifier(place.object), default: [:]][asset] = storage.bytes
        claimed.insert(name)
      }
    }
    for place in places { shareInner(of: place.object) }
    let unused = names.filter { !claimed.contains($0) }
    guard let first = unused.first else { return }
    let error = KerasImportError(.unusedWeights(unused.sorted()))
    // Tensors of one layer are reported as that layer's.
    let owner = places.last { first.hasPrefix("\($0.path)/") }
    guard let owner, unused.allSatisfy({ $0.hasPrefix("\(owner.path)/") }) else { throw error }
    throw error.at(owner.step)
  }
}

extension WeightBinding {
  /// Gives a wrapper its name for the weight of the layer inside it.
  mutating func shareInner(of object: LayerObject) {
    guard let spec = object.layer.weights.first(where: \.isInner),
      let inner = object.layer.sublayers.first?.object,
      let role = inner.layer.weights.first?.name
    else { return }
    tensors[ObjectIdentifier(object), default: [:]][spec.name] = tensor(role, of: inner)
  }
}

extension LayerPlace {
  /// The layer as a step on the way to an error.
  package var step: KerasImportError.Place { .layer(name: path, className: object.className) }
}
