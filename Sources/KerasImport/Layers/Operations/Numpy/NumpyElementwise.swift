import ModelIR

/// Element-wise operations of `keras/src/ops/numpy.py`. Result types are those of
/// `keras/src/backend/tensorflow/numpy.py`.
extension OperationCall {
  // MARK: One operand

  /// A function of floating-point elements; integers and truth values become float32.
  func floatingFunction(_ function: UnaryFunction) throws(KerasImportError) -> Value {
    try scope.unary(function, floating("x", at: 0))
  }

  /// A function of any numbers, in their own type; truth values become int32.
  func numericFunction(_ function: UnaryFunction) throws(KerasImportError) -> Value {
    try scope.unary(function, numeric("x", at: 0))
  }

  /// A number times floating-point elements; int64 in float64.
  func scaled(_ factor: Double) throws(KerasImportError) -> Value {
    try scope.multiply(exactFloating("x", at: 0), factor)
  }

  /// `log(x)` by a number: logarithms of other bases.
  func logarithm(_ reciprocal: Double) throws(KerasImportError) -> Value {
    try scope.multiply(scope.unary(.log, floating("x", at: 0)), reciprocal)
  }

  /// The operand itself, in the type that `dtype` names.
  func copy() throws(KerasImportError) -> Value {
    ignore("sparse", "ragged")
    let x = try tensor(hasArgument("variable") ? "variable" : "x", at: 0)
    return try dtype().map { dtype throws(KerasImportError) in try scope.cast(x, to: dtype) } ?? x
  }

  /// `|x|`, always floating-point.
  func fabs() throws(KerasImportError) -> Value { try scope.unary(.absolute, floating("x", at: 0)) }

