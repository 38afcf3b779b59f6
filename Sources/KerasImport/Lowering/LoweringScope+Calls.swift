import ModelIR

extension LoweringScope {
  /// Lowers this scope's own layer by Keras's rules for a call (`Layer.__call__`): arguments are bound to the parameters
  /// of the class's `call`, arrays are constants, floating inputs are cast to the compute type, the mask of the first
  /// input is passed on or dropped, and errors carry the layer's place.
  func lowerSelf(_ call: Call) throws(KerasImportError) -> [Operand] {
    if let first = call.tensors.first { state.sources[path] = first.value }
    state.record(masksOf: call.tensors, for: object)
    do {
      let isOperation = object.layer is Operation
      for operand in call.tensors { try state.checkUse(of: operand.value, allowsComplex: isOperation) }
      let results = isOperation ? try object.layer.lower(call, in: self) : try lowerLayer(call)
      state.record(path, call.tensors, results)
      return results
    } catch {
      throw error.at(.layer(name: object.name, className: object.className))
    }
  }

  private func lowerLayer(_ call: Call) throws(KerasImportError) -> [Operand] {
    var bound = try call.bound(to: object.layer.callParameters + ["training"])
    let scope = try during(bound.removeArgument("training"))
    let arguments = try scope.withConstants(bound).map { operand throws(KerasImportError) in
      try autocast(operand)
    }
    var results = try object.layer.lower(arguments, in: scope)
    if results.isEmpty, !state.isPartial {
      throw KerasImportError(
        .invalidGraph("the layer returns nothing; its lower(_:in:) has to return its results"))
    }
    switch object.layer.maskRule {
    case .custom: break
    case .pass:
      let mask = arguments.operand("mask")?.value ?? arguments.inputs.first?.mask
      for index in results.indices { results[index].mask = mask }
    case .drop: for index in results.indices { results[index].mask = nil }
    }
    return results
  }

  /// The scope of a call with this `training` argument; without one the call around it decides.
  private func during(_ training: CallArgument<Operand>?) throws(KerasImportError) -> LoweringScope {
    var scope = self
    switch training {
    case nil, .some(.none): break
    case .bool(let value): scope.isTraining = value
    case .integer(let value): scope.isTraining = value != 0
    default:
      throw KerasImportError(.unsupported("a call whose training argument is decided when the model runs"))
    }
    return scope
  }

  /// Refuses a call whose result is drawn anew each time.
  func refuseRandomness() throws(KerasImportError) {
    throw KerasImportError(.unsupported("a call with training=True: its result is random"))
  }

  /// Refuses dropout in a call with training=True.
  func expectNoDropout(_ rates: Double...) throws(KerasImportError) {
    if isTraining, rates.contains(where: { $0 != 0 }) { try refuseRandomness() }
  }

  /// The call with constants in place of arrays, wherever they stand.
  private func withConstants(_ call: Call) throws(KerasImportError) -> Call {
    var result = Call(positional: [])
    result.positional = call.positional.map(withConstants)
    result.keywords = call.keywords.map { ($0.key, withConstants($0.value)) }
    return result
  }

  private func withConstants(_ argument: CallArgument<Operand>) -> CallArgument<Operand> {
    switch argument {
    case .array(let tensor): .tensor(Operand(constant(tensor)))
    case .list(let items): .list(items.map(withConstants))
    case .dictionary(let entries): .dictionary(entries.map { ($0.key, withConstants($0.value)) })
    case .tensor, .integer, .number, .bool, .string, .none, .slice, .ellipsis, .object: argument
    }
  }

  /// A floating operand in this layer's compute type.
  func autocast(_ operand: Operand) throws(KerasImportError) -> Operand {
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

extension CallArguments where Reference == Operand {
  /// A truth value among the arguments, false when absent.
  /// - Throws: `unsupported` for one that is decided when the model runs.
  func flag(_ name: String) throws(KerasImportError) -> Bool {
    switch argument(name, at: nil) {
    case nil: return false
    case .bool(let value): return value
    case .integer(let value): return value != 0
    default: throw KerasImportError(.unsupported("a call whose \(name) is not true or false"))
    }
  }

  /// The `mask` argument of a call on several tensors: one for all of them in order, nil where there is none; nil when
  /// the call gives no masks.
  /// - Throws: `unsupported` for another number of masks.
  func masks(count: Int) throws(KerasImportError) -> [Operand?]? {
    switch argument("mask", at: nil) {
    case nil: return nil
    case .tensor(let mask) where count == 1: return [mask]
    case .list(let items) where items.count == count:
      return items.map { item in if case .tensor(let mask) = item { mask } else { nil } }
    default: throw KerasImportError(.unsupported("masks that are not one for each of \(count) inputs"))
    }
  }
}
