package import ModelFiles
public import ModelIR

/// The graph under construction, shared by the scopes of all layers of one lowering.
final class LoweringState {
  var graph = Graph()
  /// The tensors each layer object owns, by role.
  let weights: WeightBinding
  /// Constants already added, so that a shared weight stays one constant.
  var weightValues: [WeightKey: Value] = [:]
  /// Which layer produced a value, for error messages.
  var origins: [Value: String] = [:]
  /// The first operand of the call that produced a layer's values, by the layer's path.
  var sources: [String: Value] = [:]
  /// The results of the layers of nested models, by path, one entry per call.
  var nestedResults: [String: [[Value]]] = [:]
  /// What flows through each layer at its first call, by path.
  var shapes: [String: LayerShapes] = [:]
  /// The masks that the layers' operands had; layers without any are absent.
  var operandMasks: [ObjectIdentifier: OperandMasks] = [:]

  /// Whether what cannot be lowered is left out, and weights that are missing are made up: for inspection.
  let isPartial: Bool
  /// The weights made up so far.
  var standIns: [ObjectIdentifier: [String: Tensor]] = [:]

  /// The calls of the outermost model.
  var calls: [KerasTensor: LoweredCall] = [:]

  /// Values that may not be used, with what they are.
  private(set) var refusedValues: [Value: String] = [:]
  /// The imaginary parts of values that are real parts of complex tensors.
  var imaginaryParts: [Value: Value] = [:]

  /// Marks a result that is wrong to use: the model is refused when something reads it.
  func refuse(_ value: Value, because reason: String) { refusedValues[value] = reason }

  /// - Throws: `unsupported` for a result that may not be used, or a complex one where numbers are real.
  func checkUse(of value: Value, allowsComplex: Bool = false) throws(KerasImportError) {
    if let reason = refusedValues[value] { throw KerasImportError(.unsupported(reason)) }
    if !allowsComplex, imaginaryParts[value] != nil {
      throw KerasImportError(.unsupported("a complex tensor in an operation of real ones"))
    }
  }

  private var symbolCounts: [String: Int] = [:]

  /// A name for a dimension that depends on the data, which no other has.
  func freshSymbol(_ wanted: String) -> String {
    let count = symbolCounts[wanted, default: 0]
    symbolCounts[wanted] = count + 1
    return count == 0 ? wanted : "\(wanted)_\(count)"
  }

  func record(masksOf operands: [Operand], for object: LayerObject) {
    let masks = operands.compactMap(\.mask)
    guard let first = masks.first else { return }
    let areEqual = masks.count == operands.count && masks.allSatisfy { $0 == first }
    let key = ObjectIdentifier(object)
    operandMasks[key] = areEqual && operandMasks[key] != .mixed ? .equal : .mixed
  }

  struct WeightKey: Hashable {
    let layer: ObjectIdentifier
    let name: String
    let dtype: DType?
  }

  init(weights: WeightBinding, isPartial: Bool = false) {
    self.weights = weights
    self.isPartial = isPartial
  }

  /// The roles of weights that each layer asked for.
  var askedRoles: [ObjectIdentifier: Set<String>] = [:]

  /// The calls of layers so far, those of layers inside layers included.
  private var callCount = 0

  /// Models are read that call tens of thousands of layers.
  static let callLimit = 30_000

  /// Counts one more call of a layer: models that call a model twice that calls another twice grow without bound.
  func countCall() throws(KerasImportError) {
    callCount += 1
    guard callCount <= LoweringState.callLimit else {
      throw KerasImportError(
        .unsupported("more than \(LoweringState.callLimit) calls of layers, nested models opened up"))
    }
  }

  /// Notes the shapes of a call unless the layer was called before.
  func record(_ path: String, _ inputs: [Operand], _ outputs: [Operand]) {
    guard shapes[path] == nil else { return }
    shapes[path] = LayerShapes(
      inputs: inputs.map { graph.shape(of: $0.value) }, outputs: outputs.map { graph.shape(of: $0.value) })
  }
}

