/// A tensor that is known by name and type before there is one: a model's input or output, a parameter to be loaded.
public struct TensorSpec: Hashable, Sendable, CustomStringConvertible {
  /// The name.
  public let name: String
  /// The element type and the shape, whose sizes may be names.
  public let type: TensorType

  /// A name with a type.
  public init(_ name: String, type: TensorType) {
    self.name = name
    self.type = type
  }

  /// A name with a shape and an element type, float32 unless another is given: `TensorSpec("conv1.weight", [32, 1, 3, 3])`.
  public init(_ name: String, _ shape: Shape, _ dtype: DType = .float32) {
    self.init(name, type: TensorType(dtype, shape))
  }

  /// The element type.
  public var dtype: DType { type.dtype }
  /// The sizes of the axes, outermost first.
  public var shape: Shape { type.shape }
  /// `image: float32[batch, 28, 28, 1]`
  public var description: String { "\(name): \(type)" }
}
