import CKernels
import ModelIR

/// `y[i] = f(x[i])`, in parallel.
func mapElements<T: TensorElement, R: TensorElement>(
  _ x: Tensor, _ type: T.Type, to: R.Type, _ function: @escaping @Sendable (T) -> R
) throws -> Tensor {
  let count = x.elementCount
  return try x.read(T.self) { source in
    try Tensor.make(R.self, x.sizes) { target in
      let (source, target) = (ReadPointer(source), SharedPointer(target))
      parallel(count, grain: 1 << 14) { range in
        for i in range { target.pointer[i] = function(source.pointer[i]) }
      }
    }
  }
}

func unary(_ function: UnaryFunction, _ x: Tensor) throws -> Tensor {
  switch x.dtype {
  case .float32:
    if let fast = try unaryFast(function, x) { return fast }
    return try unaryFloating(function, x, Float.self) { (f: @escaping @Sendable (Double) -> Double) in
      { Float(f(Double($0))) }
    }
  case .float64: return try unaryFloating(function, x, Double.self) { $0 }
  case .int64: return try unaryInteger(function, x)
  case .bool:
    guard function == .logicalNot || function == .bitwiseNot else {
      throw KernelError("\(function.name) of bool")
    }
    return try mapElements(x, Bool.self, to: Bool.self) { !$0 }
  default: throw KernelError("\(function.name) of \(x.dtype.rawValue)")
  }
}

/// The functions that need no double precision inside to be right in float32.
private func unaryFast(_ function: UnaryFunction, _ x: Tensor) throws -> Tensor? {
  switch function {
  case .negate: return try mapElements(x, Float.self, to: Float.self) { -$0 }
  case .absolute: return try mapElements(x, Float.self, to: Float.self) { $0.magnitude }
  case .square: return try mapElements(x, Float.self, to: Float.self) { $0 * $0 }
  case .sqrt: return try mapElements(x, Float.self, to: Float.self) { $0.squareRoot() }
  case .reciprocal: return try mapElements(x, Float.self, to: Float.self) { 1 / $0 }
  case .relu: return try mapElements(x, Float.self, to: Float.self) { $0 < 0 ? 0 : $0 }
  case .leakyRelu(let slope):
    let slope = Float(slope)
    return try mapElements(x, Float.self, to: Float.self) { $0 < 0 ? slope * $0 : $0 }
  case .clip(let minimum, let maximum):
    let low = minimum.map(Float.init) ?? -.infinity
    let high = maximum.map(Float.init) ?? .infinity
    return try mapElements(x, Float.self, to: Float.self) { $0 < low ? low : ($0 > high ? high : $0) }
  case .exp: return try mapElements(x, Float.self, to: Float.self) { expf($0) }
  case .tanh: return try mapElements(x, Float.self, to: Float.self) { tanhf($0) }
  case .sigmoid:
    return try mapElements(x, Float.self, to: Float.self) {
      let e = expf(-$0.magnitude)
      return $0 >= 0 ? 1 / (1 + e) : e / (1 + e)
    }
  default: return nil
  }
}

private func unaryFloating<T: TensorElement & BinaryFloatingPoint>(
  _ function: UnaryFunction, _ x: Tensor, _ type: T.Type,
  _ lift: (@escaping @Sendable (Double) -> Double) -> @Sendable (T) -> T
) throws -> Tensor {
  switch function {
  case .isNaN: return try mapElements(x, T.self, to: Bool.self) { $0.isNaN }
  case .isInfinite: return try mapElements(x, T.self, to: Bool.self) { $0.isInfinite }
  default:
    guard let scalar = function.scalar else {
      throw KernelError("\(function.name) of a floating-point tensor")
    }
    return try mapElements(x, T.self, to: T.self, lift(scalar))
  }
}

