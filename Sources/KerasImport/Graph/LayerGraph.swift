package import ModelIR
package import NativeFormat

/// One result of one call of a layer, Keras's `keras_history`.
package struct KerasTensor: Hashable, Sendable {
  /// The index into ``LayerGraph/layers``.
  package let layer: Int
  /// Which call of the layer, counted from 0 in the order of the file.
  package let call: Int
  /// Which of the call's flattened results.
  package let output: Int

  package init(layer: Int, call: Int, output: Int) {
    self.layer = layer
    self.call = call
    self.output = output
  }
}

/// A layer as an object: two uses of one object share its weights.
public final class LayerObject: Sendable {
  /// The layer's name, unique in its model.
  public let name: String
  /// The class as Keras 3 names it.
  public let className: String
  /// `keras.layers`, `keras.src.ops.numpy`, ...
  package let module: String
  /// The canonical configuration (the value under `config`).
  package let config: JSONValue
  /// The shapes it was built with (`build_config`), where the file says so.
  package let buildConfig: JSONValue?
  /// What the layer does.
  package let layer: any Layer
  /// The types the layer computes and stores in.
  package let policy: DTypePolicy
  /// True for a layer that the program itself registered.
  let isOwn: Bool
  /// The layer's folder name without counter: its Python class in snake case, see ``folderName(ofClass:)``. Layers whose
  /// class had another name when they were written have its folder.
  package let folderName: String

  package init(
    name: String, className: String, module: String, config: JSONValue, layer: any Layer, policy: DTypePolicy,
    buildConfig: JSONValue? = nil, isOwn: Bool = false
  ) {
    self.name = name
    self.className = className
    self.module = module
    self.config = config
    self.buildConfig = buildConfig
    self.isOwn = isOwn
    self.layer = layer
    self.policy = policy
    folderName = LayerObject.folderName(ofClass: config.object?.classWhenWritten ?? className)
  }
}

/// The compute and variable types of a layer (Keras's `DTypePolicy`).
package struct DTypePolicy: Hashable, Sendable {
  /// Floating inputs are cast to this; nil for layers that do not autocast.
  package var compute: DType
  /// What floating weights are stored in.
  package var variable: DType
  /// `int8`, `int4/128`, `float8`, `gptq/4/128`, ...; nil when not quantised.
  package var quantization: String?

  package init(compute: DType = .float32, variable: DType = .float32, quantization: String? = nil) {
    self.compute = compute
    self.variable = variable
    self.quantization = quantization
  }
}

/// One call of one layer.
package struct LayerCall: Sendable {
  /// The index into ``LayerGraph/layers``.
  package let layer: Int
  /// Which call of that layer, counted from 0.
  package let call: Int
  package let arguments: CallArguments<KerasTensor>

  package init(layer: Int, call: Int, arguments: CallArguments<KerasTensor>) {
    self.layer = layer
    self.call = call
    self.arguments = arguments
  }
}

/// A model in Keras's own vocabulary: layers, their calls, and the tensors between them.
package struct LayerGraph: Sendable {
  /// What kind of model it is; Keras prints and names them differently.
  package enum Kind: String, Sendable { case functional = "Functional", sequential = "Sequential" }

  package let name: String
  package let kind: Kind
  /// All layers and operations in the order of the file, InputLayers included.
  package let layers: [LayerObject]
  /// All calls in an order in which they can be evaluated; InputLayers have none.
  package let calls: [LayerCall]
  /// What the model is called with, as the user gave it (one tensor, list, dictionary, nesting).
  package let inputStructure: CallArgument<KerasTensor>
  /// What the model returns.
  package let outputStructure: CallArgument<KerasTensor>
  /// The types of tensors as the file declares them, in a model opened for inspection.
  package var declaredTypes: [KerasTensor: TensorType] = [:]

  package init(
    name: String, kind: Kind, layers: [LayerObject], calls: [LayerCall],
    inputStructure: CallArgument<KerasTensor>,
    outputStructure: CallArgument<KerasTensor>
  ) {
    self.name = name
    self.kind = kind
    self.layers = layers
    self.calls = calls
    self.inputStructure = inputStructure
    self.outputStructure = outputStructure
  }

  /// The inputs in Keras's flattened order.
  package var inputs: [KerasTensor] { inputStructure.tensors }
  /// True when the file does not hold the names of the inputs, so that only their order is known.
  package var inventsInputNames: Bool {
    inputs.allSatisfy { (layers[$0.layer].layer as? InputLayer)?.isNameInvented ?? false }
  }
  /// The outputs in Keras's flattened order.
  package var outputs: [KerasTensor] { outputStructure.tensors }
}