/// Which tensors and assets belong to which layer object.
package struct WeightBinding: Sendable {
  /// The tensors of each layer object, by the role that ``WeightSpec`` names.
  package var tensors: [ObjectIdentifier: [String: Tensor]] = [:]
  /// The files of each layer object (vocabularies), by the names that ``Layer/assets`` lists.
  package var assets: [ObjectIdentifier: [String: HeldBytes]] = [:]
  /// What the file has for layers that are not supported: tensors whose roles nobody knows.
  var unassigned: [ObjectIdentifier: [Tensor]] = [:]
  package init() {}

  /// True when no layer has any tensor.
  var isEmpty: Bool { tensors.isEmpty && unassigned.isEmpty }

  /// The file of a layer, if there is one.
  package func asset(_ name: String, of layer: LayerObject) -> HeldBytes? {
    assets[ObjectIdentifier(layer)]?[name]
  }

  /// The tensor of a role, if the file has it.
  package func tensor(_ name: String, of layer: LayerObject) -> Tensor? {
    tensors[ObjectIdentifier(layer)]?[name]
  }
}

/// Where a layer is lowered: the graph under construction and the layer's own weights.
public struct LoweringScope {
  let state: LoweringState
  /// The layer being lowered.
  package let object: LayerObject
  /// The names of the layers around it and its own, joined by `/`.
  public let path: String
  /// True where the batch's own statistics count and dropout drops: in a call whose `training` argument is true, and
  /// in the layers inside it that do not say otherwise.
  public var isTraining = false

  /// The type that floating-point arithmetic of this layer is done in.
  public var computeDType: DType { object.policy.compute }

  // MARK: Types

  /// The element type and shape of a value.
  public func type(of value: Value) -> TensorType { state.graph.type(of: value) }
  /// The shape of a value.
  public func shape(of value: Value) -> Shape { state.graph.shape(of: value) }
  /// The number of axes of a value.
  public func rank(of value: Value) -> Int { state.graph.shape(of: value).rank }
  /// The element type of a value.
  public func dtype(of value: Value) -> DType { state.graph.dtype(of: value) }
  /// The tensor of a value that is a constant.
  public func constantTensor(of value: Value) -> Tensor? { state.graph.constant(value) }

  // MARK: Nodes

  /// Adds an operation with one result.
  /// - Throws: the graph's error with this layer's place and the origin of the operand that does not fit.
  public func emit(_ op: Op, _ operands: Value..., as suffix: String? = nil) throws(KerasImportError) -> Value
  {
    try emitAll(op, operands, as: suffix)[0]
  }

  /// Adds an operation and returns all its results.
  public func emitAll(_ op: Op, _ operands: [Value], as suffix: String? = nil) throws(KerasImportError)
    -> [Value]
  {
    do {
      let results = try state.graph.append(op, operands, name: "\(path)/\(suffix ?? op.name)", origin: path)
      for result in results { state.origins[result] = path }
      return results
    } catch {
      throw KerasImportError(.graph(error, origin: origin(of: operands, error.operand)))
    }
  }

  /// Adds a constant.
  public func constant(_ tensor: Tensor, as name: String = "constant") -> Value {
    state.graph.constant(tensor, name: "\(path)/\(name)")
  }

  /// A scalar constant of the element type of a value.
  public func scalar(_ number: Double, like value: Value) -> Value { scalar(number, dtype(of: value)) }

  /// A scalar constant.
  public func scalar(_ number: Double, _ dtype: DType) -> Value {
    constant(Tensor(scalar: number, dtype), as: "scalar")
  }

  /// A constant of these numbers, row-major.
  func array(
    _ numbers: [Double], _ sizes: [Int], _ dtype: DType, as name: String
  ) throws(KerasImportError) -> Value {
    try constant(numbers, sizes: sizes, dtype: dtype, as: name)
  }

  /// A constant of numbers, row-major.
  /// - Throws: when there are not as many as the sizes say.
  public func constant(
    _ numbers: [Double], sizes: [Int], dtype: DType, as name: String = "constant"
  ) throws(KerasImportError) -> Value {
    constant(try checkedTensor(Tensor(numbers, sizes: sizes, dtype: dtype)), as: name)
  }

  // MARK: Weights

  /// A weight of this layer, checked against the shape it must have; floating weights are cast to the compute type.
  /// - Throws: `weightNotFound`, or `weightShape` with expected and found.
  public func weight(_ name: String, _ shape: Shape) throws(KerasImportError) -> Value {
    let tensor = try tensor(name, shape)
    guard tensor.type.shape.fits(shape) else {
      throw misfit(name, expected: shape, found: tensor)
    }
    if computeDType.isFloatingPoint, tensor.dtype == .int8 || tensor.dtype == .uint8 {
      throw KerasImportError(.unsupported("quantised weights of a layer whose policy does not say how"))
    }
    let isFloating = tensor.dtype.isFloatingPoint && computeDType.isFloatingPoint
    return try weightValue(name, tensor, as: isFloating ? computeDType : nil)
  }