extension UnaryFunction {
  /// The function of one double; nil for predicates and integer functions.
  var scalar: (@Sendable (Double) -> Double)? {
    switch self {
    case .negate: { -$0 }
    case .absolute: { $0.magnitude }
    case .sign: { $0 > 0 ? 1 : ($0 < 0 ? -1 : $0) }
    case .reciprocal: { 1 / $0 }
    case .exp: { libm_exp($0) }
    case .log: { libm_log($0) }
    case .sqrt: { $0.squareRoot() }
    case .square: { $0 * $0 }
    case .expm1: { libm_expm1($0) }
    case .log1p: { libm_log1p($0) }
    case .floor: { $0.rounded(.down) }
    case .ceil: { $0.rounded(.up) }
    case .round: { $0.rounded(.toNearestOrEven) }
    case .truncate: { $0.rounded(.towardZero) }
    case .sin: { libm_sin($0) }
    case .cos: { libm_cos($0) }
    case .tan: { libm_tan($0) }
    case .asin: { libm_asin($0) }
    case .acos: { libm_acos($0) }
    case .atan: { libm_atan($0) }
    case .sinh: { libm_sinh($0) }
    case .cosh: { libm_cosh($0) }
    case .tanh: { libm_tanh($0) }
    case .asinh: { libm_asinh($0) }
    case .acosh: { libm_acosh($0) }
    case .atanh: { libm_atanh($0) }
    case .erf: { libm_erf($0) }
    default: activation
    }
  }

  private var activation: (@Sendable (Double) -> Double)? {
    switch self {
    case .sigmoid: return { x in x >= 0 ? 1 / (1 + libm_exp(-x)) : libm_exp(x) / (1 + libm_exp(x)) }
    case .relu: return { $0 < 0 ? 0 : $0 }
    case .leakyRelu(let slope): return { $0 < 0 ? slope * $0 : $0 }
    case .elu(let alpha): return { $0 > 0 ? $0 : alpha * libm_expm1($0) }
    case .selu: return { 1.0507009873554805 * ($0 > 0 ? $0 : 1.6732632423543772 * libm_expm1($0)) }
    case .hardSigmoid(let alpha, let beta):
      return { x in
        let y = alpha * x + beta
        return y < 0 ? 0 : (y > 1 ? 1 : y)
      }
    case .softplus: return { x in x > 0 ? x + libm_log1p(libm_exp(-x)) : libm_log1p(libm_exp(x)) }
    case .softsign: return { $0 / (1 + $0.magnitude) }
    case .gelu(approximate: false): return { $0 / 2 * (1 + libm_erf($0 * 0.7071067811865476)) }
    case .gelu(approximate: true):
      return { $0 / 2 * (1 + libm_tanh(0.7978845608028654 * ($0 + 0.044715 * $0 * $0 * $0))) }
    case .swish: return { x in x >= 0 ? x / (1 + libm_exp(-x)) : x * libm_exp(x) / (1 + libm_exp(x)) }
    case .hardSwish: return { x in x <= -3 ? 0 : (x >= 3 ? x : x * (x / 6 + 0.5)) }
    case .mish:
      return { x in x * libm_tanh(x > 0 ? x + libm_log1p(libm_exp(-x)) : libm_log1p(libm_exp(x))) }
    case .clip(let minimum, let maximum):
      return { x in
        var y = x
        if let minimum, y < minimum { y = minimum }
        if let maximum, y > maximum { y = maximum }
        return y
      }
    default: return nil
    }
  }
}

private func unaryInteger(_ function: UnaryFunction, _ x: Tensor) throws -> Tensor {
  func apply(_ f: @escaping @Sendable (Int64) -> Int64) throws -> Tensor {
    try mapElements(x, Int64.self, to: Int64.self, f)
  }
  switch function {
  case .negate: return try apply { 0 &- $0 }
  case .absolute: return try apply { $0 < 0 ? 0 &- $0 : $0 }
  case .sign: return try apply { $0.signum() }
  case .square: return try apply { $0 &* $0 }
  case .relu: return try apply { max($0, 0) }
  case .bitwiseNot: return try apply { ~$0 }
  case .clip(let minimum, let maximum):
    let low = minimum.map { Int64(clampingDouble: $0.rounded(.up)) } ?? .min
    let high = maximum.map { Int64(clampingDouble: $0.rounded(.down)) } ?? .max
    return try apply { min(max($0, low), high) }
  case .isNaN, .isInfinite: return try mapElements(x, Int64.self, to: Bool.self) { _ in false }
  default: throw KernelError("\(function.name) of integers")
  }
}

