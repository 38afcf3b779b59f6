/// Attributes of ``Op/dequantize(_:)``: how the numbers lie, and which scale belongs to which.
///
/// - `scale` is one number, or a vector with one for each index of `axis`, or with `blockSize` of q's rank and of
///   q's sizes but for `ceil(n / blockSize)` along `axis`. `zero` has its shape, and is an integer.
/// - 4-bit numbers have no element type of their own: they are two to a byte of an int8 or uint8 tensor along its last
///   axis, the low half first, each row filled up to whole bytes. Only this operation knows them.
public struct DequantizeAttributes: Hashable, Sendable {
  /// How the numbers lie in the operand. More may come: switch over it with a `default`.
  public enum Numbers: Hashable, Sendable {
    /// One to an element, int8 or uint8.
    case bytes
    /// Two to a byte along the last axis, which has `count` of them; signed ones run from -8 to 7.
    case nibbles(isSigned: Bool, count: Int)
  }

  /// How the numbers lie in the operand.
  public var numbers: Numbers
  /// The axis along which scales differ.
  public var axis: Int
  /// How many neighbours along ``axis`` share a scale; nil: see the type's comment.
  public var blockSize: Int?

  /// All attributes.
  public init(_ numbers: Numbers, axis: Int = 0, blockSize: Int? = nil) {
    self.numbers = numbers
    self.axis = axis
    self.blockSize = blockSize
  }

  /// The numbers' shape in an operand of this shape.
  package func shape(of operand: Shape) throws(GraphError) -> Shape {
    guard case .nibbles(_, let count) = numbers else { return operand }
    guard count >= 0, let last = operand.dimensions.last, last.fits(.fixed(count / 2 + count % 2)) else {
      throw GraphError(
        "expected \(count / 2 + count % 2) bytes along the last axis, found shape \(operand)", operand: 0)
    }
    return Shape(Array(operand.dimensions.dropLast()) + [Dimension.fixed(count)])
  }

  func inferType(_ operands: [TensorType]) throws(GraphError) -> TensorType {
    guard operands[0].dtype == .int8 || operands[0].dtype == .uint8 else {
      throw GraphError("expected int8 or uint8, found \(operands[0].dtype.rawValue)", operand: 0)
    }
    guard operands[1].dtype.isFloatingPoint else {
      throw GraphError("expected a floating-point scale, found \(operands[1].dtype.rawValue)", operand: 1)
    }
    let shape = try shape(of: operands[0].shape)
    var expected: Shape = operands[1].shape.rank == 0 ? [] : shape
    if let blockSize {
      guard blockSize > 0 else { throw GraphError("expected a positive block, found \(blockSize)") }
      try TensorType(operands[0].dtype, shape).expectAxis(axis)
      expected[axis] = shape[axis].dividedRoundingUp(by: blockSize)
    } else if operands[1].shape.rank != 0 {
      try TensorType(operands[0].dtype, shape).expectAxis(axis)
      expected = [shape[axis]]
    }
    try operands[1].expectShape(expected, operand: 1)
    if operands.count > 2 {
      guard operands[2].dtype.isInteger else {
        throw GraphError("expected an integer zero point, found \(operands[2].dtype.rawValue)", operand: 2)
      }
      try operands[2].expectShape(expected, operand: 2)
    }
    return TensorType(operands[1].dtype, shape)
  }
}
