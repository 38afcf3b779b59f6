public import ModelIR

/// Everything there is to tell about a file that may be a model, as values: for a file browser, a catalogue, JSON.
///
/// ``KerasModel/inspect(_:options:)`` makes one for any file that can be read, whatever it contains. Shapes that are not known
/// are nil.
public struct ModelReport: Sendable, Hashable, Codable {
  /// What became of opening the file. More may come: switch over it with a `default`.
  public enum Status: String, Sendable, Hashable, Codable {
    /// A model that can be run and converted.
    case supported
    /// A model, of which something is not supported, missing or does not fit; ``ModelReport/problems`` says what.
    case unsupported
    /// Weights without a model.
    case weights
    /// No model, or one that is damaged: ``ModelReport/problems`` says why.
    case unreadable
  }

  /// The size of one axis.
  public enum Size: Sendable, Hashable {
    /// A number of elements.
    case fixed(Int)
    /// A name, or an expression of names, for a size that the file leaves open: `batch`.
    case named(String)
  }

  /// An input or output of the model.
  public struct Port: Sendable, Hashable, Codable {
    /// The name under which it is given or found.
    public var name: String
    /// The element type.
    public var dtype: DType
    /// The sizes of the axes, outermost first.
    public var shape: [Size]
  }

  /// One layer, with those inside it.
  public struct Layer: Sendable, Hashable, Codable {
    /// The layer's name.
    public var name: String
    /// The names of the models and layers around it and its own.
    public var path: String
    /// The class as Keras names it.
    public var className: String
    /// False for a layer that keeps the model from being computed.
    public var isSupported: Bool
    /// The shapes of what its first call gives; nil when they are not known.
    public var outputShapes: [[Size]]?
    /// The number of its parameters, those of the layers inside it included; nil when it is not known.
    public var parameterCount: Int?
    /// The tensors it is called with: `name[call][output]`.
    public var inputs: [String]
    /// The layers of a nested model, or those that a wrapper holds.
    public var layers: [Layer]
  }

  /// One weight.
  public struct Weight: Sendable, Hashable, Codable {
    /// The path of its layer and its role.
    public var name: String
    /// The element type.
    public var dtype: DType
    /// The sizes of the axes, outermost first.
    public var sizes: [Int]
    /// The bytes it takes.
    public var byteCount: Int
    /// False for moving statistics, and for weights of frozen layers.
    public var isTrainable: Bool
  }

  /// A number of parameters and the bytes they take.
  public struct Count: Sendable, Hashable, Codable {
    /// The number of elements.
    public var parameters = 0
    /// The bytes.
    public var bytes = 0
  }

  /// Something that is not supported, missing or wrong.
  public struct Problem: Sendable, Hashable, Codable {
    /// The kind of ``KerasImportError/Reason``: `unsupportedLayer`, `corrupted`.
    public var kind: String
    /// The path of the layer; nil when it is about the whole file.
    public var layer: String?
    /// The layer's class.
    public var className: String?
    /// One line, without the file's name.
    public var message: String
    /// How to go on.
    public var suggestion: String?
  }

  /// The file's path, or what the caller calls its bytes.
  public var file: String
  /// What became of opening it.
  public var status: Status
  /// The format; nil when it is none that is read.
  public var fileFormat: FileFormat?
  /// The format in words.
  public var format: String
  /// The model's name.
  public var name: String
  /// The version of Keras that wrote it; empty when the file does not say.
  public var kerasVersion: String
  /// The inputs in Keras's order; empty when they are not known.
  public var inputs: [Port] = []
  /// The outputs in Keras's order; empty when they are not known.
  public var outputs: [Port] = []
  /// The layers in Keras's order.
  public var layers: [Layer] = []
  /// The weights in Keras's order of creation.
  public var weights: [Weight] = []
  /// What training changes.
  public var trainable = Count()
  /// The other parameters.
  public var nonTrainable = Count()
  /// What keeps the model from being computed; empty when nothing does.
  public var problems: [Problem] = []
  /// What a reader of the model should know, a sentence each.
  public var warnings: [String] = []
}

extension ModelReport.Size: Codable, CustomStringConvertible {
  /// The number, or the name.
  public var description: String {
    switch self {
    case .fixed(let size): "\(size)"
    case .named(let name): name
    }
  }

  /// Reads a number or a name.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let size = try? container.decode(Int.self) {  // What is no number has to be a name.
      self = .fixed(size)
    } else {
      self = .named(try container.decode(String.self))
    }
  }

  /// Writes a number or a name.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .fixed(let size): try container.encode(size)
    case .named(let name): try container.encode(name)
    }
  }

  init(_ dimension: Dimension) { self = dimension.fixedSize.map(Self.fixed) ?? .named("\(dimension)") }
}

extension ModelReport: CustomStringConvertible {
  /// One line: the file, what it is, and what is wrong with it.
  public var description: String {
    let what = format.isEmpty ? "" : " (\(format))"
    let found = layers.isEmpty ? "" : ", \(layers.count) layers"
    let reasons = problems.isEmpty ? "" : ": " + problems.map(\.message).joined(separator: "; ")
    return
      "\(file)\(what): \(status.rawValue)\(found), \(trainable.parameters + nonTrainable.parameters) parameters"
      + reasons
  }
}
