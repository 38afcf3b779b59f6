public import ModelIR

/// Why a Keras file could not be read, and where.
public struct KerasImportError: Error, Sendable {
  /// What is wrong; callers may switch on it. More may come: switch over it with a `default`.
  public enum Reason: Sendable {
    /// A file cannot be opened or read; `message` is the system's.
    case io(file: String, message: String)
    /// The file is none of the formats kconvert reads; `suggestion` says how to get on.
    case notAKerasFile(String, suggestion: String? = nil)
    /// The file breaks the rules of its format.
    case corrupted(String)
    /// The file is valid, but uses something that is not supported; `remedy` is what would help all the same.
    case unsupported(String, remedy: Remedy? = nil)
    /// A layer class or operation that is not known.
    case unsupportedLayer(className: String)
    /// The caller built a model with a layer class that there is none of; `nearest` is what may have been meant.
    case noSuchLayerClass(String, nearest: String)
    /// Everything a model uses that is not supported, found in one pass.
    case several([KerasImportError])
    /// A key that the layer needs is absent.
    case missingKey(String)
    /// Keys that the layer does not have; `nearest` is what may have been meant by the first.
    case unknownKeys([String], nearest: String? = nil)
    /// A value that a key cannot have.
    case invalidValue(key: String, expected: String, found: String)
    /// The graph of layers is not well formed.
    case invalidGraph(String)
    /// The weights hold nothing under this name.
    case weightNotFound(String)
    /// The caller asked for a weight that there is none of; `nearest` is what may have been meant.
    case noSuchWeight(String, nearest: String?)
    /// A layer asks for a weight that it does not declare among ``Layer/weights``.
    case undeclaredWeight(String, declared: [String])
    /// A weight's shape is not what the layer's configuration and input say; `origin` traces the input back.
    case weightShape(String, expected: Shape, found: Shape, origin: String? = nil)
    /// The caller's own function failed, which was asked for another tensor in the place of a weight.
    case replacement(any Error)
    /// The weights hold tensors that no layer asks for.
    case unusedWeights([String])
    /// Something is not in the file: it holds only weights, or only an architecture. `remedy` is what to add.
    case incomplete(String, remedy: Remedy)
    /// An operation cannot take its operands; `origin` traces the wrong size back to the input.
    case graph(GraphError, origin: String?)
  }

  /// How to go on, for programs that say it in their own words. More may come: switch over it with a `default`.
  public enum Remedy: Sendable, Hashable {
    /// The weights are another file's: ``KerasModel/Options/weights``.
    case weights
    /// The file holds weights; the architecture is another's, opened with this one as its weights.
    case architecture
    /// The model was saved without the shape of its input: ``LoweringOptions/inputShapes``.
    case inputShape
    /// A vocabulary is in a file beside the model: ``KerasModel/Options/assets``.
    case asset
    /// The program says what a Lambda layer computes: `define(lambda:as:)` of ``LayerRegistry``.
    case lambda
    /// The program knows the class: `register(_:as:)` of ``LayerRegistry``.
    case layerClass
    /// What to do, in words.
    case advice(String)
  }

  /// A step on the way to where the error is. More may come: switch over it with a `default`.
  public enum Place: Sendable {
    /// A file, by its path or the name it was given.
    case file(String)
    /// A layer of the model or layer before it.
    case layer(name: String, className: String)
    /// A call of the layer, counted from 0.
    case call(Int)
    /// A key of the configuration.
    case key(String)
    /// A weight of the layer.
    case weight(String)
  }

  /// What is wrong.
  public var reason: Reason
  /// Outermost first.
  public var path: [Place]

  /// An error at a place; a layer's errors get the layer's place from the importer.
  public init(_ reason: Reason, path: [Place] = []) {
    self.reason = reason
    self.path = path
  }

  /// What was thrown while weights were read.
  package init(reading error: any Error) {
    self =
      error as? KerasImportError ?? (error as? TensorError)?.cause as? KerasImportError
      ?? KerasImportError(.corrupted("\(error)"))
  }

  /// This error with `place` in front of its path.
  package func at(_ place: Place) -> KerasImportError {
    if case .several(let errors) = reason {
      return KerasImportError(.several(errors.map { $0.at(place) }), path: [])
    }
    return KerasImportError(reason, path: [place] + path)
  }
}

extension KerasImportError: GraphFailure {
  /// An operation that cannot take its operands.
  public init(_ error: GraphError) { self.init(.graph(error, origin: nil)) }
}

extension KerasImportError.Reason {
  /// The case's name, for programs that read reports.
  package var kind: String {
    switch self {
    case .io: "io"
    case .notAKerasFile: "notAKerasFile"
    case .corrupted: "corrupted"
    case .unsupported: "unsupported"
    case .unsupportedLayer: "unsupportedLayer"
    case .noSuchLayerClass: "noSuchLayerClass"
    case .several: "several"
    case .missingKey: "missingKey"
    case .unknownKeys: "unknownKeys"
    case .invalidValue: "invalidValue"
    case .invalidGraph: "invalidGraph"
    case .weightNotFound: "weightNotFound"
    case .noSuchWeight: "noSuchWeight"
    case .undeclaredWeight: "undeclaredWeight"
    case .weightShape: "weightShape"
    case .replacement: "replacement"
    case .unusedWeights: "unusedWeights"
    case .incomplete: "incomplete"
    case .graph: "graph"
    }
  }
}

extension KerasImportError {
  /// What is not supported, piece by piece; nil for an error of another kind.
  var refusals: [KerasImportError]? {
    switch reason {
    case .unsupportedLayer, .unsupported: [self]
    case .several(let errors): errors
    case .io, .notAKerasFile, .corrupted, .missingKey, .unknownKeys, .invalidValue, .invalidGraph,
      .noSuchLayerClass, .weightNotFound, .noSuchWeight, .undeclaredWeight,
      .weightShape, .replacement, .unusedWeights, .incomplete, .graph:
      nil
    }
  }

  /// The classes that are not supported, each with the path of its layer; empty for an error of another kind.
  package var unsupportedLayers: [(className: String, layer: String)] {
    guard let refusals else { return [] }
    return refusals.compactMap { refusal in
      let layers = refusal.path.compactMap(\.asLayer)
      let path = layers.map(\.name).joined(separator: "/")
      if case .unsupportedLayer(let className) = refusal.reason { return (className, path) }
      return layers.last.map { ($0.className, path) }
    }
  }
}
