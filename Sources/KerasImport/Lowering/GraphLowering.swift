public import ModelIR
import NativeFormat

/// What lowering a model gives: the graph of primitive operations, and where each layer's results are in it.
public struct LoweredModel: Sendable {
  /// The operations; inputs and outputs carry Keras's names.
  public let graph: Graph
  /// The values each tensor of the outermost ``LayerGraph`` became.
  package let values: [KerasTensor: Value]
  /// The same for the layers of nested models, by path (`encoder/block_1/dense`), one entry per call.
  package let nestedResults: [String: [[Value]]]
  /// What flows through each layer at its first call, by path.
  package let shapes: [String: LayerShapes]
  /// The types of the weights that the file does not have, by layer and role, in a model opened for inspection.
  let standIns: [ObjectIdentifier: [String: Tensor]]
  /// The masks that the layers' operands had; layers without any are absent.
  let operandMasks: [ObjectIdentifier: OperandMasks]
  /// The operands and results of every call of the outermost model, masks included, by the call's first result.
  package let calls: [KerasTensor: LoweredCall]

  /// What a program's own layers declare and never use, a sentence each.
  public let warnings: [String]

  /// The masks of a layer's operands; nil when no operand of any call had one.
  package func masks(of object: LayerObject) -> OperandMasks? { operandMasks[ObjectIdentifier(object)] }
}

/// One call of a layer on values of the graph.
package struct LoweredCall: Sendable {
  package let arguments: Call
  package let results: [Operand]
}

/// Which operands of a layer's calls had masks.
package enum OperandMasks: Sendable {
  /// In every call all operands had one and the same.
  case equal
  /// Some had none, or another.
  case mixed
}

/// Sizes that a caller fixes before lowering.
public struct LoweringOptions: Sendable {
  /// New shapes of inputs by name; a name for a dynamic dimension is a symbol.
  public var inputShapes: [String: Shape] = [:]
  /// The size of the batch axis; nil: dynamic, named `batch`.
  public var batch: Int?
  /// The sizes of the file.
  public init() {}
}

/// Lowers a ``LayerGraph`` by evaluating its calls on values of a ``Graph``.
struct GraphLowering {
  let model: LayerGraph
  let state: LoweringState

  /// Evaluates the calls with these operands as the model's flattened inputs.
  /// - Returns: every tensor of the model.
  func evaluate(
    _ inputs: [Operand], path: String, isTraining: Bool = false,
    record: (LayerCall, [Operand]) -> Void = { _, _ in }
  ) throws(KerasImportError) -> [KerasTensor: Operand] {
    var operands: [KerasTensor: Operand] = [:]
    for (tensor, operand) in zip(model.inputs, inputs) {
      operands[tensor] = operand
      state.record(joined(path, model.layers[tensor.layer].name), [], [operand])
    }
    for call in model.calls {
      try state.countCall()
      let object = model.layers[call.layer]
      let name = path.isEmpty ? object.name : "\(path)/\(object.name)"
      if state.isPartial { try standIn(for: call, path: name, &operands) }
      let results: [Operand]
      let arguments: Call
      do {
        arguments = try call.arguments.map { tensor throws(KerasImportError) -> Operand in
          guard let operand = operands[tensor] else {
            throw KerasImportError(.invalidGraph("layer \"\(object.name)\" uses a tensor that no call makes"))
          }
          return operand
        }
        results = try LoweringScope(state: state, object: object, path: name, isTraining: isTraining)
          .lowerSelf(arguments)
      } catch {
        if state.isPartial { continue }
        throw error
      }
      record(call, results)
      if path.isEmpty {
        let key = KerasTensor(layer: call.layer, call: call.call, output: 0)
        state.calls[key] = LoweredCall(arguments: arguments, results: results)
      }
      for (output, operand) in results.enumerated() {
        operands[KerasTensor(layer: call.layer, call: call.call, output: output)] = operand
      }
    }
    return operands
  }

  /// Makes inputs of operands that could not be computed, where the file says what they are.
  private func standIn(
    for call: LayerCall, path: String, _ operands: inout [KerasTensor: Operand]
  ) throws(KerasImportError) {
    let tensors = call.arguments.tensors
    for tensor in tensors where operands[tensor] == nil {
      let built = tensors.count == 1 ? model.layers[call.layer].buildConfig?["input_shape"] : nil
      var type = model.declaredTypes[tensor]
      if type == nil { type = try TensorType(declared: built, dtype: nil, name: path) }
      operands[tensor] = type.map { Operand(state.graph.input(name: path, type: $0)) }
    }
  }
}

