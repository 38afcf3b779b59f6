public import ModelIR

/// A layer of a model that is built in code, as in Keras's Functional API: called with tensors, it gives one.
///
///     let image = LayerOutput.input(shape: [28, 28, 1], name: "image")
///     let features = LayerDefinition("Conv2D", ["filters": 8, "kernel_size": 3], weights: ["kernel": kernel, "bias": bias])
///     let flat = LayerDefinition("Flatten")
///     let model = try KerasModel(inputs: [image], outputs: [flat(features(image))], name: "digits")
///
/// Called twice, it is one layer with shared weights.
public struct LayerDefinition: Sendable {
  let identity = LayerIdentity()
  let className: String
  let name: String?
  let config: ConfigValue
  let weights: [String: Tensor]

  /// A layer by its class and configuration, both as Keras has them; keys that are left out have Keras's defaults.
  /// - Parameter className: the class's name.
  /// - Parameter config: its configuration.
  /// - Parameter name: its name in the model; the class's in lower case with a number unless given.
  /// - Parameter weights: all that it has, by Keras's names: `kernel`, `bias`; inside wrappers and attention with the path,
  ///   `forward_layer/cell/kernel`.
  public init(
    _ className: String, _ config: ConfigValue = [:], name: String? = nil, weights: [String: Tensor] = [:]
  ) {
    (self.className, self.config, self.name, self.weights) = (className, config, name, weights)
  }

  /// Calls the layer with tensors as its arguments in order: an attention layer with a query and a value.
  public func callAsFunction(_ arguments: LayerOutput...) -> LayerOutput {
    LayerOutput(call: BuiltCall(layer: self, arguments: arguments.map { [$0] }, takesLists: false), index: 0)
  }

  /// Calls the layer with one list of tensors, as layers that merge are called.
  public func callAsFunction(_ operands: [LayerOutput]) -> LayerOutput {
    LayerOutput(call: BuiltCall(layer: self, arguments: [operands], takesLists: true), index: 0)
  }
}

/// A tensor of a model that is built in code.
public struct LayerOutput: Sendable {
  let call: BuiltCall
  let index: Int

  /// An input of the model.
  /// - Parameter dtype: the element type.
  /// - Parameter name: its name, under which a run takes it.
  /// - Parameter shape: without the batch; nil for an axis of any size.
  public static func input(shape: [Int?], dtype: DType = .float32, name: String) -> LayerOutput {
    let sizes: [ConfigValue] = shape.map { size in size.map { ConfigValue($0) } ?? nil }  // Any size.
    let config: [(key: String, value: ConfigValue)] = [
      ("batch_shape", ConfigValue([nil] + sizes)), ("dtype", ConfigValue(dtype.rawValue)),
    ]
    let layer = LayerDefinition("InputLayer", ConfigValue(config), name: name)
    return LayerOutput(call: BuiltCall(layer: layer, arguments: [], takesLists: false), index: 0)
  }

  /// Another result of the same call: 1 is the first state of an LSTM that returns its states.
  public func result(_ index: Int) -> LayerOutput { LayerOutput(call: call, index: index) }
}

/// What makes a definition the same layer wherever it is called.
final class LayerIdentity: Sendable {}

/// One call of a layer.
final class BuiltCall: Sendable {
  let layer: LayerDefinition
  let arguments: [[LayerOutput]]
  /// Whether arguments are lists of tensors.
  let takesLists: Bool

  init(layer: LayerDefinition, arguments: [[LayerOutput]], takesLists: Bool) {
    (self.layer, self.arguments, self.takesLists) = (layer, arguments, takesLists)
  }
}
