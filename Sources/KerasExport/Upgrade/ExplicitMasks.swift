import KerasImport
import ModelIR
import NativeFormat

/// Masks of an earlier release in Keras 3: no layer makes or passes one on; those who use one get it as an argument,
/// made by operations. Needed where a model's release propagated masks by other rules than Keras 3 does.
struct ExplicitMasks {
  private let graph: LayerGraph
  private let lowered: LoweredModel
  private let names: [String]
  /// References to the tensors of the model, by the value they became.
  private var known: [Value: JSONValue] = [:]
  private var writer: OperationWriter
  /// Where a tensor is read from instead, so that no mask comes with it.
  private(set) var stripped: [KerasTensor: JSONValue] = [:]

  /// The operations to add to the model's layers.
  var operations: [JSONValue] { writer.entries }

  /// - Parameters:
  ///   - writer: of the new model's layers; `taken` are the names in use.
  init(_ graph: LayerGraph, _ lowered: LoweredModel, _ writer: CallWriter, taken: Set<String>) {
    self.graph = graph
    self.lowered = lowered
    names = writer.names
    self.writer = OperationWriter(lowered.graph, names: taken)
    let ordered = lowered.values.sorted { ($0.key.layer, $0.key.call) < ($1.key.layer, $1.key.call) }
    for (tensor, value) in ordered where known[value] == nil {
      known[value] = writer.moved[tensor] ?? history(tensor)
    }
  }

  /// True when some layer of the outermost model gets masks by a rule that Keras 3 does not have.
  static func areNeeded(_ graph: LayerGraph, _ lowered: LoweredModel) -> Bool {
    graph.calls.contains { call in
      let object = graph.layers[call.layer]
      guard let masks = lowered.masks(of: object) else { return false }
      for case .mergesMasks(let rule) in object.eraMarks { return !object.mergesAsToday(rule, masks) }
      if object.has(.attendsToMasked) { return true }
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
      !object.has(.averagesMaskedSteps), !object.has(.attendsToMasked)
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
      stripped[tensor] = writer.add("Copy", [known[result.value] ?? history(tensor)])
    }
  }

  /// A reference to the tensor that a mask is.
  private mutating func reference(_ value: Value) throws(KerasExportError) -> JSONValue {
    do throws(KerasExportError) { return try writer.argument(for: value, known: known) } catch {
      throw .unsupported("its mask comes about by the rules of its release; \(error)")
    }
  }

  private func history(_ tensor: KerasTensor) -> JSONValue {
    CallWriter.tensor(
      [.string(names[tensor.layer]), .integer(tensor.call), .integer(tensor.output)],
      type: lowered.values[tensor].map { lowered.graph.type(of: $0) })
  }
}

extension LayerObject {
  /// True when a merging layer of an earlier release treats these masks as Keras 3 does.
  func mergesAsToday(_ rule: MaskMerge, _ masks: OperandMasks) -> Bool {
    rule == .and && masks == .equal && ["Add", "Subtract", "Average", "Concatenate"].contains(className)
  }
}
