public import KerasImport
import ModelIR
import NativeFormat

extension ModelDescription {
  /// Reads a model's description; no weight data is read.
  ///
  /// A model opened with `KerasModel.Options.keepsUnsupported` is described as far as the file goes.
  /// - Parameter model: the model.
  /// - Parameter options: sizes that replace those of the file.
  /// - Throws: the first layer that cannot take its input.
  public init(
    _ model: KerasModel, options: LoweringOptions = LoweringOptions()
  ) throws(KerasImportError) {
    let (lowered, unsupported) = try model.outlined(options)
    (self.lowered, problem) = (lowered, unsupported)
    let reader = DescriptionReader(model, lowered)
    name = model.name
    className = model.graph.kind.rawValue
    format = model.format
    kerasVersion = model.kerasVersion
    layers = reader.group(model.graph, path: "", isTrainable: true)
    let totals = reader.counts.totals(model.graph)
    parameters = ParameterCount(totals.trainable, totals.nonTrainable)
    cost =
      unsupported == nil ? .sum(layers.layers.map(\.cost)) : LayerCost(operations: nil, outputByteCount: nil)
    let graph = lowered.graph
    // What stands in for the result of an unknown layer is no input of the model.
    let names = Set(model.graph.inputs.map { model.graph.layers[$0.layer].name })
    inputs = graph.inputs.map { TensorSpec(graph.name(of: $0), type: graph.type(of: $0)) }
      .filter { names.contains($0.name) }
    outputs = graph.outputs.map { TensorSpec($0.name, type: graph.type(of: $0.value)) }
    notes = [unsupported].compactMap { $0.map { "\($0)" } } + model.warnings
  }
}

extension ParameterCount {
  init(_ trainable: ModelSummary.Count, _ nonTrainable: ModelSummary.Count) {
    self.init(
      trainable: trainable.parameters, nonTrainable: nonTrainable.parameters,
      byteCount: trainable.bytes + nonTrainable.bytes)
  }
}

/// Reads layers off a model, level by level.
struct DescriptionReader {
  let counts: SummaryBuilder
  private let lowered: LoweredModel
  private let costs: GraphCost

  init(_ model: KerasModel, _ lowered: LoweredModel) {
    self.lowered = lowered
    counts = SummaryBuilder(model: model, lowered: lowered)
    costs = GraphCost(lowered)
  }

  /// The layers of a model and what flows between them. The input of a Sequential is left out, as Keras does.
  func group(_ graph: LayerGraph, path: String, isTrainable: Bool) -> LayerGroup {
    let calls = FirstCalls(graph)
    var group = LayerGroup()
    var positions: [Int?] = []
    for (index, object) in graph.layers.enumerated() {
      let isHidden = graph.kind == .sequential && object.layer is InputLayer
      positions.append(isHidden ? nil : group.layers.count)
      if isHidden { continue }
      let shapes = shapes(of: index, in: graph, calls, path: joined(path, object.name))
      let path = joined(path, object.name)
      group.layers.append(layer(object, index, shapes, path: path, isTrainable: isTrainable))
    }
    group.inputs = graph.inputs.compactMap { positions[$0.layer] }
    group.outputs = graph.outputs.compactMap { positions[$0.layer] }
    for call in graph.calls {
      guard let target = positions[call.layer] else { continue }
      for (input, tensor) in call.arguments.tensors.enumerated() {
        guard let source = positions[tensor.layer] else {
          group.inputs.append(target)  // What takes the input that is left out.
          continue
        }
        group.connections.append(.init(source: source, output: tensor.output, target: target, input: input))
      }
    }
    return group
  }

  private func layer(
    _ object: LayerObject, _ index: Int, _ shapes: (inputs: [Shape?], outputs: [Shape?]), path: String,
    isTrainable: Bool
  ) -> LayerDescription {
    let own = isTrainable && (object.config["trainable"]?.bool ?? true)  // Keras's default.
    let nested = inner(object, path: path, isTrainable: own)
    let found = counts.parameters(of: object, isTrainable: isTrainable)
    return LayerDescription(
      name: object.name, path: path, className: object.shownClassName,
      family: LayerFamily(
        className: object.className, module: object.module, isSupported: !object.isUnsupported),
      activation: object.activationName, dtype: object.dtypeName, inputShapes: shapes.inputs,
      outputShapes: shapes.outputs, parameters: found.map { ParameterCount($0.trainable, $0.nonTrainable) },
      cost: object.isUnsupported
        ? LayerCost(operations: nil, outputByteCount: nil) : costs.cost(of: path, index: index),
      isSupported: !object.isUnsupported, nested: nested)
  }