  /// A weight as it is stored, without cast.
  public func variable(_ name: String, _ shape: Shape) throws(KerasImportError) -> Value {
    let tensor = try tensor(name, shape)
    guard tensor.type.shape.fits(shape) else {
      throw misfit(name, expected: shape, found: tensor)
    }
    return try weightValue(name, tensor, as: nil)
  }

  /// The stored tensor of a weight; for inspection one of zeros in its place.
  private func tensor(_ name: String, _ shape: Shape) throws(KerasImportError) -> Tensor {
    let sizes = shape.dimensions.compactMap(\.fixedSize)
    guard state.isPartial, !hasWeight(name), sizes.count == shape.rank else { return try tensor(name) }
    let zeros: Tensor
    do {
      zeros = try Tensor(scalar: 0, object.policy.variable).broadcast(to: sizes)
    } catch {
      throw KerasImportError(.unsupported("a weight of shape \(shape): \(error)"))
    }
    state.standIns[ObjectIdentifier(object), default: [:]][name] = zeros
    return zeros
  }

  private func misfit(_ name: String, expected: Shape, found: Tensor) -> KerasImportError {
    let origin = state.sources[path].flatMap { trace($0) }
    return KerasImportError(.weightShape(name, expected: expected, found: found.type.shape, origin: origin))
  }

  /// The stored tensor of a weight, for layers that read its shape or values.
  /// - Throws: `undeclaredWeight` for a role that is not among the layer's weights, `weightNotFound`.
  public func tensor(_ name: String) throws(KerasImportError) -> Tensor {
    state.askedRoles[ObjectIdentifier(object), default: []].insert(name)
    guard let tensor = state.weights.tensor(name, of: object) else {
      let declared = object.layer.weights.map(\.name)
      if object.isOwn, !declared.contains(name) {
        throw KerasImportError(.undeclaredWeight(name, declared: declared))
      }
      throw KerasImportError(.weightNotFound(name))
    }
    return tensor
  }

  /// True when the file has a weight of this role.
  public func hasWeight(_ name: String) -> Bool {
    state.askedRoles[ObjectIdentifier(object), default: []].insert(name)
    return state.weights.tensor(name, of: object) != nil
  }

  /// The content of one of the layer's ``Layer/assets``; nil when the file does not have it.
  public func asset(_ name: String) -> [UInt8]? {
    state.weights.asset(name, of: object)?.withBytes { Array($0) }
  }

  private func weightValue(_ name: String, _ tensor: Tensor, as dtype: DType?) throws(KerasImportError)
    -> Value
  {
    let key = LoweringState.WeightKey(layer: ObjectIdentifier(object), name: name, dtype: dtype)
    if let value = state.weightValues[key] { return value }
    var value = state.graph.constant(tensor, name: "\(path)/\(name)")
    if let dtype, dtype != tensor.dtype { value = try emit(.cast(dtype), value, as: "\(name)/Cast") }
    state.weightValues[key] = value
    return value
  }

  // MARK: Sublayers

  /// Lowers a layer inside this one.
  public func lower(_ sublayer: Sublayer, _ call: Call) throws(KerasImportError) -> [Operand] {
    try lower(sublayer.object, call, name: sublayer.attribute)
  }

  /// Lowers a layer object by Keras's rules for a call: floating inputs are cast, masks passed or dropped.
  func lower(_ object: LayerObject, _ call: Call, name: String) throws(KerasImportError) -> [Operand] {
    try state.countCall()
    let scope = LoweringScope(
      state: state, object: object, path: path.isEmpty ? name : "\(path)/\(name)", isTraining: isTraining)
    return try scope.lowerSelf(call)
  }

  /// Where the size of the operand that does not fit comes from.
  private func origin(of operands: [Value], _ index: Int?) -> String? {
    guard let index, index < operands.count else { return nil }
    return trace(operands[index])
  }

  /// The layers a value came through, back to the input that declared it: `[batch, 7] comes from "flatten", [batch, 7, 1]
  /// from "x"`.
  func trace(_ value: Value) -> String? {
    var steps: [String] = []
    var current: Value? = value
    var seen: Set<String> = []
    while let value = current, let layer = state.origins[value] {
      if layer == path {
        current = state.sources[layer]
        if !seen.insert(layer).inserted { break }
        continue
      }
      guard seen.insert(layer).inserted, steps.count < 12 else { break }
      steps.append("\(shape(of: value)) \(steps.isEmpty ? "comes " : "")from \"\(layer)\"")
      current = state.sources[layer]
    }
    return steps.isEmpty ? nil : steps.joined(separator: ", ")
  }
}
