/// Functions of one element. More may come: switch over it with a `default`.
public enum UnaryFunction: Hashable, Sendable {
  /// `-x` (ONNX Neg), `|x|` (Abs), -1, 0 or 1 (Sign), `1 / x` (Reciprocal).
  case negate, absolute, sign, reciprocal
  /// ONNX Exp, Log, Sqrt; `square` is `x * x` (ONNX Mul).
  case exp, log, sqrt, square
  /// `exp(x) - 1` and `log(1 + x)`, accurate near 0 (ONNX: compositions).
  case expm1, log1p
  /// ONNX Floor, Ceil, Round (halves to even); `truncate` rounds toward zero.
  case floor, ceil, round, truncate
  /// ONNX Sin, Cos, Tan, Asin, Acos, Atan, Sinh, Cosh, Tanh, Asinh, Acosh, Atanh.
  case sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh
  /// The error function. ONNX Erf.
  case erf
  /// `1 / (1 + exp(-x))`. ONNX Sigmoid.
  case sigmoid
  /// `max(x, 0)`. ONNX Relu.
  case relu
  /// `x` above 0, else `slope * x`. ONNX LeakyRelu.
  case leakyRelu(slope: Double)
  /// `x` above 0, else `alpha * (exp(x) - 1)`. ONNX Elu.
  case elu(alpha: Double)
  /// `1.0507009873554805 * (x above 0, else 1.6732632423543772 * (exp(x) - 1))`. ONNX Selu.
  case selu
  /// `max(0, min(1, alpha * x + beta))`. ONNX HardSigmoid.
  case hardSigmoid(alpha: Double, beta: Double)
  /// `log(1 + exp(x))`, without overflow. ONNX Softplus.
  case softplus
  /// `x / (1 + |x|)`. ONNX Softsign.
  case softsign
  /// `x / 2 * (1 + erf(x / sqrt(2)))`, approximated as `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))`. ONNX
  /// Gelu 20.
  case gelu(approximate: Bool)
  /// `x * sigmoid(x)`, `x * max(0, min(1, x / 6 + 1 / 2))` (ONNX HardSwish 14), `x * tanh(softplus(x))` (Mish 18).
  case swish, hardSwish, mish
  /// `min(max(x, minimum), maximum)`; a bound that is nil does not apply; NaN stays. ONNX Clip.
  case clip(minimum: Double?, maximum: Double?)
  /// Predicates, result bool. ONNX IsNaN, IsInf.
  case isNaN, isInfinite
  /// Logical not; operand and result bool. ONNX Not.
  case logicalNot
  /// Bitwise complement of integers. ONNX BitwiseNot 18.
  case bitwiseNot
}

/// Functions of two elements. More may come: switch over it with a `default`.
public enum BinaryFunction: Hashable, Sendable {
  /// ONNX Add, Sub, Mul, Div. Integer division truncates toward zero; integers wrap around; division of an
  /// integer by zero gives 0.
  case add, subtract, multiply, divide
  /// `a` to the power `b`. ONNX Pow.
  case power
  /// NaN wins. ONNX Max, Min.
  case maximum, minimum
  /// The remainder with the sign of the divisor. ONNX Mod (integers), composition (floats).
  case modulo
  /// The remainder with the sign of the dividend. ONNX Mod, fmod = 1.
  case remainder
  /// `floor(a / b)`, integers too.
  case floorDivide
  /// `atan2(a, b)`.
  case atan2
  /// Operands and result bool. ONNX And, Or, Xor.
  case logicalAnd, logicalOr, logicalXor
  /// Integers. ONNX BitwiseAnd, BitwiseOr, BitwiseXor 18.
  case bitwiseAnd, bitwiseOr, bitwiseXor
  /// Integers; the right shift is arithmetic for signed types.
  case shiftLeft, shiftRight
}

/// Comparisons of two elements; any comparison with NaN but `notEqual` is false.
public enum Comparison: Hashable, Sendable {
  /// ONNX Equal, (Not of it), Less, LessOrEqual, Greater, GreaterOrEqual.
  case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
}

/// Reductions. Over an empty axis: sum 0, product 1, maximum and minimum the identity, mean NaN.
/// More may come: switch over it with a `default`.
public enum ReduceFunction: Hashable, Sendable {
  /// ONNX ReduceSum, ReduceMean, ReduceMax, ReduceMin, ReduceProd. NaN propagates.
  case sum, mean, maximum, minimum, product
  /// ONNX ReduceLogSumExp, stable.
  case logSumExp
  /// Of bool operands: ONNX ReduceMax, ReduceMin on casts.
  case any, all
}

/// Which index ``Op/argReduce(_:axis:keepDims:)`` finds.
public enum ArgFunction: Hashable, Sendable {
  /// ONNX ArgMax, ArgMin: of equal elements the first.
  case maximum, minimum
}

/// What ``Op/cumulative(_:axis:reverse:exclusive:)`` runs. More may come: switch over it with a `default`.
public enum CumulativeFunction: Hashable, Sendable {
  /// ONNX CumSum for sums; the others are composed.
  case sum, product, maximum, minimum
}

/// How ``Op/scatterND(_:)`` combines an update with what is there. ONNX's `reduction`.
/// More may come: switch over it with a `default`.
public enum ScatterReduction: Hashable, Sendable {
  /// `none` replaces it, the last of several updates in no promised order.
  case none, add, multiply, maximum, minimum
}