// MARK: - Two operands

/// `y = f(a, b)` with broadcasting.
func zipElements<T: TensorElement, R: TensorElement>(
  _ a: Tensor, _ b: Tensor, _ type: T.Type, to: R.Type, _ function: @escaping @Sendable (T, T) -> R
) throws -> Tensor {
  let sizes = try broadcastSizes(a.sizes, b.sizes)
  let count = sizes.reduce(1, *)
  return try a.read(T.self) { x in
    try b.read(T.self) { y in
      try Tensor.make(R.self, sizes) { z in
        if a.sizes == b.sizes {
          let (x, y, z) = (ReadPointer(x), ReadPointer(y), SharedPointer(z))
          parallel(count, grain: 1 << 15) {
            for i in $0 { z.pointer[i] = function(x.pointer[i], y.pointer[i]) }
          }
        } else {
          zipRows(
            sizes, x, broadcastStrides(a.sizes, to: sizes), y, broadcastStrides(b.sizes, to: sizes), z,
            function)
        }
      }
    }
  }
}

private func zipRows<T, R>(
  _ sizes: [Int], _ x: UnsafePointer<T>, _ xs: [Int], _ y: UnsafePointer<T>, _ ys: [Int],
  _ z: UnsafeMutablePointer<R>,
  _ function: (T, T) -> R
) {
  guard let count = sizes.last, let dx = xs.last, let dy = ys.last else {
    z[0] = function(x[0], y[0]); return
  }
  var row = 0
  forEachRow(sizes, [xs, ys]) { offsets in
    let (a, b, c) = (x + offsets[0], y + offsets[1], z + row)
    row += count
    if dx == 1, dy == 1 {
      for i in 0..<count { c[i] = function(a[i], b[i]) }
    } else if dx == 1 {
      let value = b[0]
      for i in 0..<count { c[i] = function(a[i], value) }
    } else if dy == 1 {
      let value = a[0]
      for i in 0..<count { c[i] = function(value, b[i]) }
    } else {
      for i in 0..<count { c[i] = function(a[i * dx], b[i * dy]) }
    }
  }
}

func binary(_ function: BinaryFunction, _ a: Tensor, _ b: Tensor) throws -> Tensor {
  switch a.dtype {
  case .float32:
    return try binaryFloating(
      function, a, b, Float.self, power: { libm_powf($0, $1) }, atan2: { libm_atan2f($0, $1) })
  case .float64:
    return try binaryFloating(
      function, a, b, Double.self, power: { libm_pow($0, $1) }, atan2: { libm_atan2($0, $1) })
  case .int64: return try binaryInteger(function, a, b, Int64.self)
  case .uint64: return try binaryInteger(function, a, b, UInt64.self)
  case .bool: return try binaryLogical(function, a, b)
  default: throw KernelError("\(function.name) of \(a.dtype.rawValue)")
  }
}

private func binaryFloating<T: TensorElement & BinaryFloatingPoint>(
  _ function: BinaryFunction, _ a: Tensor, _ b: Tensor, _ type: T.Type,
  power: @escaping @Sendable (T, T) -> T,
  atan2: @escaping @Sendable (T, T) -> T
) throws -> Tensor {
  func apply(_ f: @escaping @Sendable (T, T) -> T) throws -> Tensor {
    try zipElements(a, b, T.self, to: T.self, f)
  }
  switch function {
  case .add: return try zipElements(a, b, T.self, to: T.self) { $0 + $1 }
  case .subtract: return try zipElements(a, b, T.self, to: T.self) { $0 - $1 }
  case .multiply: return try zipElements(a, b, T.self, to: T.self) { $0 * $1 }
  case .divide: return try zipElements(a, b, T.self, to: T.self) { $0 / $1 }
  case .power: return try apply(power)
  case .maximum: return try apply { $0.isNaN ? $0 : ($1 > $0 || $1.isNaN ? $1 : $0) }
  case .minimum: return try apply { $0.isNaN ? $0 : ($1 < $0 || $1.isNaN ? $1 : $0) }
  case .modulo:
    return try apply {
      let r = $0.truncatingRemainder(dividingBy: $1)
      return r != 0 && (r < 0) != ($1 < 0) ? r + $1 : r
    }
  case .remainder: return try apply { $0.truncatingRemainder(dividingBy: $1) }
  case .floorDivide: return try apply { ($0 / $1).rounded(.down) }
  case .atan2: return try apply(atan2)
  case .logicalAnd, .logicalOr, .logicalXor, .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft, .shiftRight:
    throw KernelError("\(function.name) of floating-point numbers")
  }
}

