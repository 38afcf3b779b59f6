import KerasImport
import ModelIR
import NativeFormat

/// What canonical form says beyond Keras 3, in Keras 3's layers.
extension KerasUpgrade {
  /// - Parameter path: of the layer among the models and layers around it.
  mutating func upgraded(
    _ original: KerasNode, _ object: LayerObject, _ lowered: LoweredModel, path: String
  ) -> KerasNode {
    var node = original
    if node.module == "kconvert.layers" { node = retired(node, object) }
    if isLegacy, let module = KerasUpgrade.applications[node.className] {
      node.module = module
    } else if isLegacy, node.module == "keras.layers", KerasSignatures.keys(of: node.className) == nil {
      refuse(object, "Keras 3 has no such layer")
    }
    if object.config["time_major"]?.bool == true {
      refuse(object, "Keras 3 has no recurrent layers over [time, batch]")
    }
    for mark in object.eraMarks { node.config[mark.key] = nil }
    if isLegacy, !object.isOperation {
      node.config = LegacyKeys(className: node.className).cleaned(node.config)
    }
    for key in ["activation", "recurrent_activation"] {
      if let value = node.config[key] { node.config[key] = KerasUpgrade.activation(value) }
    }
    if hasExplicitMasks, object.className == "Embedding" { node.config["mask_zero"] = false }
    if node.className == "RandomShear" { nameShear(&node.config) }
    if let shape = inputShape(of: object, lowered) { node.config["batch_shape"] = CallWriter.shape(shape) }
    // Layers without weights have nothing to train, and some take no such key.
    if isLegacy, original.variables.isEmpty, !object.hasWeights { node.config["trainable"] = nil }
    var layers = causal(node).flatMap(scaledNoise)
    for mark in object.eraMarks.sorted(by: { $0.key < $1.key }) {
      layers = apply(mark, to: layers, object, lowered.masks(of: object))
    }
    let result = layers.count == 1 ? layers[0] : KerasNode(sequential: layers, name: node.name)
    return overBatchAxes(result, of: object, rank: lowered.shapes[path]?.inputs.first?.rank)
  }

  /// Where Keras 3 has the layers of keras.applications that are in no public module.
  private static let applications = [
    "LayerScale": "keras.src.applications.convnext", "StochasticDepth": "keras.src.applications.convnext",
    "CustomScaleLayer": "keras.src.applications.inception_resnet_v2",
  ]

  /// A convolution over an input with more batch axes than one, which tf.keras allows: over each of them in Keras 3.
  private func overBatchAxes(_ node: KerasNode, of object: LayerObject, rank: Int?) -> KerasNode {
    let spatial = ["Conv1D": 1, "Conv2D": 2, "Conv3D": 3]
    guard isLegacy, let rank, let count = spatial[object.className], rank > count + 2 else { return node }
    var result = node
    for _ in (count + 2)..<rank {
      let inner = result
      result = KerasNode("TimeDistributed", name: node.name, [("layer", .object(inner.serialized))])
      result.parts = [KerasNode.Part(attribute: "layer", content: .layer(inner))]
    }
    return result
  }

  /// RandomShear writes the range that it made of one number, but takes it back as that number only.
  private func nameShear(_ config: inout JSONObject) {
    for key in ["x_factor", "y_factor"] {
      guard let range = config[key]?.array, range.count == 2, let low = range[0].double,
        let high = range[1].double
      else { continue }
      if low == -high { config[key] = .number(high) }
    }
  }

  /// The shape of an input of the whole model, which the caller may have fixed.
  private func inputShape(of object: LayerObject, _ lowered: LoweredModel) -> Shape? {
    let tensor = model.graph.inputs.first { model.graph.layers[$0.layer] === object }
    return tensor.flatMap { lowered.values[$0] }.map { lowered.graph.shape(of: $0) }
  }

  /// A layer that Keras 3 has no class for.
  private mutating func retired(_ node: KerasNode, _ object: LayerObject) -> KerasNode {
    guard object.className == "ThresholdedReLU" else {
      refuse(object, "Keras 3 has no such layer")
      return node
    }
    // A ReLU with a threshold (1 unless it is given) and no slope is `x` above the threshold, else 0.
    var relu = KerasNode("ReLU", name: node.name, [("threshold", node.config["theta"] ?? 1.0)])
    relu.config["trainable"] = node.config["trainable"]
    relu.config["dtype"] = node.config["dtype"]
    return relu
  }

