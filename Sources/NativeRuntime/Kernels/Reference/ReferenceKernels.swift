import ModelIR

/// The reference kernels by operation.
enum ReferenceKernels {
  /// Evaluates one operation whose sizes are known.
  ///
  /// Arithmetic in 16-bit floats is done in float32 and rounded; integers are computed in 64 bits and wrapped.
  /// - Parameter forms: the forms of the results.
  static func evaluate(_ op: Op, _ operands: [Tensor], results forms: [OperandForm]) throws -> [Tensor] {
    // Nothing is to be computed, whatever the sizes of the other axes.
    if forms.allSatisfy({ $0.elementCount == 0 }) { return try forms.map(ReferenceKernels.empty) }
    if op.isMovement { return try movement(op, operands) }
    // Numbers of few bits are read where they are.
    if case .dequantize(let attributes) = op {
      let type = try op.inferTypes(operands.map(\.type))[0]
      return [try dequantize(attributes, operands).narrowed(to: type.dtype)]
    }
    var wide = operands
    for (index, operand) in operands.enumerated() { wide[index] = try operand.widened(for: op) }
    let results = try unsigned(op, wide) ?? arithmetic(op, wide)
    return try zip(results, forms).map { try $0.narrowed(to: $1.dtype) }
  }

  private static func empty(_ form: OperandForm) throws -> Tensor {
    if form.dtype == .string { return try Tensor([String](), sizes: form.sizes) }
    return try Tensor(dtype: form.dtype, sizes: form.sizes, storage: MemoryStorage(byteCount: 0))
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
    case .dequantize(let attributes): return [try dequantize(attributes, x)]
    case .conv(let attributes): return [try convolution(attributes, x)]
    case .convTranspose(let attributes): return [try transposedConvolution(attributes, x)]
    case .attention(let attributes): return [try attention(attributes, x)]
    case .pool(let attributes): return [try pool(attributes, x[0])]
    case .reduce(let function, let axes, let keepDims): return [try reduce(function, x[0], axes, keepDims)]
    case .argReduce(let function, let axis, let keepDims):
      return [try argReduce(function, x[0], axis, keepDims)]
    case .cumulative(let function, let axis, let reverse, let exclusive):
      return [try cumulative(function, x[0], axis, reverse: reverse, exclusive: exclusive)]
    case .topK(let k, let axis, let largest): return try topK(x[0], known(k), axis, largest)
    case .batchNormalization(let axis, let epsilon): return [try batchNormalization(x, axis, epsilon)]
    case .normalization(let kind, let epsilon): return [try normalization(kind, epsilon, x)]
    case .softmax(let axis): return [try softmax(x[0], axis, isLog: false)]
    case .logSoftmax(let axis): return [try softmax(x[0], axis, isLog: true)]
    case .scatterND(let reduction): return [try scatterND(x[0], x[1], x[2], reduction)]
    case .range(let size):
      return [try range(size)]
    case .count: return [try count(x[0])]
    case .sizes(let sizes): return [Tensor(vector: try sizes.map { Int64(try number($0)) })]
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

/// A size that an operation needs as a number.
func known(_ size: Dimension) throws -> Int {
  let number = try number(size)
  guard number >= 0 else { throw KernelError("an axis would have \(number) elements") }
  return number
}

/// An expression of sizes as a number, which need not be a size itself.
func number(_ size: Dimension) throws -> Int {
  guard let number = size.fixedSize else { throw KernelError("the size \(size) is not known") }
  return number
}

/// The numbers below a size.
private func range(_ size: Dimension) throws -> Tensor {
  let count = try known(size)
  return try Tensor.make(Int64.self, [count]) { target in
    for i in 0..<count { target[i] = Int64(i) }
  }
}

extension Tensor {
  /// The tensor in the type its arithmetic is done in: float32, float64, int64, bool or string; uint64 for the
  /// operations that tell it from int64.
  func widened(for op: Op) throws -> Tensor {
    switch dtype {
    case .float32, .float64, .int64, .bool, .string: self
    case .uint64 where op.tellsUnsigned: self
    case .float16, .bfloat16: try cast(to: .float32)
    case .int8, .uint8, .int16, .uint16, .int32, .uint32, .uint64: try cast(to: .int64)
    }
  }

  /// The tensor in the type a result has.
  func narrowed(to target: DType) throws -> Tensor { dtype == target ? self : try cast(to: target) }

  /// A new tensor whose elements, zeros at first, `body` writes; it is not called when there are none.
  static func make<T: TensorElement>(
    _ type: T.Type, _ sizes: [Int], _ body: (UnsafeMutablePointer<T>) throws -> Void
  ) throws -> Tensor {
    let storage = try MemoryStorage(byteCount: ElementCount.bytes(sizes, T.dtype)) { bytes in
      try bytes.withMemoryRebound(to: T.self) { buffer in
        if let base = buffer.baseAddress, !buffer.isEmpty { try body(base) }
      }
    }
    return try Tensor(dtype: T.dtype, sizes: sizes, storage: storage)
  }

  /// The elements in place. The bytes are aligned: constants and inputs are when they enter a session.
  func read<T: TensorElement, R>(_ type: T.Type, _ body: (UnsafePointer<T>) throws -> R) throws -> R {
    guard dtype == T.dtype else { throw KernelError("expected \(T.dtype.rawValue), found \(dtype.rawValue)") }
    return try withBytes { bytes in
      guard let base = bytes.baseAddress else {
        // Nothing is read where there is nothing; a pointer is needed all the same.
        return try withUnsafeTemporaryAllocation(of: T.self, capacity: 1) { spare in
          guard let base = spare.baseAddress else { throw KernelError("no elements") }
          return try body(UnsafePointer(base))
        }
      }
      return try body(base.assumingMemoryBound(to: T.self))
    }
  }
}