private func binaryInteger<T: TensorElement & FixedWidthInteger>(
  _ function: BinaryFunction, _ a: Tensor, _ b: Tensor, _ type: T.Type
) throws -> Tensor {
  func apply(_ f: @escaping @Sendable (T, T) -> T) throws -> Tensor {
    try zipElements(a, b, T.self, to: T.self, f)
  }
  switch function {
  case .add: return try apply { $0 &+ $1 }
  case .subtract: return try apply { $0 &- $1 }
  case .multiply: return try apply { $0 &* $1 }
  case .divide: return try apply { $1 == 0 ? 0 : $0.dividedReportingOverflow(by: $1).partialValue }
  case .power: return try apply { integerPower($0, $1) }
  case .maximum: return try apply { max($0, $1) }
  case .minimum: return try apply { min($0, $1) }
  case .modulo: return try apply { floorModulo($0, $1) }
  case .remainder:
    return try apply { $1 == 0 ? 0 : $0.remainderReportingOverflow(dividingBy: $1).partialValue }
  case .floorDivide:
    return try apply { a, b in
      if b == 0 { return 0 }
      let q = a.dividedReportingOverflow(by: b).partialValue
      return floorModulo(a, b) != 0 && (a < 0) != (b < 0) ? q - 1 : q
    }
  case .bitwiseAnd: return try apply { $0 & $1 }
  case .bitwiseOr: return try apply { $0 | $1 }
  case .bitwiseXor: return try apply { $0 ^ $1 }
  case .shiftLeft: return try apply { $0 << $1 }
  case .shiftRight: return try apply { $0 >> $1 }
  case .atan2, .logicalAnd, .logicalOr, .logicalXor: throw KernelError("\(function.name) of integers")
  }
}

@Sendable private func floorModulo<T: FixedWidthInteger>(_ a: T, _ b: T) -> T {
  if b == 0 { return 0 }
  let r = a.remainderReportingOverflow(dividingBy: b).partialValue
  return r != 0 && (r < 0) != (b < 0) ? r + b : r
}

@Sendable private func integerPower<T: FixedWidthInteger>(_ base: T, _ exponent: T) -> T {
  if exponent < 0 {
    if base == 1 { return 1 }
    return base == 0 &- 1 ? (exponent % 2 == 0 ? 1 : base) : 0
  }
  var (result, factor, rest) = (1 as T, base, exponent)
  while rest > 0 {
    if rest & 1 == 1 { result = result &* factor }
    factor = factor &* factor
    rest >>= 1
  }
  return result
}

private func binaryLogical(_ function: BinaryFunction, _ a: Tensor, _ b: Tensor) throws -> Tensor {
  switch function {
  case .logicalAnd, .bitwiseAnd: return try zipElements(a, b, Bool.self, to: Bool.self) { $0 && $1 }
  case .logicalOr, .bitwiseOr: return try zipElements(a, b, Bool.self, to: Bool.self) { $0 || $1 }
  case .logicalXor, .bitwiseXor: return try zipElements(a, b, Bool.self, to: Bool.self) { $0 != $1 }
  default: throw KernelError("\(function.name) of bool")
  }
}