  /// The complement of integers' bits; of truth values their opposite.
  func bitwiseInvert() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    return scope.dtype(of: x) == .bool ? try scope.not(x) : try scope.unary(.bitwiseNot, x)
  }

  /// `sign(x) |x|^(1/3)`; int64 in float64.
  func cubeRoot() throws(KerasImportError) -> Value {
    let x = try exactFloating("x", at: 0)
    let root = try scope.power(scope.unary(.absolute, x), scope.scalar(1.0 / 3.0, like: x))
    return try scope.multiply(scope.unary(.sign, x), root)
  }

  /// `2^x`.
  func exp2() throws(KerasImportError) -> Value {
    let x = try floating("x", at: 0)
    return try scope.power(scope.scalar(2, like: x), x)
  }

  /// Rounds toward zero; integers stay.
  func trunc() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    return scope.dtype(of: x).isFloatingPoint ? try scope.unary(.truncate, x) : x
  }

  /// `round(x 10^decimals) / 10^decimals`, halves to even, in the operand's own type.
  func round() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    let decimals = try int("decimals", at: 1, default: 0)
    let isFloating = scope.dtype(of: x).isFloatingPoint
    if !isFloating, decimals >= 0 { return x }
    let wide = try scope.floating(x)
    if decimals == 0 { return try scope.unary(.round, wide) }
    guard abs(decimals) <= 300 else { throw KerasImportError(.unsupported("\(decimals) decimals")) }
    var factor = 1.0
    for _ in 0..<abs(decimals) { factor *= 10 }
    if decimals < 0 { factor = 1 / factor }
    let whole = try scope.unary(.round, scope.multiply(wide, factor))
    return try scope.cast(scope.divide(whole, scope.scalar(factor, like: whole)), to: scope.dtype(of: x))
  }

  /// `min(max(x, x_min), x_max)`: bounds from the configuration, numbers or arrays; truth values become int32.
  func clip() throws(KerasImportError) -> Value {
    let x = try numeric("x", at: 0)
    if let low = try array("x_min"), let high = try array("x_max"),
      low.elementCount != 1 || high.elementCount != 1
    {
      let bounds = try [low, high].map { bound throws(KerasImportError) in
        try scope.cast(scope.constant(bound), to: scope.dtype(of: x))
      }
      return try scope.maximum(scope.minimum(x, bounds[1]), bounds[0])
    }
    return try scope.unary(.clip(minimum: double("x_min", at: 1), maximum: double("x_max", at: 2)), x)
  }

  /// True where a floating-point element is NaN; integers never are.
  func isNaN() throws(KerasImportError) -> Value { try scope.isNaN(tensor("x", at: 0)) }

  /// True where an element is infinite.
  func isInfinite() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    return scope.dtype(of: x).isFloatingPoint
      ? try scope.unary(.isInfinite, x) : try scope.filled(scope.shape(of: x), 0, .bool)
  }

  /// True where an element is neither NaN nor infinite.
  func isFinite() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    guard scope.dtype(of: x).isFloatingPoint else { return try scope.filled(scope.shape(of: x), 1, .bool) }
    return try scope.isFinite(x)
  }

  /// True where an element is this infinity.
  func isInfinity(_ infinity: Double) throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    return scope.dtype(of: x).isFloatingPoint
      ? try scope.compare(.equal, x, infinity) : try scope.filled(scope.shape(of: x), 0, .bool)
  }

  /// NaN, infinity and minus infinity replaced: by `nan` (0), the type's largest and smallest number.
  func nanToNum() throws(KerasImportError) -> Value {
    try scope.finite(
      tensor("x", at: 0), nan: double("nan", default: 0), high: double("posinf"), low: double("neginf"))
  }

  /// True where the sign bit is set: -0 and negative numbers. -0 is told by its reciprocal.
  func signBit() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    let isNegative = try scope.compare(.less, scope.numeric(x), 0)
    guard scope.dtype(of: x).isFloatingPoint else { return isNegative }
    return try scope.or(isNegative, scope.compare(.equal, scope.unary(.reciprocal, x), -.infinity))
  }

  /// `sin(pi x) / (pi x)`, 1 at 0.
  func sinc() throws(KerasImportError) -> Value {
    let x = try floating("x", at: 0)
    let turned = try scope.multiply(x, 3.141592653589793)
    let isZero = try scope.compare(.equal, x, 0)
    let safe = try scope.select(isZero, scope.scalar(1, like: x), turned)
    return try scope.select(isZero, scope.scalar(1, like: x), scope.divide(scope.unary(.sin, turned), safe))
  }

  /// The modified Bessel function of order 0, by its two expansions of 18 and 25 terms (Cephes `i0`); int64 in float64.
  func bessel() throws(KerasImportError) -> Value {
    let x = try exactFloating("x", at: 0)
    let wide = try scope.cast(x, to: .float64)
    return try scope.cast(scope.besselI0(wide), to: scope.dtype(of: x))
  }

  // MARK: Two operands

  /// Arithmetic in the operands' common type.
  func arithmetic(_ function: BinaryFunction) throws(KerasImportError) -> Value {
    let x = try operands("x1", "x2")
    guard scope.dtype(of: x[0]) == .bool else { return try scope.emit(.binary(function), x[0], x[1]) }
    switch function {
    case .add, .maximum: return try scope.or(x[0], x[1])
    case .multiply, .minimum: return try scope.and(x[0], x[1])
    default:
      let numbers = try x.map { value throws(KerasImportError) in try scope.numeric(value) }
      return try scope.emit(.binary(function), numbers[0], numbers[1])
    }
  }

  /// The remainder with the divisor's sign (modulo) or the dividend's (remainder); truth values become int32.
  func remainder(_ function: BinaryFunction) throws(KerasImportError) -> Value {
    let x = try tensorOperands("x1", "x2").map { value throws(KerasImportError) in try scope.numeric(value) }
    return try scope.emit(.binary(function), x[0], x[1])
  }

  /// The larger (or smaller) element; a NaN loses against a number.
  func maximumOfNumbers(_ function: BinaryFunction) throws(KerasImportError) -> Value {
    let x = try operands("x1", "x2")
    guard scope.dtype(of: x[0]).isFloatingPoint else { return try arithmetic(function) }
    let (isFirstNaN, isSecondNaN) = (try scope.isNaN(x[0]), try scope.isNaN(x[1]))
    let best = try scope.emit(.binary(function), x[0], x[1])
    return try scope.select(isFirstNaN, x[1], scope.select(isSecondNaN, x[0], best))
  }

  /// `x1 / x2` in the common floating-point type.
  func trueDivide() throws(KerasImportError) -> Value {
    let x = try floatingOperands("x1", "x2")
    return try scope.divide(x[0], x[1])
  }

  /// `x1 / x2`, 0 where `x2` is 0.
  func divideNoNaN() throws(KerasImportError) -> Value {
    let x = try floatingOperands("x1", "x2")
    return try scope.divideNoNaN(x[0], x[1])
  }

  /// The angle of the point `(x2, x1)`.
  func arctan2() throws(KerasImportError) -> Value {
    let x = try floatingOperands("x1", "x2")
    return try scope.emit(.binary(.atan2), x[0], x[1])
  }

  /// `sqrt(x1^2 + x2^2)` without overflow: the larger times `sqrt(1 + ratio^2)`; int64 in float64.
  func hypot() throws(KerasImportError) -> Value {
    let given = try tensorOperands("x1", "x2")
    let x = try given.map { value throws(KerasImportError) in
      try scope.unary(.absolute, scope.cast(value, to: scope.dtype(of: value).exactFloating))
    }
    let largest = try scope.maximum(x[0], x[1])
    let ratio = try scope.divideNoNaN(scope.minimum(x[0], x[1]), largest)
    return try scope.multiply(largest, scope.unary(.sqrt, scope.add(scope.unary(.square, ratio), 1)))
  }

  /// Bits of two integers combined; truth values as such.
  func bitwise(_ function: BinaryFunction) throws(KerasImportError) -> Value {
    let x = try operands("x", "y")
    return try scope.emit(.binary(function), x[0], x[1])
  }

  /// 0 below 0, 1 above, `x2` at 0; in the common type, integers in float32 (int64 in float64).
  /// Source: `keras/src/backend/tensorflow/numpy.py`, `heaviside`.
  func heaviside() throws(KerasImportError) -> Value {
    let given = try tensorOperands("x1", "x2")
    let x = try given.map { value throws(KerasImportError) in
      try scope.cast(value, to: scope.dtype(of: value).exactFloating)
    }
    let step = try scope.select(
      scope.compare(.less, x[0], 0), scope.scalar(0, like: x[0]), scope.scalar(1, like: x[0]))
    let isSigned = try scope.or(scope.compare(.less, x[0], 0), scope.compare(.greater, x[0], 0))
    return try scope.select(isSigned, step, x[1])
  }

  /// `x1 2^x2`; 0 and infinities stay.
  func ldexp() throws(KerasImportError) -> Value {
    let x = try floatingOperands("x1", "x2")
    let scaled = try scope.multiply(x[0], scope.power(scope.scalar(2, like: x[0]), x[1]))
    let stays = try scope.or(scope.unary(.isInfinite, x[0]), scope.compare(.equal, x[0], 0))
    return try scope.select(stays, x[0], scaled)
  }

  /// `log(base^x1 + base^x2) / log(base)` as `max + log1p(exp(-|x1 - x2| log base)) / log base`.
  func logAddExp(_ logBase: Double) throws(KerasImportError) -> Value {
    let x = try floatingOperands("x1", "x2")
    let difference = try scope.subtract(x[0], x[1])
    let decay = try scope.unary(.exp, scope.multiply(scope.unary(.absolute, difference), -logBase))
    let rest = try scope.multiply(scope.unary(.log1p, decay), 1 / logBase)
    let sum = try scope.add(scope.maximum(x[0], x[1]), rest)
    return try scope.select(scope.isNaN(difference), scope.add(x[0], x[1]), sum)
  }

  /// The next number from `x1` toward `x2`, which Keras finds in float64 and rounds to the operands' type: in narrower
  /// types that is `x1` again. NaN wins.
  func nextAfter() throws(KerasImportError) -> Value {
    let x = try floatingOperands("x1", "x2")
    guard scope.dtype(of: x[0]) != .float64 else {
      throw KerasImportError(.unsupported("nextafter of float64"))
    }
    return try scope.select(scope.isNaN(x[1]), x[1], x[0])
  }

  // MARK: Comparisons

  /// A comparison in the operands' common type.
  func comparison(_ comparison: Comparison) throws(KerasImportError) -> Value {
    let x = try tensorOperands("x1", "x2")
    let isOrder = comparison != .equal && comparison != .notEqual
    guard isOrder, scope.dtype(of: x[0]) == .bool else { return try scope.compare(comparison, x[0], x[1]) }
    return try scope.compare(comparison, scope.numeric(x[0]), scope.numeric(x[1]))
  }

  /// Two truth values combined; numbers are true where they are not 0.
  func logical(_ function: BinaryFunction) throws(KerasImportError) -> Value {
    let x = try (tensor("x1", at: 0), tensor("x2", at: 1))
    return try scope.emit(.binary(function), scope.cast(x.0, to: .bool), scope.cast(x.1, to: .bool))
  }

  /// The opposite truth value.
  func logicalNot() throws(KerasImportError) -> Value {
    try scope.not(scope.cast(tensor("x", at: 0), to: .bool))
  }

  /// `|x1 - x2| <= atol + rtol |x2|`, NaN equal to NaN with `equal_nan`; integers must be equal.
  func isClose() throws(KerasImportError) -> Value {
    let x = try tensorOperands("x1", "x2")
    let (relative, absolute) = (
      try double("rtol", at: 2, default: 1e-5), try double("atol", at: 3, default: 1e-8)
    )
    let equalsNaN = try bool("equal_nan", at: 4, default: false)
    guard scope.dtype(of: x[0]).isFloatingPoint else { return try scope.compare(.equal, x[0], x[1]) }
    let near = try scope.isNear(x[0], x[1], relative: relative, absolute: absolute)
    return equalsNaN ? try scope.or(near, scope.and(scope.isNaN(x[0]), scope.isNaN(x[1]))) : near
  }

  /// Whether all elements are close: finite and near each other, or equal.
  func allClose() throws(KerasImportError) -> Value {
    let x = try tensorOperands("x1", "x2")
    let (relative, absolute) = (try double("rtol", default: 1e-5), try double("atol", default: 1e-8))
    let equalsNaN = try bool("equal_nan", default: false)
    var close = try scope.compare(.equal, x[0], x[1])
    if scope.dtype(of: x[0]).isFloatingPoint {
      let isFinite = try scope.and(scope.isFinite(x[0]), scope.isFinite(x[1]))
      let near = try scope.isNear(x[0], x[1], relative: relative, absolute: absolute)
      close = try scope.or(close, scope.and(isFinite, near))
      if equalsNaN { close = try scope.or(close, scope.and(scope.isNaN(x[0]), scope.isNaN(x[1]))) }
    }
    return try scope.reduce(.all, close, axes: Array(0..<scope.rank(of: close)))
  }

  /// `condition ? x1 : x2`, or the places where the condition is true, one int32 vector for each axis.
  func whereTrue() throws(KerasImportError) -> [Value] {
    let condition = try scope.cast(tensor("condition", at: 0), to: .bool)
    let (first, second) = (argument("x1", at: 1), argument("x2", at: 2))
    guard let first, let second else {
      guard first == nil, second == nil else { throw KerasImportError(.missingKey("x2")) }
      return try scope.places(condition)
    }
    let x = try promoted([first, second])
    return [try scope.select(condition, x[0], x[1])]
  }

  /// The first choice whose condition is true, else `default`; choices and default in their common type.
  func select() throws(KerasImportError) -> Value {
    guard case .list(let conditions)? = argument("condlist", at: 0),
      case .list(let choices)? = argument("choicelist", at: 1),
      conditions.count == choices.count, !choices.isEmpty
    else { throw KerasImportError(.invalidGraph("select needs as many choices as conditions")) }
    let x = try promoted(choices + [argument("default", at: 2) ?? .integer(0)])
    var result = x[choices.count]
    for (condition, choice) in zip(conditions, x).reversed() {
      result = try scope.select(scope.cast(value(condition, like: nil), to: .bool), choice, result)
    }
    return result
  }
}
