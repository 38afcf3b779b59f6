package import ModelIR

// ONNX's names of the functions that it has, both ways; nil for those that are said with others.

extension UnaryFunction {
  package var onnxName: String? {
    switch self {
    case .negate: "Neg"
    case .absolute: "Abs"
    case .sign: "Sign"
    case .reciprocal: "Reciprocal"
    case .exp: "Exp"
    case .log: "Log"
    case .sqrt: "Sqrt"
    case .floor: "Floor"
    case .ceil: "Ceil"
    case .round: "Round"
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
    case .hardSwish: "HardSwish"
    case .clip: "Clip"
    case .isNaN: "IsNaN"
    case .isInfinite: "IsInf"
    case .logicalNot: "Not"
    case .bitwiseNot: "BitwiseNot"
    case .square, .expm1, .log1p, .truncate, .swish, .mish: nil
    }
  }

  package var onnxAttributes: [(name: String, value: ONNXAttribute)] {
    switch self {
    case .leakyRelu(let slope): [("alpha", .float(slope))]
    case .elu(let alpha): [("alpha", .float(alpha))]
    case .selu: [("alpha", .float(1.6732632423543772)), ("gamma", .float(1.0507009873554805))]
    case .hardSigmoid(let alpha, let beta): [("alpha", .float(alpha)), ("beta", .float(beta))]
    case .gelu(let isApproximate): [("approximate", .string(isApproximate ? "tanh" : "none"))]
    case .negate, .absolute, .sign, .reciprocal, .exp, .log, .sqrt, .square, .expm1, .log1p, .floor, .ceil,
      .round,
      .truncate, .sin, .cos, .tan, .asin, .acos, .atan, .sinh, .cosh, .tanh, .asinh, .acosh, .atanh, .erf,
      .sigmoid,
      .relu, .softplus, .softsign, .swish, .hardSwish, .mish, .clip, .isNaN, .isInfinite, .logicalNot,
      .bitwiseNot:
      []
    }
  }
}

extension BinaryFunction {
  package var onnxName: String? {
    switch self {
    case .add: "Add"
    case .subtract: "Sub"
    case .multiply: "Mul"
    case .divide: "Div"
    case .power: "Pow"
    case .maximum: "Max"
    case .minimum: "Min"
    case .modulo, .remainder: "Mod"
    case .logicalAnd: "And"
    case .logicalOr: "Or"
    case .logicalXor: "Xor"
    case .bitwiseAnd: "BitwiseAnd"
    case .bitwiseOr: "BitwiseOr"
    case .bitwiseXor: "BitwiseXor"
    case .shiftLeft, .shiftRight: "BitShift"
    case .floorDivide, .atan2: nil
    }
  }

  package var onnxAttributes: [(name: String, value: ONNXAttribute)] {
    switch self {
    case .remainder: [("fmod", .int(1))]
    case .shiftLeft: [("direction", .string("LEFT"))]
    case .shiftRight: [("direction", .string("RIGHT"))]
    case .add, .subtract, .multiply, .divide, .power, .maximum, .minimum, .modulo, .floorDivide, .atan2,
      .logicalAnd,
      .logicalOr, .logicalXor, .bitwiseAnd, .bitwiseOr, .bitwiseXor:
      []
    }
  }
}

extension Comparison {
  package var onnxName: String? {
    switch self {
    case .equal: "Equal"
    case .less: "Less"
    case .lessOrEqual: "LessOrEqual"
    case .greater: "Greater"
    case .greaterOrEqual: "GreaterOrEqual"
    case .notEqual: nil
    }
  }
}

extension ReduceFunction {
  package var onnxName: String? {
    switch self {
    case .sum: "ReduceSum"
    case .mean: "ReduceMean"
    case .maximum: "ReduceMax"
    case .minimum: "ReduceMin"
    case .product: "ReduceProd"
    case .logSumExp, .any, .all: nil
    }
  }
}

extension ScatterReduction {
  package var onnxName: String {
    switch self {
    case .none: "none"
    case .add: "add"
    case .multiply: "mul"
    case .maximum: "max"
    case .minimum: "min"
    }
  }
}

// MARK: From a name

extension UnaryFunction {
  /// The functions without parameters.
  private static let plain: [UnaryFunction] = [
    .negate, .absolute, .sign, .reciprocal, .exp, .log, .sqrt, .square, .expm1, .log1p, .floor, .ceil, .round,
    .truncate,
    .sin, .cos, .tan, .asin, .acos, .atan, .sinh, .cosh, .tanh, .asinh, .acosh, .atanh, .erf, .sigmoid, .relu,
    .selu,
    .softplus, .softsign, .swish, .hardSwish, .mish, .isNaN, .isInfinite, .logicalNot, .bitwiseNot,
  ]

  /// What the operators that take one operand and no parameters compute.
  package static let byONNXName = Dictionary(
    plain.compactMap { function in function.onnxName.map { ($0, function) } },
    uniquingKeysWith: { first, _ in first })
}

extension BinaryFunction {
  private static let plain: [BinaryFunction] = [
    .add, .subtract, .multiply, .divide, .power, .maximum, .minimum, .logicalAnd, .logicalOr, .logicalXor,
    .bitwiseAnd,
    .bitwiseOr, .bitwiseXor,
  ]

  /// What the operators that take two operands and no parameters compute.
  package static let byONNXName = Dictionary(
    plain.compactMap { function in function.onnxName.map { ($0, function) } },
    uniquingKeysWith: { first, _ in first })
}

extension Comparison {
  /// What the operators that compare compute.
  package static let byONNXName = Dictionary(
    [Comparison.equal, .less, .lessOrEqual, .greater, .greaterOrEqual].compactMap { comparison in
      comparison.onnxName.map { ($0, comparison) }
    }, uniquingKeysWith: { first, _ in first })
}

extension ReduceFunction {
  /// What the operators that reduce compute.
  package static let byONNXName = Dictionary(
    [ReduceFunction.sum, .mean, .maximum, .minimum, .product].compactMap { function in
      function.onnxName.map { ($0, function) }
    }, uniquingKeysWith: { first, _ in first })
}

extension ScatterReduction {
  /// The reduction that ONNX calls so.
  package init?(onnxName: String) {
    let all: [ScatterReduction] = [.none, .add, .multiply, .maximum, .minimum]
    guard let found = all.first(where: { $0.onnxName == onnxName }) else { return nil }
    self = found
  }
}
