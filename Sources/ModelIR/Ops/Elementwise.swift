extension UnaryFunction {
  /// The function's name as ONNX has it.
  public var name: String {
    switch self {
    case .negate: "Neg"
    case .absolute: "Abs"
    case .leakyRelu: "LeakyRelu"
    case .elu: "Elu"
    case .hardSigmoid: "HardSigmoid"
    case .gelu: "Gelu"
    case .clip: "Clip"
    case .isNaN: "IsNaN"
    case .isInfinite: "IsInf"
    case .logicalNot: "Not"
    case .bitwiseNot: "BitwiseNot"
    default: "\(self)".prefix(1).uppercased() + "\(self)".dropFirst()
    }
  }

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
    case .reciprocal, .exp, .log, .sqrt, .expm1, .log1p, .floor, .ceil, .round, .truncate, .sin, .cos, .tan, .asin,
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
  /// The function's name as ONNX has it, or near it.
  public var name: String {
    switch self {
    case .add: "Add"
    case .subtract: "Sub"
    case .multiply: "Mul"
    case .divide: "Div"
    case .power: "Pow"
    case .maximum: "Max"
    case .minimum: "Min"
    case .modulo: "Mod"
    case .remainder: "Fmod"
    case .floorDivide: "FloorDiv"
    case .atan2: "Atan2"
    case .logicalAnd: "And"
    case .logicalOr: "Or"
    case .logicalXor: "Xor"
    case .bitwiseAnd: "BitwiseAnd"
    case .bitwiseOr: "BitwiseOr"
    case .bitwiseXor: "BitwiseXor"
    case .shiftLeft, .shiftRight: "BitShift"
    }
  }

  func inferType(_ a: TensorType, _ b: TensorType) throws(GraphError) -> TensorType {
    try expectEqualDTypes([a, b])
    switch self {
    case .logicalAnd, .logicalOr, .logicalXor: try a.expectDType(.bool, operand: 0)
    case .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft, .shiftRight:
      guard a.dtype.isInteger || a.dtype == .bool else { throw GraphError.expectedIntegers(a) }
    case .add, .subtract, .multiply, .divide, .power, .maximum, .minimum, .modulo, .remainder, .floorDivide, .atan2:
      guard a.dtype != .string, a.dtype != .bool else {
        throw GraphError("expected numbers, found \(a.dtype.rawValue)", operand: 0)
      }
    }
    return TensorType(a.dtype, try Shape.broadcasting(a.shape, b.shape))
  }
}

extension Comparison {
  /// The comparison's name as ONNX has it; `notEqual` is Not of Equal.
  public var name: String {
    switch self {
    case .equal: "Equal"
    case .notEqual: "NotEqual"
    case .less: "Less"
    case .lessOrEqual: "LessOrEqual"
    case .greater: "Greater"
    case .greaterOrEqual: "GreaterOrEqual"
    }
  }
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
