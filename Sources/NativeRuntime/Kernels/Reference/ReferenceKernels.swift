import ModelIR

/// The reference kernels by operation.
enum ReferenceKernels {
  /// Evaluates one operation whose sizes are known.
  ///
  /// Arithmetic in 16-bit floats is done in float32 and rounded; integers are computed in 64 bits and wrapped.
  /// - Parameter forms: the forms of the results.
  static func evaluate(_ op: Op, _ operands: [Tensor], results forms: [OperandForm]) throws -> [Tensor] {
    if op.isMovement { return try movement(op, operands) }
    var wide = operands
    for (index, operand) in operands.enumerated() { wide[index] = operand.widened() }
    let results = try arithmetic(op, wide)
    return zip(results, forms).map { $0.narrowed(to: $1.dtype) }
  }

  private static func arithmetic(_ op: Op, _ x: [Tensor]) throws -> [Tensor] {
    switch op {
    case .unary(let function): return [try unary(function, x[0])]
    case .binary(let function): return [try binary(function, x[0], x[1])]
    case .compare(let comparison): return [try compare(comparison, x[0], x[1])]
    case .select: return [try select(x[0], x[1], x[2])]
    case .cast(let dtype): return [try x[0].cast(to: dtype)]
    case .matMul: return [try matMul(x[0], x[1])]
    case .dense(let attributes): return [try epilogue(attributes, binary(.add, matMul(x[0], x[1]), x[2]), x)]
    case .einsum(let equation): return [try einsum(EinsumEquation(equation), x)]
    case .conv(let attributes): return [try convolution(attributes, x)]
    case .convTranspose(let attributes): return [try transposedConvolution(attributes, x)]
    case .pool(let attributes): return [try pool(attributes, x[0])]
    case .reduce(let function, let axes, let keepDims): return [try reduce(function, x[0], axes, keepDims)]
    case .argReduce(let function, let axis, let keepDims):
      return [try argReduce(function, x[0], axis, keepDims)]
    case .cumulative(let function, let axis, let reverse, let exclusive):
      return [try cumulative(function, x[0], axis, reverse: reverse, exclusive: exclusive)]
    case .topK(let k, let axis, let largest): return try topK(x[0], k.fixedSize ?? 0, axis, largest)
    case .batchNormalization(let axis, let epsilon): return [try batchNormalization(x, axis, epsilon)]
    case .layerNormalization(let axis, let epsilon): return [try layerNormalization(x, axis, epsilon)]
    case .softmax(let axis): return [try softmax(x[0], axis, isLog: false)]
    case .logSoftmax(let axis): return [try softmax(x[0], axis, isLog: true)]
    case .scatterND(let reduction): return [try scatterND(x[0], x[1], x[2], reduction)]
    case .range(let size):
      return [Tensor((0..<(size.fixedSize ?? 0)).map(Int64.init), sizes: [size.fixedSize ?? 0])]
    case .sizes(let sizes): return [Tensor(sizes.map { Int64($0.fixedSize ?? 0) }, sizes: [sizes.count])]
    case .recurrent(let attributes): return try recurrent(attributes, x)
    case .sequenceRecurrent(let attributes): return try sequenceRecurrent(attributes, x)
    case .scan: throw KernelError("a loop is a plan of its own")
    case .resize(let attributes): return [try resize(attributes, x[0])]
    case .vectorize(let attributes): return [try vectorize(attributes, x[0])]
    case .lookup(let table): return [try lookup(table, x[0])]
    case .hash(let attributes): return [try x.count > 1 ? crossed(attributes, x) : hash(attributes, x[0])]
    case .reshape, .transpose, .concat, .split, .slice, .pad, .expand, .tile, .reverse, .gather,
      .gatherElements,
      .gatherND, .triangle:
      return try movement(op, x)
    }
  }
}

extension Tensor {
  /// The tensor in the type its arithmetic is done in: float32, float64, int64, bool or string.
  func widened() -> Tensor {
    switch dtype {
    case .float32, .float64, .int64, .bool, .string: self
    case .float16, .bfloat16: (try? cast(to: .float32)) ?? self
    case .int8, .uint8, .int16, .uint16, .int32, .uint32, .uint64: (try? cast(to: .int64)) ?? self
    }
  }

  /// The tensor in the type a result has.
  func narrowed(to target: DType) -> Tensor { dtype == target ? self : (try? cast(to: target)) ?? self }

  /// A new tensor whose elements `body` writes.
  static func make<T: TensorElement>(
    _ type: T.Type, _ sizes: [Int], _ body: (UnsafeMutablePointer<T>) throws -> Void
  ) rethrows -> Tensor {
    let count = sizes.reduce(1, *)
    let storage = try MemoryStorage(byteCount: max(count, 1) * MemoryLayout<T>.stride) { bytes in
      try bytes.withMemoryRebound(to: T.self) { buffer in
        if let base = buffer.baseAddress { try body(base) }
      }
    }
    return Tensor(dtype: T.dtype, sizes: sizes, storage: storage)
  }

  /// The elements in place. The bytes are aligned: constants and inputs are when they enter a session.
  func read<T: TensorElement, R>(_ type: T.Type, _ body: (UnsafePointer<T>) throws -> R) throws -> R {
    guard dtype == T.dtype else { throw KernelError("expected \(T.dtype.rawValue), found \(dtype.rawValue)") }
    return try withBytes { bytes in
      guard let base = bytes.baseAddress else { throw KernelError("no elements") }
      return try body(base.assumingMemoryBound(to: T.self))
    }
  }
}
