import KerasImport
import ModelIR
import NativeFormat

/// Masks of an earlier release in Keras 3: no layer makes or passes one on; those who use one get it as an argument,
/// made by operations. Needed where a model's release propagated masks by other rules than Keras 3 does.
struct ExplicitMasks {
  private let graph: LayerGraph
  private let lowered: LoweredModel
  private let names: [String]
  /// Tensors of the model by the value they became.
  private var tensors: [Value: KerasTensor] = [:]
  /// Operations that stand for values of the graph, by value.
  private var made: [Value: JSONValue] = [:]
  /// The operations to add to the model's layers.
  private(set) var operations: [JSONValue] = []
  /// Where a tensor is read from instead, so that no mask comes with it.
  private(set) var stripped: [KerasTensor: JSONValue] = [:]

  /// - Parameter names: the names of the layers in the new model.
  init(_ graph: LayerGraph, _ lowered: LoweredModel, names: [String]) {
    self.graph = graph
    self.lowered = lowered
    self.names = names
    for (tensor, value) in lowered.values.sorted(by: {
      ($0.key.layer, $0.key.call) < ($1.key.layer, $1.key.call)
    })
    where tensors[value] == nil { tensors[value] = tensor }
  }

  /// True when some layer of the outermost model gets masks by a rule that Keras 3 does not have.
  static func areNeeded(_ graph: LayerGraph, _ lowered: LoweredModel) -> Bool {
    graph.calls.contains { call in
      let object = graph.layers[call.layer]
      guard let masks = lowered.masks(of: object) else { return false }
      if let rule = object.config["kconvert_mask"]?.string { return !object.mergesAsToday(rule, masks) }
      if object.config["kconvert_ignores_masks"]?.bool == true { return true }
      return object.className == "MultiHeadAttention" && stripsOthers(call, graph)
    }
  }

  /// From Keras 3.8 on, multi-head attention takes the masks off its operands, so that a later layer does not see them.
  private static func stripsOthers(_ call: LayerCall, _ graph: LayerGraph) -> Bool {
    let operands = Set(call.arguments.tensors.dropFirst())
    return graph.calls.contains { other in
      (other.layer != call.layer || other.call != call.call)
        && other.arguments.tensors.contains(where: operands.contains)
    }
  }

  // MARK: Arguments

  private static let single: Set<String> = [
    "LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Bidirectional",
    "TimeDistributed",
    "GlobalAveragePooling1D", "Softmax",
  ]

  /// The mask arguments of a call.
  /// - Throws: why a mask cannot be made by operations of the model.
  mutating func keywords(for call: LayerCall) throws(KerasExportError) -> [(String, JSONValue)] {
    let object = graph.layers[call.layer]
    guard let operands = lowered.calls[KerasTensor(layer: call.layer, call: call.call, output: 0)]?.arguments,
      operands.tensors.contains(where: { $0.mask != nil }),
      object.config["kconvert_ignores_mask"]?.bool != true,
      object.config["kconvert_ignores_masks"]?.bool != true
    else { return [] }
    if object.layer is NestedModel {
      throw .unsupported("the model inside takes masks by the rules of its release")
    }
    if call.arguments.keywords.contains(where: { $0.key.hasSuffix("mask") && !$0.value.tensors.isEmpty }) {
      return []
    }
    if ExplicitMasks.single.contains(object.className) {
      guard let mask = operands.inputs.first?.mask else { return [] }
      return [("mask", try reference(mask))]
    }
    switch object.className {
    case "Attention", "AdditiveAttention":
      var masks: [JSONValue] = []
      for operand in operands.inputs.prefix(2) {
        masks.append(try operand.mask.map { mask throws(KerasExportError) in try reference(mask) } ?? .null)
      }
      return [("mask", .array(masks))]
    case "MultiHeadAttention", "GroupQueryAttention":
      var masks: [(String, JSONValue)] = []
      for (position, name) in ["query", "value", "key"].enumerated() {
        if let mask = operands.operand(name, at: position)?.mask {
          masks.append(("\(name)_mask", try reference(mask)))
        }
      }
      return masks
    default: return []
    }
  }

