extension UnaryFunction {
  /// The function's name: that of the case, capitalised. Nodes are named after it, so that it is written out: asking
  /// the case itself takes reflection.
  public var name: String {
    switch self {
    case .negate: "Negate"
    case .absolute: "Absolute"
    case .sign: "Sign"
    case .reciprocal: "Reciprocal"
    case .exp: "Exp"
    case .log: "Log"
    case .sqrt: "Sqrt"
    case .square: "Square"
    case .expm1: "Expm1"
    case .log1p: "Log1p"
    case .floor: "Floor"
    case .ceil: "Ceil"
    case .round: "Round"
    case .truncate: "Truncate"
    case .sin: "Sin"
    case .cos: "Cos"
    case .tan: "Tan"
    case .asin: "Asin"
    case .acos: "Acos"
    case .atan: "Atan"
    case .sinh: "Sinh"
    case .cosh: "Cosh"
    case .tanh: "Tanh"
    case .asinh: "Asinh"
    case .acosh: "Acosh"
    case .atanh: "Atanh"
    case .erf: "Erf"
    case .sigmoid: "Sigmoid"
    case .relu: "Relu"
    case .leakyRelu: "LeakyRelu"
    case .elu: "Elu"
    case .selu: "Selu"
    case .hardSigmoid: "HardSigmoid"
    case .softplus: "Softplus"
    case .softsign: "Softsign"
    case .gelu: "Gelu"
    case .swish: "Swish"
    case .hardSwish: "HardSwish"
    case .mish: "Mish"
    case .clip: "Clip"
    case .isNaN: "IsNaN"
    case .isInfinite: "IsInfinite"
    case .logicalNot: "LogicalNot"
    case .bitwiseNot: "BitwiseNot"
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
  public var name: String {
    switch self {
    case .add: "Add"
    case .subtract: "Subtract"
    case .multiply: "Multiply"
    case .divide: "Divide"
    case .power: "Power"
    case .maximum: "Maximum"
    case .minimum: "Minimum"
    case .modulo: "Modulo"
    case .remainder: "Remainder"
    case .floorDivide: "FloorDivide"
    case .atan2: "Atan2"
    case .logicalAnd: "LogicalAnd"
    case .logicalOr: "LogicalOr"
    case .logicalXor: "LogicalXor"
    case .bitwiseAnd: "BitwiseAnd"
    case .bitwiseOr: "BitwiseOr"
    case .bitwiseXor: "BitwiseXor"
    case .shiftLeft: "ShiftLeft"
    case .shiftRight: "ShiftRight"
    }
  }

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
