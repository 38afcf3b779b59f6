public import ModelIR

/// What a Keras layer or operation is to kconvert: how its configuration reads, which weights it has, and the
/// primitive operations it stands for.
///
/// Everything else follows from these: output shapes, the forward pass and every export. A new layer is one type in
/// its family's file and one line in `StandardLayers.swift`; a program's own layers use the same means.
public protocol Layer: Sendable {
  /// Reads the layer's configuration; every key must be taken (keys that never matter are taken by the importer).
  init(_ config: inout LayerConfig) throws(KerasImportError)

  /// The layer's own weights in Keras's order of creation: `.keras` files number them instead of naming them.
  var weights: [WeightSpec] { get }

  /// Files that an archive may hold for the layer (`vocabulary.txt`); the layer asks for them with
  /// ``LoweringScope/asset(_:)``.
  var assets: [String] { get }

  /// Layers inside this one, under the names of the attributes that hold them (`cell`, `forward_layer`, ...), in
  /// Keras's order of creation.
  var sublayers: [Sublayer] { get }

  /// What happens to the mask of the first input.
  var maskRule: MaskRule { get }

  /// The parameters of the class's `call` that the layer reads, in Keras's order. A call that gives another is refused.
  ///
  /// `training` is read for every layer: ``LoweringScope/isTraining``.
  var callParameters: [String] { get }

  /// Emits the layer's operations and returns its results, flattened.
  ///
  /// Floating inputs have been cast to the policy's compute type already. With ``MaskRule/pass`` and
  /// ``MaskRule/drop`` the masks of the results are set by the caller.
  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand]
}

extension Layer {
  /// None.
  public var weights: [WeightSpec] { [] }
  /// None.
  public var assets: [String] { [] }
  /// None.
  public var sublayers: [Sublayer] { [] }
  /// ``MaskRule/drop``
  public var maskRule: MaskRule { .drop }
  /// One: what the layer is called on.
  public var callParameters: [String] { ["inputs"] }
}

extension Layer {
  /// The layer's own weights as every file orders them: trainable ones first.
  package var orderedWeights: [WeightSpec] {
    weights.filter(\.isTrainable) + weights.filter { !$0.isTrainable }
  }
}

/// A layer whose weights archives number in another order than trainable ones first, or that has others than it
/// declares: quantised ones.
protocol NumbersItsWeights: Layer {
  /// The roles of the numbered weights, those that the file may lack included.
  /// - Parameter stored: what the file has, in order.
  func numberedWeights(_ stored: [Tensor]) -> [WeightSpec]
}

extension NumbersItsWeights {
  /// As declared.
  func numberedWeights(_ stored: [Tensor]) -> [WeightSpec] { weights }
}

extension Layer {
  /// The roles in the order in which an archive numbers them.
  /// - Parameter bound: the layer's tensors.
  package func writtenRoles(_ bound: [String: Tensor]) -> [WeightSpec] {
    guard let quantised = self as? any NumbersItsWeights else { return orderedWeights }
    return (self as? HeadProjection)?.weights(holding: bound) ?? quantised.weights
  }
}

extension Layer {
  /// The roles of an archive's numbered weights; where the file has fewer, those it can do without are left out.
  func roles(of stored: [Tensor]) -> [WeightSpec] {
    let all = (self as? any NumbersItsWeights)?.numberedWeights(stored) ?? orderedWeights
    return stored.count < all.count ? all.filter { $0.isRequired || $0.isNamed } : all
  }
}

/// One weight that a layer declares.
public struct WeightSpec: Hashable, Sendable {
  /// The role: `kernel`, `bias`, `gamma`, ...
  public var name: String
  /// False for moving statistics and the like: they come after the trainable ones in every file.
  public var isTrainable: Bool
  /// True for the first weight of the layer inside, held under a second name: only Keras 3's folders have it twice.
  var isInner = false
  /// False for a weight that the layer can do without where a file lacks it.
  package var isRequired = true
  /// True for a weight whose place in Keras 3's folders has its name instead of a number.
  package var isNamed = false
  /// Set for a factor of a kernel's update, which archives leave out and Keras counts all the same.
  package var factor: LowRankFactor?

  /// A weight of a role.
  public init(_ name: String, isTrainable: Bool = true) {
    self.name = name
    self.isTrainable = isTrainable
  }
}

/// A layer inside a layer.
public struct Sublayer: Sendable {
  /// The attribute that holds it, which is its folder among the weights. A list of layers gives `cells/0`, `cells/1`:
  /// the number is replaced by Keras's class-name counting when weights are looked up.
  public var attribute: String
  /// The layer.
  public var object: LayerObject

  /// The list that holds it, `cells` of `cells/0`; nil for an attribute of its own.
  package var list: String? {
    let parts = attribute.split(separator: "/")
    return parts.count == 2 && Int(parts[1]) != nil ? String(parts[0]) : nil
  }

  /// A layer in an attribute.
  public init(_ attribute: String, _ object: LayerObject) {
    self.attribute = attribute
    self.object = object
  }
}

/// What a layer does with the mask of its first input (Keras's `compute_mask`).
/// More may come: switch over it with a `default`.
public enum MaskRule: Sendable {
  /// The results carry it on unchanged.
  case pass
  /// The results have none.
  case drop
  /// ``Layer/lower(_:in:)`` sets the masks of its results.
  case custom
}

/// A tensor on its way through the layers: a value of the graph and the mask that Keras passes beside it.
public struct Operand: Sendable {
  /// The tensor.
  public var value: Value
  /// A bool value, true where a step is kept; its axes are the leading axes of `value`.
  public var mask: Value?

  /// A tensor with its mask, if it has one.
  public init(_ value: Value, mask: Value? = nil) {
    self.value = value
    self.mask = mask
  }
}

/// A layer call while lowering.
public typealias Call = CallArguments<Operand>

extension CallArguments where Reference == Operand {
  /// The tensors of the first argument, flattened.
  public var inputs: [Operand] {
    (positional.first ?? keywords.first?.value).map(\.tensors) ?? []  // A call without arguments.
  }

  /// The only tensor of a layer that takes one.
  /// - Throws: `invalidGraph` if there is none, `unsupported` if there are several.
  public var input: Operand {
    get throws(KerasImportError) {
      let inputs = inputs
      guard let first = inputs.first else { throw KerasImportError(.invalidGraph("the call has no tensor")) }
      guard inputs.count == 1 else {
        throw KerasImportError(.unsupported("a call on \(inputs.count) tensors at once"))
      }
      return first
    }
  }

  /// A call on these tensors: one tensor as itself, several as a list.
  public init(_ operands: [Operand]) {
    self.init(positional: [operands.count == 1 ? .tensor(operands[0]) : .list(operands.map { .tensor($0) })])
  }

  /// A tensor argument by name or position; nil when absent.
  public func operand(_ name: String, at position: Int? = nil) -> Operand? {
    guard case .tensor(let operand)? = argument(name, at: position) else { return nil }
    return operand
  }
}