  /// One layer, or the chain of layers that it becomes for a mark.
  private mutating func apply(
    _ mark: EraMark, to layers: [KerasNode], _ object: LayerObject, _ masks: OperandMasks?
  ) -> [KerasNode] {
    let isMasked = masks != nil && !hasExplicitMasks
    switch mark {
    // The new file has names, classes and folders of its own.
    case .inputNameIsInvented, .classWhenWritten, .savedUnder: break
    case .isCuDNN: break  // The weights have been rearranged, and the activations stand in the configuration.
    case .padsFrontFirst: return theanoPadded(layers, object)
    case .samplesFromCorners: refuse(object, "Keras 3 samples bilinearly at pixel centres only")
    case .averagesMaskedSteps:
      // Permute drops masks.
      let unmasked = KerasNode("Permute", name: "\(object.name)_unmasked", [("dims", [1, 2])])
      if isMasked { return [unmasked] + layers }
    case .attendsToMasked:
      if isMasked { refuse(object, "its release ignored masks, Keras 3 does not") }
    case .weighsByMask, .lowersByMask:
      if takesNumbersAsMask(object) {
        refuse(object, "its mask is of numbers, which Keras 3 takes as kept or not")
      }
    case .masksBesideStates:
      if isMasked, givesStates(to: object) {
        refuse(object, "Keras 3 does not look at the mask where initial states are given")
      }
    case .averagesInIntegers:
      if takesIntegers(object, whereUnknown: false) {
        refuse(object, "Keras 3 gives floats for means of integers")
      }
    case .keepsRankWhenCausal:
      if addsAxisToday(object) { refuse(object, "Keras 3 adds an axis to causal attention between matrices") }
    case .normalizesUnrounded:
      if takesIntegers(object, whereUnknown: false) {
        refuse(object, "Keras 3 rounds its results to integers")
      }
    case .dropsMask:
      if isMasked { refuse(object, "Keras 3 passes its mask on") }
    case .trainsWhenFrozen: break  // A call with training=True is refused itself.
    case .spreadsFullyMasked:
      if masks != nil { return spreading(layers, object) }
    case .mergesMasks(let rule):
      if isMasked, let masks, !object.mergesAsToday(rule, masks) {
        refuse(object, "Keras 3 merges masked operands by another rule")
      }
    case .repeatsMaskedSteps:
      if masks != nil, returnsSequences(object), showsMaskedSteps(of: object) {
        refuse(object, "its output at masked steps is seen, where Keras 3 has zeros")
      }
    case .encodesAs: break  // Keras 3's type may be another, its numbers are the same.
    case .resizesToPolicyType:
      // Keras 3 rounds the results of images of integers; Rescaling makes floats of them.
      let floats = KerasNode("Rescaling", name: "\(object.name)_floats", [("scale", 1.0), ("offset", 0.0)])
      if takesIntegers(object) { return [floats] + layers }
    case .resizesBeforeCropping: break  // Only a layer that is refused by its class carries it.
    }
    return layers
  }

  /// True when the layer attends causally between matrices.
  private func addsAxisToday(_ object: LayerObject) -> Bool {
    model.graph.calls.contains { call in
      guard model.graph.layers[call.layer] === object, let first = call.arguments.tensors.first,
        let value = lowered?.values[first]
      else { return false }
      let isCausal = call.arguments.argument("use_causal_mask", at: nil) != nil
      return isCausal && lowered?.graph.shape(of: value).rank == 2
    }
  }

  /// True unless every call of the layer is known to be on floats.
  private func takesIntegers(_ object: LayerObject, whereUnknown: Bool = true) -> Bool {
    let calls = model.graph.calls.filter { model.graph.layers[$0.layer] === object }
    let tensors = calls.flatMap(\.arguments.tensors)
    // Layers of models inside the model are not among these calls.
    guard let lowered, !tensors.isEmpty else { return whereUnknown }
    return tensors.contains { tensor in
      lowered.values[tensor].map { !lowered.graph.dtype(of: $0).isFloatingPoint } ?? whereUnknown
    }
  }

  /// True when a call gives the layer initial states.
  private func givesStates(to object: LayerObject) -> Bool {
    model.graph.calls.contains { call in
      model.graph.layers[call.layer] === object && call.arguments.tensors.count > 1
    }
  }

