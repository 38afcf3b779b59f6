public import ModelIR

extension KerasModel {
  /// The model with other weights, which every writer saves and a session runs; this one stays as it is.
  ///
  ///     let scaled = try model.replacingWeights { weight in
  ///       weight.name.hasSuffix("/bias") ? zeros(weight.tensor.sizes) : nil
  ///     }
  /// - Parameter replacement: the new tensor of a weight, of the same shape; nil to keep it. Each weight comes once, in
  ///   Keras's order of creation.
  /// - Throws: `weightShape` when a tensor has another shape, `replacement` with what the function throws.
  public func replacingWeights(
    _ replacement: (KerasWeight) throws -> Tensor?
  ) throws(KerasImportError) -> KerasModel {
    var binding = binding
    for place in graph.places {
      let key = ObjectIdentifier(place.object)
      for (name, spec) in place.weights {
        guard let tensor = binding.tensors[key]?[spec.name] else { continue }
        let weight = KerasWeight(
          name: name, tensor: tensor, isTrainable: place.isTrainable && spec.isTrainable)
        let replaced: Tensor?
        do { replaced = try replacement(weight) } catch {
          throw KerasImportError(.replacement(error), path: [.file(path), .weight(name)])
        }
        guard let fresh = replaced else { continue }
        guard fresh.sizes == tensor.sizes else {
          throw KerasImportError(
            .weightShape(name, expected: tensor.type.shape, found: fresh.type.shape), path: [.file(path)])
        }
        binding.tensors[key]?[spec.name] = fresh
      }
    }
    return KerasModel(self, binding: binding)
  }

  /// The model with all floating-point weights in another floating-point type, converted as they are read; it still computes
  /// in the types its layers have.
  /// - Throws: `invalidValue` for a type that is none of floating point.
  public func castingWeights(to type: DType) throws(KerasImportError) -> KerasModel {
    guard type.isFloatingPoint else {
      throw KerasImportError(
        .invalidValue(key: "type", expected: "a floating-point type", found: type.rawValue))
    }
    return try replacingWeights { weight in
      weight.tensor.dtype.isFloatingPoint ? weight.tensor.convertedWhenRead(to: type) : nil
    }
  }
}
