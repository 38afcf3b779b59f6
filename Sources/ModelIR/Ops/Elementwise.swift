extension UnaryFunction {
  /// The function's name: that of the case, capitalised.
  public var name: String { caseName("\(self)") }

  func inferType(_ x: TensorType) throws(GraphError) -> TensorType {
    switch self {
    case .isNaN, .isInfinite: return TensorType(.bool, x.shape)
    case .logicalNot:
      try x.expectDType(.bool, operand: 0)
      return x
    case .bitwiseNot:
      guard x.dtype.isInteger || x.dtype == .bool else { throw GraphError.expectedIntegers(x) }
      return x
    case .negate, .absolute, .sign, .square, .clip, .relu:
      guard x.dtype != .string, x.dtype != .bool else {
        throw GraphError("expected numbers, found \(x.dtype.rawValue)", operand: 0)
      }
      return x
    case .reciprocal, .exp, .log, .sqrt, .expm1, .log1p, .floor, .ceil, .round, .truncate, .sin, .cos, .tan,
      .asin,
      .acos, .atan, .sinh, .cosh, .tanh, .asinh, .acosh, .atanh, .erf, .sigmoid, .leakyRelu, .elu, .selu,
      .hardSigmoid, .softplus, .softsign, .gelu, .swish, .hardSwish, .mish:
      guard x.dtype.isFloatingPoint else {
        throw GraphError("expected a floating-point type, found \(x.dtype.rawValue)", operand: 0)
      }
      return x
    }
  }
}

extension BinaryFunction {
  /// The function's name: that of the case, capitalised.
  public var name: String { caseName("\(self)") }

  func inferType(_ a: TensorType, _ b: TensorType) throws(GraphError) -> TensorType {
    try expectEqualDTypes([a, b])
    switch self {
    case .logicalAnd, .logicalOr, .logicalXor: try a.expectDType(.bool, operand: 0)
    case .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft, .shiftRight:
      guard a.dtype.isInteger || a.dtype == .bool else { throw GraphError.expectedIntegers(a) }
    case .add, .subtract, .multiply, .divide, .power, .maximum, .minimum, .modulo, .remainder, .floorDivide,
      .atan2:
      guard a.dtype != .string, a.dtype != .bool else {
        throw GraphError("expected numbers, found \(a.dtype.rawValue)", operand: 0)
      }
    }
    return TensorType(a.dtype, try Shape.broadcasting(a.shape, b.shape))
  }
}

extension Comparison {
  /// The comparison's name: that of the case, capitalised.
  public var name: String { caseName("\(self)") }
}

/// `Clip` of `clip(minimum: Optional(0.0), maximum: nil)`.
func caseName(_ text: String) -> String {
  text.prefix(1).uppercased() + text.dropFirst().prefix { $0 != "(" }
}

extension GraphError {
  static func expectedIntegers(_ type: TensorType) -> GraphError {
    GraphError("expected an integer type, found \(type.dtype.rawValue)", operand: 0)
  }
}

extension Op {
  func inferSelect(_ operands: [TensorType]) throws(GraphError) -> TensorType {
    try operands[0].expectDType(.bool, operand: 0)
    try expectEqualDTypes([operands[1], operands[2]])
    let values = try Shape.broadcasting(operands[1].shape, operands[2].shape)
    return TensorType(operands[1].dtype, try Shape.broadcasting(operands[0].shape, values))
  }
}