  /// True when a call of the layer is given a mask that is not bool, or one that is not known.
  private func takesNumbersAsMask(_ object: LayerObject) -> Bool {
    for call in model.graph.calls where model.graph.layers[call.layer] === object {
      let masks = call.arguments.keywords.filter { $0.key == "mask" || $0.key == "attention_mask" }
      for case .tensor(let mask) in masks.map(\.value) {
        guard let value = lowered?.values[mask], lowered?.graph.dtype(of: value) == .bool else { return true }
      }
    }
    return false
  }

  private func returnsSequences(_ object: LayerObject) -> Bool {
    object.config["layer"]?["config"]?["return_sequences"]?.bool == true
  }

  /// Rows without a kept position, spread evenly: Keras 3's attention does that where it has no dropout to apply.
  private mutating func spreading(_ layers: [KerasNode], _ object: LayerObject) -> [KerasNode] {
    guard object.className != "Softmax", var attention = layers.last, isPlainAttention(object) else {
      refuse(object, "Keras 3 gives zeros where everything is masked")
      return layers
    }
    // Predictions come before training: with dropout Keras 3 takes another way and gives zeros.
    attention.config["dropout"] = 0.0
    return layers.dropLast() + [attention]
  }

  /// True for attention over sequences of vectors whose scores nobody asks for.
  private func isPlainAttention(_ object: LayerObject) -> Bool {
    if let axes = object.config["attention_axes"]?.array, axes.count > 1 { return false }
    for call in model.graph.calls where model.graph.layers[call.layer] === object {
      if case .bool(true)? = call.arguments.argument("return_attention_scores", at: 7) { return false }
      let key = KerasTensor(layer: call.layer, call: call.call, output: 0)
      if let value = lowered?.values[key], lowered?.graph.shape(of: value).rank != 3 { return false }
    }
    return true
  }

  /// Causal padding, which Keras 3 has in Conv1D only, by a layer of its own.
  private func causal(_ node: KerasNode) -> [KerasNode] {
    guard isLegacy, node.config["padding"]?.string == "causal", node.className != "Conv1D",
      let size = node.config["kernel_size"]?[0]?.int ?? node.config["kernel_size"]?.int
    else { return [node] }
    let stored = node.config["dilation_rate"]?[0]?.int ?? node.config["dilation_rate"]?.int
    let dilation = stored ?? 1  // Keras's default.
    var conv = node
    conv.config["padding"] = "valid"
    return [resized("ZeroPadding", "padding", [PadPair((size - 1) * dilation, 0)], beside: conv), conv]
  }

  /// Theano's "same": explicit padding in front, unless it is what Keras 3 does too.
  private mutating func theanoPadded(_ layers: [KerasNode], _ object: LayerObject) -> [KerasNode] {
    guard let pads = object.theanoPads else { return layers }
    guard object.className.hasPrefix("Conv"), !object.className.contains("LSTM"), var conv = layers.last
    else {
      refuse(object, "Theano's \"same\" padding, which Keras 3 does not have")
      return layers
    }
    conv.config["padding"] = "valid"
    if object.className.hasSuffix("Transpose") {
      guard let strides = object.theanoStrides, strides.count == pads.count else {
        refuse(object, "Theano's \"same\" padding without strides")
        return layers
      }
      // What the valid result has beyond the wanted one; the layer can make more where it has less.
      let rest = zip(pads, strides).map { pad, stride in pad.after + 1 - stride }
      if rest.contains(where: { $0 < 0 }) {
        conv.config["output_padding"] = .array(rest.map { .integer(max(-$0, 0)) })
      }
      let cropped = zip(pads, rest).map { PadPair($0.before, max($1, 0)) }
      return layers.dropLast() + [conv, resized("Cropping", "cropping", cropped, beside: conv)]
    }
    return layers.dropLast() + [resized("ZeroPadding", "padding", pads, beside: conv), conv]
  }

  /// A ZeroPadding or Cropping layer in the layout of a convolution.
  private func resized(_ family: String, _ key: String, _ pads: [PadPair], beside conv: KerasNode)
    -> KerasNode
  {
    let pairs = pads.map { JSONValue.array([.integer($0.before), .integer($0.after)]) }
    var config: [(String, JSONValue)] = [(key, pairs.count == 1 ? pairs[0] : .array(pairs))]
    if pairs.count > 1, let format = conv.config["data_format"] { config.append(("data_format", format)) }
    return KerasNode("\(family)\(pairs.count)D", name: "\(conv.name)_\(key)", config)
  }