  /// The layers of a nested model, or of the model that a wrapper holds.
  private func inner(_ object: LayerObject, path: String, isTrainable: Bool) -> LayerGroup {
    if let nested = object.layer as? NestedModel {
      return group(nested.model, path: path, isTrainable: isTrainable)
    }
    let held = object.layer.sublayers
    guard held.count == 1, let nested = held[0].object.layer as? NestedModel else { return LayerGroup() }
    return group(nested.model, path: joined(path, held[0].attribute), isTrainable: isTrainable)
  }

  /// What was computed, else what the file declares.
  private func shapes(
    of index: Int, in graph: LayerGraph, _ calls: FirstCalls, path: String
  ) -> (inputs: [Shape?], outputs: [Shape?]) {
    if let computed = lowered.shapes[path] { return (computed.inputs, computed.outputs) }
    let object = graph.layers[index]
    var inputs = calls.inputs[index].map { tensor in
      graph.declaredTypes[tensor]?.shape
        ?? lowered.shapes[
          joined(String(path.dropLast(object.name.count + 1)), graph.layers[tensor.layer].name)
        ]
        .flatMap { tensor.output < $0.outputs.count ? $0.outputs[tensor.output] : nil }
    }
    if inputs.count <= 1, inputs.first.flatMap({ $0 }) == nil, let built = object.builtShape {
      inputs = [built]
    }
    let declared = calls.outputs[index].map { graph.declaredTypes[$0]?.shape }
    return (inputs, declared.isEmpty ? [nil] : declared)
  }
}

/// The tensors of each layer's first call.
struct FirstCalls {
  /// What is taken, by layer.
  private(set) var inputs: [[KerasTensor]]
  /// What is given, as far as something takes it.
  private(set) var outputs: [[KerasTensor]]

  init(_ graph: LayerGraph) {
    inputs = Array(repeating: [], count: graph.layers.count)
    outputs = inputs
    var counts = Array(repeating: 0, count: graph.layers.count)
    for call in graph.calls {
      let tensors = call.arguments.tensors
      if call.call == 0 { inputs[call.layer] = tensors }
      for tensor in tensors where tensor.call == 0 && tensor.output >= 0 && tensor.output < 64 {
        counts[tensor.layer] = max(counts[tensor.layer], tensor.output + 1)
      }
    }
    for (layer, count) in counts.enumerated() {
      outputs[layer] = (0..<count).map { KerasTensor(layer: layer, call: 0, output: $0) }
    }
  }
}

/// Two parts of a path.
func joined(_ parent: String, _ name: String) -> String { parent.isEmpty ? name : "\(parent)/\(name)" }

extension LayerObject {
  /// A wrapper's class with the class it holds, as `keras.utils.plot_model` shows it.
  fileprivate var shownClassName: String {
    guard let inner = config["layer"]?["class_name"]?.string else { return displayName }
    return "\(displayName)(\(inner))"
  }

  /// The configuration's activation: a name, or what holds one.
  fileprivate var activationName: String? {
    let own = config["layer"]?["config"] ?? config
    guard let activation = own["activation"], !activation.isNull else { return nil }
    return activation.string ?? activation["config"]?.string ?? activation["registered_name"]?.string
      ?? activation["class_name"]?.string
  }

  /// The dtype as the file names it.
  fileprivate var dtypeName: String {
    if let name = config["dtype"]?.string { return name }
    let inner = config["dtype"]?["config"]
    return inner?["name"]?.string ?? policy.quantization ?? policy.compute.rawValue
  }

  /// The shape that the file says the layer was built for.
  fileprivate var builtShape: Shape? {
    let declared = buildConfig?["input_shape"] ?? config["batch_input_shape"] ?? config["batch_shape"]
    guard let sizes = declared?.array, sizes.allSatisfy({ $0.isNull || $0.int != nil }) else { return nil }
    return Shape(
      sizes.enumerated().map { axis, size in
        size.int.map { Dimension.fixed($0) } ?? .symbol(axis == 0 ? "batch" : "\(name)_\(axis)")
      })
  }
}
