import ModelIR

// Numbers from 2^63 on are negative as int64. Sums, products and bits come out the same; these do not.

extension Op {
  /// Whether 64 bits give another result when they are taken for a signed number.
  var tellsUnsigned: Bool {
    switch self {
    case .cast, .binary, .compare, .argReduce, .topK: true
    case .reduce(let function, _, _): function == .maximum || function == .minimum || function == .mean
    case .unary(let function): function == .absolute || function == .sign || function == .relu
    case .select, .matMul, .dense, .einsum, .conv, .convTranspose, .dequantize, .pool, .cumulative,
      .batchNormalization,
      .normalization, .softmax, .logSoftmax, .reshape, .transpose, .concat, .split, .slice, .pad,
      .expand, .tile,
      .reverse, .gather, .gatherElements, .gatherND, .scatterND, .triangle, .range, .count, .sizes,
      .recurrent,
      .attention, .sequenceRecurrent, .scan, .resize, .lookup, .hash, .vectorize:
      false
    }
  }
}

extension ReferenceKernels {
  /// What is said of unsigned numbers by other means than a kernel of their own; nil for everything else.
  static func unsigned(_ op: Op, _ x: [Tensor]) throws -> [Tensor]? {
    guard let first = x.first, first.dtype == .uint64 else { return nil }
    if case .unary(let function) = op {
      return function == .sign
        ? [try mapElements(first, UInt64.self, to: UInt64.self) { $0 == 0 ? 0 : 1 }] : [first]
    }
    if case .reduce(let function, let axes, let keepDims) = op {
      if function == .mean { return [try reduce(function, first.cast(to: .float64), axes, keepDims)] }
      return [try reduce(function, first.inSignedOrder(), axes, keepDims).inUnsignedOrder()]
    }
    if case .argReduce(let function, let axis, let keepDims) = op {
      return [try argReduce(function, first.inSignedOrder(), axis, keepDims)]
    }
    if case .topK(let k, let axis, let largest) = op {
      let results = try topK(first.inSignedOrder(), known(k), axis, largest)
      return [try results[0].inUnsignedOrder(), results[1]]
    }
    return nil
  }
}

extension Tensor {
  /// uint64 as int64 of the same order.
  fileprivate func inSignedOrder() throws -> Tensor {
    try mapElements(self, UInt64.self, to: Int64.self) { Int64(bitPattern: $0 ^ (1 << 63)) }
  }

  /// The way back.
  fileprivate func inUnsignedOrder() throws -> Tensor {
    try mapElements(self, Int64.self, to: UInt64.self) { UInt64(bitPattern: $0) ^ (1 << 63) }
  }
}