  /// An activation that Keras 3 knows: functions by name, whatever module they were found in; earlier releases'
  /// hard_sigmoid, `clip(0.2 x + 0.5, 0, 1)`, is two layers there.
  static func activation(_ value: JSONValue) -> JSONValue {
    let className = value["class_name"]?.string
    if className == "function", let name = value["config"]?.string ?? value["registered_name"]?.string {
      return .string(name)
    }
    guard className == "HardSigmoid", value["module"]?.string == "kconvert.activations" else { return value }
    let rescaling = KerasNode(
      "Rescaling", name: "rescaling",
      [("scale", value["config"]?["alpha"] ?? 0.2), ("offset", value["config"]?["beta"] ?? 0.5)])
    let relu = KerasNode("ReLU", name: "re_lu", [("max_value", 1.0)])
    return .object(KerasNode(sequential: [rescaling, relu], name: "hard_sigmoid").serialized)
  }
}

/// A configuration from before Keras 3 without what Keras 3's constructors do not take.
struct LegacyKeys {
  let className: String

  func cleaned(_ config: JSONObject) -> JSONObject {
    guard let known = KerasSignatures.keys(of: className) else { return config }
    var result = JSONObject()
    for (key, value) in config {
      if key == "name" || key == "trainable" || known.contains(key[...]) {
        result[key] = value
      } else if key == "dtype" {
        result[key] = LegacyKeys.policy(value)
      } else if key.hasSuffix("_regularizer"), let regularizer = LegacyKeys.regularizer(value) {
        result[key] = regularizer
      }
    }
    return result
  }

  private static func policy(_ value: JSONValue) -> JSONValue {
    guard let name = value["config"]?["name"] else { return value }
    return ["module": "keras", "class_name": "DTypePolicy", "config": ["name": name], "registered_name": nil]
  }

  /// L1, L2 and both, as every release since Keras 1 wrote them; they matter when the model is trained further.
  private static func regularizer(_ value: JSONValue) -> JSONValue? {
    let config = value["config"] ?? value
    let numbers = ["l1", "l2"].compactMap { key in config[key]?.double.map { (key, JSONValue.number($0)) } }
    guard
      value["class_name"]?.string?.hasPrefix("L") ?? value["name"]?.string?.contains("Regularizer") ?? false,
      !numbers.isEmpty
    else { return nil }
    let className = numbers.count == 2 ? "L1L2" : numbers[0].0.uppercased()
    return [
      "module": "keras.regularizers", "class_name": .string(className),
      "config": .object(JSONObject(numbers)),
      "registered_name": nil,
    ]
  }
}

// MARK: - Masked steps

extension KerasUpgrade {
  /// Layers that do not look at masked steps.
  private static let skipsMasked: Set<String> = [
    "LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional", "GlobalAveragePooling1D",
  ]

  /// Layers that work on each step for itself and pass the mask on.
  private static let worksByStep: Set<String> = [
    "Dense", "Dropout", "SpatialDropout1D", "GaussianDropout", "GaussianNoise", "AlphaDropout",
    "TimeDistributed",
    "Activation", "ReLU", "LeakyReLU", "ELU", "PReLU", "BatchNormalization", "LayerNormalization", "Identity",
    "ActivityRegularization",
  ]

  /// True unless everything that comes after a layer skips the steps that are masked.
  ///
  /// Layers of models inside the model count as seen.
  fileprivate func showsMaskedSteps(of object: LayerObject) -> Bool {
    let graph = model.graph
    guard var waiting = graph.layers.firstIndex(where: { $0 === object }).map({ [$0] }) else { return true }
    var seen: Set<Int> = []
    while let layer = waiting.popLast() {
      guard seen.insert(layer).inserted else { continue }
      if graph.outputs.contains(where: { $0.layer == layer }) { return true }
      for call in graph.calls where call.arguments.tensors.contains(where: { $0.layer == layer }) {
        let consumer = graph.layers[call.layer]
        let isOnly = call.arguments.tensors.count == 1 && lowered?.masks(of: consumer) != nil
        if isOnly, KerasUpgrade.skipsMasked.contains(consumer.className) { continue }
        guard isOnly, KerasUpgrade.worksByStep.contains(consumer.className) else { return true }
        waiting.append(call.layer)
      }
    }
    return false
  }
}