/// A model used as a layer of another.
package struct NestedModel: Layer, KeepsInputTypes {
  package let model: LayerGraph

  init(model: LayerGraph) { self.model = model }

  package init(_ config: inout LayerConfig) throws(KerasImportError) {
    throw KerasImportError(.invalidGraph("a nested model is read by the graph stage"))
  }

  package var maskRule: MaskRule { .custom }
  package var callParameters: [String] { ["inputs", "training", "mask"] }

  package func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    var inputs = call.inputs
    guard inputs.count == model.inputs.count else {
      throw KerasImportError(
        .invalidGraph("expected \(model.inputs.count) inputs of the nested model, found \(inputs.count)"))
    }
    if let masks = try call.masks(count: inputs.count) {
      for index in inputs.indices { inputs[index].mask = masks[index]?.value }
    }
    for (index, tensor) in model.inputs.enumerated() {
      guard let input = model.layers[tensor.layer].layer as? InputLayer else { continue }
      inputs[index] = try input.conformed(inputs[index], in: scope)
    }
    for (tensor, operand) in zip(model.inputs, inputs) {
      let path = "\(scope.path)/\(model.layers[tensor.layer].name)"
      scope.state.nestedResults[path, default: []].append([operand.value])
    }
    let lowering = GraphLowering(model: model, state: scope.state)
    let operands = try lowering.evaluate(inputs, path: scope.path, isTraining: scope.isTraining) {
      call, results in
      scope.state.nestedResults["\(scope.path)/\(model.layers[call.layer].name)", default: []].append(
        results.map(\.value))
    }
    if scope.state.isPartial { return model.outputs.compactMap { operands[$0] } }
    return try model.outputs.map { tensor throws(KerasImportError) -> Operand in
      guard let operand = operands[tensor] else {
        throw KerasImportError(.invalidGraph("an output of the nested model is made by no call"))
      }
      return operand
    }
  }
}

/// The graph's entry: Keras's InputLayer.
package struct InputLayer: Layer {
  /// The declared shape, batch axis first; nil sizes are dynamic. nil inside a nested Sequential that learned its shape
  /// when it was called.
  package let batchShape: [Int?]?
  package let dtype: DType
  let isOptional: Bool
  /// True when the file does not hold the input's name (Keras 0.x, and Sequential models of Keras 1).
  let isNameInvented: Bool

  package init(_ config: inout LayerConfig) throws(KerasImportError) {
    var given = try InputLayer.sizes("batch_shape", &config)
    if let sample = try InputLayer.sizes("shape", &config), given == nil { given = [.null] + sample }
    dtype = try config.inputDType()
    isOptional = try config.bool("optional", default: false)
    isNameInvented = config.has(.inputNameIsInvented)
    guard try config.optionalBool("ragged") != true else {
      throw KerasImportError(.unsupported("ragged inputs, whose rows have lengths of their own"))
    }
    config.ignore("sparse", "batch_size", "tensor", "input_tensor")
    guard let items = given else {
      guard config.json.contains("batch_shape") else { throw KerasImportError(.missingKey("batch_shape")) }
      batchShape = nil
      return
    }
    var sizes: [Int?] = []
    for item in items {
      guard item.isNull || item.int.map({ $0 >= 0 }) == true else {
        throw config.invalid("batch_shape", expected: "sizes or null", found: item.shortText)
      }
      sizes.append(item.int)
    }
    batchShape = sizes
  }

  private static func sizes(_ key: String, _ config: inout LayerConfig) throws(KerasImportError)
    -> [JSONValue]?
  {
    guard let value = config.value(key) else { return nil }
    guard let items = value.array else {
      throw config.invalid(key, expected: "a list of sizes", found: value.shortText)
    }
    return items
  }

  package func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    call.inputs
  }

  /// A tensor as a model takes it that is called inside another: in the declared type, a last axis of size 1 added or
  /// taken away where the rank asks for it. Source: `Functional._standardize_inputs`.
  func conformed(_ operand: Operand, in scope: LoweringScope) throws(KerasImportError) -> Operand {
    guard let batchShape else { return operand }
    var value = operand.value
    let shape = scope.shape(of: value)
    if shape.rank == batchShape.count + 1, shape.dimensions.last == 1 {
      value = try scope.squeeze(value, axes: [shape.rank - 1])
    } else if shape.rank == batchShape.count - 1, batchShape.last == 1 {
      value = try scope.expandDims(value, axes: [shape.rank])
    }
    if scope.dtype(of: value) != dtype, dtype != .string { value = try scope.cast(value, to: dtype) }
    return Operand(value, mask: operand.mask)
  }
}

extension LoweredModel {
  /// Nothing, of a model of which nothing can be lowered.
  init() {
    self.init(
      graph: Graph(), values: [:], nestedResults: [:], shapes: [:], standIns: [:], operandMasks: [:],
      calls: [:],
      warnings: [])
  }

