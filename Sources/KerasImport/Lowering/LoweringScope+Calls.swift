import ModelIR

extension LoweringScope {
  /// Lowers this scope's own layer by Keras's rules for a call (`Layer.__call__`): floating inputs are cast to the
  /// compute type, the mask of the first input is passed on or dropped, and errors carry the layer's place.
  func lowerSelf(_ call: Call) throws(KerasImportError) -> [Operand] {
    if let first = call.tensors.first { state.sources[path] = first.value }
    state.record(masksOf: call.tensors, for: object)
    do {
      let isOperation = LayerRegistry.isOperation(module: object.module)
      let arguments = isOperation ? call : try call.map { operand throws(KerasImportError) in try autocast(operand) }
      var results = try object.layer.lower(arguments, in: self)
      switch object.layer.maskRule {
      case .custom: break
      case .pass:
        let mask = arguments.operand("mask")?.value ?? arguments.inputs.first?.mask
        for index in results.indices { results[index].mask = mask }
      case .drop: for index in results.indices { results[index].mask = nil }
      }
      state.record(path, call.tensors, results)
      return results
    } catch {
      throw error.at(.layer(name: object.name, className: object.className))
    }
  }

  private func autocast(_ operand: Operand) throws(KerasImportError) -> Operand {
    let found = dtype(of: operand.value)
    guard found.isFloatingPoint, computeDType.isFloatingPoint, found != computeDType,
      object.layer.autocasts
    else { return operand }
    return Operand(try emit(.cast(computeDType), operand.value, as: "autocast"), mask: operand.mask)
  }
}

extension Layer {
  /// False for layers whose floating inputs keep their type: nested models (their own layers cast), Embedding.
  var autocasts: Bool { !(self is any KeepsInputTypes) }
}

/// A layer whose floating inputs are not cast to the policy's compute type.
package protocol KeepsInputTypes: Layer {}