func compare(_ comparison: Comparison, _ a: Tensor, _ b: Tensor) throws -> Tensor {
  switch a.dtype {
  case .float32: return try compareElements(comparison, a, b, Float.self)
  case .float64: return try compareElements(comparison, a, b, Double.self)
  case .int64: return try compareElements(comparison, a, b, Int64.self)
  case .uint64: return try compareElements(comparison, a, b, UInt64.self)
  case .bool: return try compareElements(comparison, a.cast(to: .int64), b.cast(to: .int64), Int64.self)
  case .string: return try compareStrings(comparison, a, b)
  default: throw KernelError("comparison of \(a.dtype.rawValue)")
  }
}

private func compareElements<T: TensorElement & Comparable>(
  _ comparison: Comparison, _ a: Tensor, _ b: Tensor, _ type: T.Type
) throws -> Tensor {
  switch comparison {
  case .equal: try zipElements(a, b, T.self, to: Bool.self) { $0 == $1 }
  case .notEqual: try zipElements(a, b, T.self, to: Bool.self) { $0 != $1 }
  case .less: try zipElements(a, b, T.self, to: Bool.self) { $0 < $1 }
  case .lessOrEqual: try zipElements(a, b, T.self, to: Bool.self) { $0 <= $1 }
  case .greater: try zipElements(a, b, T.self, to: Bool.self) { $0 > $1 }
  case .greaterOrEqual: try zipElements(a, b, T.self, to: Bool.self) { $0 >= $1 }
  }
}

/// The elements of a tensor of strings.
func texts(of x: Tensor) throws -> [String] {
  guard let strings = x.strings else { throw KernelError("expected strings, found \(x.dtype.rawValue)") }
  return strings
}

/// Strings compare through their ranks among all strings of both operands.
private func compareStrings(_ comparison: Comparison, _ a: Tensor, _ b: Tensor) throws -> Tensor {
  let all = try Set(texts(of: a) + texts(of: b)).sorted()
  var ranks: [String: Int64] = [:]
  for (rank, text) in all.enumerated() { ranks[text] = Int64(rank) }
  func ranked(_ x: Tensor) throws -> Tensor {
    try Tensor(texts(of: x).compactMap { ranks[$0] }, sizes: x.sizes)
  }
  return try compareElements(comparison, try ranked(a), try ranked(b), Int64.self)
}

func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor) throws -> Tensor {
  let sizes = try broadcastSizes(broadcastSizes(a.sizes, b.sizes), condition.sizes)
  switch a.dtype {
  case .float32: return try selectElements(condition, a, b, sizes, Float.self)
  case .float64: return try selectElements(condition, a, b, sizes, Double.self)
  case .int64: return try selectElements(condition, a, b, sizes, Int64.self)
  case .bool: return try selectElements(condition, a, b, sizes, Bool.self)
  case .string:
    let count = a.elementCount
    let first = try Tensor((0..<Int64(a.elementCount)).map { $0 }, sizes: a.sizes)
    let second = try Tensor((0..<Int64(b.elementCount)).map { $0 + Int64(count) }, sizes: b.sizes)
    let picked = try selectElements(condition, first, second, sizes, Int64.self).elements(as: Int64.self)
    let all = try texts(of: a) + texts(of: b)
    return try Tensor(picked.map { all[Int($0)] }, sizes: sizes)  // Places counted above.
  default: throw KernelError("Where of \(a.dtype.rawValue)")
  }
}

private func selectElements<T: TensorElement>(
  _ condition: Tensor, _ a: Tensor, _ b: Tensor, _ sizes: [Int], _ type: T.Type
) throws -> Tensor {
  try condition.read(Bool.self) { c in
    try a.read(T.self) { x in
      try b.read(T.self) { y in
        try Tensor.make(T.self, sizes) { z in
          let all = [condition.sizes, a.sizes, b.sizes].map { broadcastStrides($0, to: sizes) }
          guard let count = sizes.last else { z[0] = c[0] ? x[0] : y[0]; return }
          let (dc, dx, dy) = (all[0][sizes.count - 1], all[1][sizes.count - 1], all[2][sizes.count - 1])
          var row = 0
          forEachRow(sizes, all) { offsets in
            for i in 0..<count {
              z[row + i] = c[offsets[0] + i * dc] ? x[offsets[1] + i * dx] : y[offsets[2] + i * dy]
            }
            row += count
          }
        }
      }
    }
  }
}
