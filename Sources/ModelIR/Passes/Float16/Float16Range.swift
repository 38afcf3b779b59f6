/// How far the numbers of a value may lie outside what float16 holds.
enum Float16Range: Comparable {
  /// They fit, but for rounding.
  case inside
  /// They may be beyond 65504 or vanish in the course of a computation, whose end a product takes in float16.
  case large
  /// They come of a number that float16 does not have (a mask's -1e9).
  case huge
}

extension Tensor {
  /// The range of a constant. Big ones are weights, which are rounded.
  func float16Range() throws -> Float16Range {
    guard elementCount <= 4096 else { return .inside }
    let magnitudes = try doubles().map(\.magnitude).filter { $0.isFinite && $0 > 0 }
    if magnitudes.contains(where: { $0 > 65504 }) { return .huge }
    // An epsilon that would vanish, or lose its digits; small weights may.
    return elementCount <= 16 && magnitudes.contains { $0 < 6.2e-5 } ? .large : .inside
  }
}

extension Op {
  /// The widest range of operands that the operation takes in float16: products take what comes of a computation.
  var acceptedRange: Float16Range {
    switch self {
    case .matMul, .dense, .dequantize, .einsum, .attention, .conv, .convTranspose, .recurrent,
      .sequenceRecurrent, .scan:
      .large
    case .unary, .binary, .compare, .select, .cast, .pool, .reduce, .argReduce, .cumulative, .topK,
      .batchNormalization,
      .normalization, .softmax, .logSoftmax, .reshape, .transpose, .concat, .split, .slice, .pad,
      .expand, .tile,
      .reverse, .gather, .gatherElements, .gatherND, .scatterND, .triangle, .range, .count, .sizes, .resize,
      .lookup,
      .hash,
      .vectorize:
      .inside
    }
  }

  /// Whether the operation is computed in float32 whatever its operands are: its results may be much larger than they.
  var needsFloat32: Bool {
    switch self {
    case .unary(let function): function.leavesFloat16
    case .binary(let function): function == .power
    case .reduce(let function, _, _): function == .sum || function == .product || function == .logSumExp
    // Kernels of cells compute in float32 only.
    case .cumulative, .batchNormalization, .recurrent, .sequenceRecurrent: true
    case .compare, .select, .cast, .matMul, .dense, .dequantize, .einsum, .attention, .conv, .convTranspose,
      .pool,
      .argReduce, .topK,
      .normalization, .softmax, .logSoftmax, .reshape, .transpose, .concat, .split, .slice, .pad,
      .expand, .tile,
      .reverse, .gather, .gatherElements, .gatherND, .scatterND, .triangle, .range, .count, .sizes, .scan,
      .resize,
      .lookup, .hash, .vectorize:
      false
    }
  }

  /// The range of the results of operands of a range, `inside` when it was computed in float16.
  func resultRange(of operands: Float16Range) -> Float16Range {
    switch self {
    case .unary(let function):
      function.isBounded ? .inside : function.leavesFloat16 ? max(operands, .large) : operands
    case .softmax, .normalization, .batchNormalization, .compare, .argReduce: .inside
    case .binary(.power), .reduce(.sum, _, _), .reduce(.product, _, _), .reduce(.logSumExp, _, _),
      .cumulative:
      max(operands, .large)
    case .binary, .reduce, .select, .cast, .matMul, .dense, .dequantize, .einsum, .attention, .conv,
      .convTranspose,
      .pool, .topK,
      .logSoftmax,
      .reshape, .transpose, .concat, .split, .slice, .pad, .expand, .tile, .reverse, .gather, .gatherElements,
      .gatherND,
      .scatterND, .triangle, .range, .count, .sizes, .recurrent, .sequenceRecurrent, .scan, .resize, .lookup,
      .hash,
      .vectorize:
      operands
    }
  }
}

extension UnaryFunction {
  /// Whether results lie within a few units whatever the operand is.
  fileprivate var isBounded: Bool {
    switch self {
    case .sign, .sin, .cos, .asin, .acos, .atan, .tanh, .erf, .sigmoid, .hardSigmoid, .softsign, .isNaN,
      .isInfinite,
      .logicalNot:
      true
    case .clip(let minimum, let maximum):
      [minimum, maximum].allSatisfy { $0.map { $0.magnitude <= 65504 } == true }
    case .negate, .absolute, .reciprocal, .exp, .log, .sqrt, .square, .expm1, .log1p, .floor, .ceil, .round,
      .truncate,
      .tan, .sinh, .cosh, .asinh, .acosh, .atanh, .relu, .leakyRelu, .elu, .selu, .softplus, .gelu, .swish,
      .hardSwish,
      .mish, .bitwiseNot:
      false
    }
  }

  /// Whether results may be far larger than operands.
  fileprivate var leavesFloat16: Bool {
    switch self {
    case .reciprocal, .exp, .square, .expm1, .tan, .sinh, .cosh: true
    case .negate, .absolute, .sign, .log, .sqrt, .log1p, .floor, .ceil, .round, .truncate, .sin, .cos, .asin,
      .acos,
      .atan, .tanh, .asinh, .acosh, .atanh, .erf, .sigmoid, .relu, .leakyRelu, .elu, .selu, .hardSigmoid,
      .softplus,
      .softsign, .gelu, .swish, .hardSwish, .mish, .clip, .isNaN, .isInfinite, .logicalNot, .bitwiseNot:
      false
    }
  }
}
