extension GraphRewriter {
  mutating func decomposed(_ function: UnaryFunction, _ x: Value) throws(GraphError) -> Value? {
    switch function {
    case .square: return try multiply(x, x)
    case .relu: return try binary(.maximum, x, 0)
    case .expm1: return try decomposedExpm1(x)
    case .log1p: return try decomposedLog1p(x)
    case .truncate: return try multiply(unary(.sign, x), unary(.floor, unary(.absolute, x)))
    case .gelu(let isApproximate): return try decomposedGelu(x, isApproximate: isApproximate)
    case .swish: return try multiply(x, unary(.sigmoid, x))
    case .hardSwish: return try multiply(x, unary(.hardSigmoid(alpha: 1.0 / 6.0, beta: 0.5), x))
    case .mish: return try multiply(x, unary(.tanh, unary(.softplus, x)))
    case .bitwiseNot: return try dtype(of: x) == .bool ? unary(.logicalNot, x) : decomposedBitwiseNot(x)
    case .negate, .absolute, .sign, .reciprocal, .exp, .log, .sqrt, .floor, .ceil, .round, .sin, .cos, .tan,
      .asin,
      .acos, .atan, .sinh, .cosh, .tanh, .asinh, .acosh, .atanh, .erf, .sigmoid, .leakyRelu, .elu, .selu,
      .hardSigmoid, .softplus, .softsign, .clip, .isNaN, .isInfinite, .logicalNot:
      return nil
    }
  }

  /// `exp(x) - 1` is `tanh(x / 2) * (exp(x) + 1)`, which keeps its digits near 0.
  private mutating func decomposedExpm1(_ x: Value) throws(GraphError) -> Value {
    let half = try unary(.tanh, multiply(x, 0.5))
    let isSmall = try compare(.less, unary(.absolute, x), 0.5)
    let e = try unary(.exp, x)
    return try select(isSmall, multiply(half, add(e, 1)), subtract(e, 1))
  }

  /// `log(1 + x)` as `log(u) * x / (u - 1)` with `u = 1 + x`, which keeps its digits near 0.
  private mutating func decomposedLog1p(_ x: Value) throws(GraphError) -> Value {
    let u = try add(x, 1)
    let difference = try subtract(u, 1)
    let isZero = try compare(.equal, difference, 0)
    let safe = try select(isZero, scalar(1, like: x), difference)
    let scaled = try multiply(unary(.log, u), divide(x, safe))
    let picked = try select(unary(.isInfinite, u), u, scaled)
    return try select(isZero, x, picked)
  }

  /// In the form that onnxruntime and OpenVINO know as GELU: `x / sqrt(2) -> erf -> + 1 -> * x -> * 0.5`.
  private mutating func decomposedGelu(_ x: Value, isApproximate: Bool) throws(GraphError) -> Value {
    if isApproximate {
      let cube = try multiply(multiply(x, x), x)
      let sum = try add(x, multiply(cube, 0.044715))
      let inner = try unary(.tanh, multiply(sum, 0.7978845608028654))
      return try multiply(multiply(x, 0.5), add(inner, 1))
    }
    let inner = try unary(.erf, binary(.divide, x, 1.4142135623730951))
    return try multiply(multiply(x, add(inner, 1)), 0.5)
  }

  mutating func decomposed(_ function: BinaryFunction, _ a: Value, _ b: Value) throws(GraphError) -> Value? {
    let isInteger = dtype(of: a).isInteger
    switch function {
    case .modulo where !isInteger: return try decomposedModulo(a, b)
    case .floorDivide:
      if !isInteger { return try unary(.floor, divide(a, b)) }
      return try divide(subtract(a, binary(.modulo, a, b)), b)
    case .atan2: return try decomposedAtan2(a, b)
    case .bitwiseAnd where dtype(of: a) == .bool: return try binary(.logicalAnd, a, b)
    case .bitwiseOr where dtype(of: a) == .bool: return try binary(.logicalOr, a, b)
    case .bitwiseXor where dtype(of: a) == .bool: return try binary(.logicalXor, a, b)
    case .bitwiseAnd, .bitwiseOr, .bitwiseXor: return try decomposedBits(function, a, b)
    case .shiftLeft: return try multiply(a, binary(.power, scalar(2, like: a), b))
    case .shiftRight: return try binary(.floorDivide, a, binary(.power, scalar(2, like: a), b))
    case .add, .subtract, .multiply, .divide, .power, .maximum, .minimum, .modulo, .remainder, .logicalAnd,
      .logicalOr,
      .logicalXor:
      return nil
    }
  }

  /// The remainder with the dividend's sign, moved by a divisor where the signs differ.
  private mutating func decomposedModulo(_ a: Value, _ b: Value) throws(GraphError) -> Value {
    let rest = try binary(.remainder, a, b)
    let differs = try binary(.logicalXor, compare(.less, rest, 0), compare(.less, b, 0))
    let isWhole = try compare(.equal, rest, 0)
    let moves = try binary(.logicalAnd, differs, unary(.logicalNot, isWhole))
    return try select(moves, add(rest, b), rest)
  }

  /// `atan(a / b)`, moved by pi into the quadrant of the signs; at `b = 0` a quarter of a turn.
  private mutating func decomposedAtan2(_ a: Value, _ b: Value) throws(GraphError) -> Value {
    let isVertical = try compare(.equal, b, 0)
    let safe = try select(isVertical, scalar(1, like: b), b)
    let angle = try unary(.atan, divide(a, safe))
    let isBelow = try compare(.less, a, 0)
    let turn = try select(isBelow, scalar(-3.141592653589793, like: a), scalar(3.141592653589793, like: a))
    let moved = try select(compare(.less, b, 0), add(angle, turn), angle)
    return try select(isVertical, multiply(unary(.sign, a), 1.5707963267948966), moved)
  }

  mutating func decomposed(_ comparison: Comparison, _ a: Value, _ b: Value) throws(GraphError) -> Value? {
    switch comparison {
    case .notEqual:
      // An integer is not 0 when it is true.
      if dtype(of: a).isInteger, let zero = constant(b), zero.elementCount == 1, isZero(zero),
        zero.rank <= shape(of: a).rank
      {
        return try cast(a, to: .bool)
      }
      return try unary(.logicalNot, compare(.equal, a, b))
    case .equal, .less, .lessOrEqual, .greater, .greaterOrEqual: return nil
    }
  }

  private func isZero(_ tensor: Tensor) -> Bool {
    guard let numbers = try? tensor.doubles() else { return false }  // Fails where its bytes are needed.
    return numbers.allSatisfy { $0 == 0 }
  }

  /// A float is true when it is not 0: NaN, too.
  mutating func decomposedCast(to dtype: DType, _ x: Value) throws(GraphError) -> Value? {
    guard dtype == .bool, self.dtype(of: x).isFloatingPoint else { return nil }
    return try unary(.logicalNot, compare(.equal, x, 0))
  }
}
