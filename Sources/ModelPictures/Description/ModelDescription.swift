package import KerasImport
public import ModelIR

/// A model as people look at it: layers, what flows between them, parameters and cost. Pictures, pages and JSON show it.
///
/// It is read off the configuration: layers that are not supported stand in it, too.
public struct ModelDescription: Sendable {
  /// The model's name.
  public let name: String
  /// `Functional` or `Sequential`.
  public let className: String
  /// The format in words: `Keras 3.6.0, .keras archive`.
  public let format: String
  /// The version of Keras that wrote the file; empty when the file does not say.
  public let kerasVersion: String
  /// The layers and the connections between them.
  public let layers: LayerGroup
  /// The parameters of all layers, those that several share once.
  public let parameters: ParameterCount
  /// The cost of one sample; nil where it depends on sizes that are open.
  public let cost: LayerCost
  /// What the model is called with; empty when that cannot be told.
  public let inputs: [TensorSpec]
  /// What the model gives.
  public let outputs: [TensorSpec]
  /// What a reader should know, a sentence each: what is not supported, what is missing.
  public let notes: [String]
  /// What it was read off, and what kept that from being whole.
  let lowered: LoweredModel
  let problem: KerasImportError?

  /// The report of the model that is described, at the sizes of the description.
  package func report(of model: KerasModel) -> ModelReport { model.report(lowered, problem: problem) }
}

/// Layers on one level of a model.
public struct LayerGroup: Sendable {
  /// The layers in the order of the file; a Sequential's input stands in no table and is left out.
  public var layers: [LayerDescription] = []
  /// What flows between them.
  public var connections: [Connection] = []
  /// The layers that take the inputs, in order: indices into ``layers``.
  public var inputs: [Int] = []
  /// The layers that give the outputs, in order.
  public var outputs: [Int] = []

  /// One tensor on its way from a layer to another.
  public struct Connection: Hashable, Sendable {
    /// The index of the layer that makes it.
    public var source: Int
    /// Which of that layer's outputs it is.
    public var output: Int
    /// The index of the layer that takes it.
    public var target: Int
    /// Which of that layer's inputs it is.
    public var input: Int
  }
}

/// One layer as people look at it.
public struct LayerDescription: Sendable {
  /// The layer's name.
  public let name: String
  /// The names of the models around it and its own: `encoder/block_1/dense`.
  public let path: String
  /// The class as Keras names it, of a wrapper with the class inside: `Bidirectional(LSTM)`.
  public let className: String
  /// What kind of work it does.
  public let family: LayerFamily
  /// The name of the activation, if the configuration has one.
  public let activation: String?
  /// The type or the policy: `float32`, `mixed_float16`, `int8`.
  public let dtype: String
  /// The shapes of what its first call takes; nil for one that is not known.
  public let inputShapes: [Shape?]
  /// The shapes of what its first call gives.
  public let outputShapes: [Shape?]
  /// nil when they are neither in the file nor follow from shapes.
  public let parameters: ParameterCount?
  /// The cost of one sample, of all its calls and the layers inside it.
  public let cost: LayerCost
  /// False when it is shown as it stands in the file.
  public let isSupported: Bool
  /// The layers of a nested model, or of the one that a wrapper holds; empty for others.
  public let nested: LayerGroup
}

/// Numbers of parameters and the bytes they take.
public struct ParameterCount: Hashable, Sendable {
  /// Those that training changes.
  public var trainable = 0
  /// Moving statistics and the like, and those of frozen layers.
  public var nonTrainable = 0
  /// The bytes of all of them.
  public var byteCount = 0
  /// All of them.
  public var total: Int { trainable + nonTrainable }
}

/// What a layer costs for one sample, as `OperationCost` counts. nil where that depends on sizes that are open.
public struct LayerCost: Hashable, Sendable {
  /// Floating-point operations; a multiplication and an addition are two.
  public var operations: Int? = 0
  /// The bytes of the layer's outputs.
  public var outputByteCount: Int? = 0
}

/// What kind of work a layer does; pictures give each a colour. More may come: switch over it with a `default`.
public enum LayerFamily: String, Sendable, CaseIterable {
  /// Folders of `keras.layers`, and inputs.
  case input, convolution, dense, recurrent, attention, normalization, activation, pooling, merging, reshaping
  /// Folders of `keras.layers`, models as layers, layers around others, `keras.ops`, and classes that are not known.
  case preprocessing, regularization, model, wrapper, operation, unknown
}