  /// Lowers a whole model.
  /// - Throws: every shape that does not fit, with the layer's place.
  /// - Parameter isPartial: what cannot be lowered is left out, see ``KerasModel/Options/keepsUnsupported``.
  init(
    _ model: LayerGraph, weights: WeightBinding, options: LoweringOptions, isPartial: Bool = false
  ) throws(KerasImportError) {
    let state = LoweringState(weights: weights, isPartial: isPartial)
    var inputs: [Operand] = []
    for tensor in model.inputs {
      let object = model.layers[tensor.layer]
      if isPartial, !object.hasShape(options) { break }
      let type = try LoweredModel.inputType(object, isTable: model.isTable(object), options: options)
      let value = state.graph.input(name: object.name, type: type)
      state.origins[value] = object.name
      inputs.append(Operand(value))
    }
    let operands = try GraphLowering(model: model, state: state).evaluate(inputs, path: "")
    let names = model.outputNames
    for (name, tensor) in zip(names, model.outputs) {
      guard let operand = operands[tensor] else {
        if isPartial { continue }
        throw KerasImportError(.invalidGraph("output \"\(name)\" is made by no call"))
      }
      try state.checkUse(of: operand.value)
      state.graph.outputs.append(Graph.Output(name: name, value: operand.value))
    }
    graph = state.graph
    values = operands.mapValues(\.value)
    nestedResults = state.nestedResults
    operandMasks = state.operandMasks
    calls = state.calls
    shapes = state.shapes
    standIns = state.standIns
    warnings = isPartial ? [] : model.unusedDeclarations(state.askedRoles)
  }

  /// - Parameter isTable: the same for every sample, so that its batch stays 1.
  private static func inputType(
    _ object: LayerObject, isTable: Bool, options: LoweringOptions
  ) throws(KerasImportError) -> TensorType {
    guard let layer = object.layer as? InputLayer else {
      throw KerasImportError(
        .invalidGraph("input \"\(object.name)\" is not an InputLayer but \(object.className)"))
    }
    let given = options.inputShapes[object.name]
    guard let batchShape = layer.batchShape ?? given.map({ Array(repeating: nil, count: $0.rank) }) else {
      throw KerasImportError(
        .incomplete(
          "the Sequential model was never built, so that its input has no shape",
          remedy: .inputShape))
    }
    var dimensions: [Dimension] = []
    for (axis, size) in batchShape.enumerated() {
      if let size { dimensions.append(.fixed(size)); continue }
      dimensions.append(.symbol(axis == 0 ? "batch" : "\(object.name)_\(axis)"))
    }
    if let shape = given {
      guard shape.rank == dimensions.count else {
        throw KerasImportError(
          .invalidValue(key: "input shape", expected: "rank \(dimensions.count)", found: "\(shape)"),
          path: [.layer(name: object.name, className: object.className)])
      }
      dimensions = shape.dimensions
    }
    // What --input-shape says of one input goes before what --batch says of all.
    if let batch = options.batch, !dimensions.isEmpty, given?[0].fixedSize == nil, !isTable {
      dimensions[0] = .fixed(batch)
    }
    return TensorType(layer.dtype, Shape(dimensions))
  }
}

extension LayerGraph {
  /// The weights that a program's own layers declare and do not ask for: a role misspelt, or arithmetic left out.
  fileprivate func unusedDeclarations(_ asked: [ObjectIdentifier: Set<String>]) -> [String] {
    guard layers.contains(where: \.holdsOwn) else { return [] }
    return places.filter(\.object.isOwn).flatMap { place -> [String] in
      // A layer that is never called asks for nothing.
      guard
        let roles = asked[ObjectIdentifier(place.object)] ?? (place.object.layer.weights.isEmpty ? nil : [])
      else { return [] }
      return place.object.layer.weights.map(\.name).filter { !roles.contains($0) }.map {
        "layer \"\(place.path)\" (\(place.object.className)) declares weight \"\($0)\" and never uses it"
      }
    }
  }
}

extension LayerObject {
  /// True for a program's own layer, and for one with such a layer inside.
  fileprivate var holdsOwn: Bool {
    if isOwn { return true }
    if let nested = layer as? NestedModel { return nested.model.layers.contains(where: \.holdsOwn) }
    return layer.sublayers.contains { $0.object.holdsOwn }
  }

  /// True for an InputLayer whose shape is known.
  fileprivate func hasShape(_ options: LoweringOptions) -> Bool {
    (layer as? InputLayer)?.batchShape != nil || options.inputShapes[name] != nil
  }
}

extension LayerGraph {
  /// True for an input whose batch is declared to be 1 beside inputs with another: a table of positions, a mask.
  fileprivate func isTable(_ object: LayerObject) -> Bool {
    func batch(_ object: LayerObject) -> Int?? { (object.layer as? InputLayer)?.batchShape?.first }
    return batch(object) == .some(.some(1))
      && inputs.contains { tensor in batch(layers[tensor.layer]).map { $0 != 1 } ?? false }
  }

  /// The public names of the flattened outputs: the producing layer's name, with `_1`, `_2` ... from its second
  /// output on, where no other output's layer is named so.
  package var outputNames: [String] {
    var used: [String: Int] = [:]
    let own = Set(outputs.map { layers[$0.layer].name })
    return outputs.map { tensor in
      let name = layers[tensor.layer].name
      guard var count = used[name] else {
        used[name] = 0
        return name
      }
      repeat { count += 1 } while own.contains("\(name)_\(count)")
      used[name] = count
      return "\(name)_\(count)"
    }
  }
}