  /// Lets later layers read the results of a call without the mask that Keras 3 would pass on with them.
  mutating func strip(_ call: LayerCall) {
    let object = graph.layers[call.layer]
    guard let results = lowered.calls[KerasTensor(layer: call.layer, call: call.call, output: 0)]?.results,
      !object.isOperation, object.className != "Embedding"
    else { return }
    for (output, result) in results.enumerated() where result.mask != nil {
      let tensor = KerasTensor(layer: call.layer, call: call.call, output: output)
      stripped[tensor] = add("Copy", [history(tensor)])
    }
  }

  // MARK: Operations

  /// A reference to the tensor that a mask is.
  private mutating func reference(_ value: Value) throws(KerasExportError) -> JSONValue {
    if let known = made[value] { return known }
    let reference = try make(value)
    made[value] = reference
    return reference
  }

  private mutating func make(_ value: Value) throws(KerasExportError) -> JSONValue {
    if let tensor = tensors[value] { return history(tensor) }
    if let constant = lowered.graph.constant(value), constant.rank == 0,
      let number = try? constant.doubles().first
    {
      return constant.dtype.isFloatingPoint ? .number(number) : .integer(Int(number))
    }
    guard let node = lowered.graph.producer(of: value) else { throw ExplicitMasks.failure }
    var operands: [JSONValue] = []
    for input in node.inputs { operands.append(try reference(input)) }
    switch node.op {
    case .compare(.notEqual): return add("NotEqual", operands)
    case .binary(.logicalAnd): return add("LogicalAnd", operands)
    case .binary(.logicalOr): return add("LogicalOr", operands)
    case .reduce(let function, let axes, let keepDims) where function == .any || function == .all:
      let axis = JSONValue.array(axes.map(JSONValue.integer))
      return add(function == .any ? "Any" : "All", operands, [("axis", axis), ("keepdims", .bool(keepDims))])
    case .concat(let axis): return add("Concatenate", [.array(operands)], [("axis", .integer(axis))])
    case .reshape(let shape):
      // A mask of features of size 1 loses that axis; nothing else is reshaped on the way.
      let before = lowered.graph.shape(of: node.inputs[0])
      guard before.rank == shape.rank + 1, before[shape.rank] == 1 else { throw ExplicitMasks.failure }
      return add("Squeeze", operands, [("axis", -1)])
    case .unary, .binary, .compare, .select, .cast, .matMul, .einsum, .conv, .convTranspose, .pool, .reduce,
      .argReduce,
      .cumulative, .topK, .batchNormalization, .layerNormalization, .softmax, .logSoftmax, .transpose, .split,
      .slice,
      .pad, .expand, .tile, .reverse, .gather, .gatherElements, .gatherND, .scatterND, .triangle, .range,
      .sizes,
      .recurrent, .scan, .resize, .lookup, .hash, .vectorize:
      throw ExplicitMasks.failure
    }
  }

  private static let failure = KerasExportError.unsupported(
    "its mask comes about by the rules of its release")

  private mutating func add(
    _ className: String, _ operands: [JSONValue], _ config: [(String, JSONValue)] = []
  ) -> JSONValue {
    var number = operations.count
    var name = "mask_\(number)"
    while names.contains(name) {
      number += 1
      name = "mask_\(number)_\(operations.count)"
    }
    var node = KerasNode(className, name: name, config)
    node.module = "keras.src.ops.numpy"
    var entry = node.serialized
    entry["name"] = .string(name)
    entry["inbound_nodes"] = [["args": .array(operands), "kwargs": [:]]]
    operations.append(.object(entry))
    return CallWriter.tensor([.string(name), 0, 0], type: nil)
  }

  private func history(_ tensor: KerasTensor) -> JSONValue {
    CallWriter.tensor(
      [.string(names[tensor.layer]), .integer(tensor.call), .integer(tensor.output)],
      type: lowered.values[tensor].map { lowered.graph.type(of: $0) })
  }
}

extension LayerObject {
  /// True when a merging layer of an earlier release treats these masks as Keras 3 does.
  func mergesAsToday(_ rule: String, _ masks: OperandMasks) -> Bool {
    rule == "and" && masks == .equal && ["Add", "Subtract", "Average", "Concatenate"].contains(className)
  }
}
