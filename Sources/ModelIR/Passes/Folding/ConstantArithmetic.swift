/// Operations on constants, without reading the bytes of big ones: movement is a view, arithmetic is done when the result
/// is read. Floating-point arithmetic is in double precision, rounded once.
enum ConstantArithmetic {
  /// Results up to so many elements may be larger than their operands.
  private static let smallCount = 4096

  /// The results, or nil when the operation is none of those that are known here.
  /// - Throws: `TensorError` when they are no tensors.
  static func evaluate(_ op: Op, _ x: [Tensor], types: [TensorType]) throws(TensorError) -> [Tensor]? {
    var sizes: [[Int]] = []
    for type in types {
      guard let known = type.shape.fixedSizes else { return nil }
      sizes.append(known)
    }
    guard let dtype = types.first?.dtype, let result = sizes.first,
      !x.contains(where: { $0.dtype == .string })
    else { return nil }
    let count = try ElementCount.of(result)
    let grows = x.allSatisfy { count > max(smallCount, $0.elementCount) }
    switch op {
    case .reshape: return [try x[0].reshaped(result)]
    case .transpose(let permutation): return [try x[0].transposed(permutation)]
    case .reverse(let axes): return [try x[0].flipped(axes: axes)]
    case .slice(let ranges): return [try x[0].sliced(ranges)]
    case .split(let axis, _): return try x[0].split(axis: axis, sizes: sizes.map { $0[axis] })
    case .concat(let axis): return try Tensor.joined(x, axis: axis, sizes: result).map { [$0] }
    case .expand: return grows ? nil : [try x[0].broadcast(to: result)]
    case .cast(let target):
      if count > smallCount { return [x[0].convertedWhenRead(to: target)] }
      let operand = x[0]
      return [try lazily(dtype: target, result) { try operand.converted(to: target) }]
    case .count: return nil
    case .range: return count <= smallCount ? [Tensor(vector: (0..<count).map(Int64.init))] : nil
    case .sizes(let dimensions):
      guard let fixed = Shape(dimensions).fixedSizes else { return nil }
      return [Tensor(vector: fixed.map(Int64.init))]
    case .unary(let function):
      guard x[0].dtype.isFloatingPoint, let apply = function.number else { return nil }
      return [try numbers(dtype, result) { try x[0].doubles().map(apply) }]
    case .binary(let function):
      if grows { return nil }
      return try binary(function, x[0], x[1], dtype, result).map { [$0] }
    case .reduce(.sum, let axes, _)
    where x[0].rank > 0 && axes == Array(0..<(x[0].rank - 1)) && x[0].dtype.isFloatingPoint:
      let columns = x[0].sizes[x[0].rank - 1]
      return [try numbers(dtype, result) { try columnSums(x[0], columns) }]
    case .compare, .select, .matMul, .dense, .dequantize, .einsum, .attention, .conv, .convTranspose, .pool,
      .reduce,
      .argReduce,
      .cumulative, .topK,
      .batchNormalization, .normalization, .softmax, .logSoftmax, .pad, .tile, .gather, .gatherElements,
      .gatherND,
      .scatterND, .triangle, .recurrent, .sequenceRecurrent, .scan, .resize, .lookup, .hash, .vectorize:
      return nil
    }
  }

  /// In double precision, tile by tile.
  private static func columnSums(_ tensor: Tensor, _ columns: Int) throws -> [Double] {
    var sums = Array(repeating: 0.0, count: columns)
    var column = 0
    try tensor.storage.forEachPiece { piece in
      let part = try Tensor(dtype: tensor.dtype, sizes: [piece.count / tensor.dtype.byteCount], bytes: piece)
      for value in try part.doubles() {
        sums[column] += value
        column = column + 1 == columns ? 0 : column + 1
      }
    }
    return sums
  }

  private static func binary(
    _ function: BinaryFunction, _ a: Tensor, _ b: Tensor, _ dtype: DType, _ sizes: [Int]
  ) throws(TensorError) -> Tensor? {
    if dtype.isFloatingPoint {
      guard let apply = function.number else { return nil }
      if a.sizes == sizes, a.elementCount > smallCount, let factors = PeriodicOperand(b, against: sizes),
        let operation = Arithmetic(function)
      {
        return try Tensor(dtype: dtype, sizes: sizes, storage: ElementwiseStorage(a, factors, operation))
      }
      if let made = small(function, a, b, dtype, sizes) { return made }
      return try numbers(dtype, sizes) {
        let (p, q) = (try a.broadcast(to: sizes).doubles(), try b.broadcast(to: sizes).doubles())
        return zip(p, q).map(apply)
      }
    }
    // Integers below 2^31 in 64 bits: nothing that is folded wraps around.
    guard dtype == .int64 || dtype == .int32, let apply = function.integer, a.elementCount <= smallCount,
      b.elementCount <= smallCount, let p = try? [Int64](a.broadcast(to: sizes)),  // As the next.
      // Constants that cannot be read stay in the graph and fail there.
      let q = try? [Int64](b.broadcast(to: sizes))
    else { return nil }
    let bound: UInt64 = 1 << 31
    guard (p + q).allSatisfy({ $0.magnitude < bound }) else { return nil }
    let results = zip(p, q).map(apply)
    guard results.allSatisfy({ $0.magnitude < bound }) else { return nil }
    return try Tensor(results.map(Double.init), sizes: sizes, dtype: dtype)
  }

  /// The common case, vectors that a normalization consists of: in single precision, which gives the same as double
  /// precision rounded. Nil for others, and for what cannot be read.
  private static func small(
    _ function: BinaryFunction, _ a: Tensor, _ b: Tensor, _ dtype: DType, _ sizes: [Int]
  ) -> Tensor? {
    guard dtype == .float32, a.dtype == .float32, b.dtype == .float32, a.sizes == sizes, sizes.count == 1,
      sizes[0] <= smallCount, b.sizes == sizes || b.rank == 0, let operation = Arithmetic(function),
      // Asked again by who calls.
      let p: [Float] = try? a.elements(), let q: [Float] = try? b.elements(), !q.isEmpty
    else { return nil }
    return Tensor(vector: p.indices.map { operation(p[$0], q[q.count == 1 ? 0 : $0]) })
  }

  /// A tensor of numbers, made at once when it is small.
  private static func numbers(
    _ dtype: DType, _ sizes: [Int], _ values: @escaping @Sendable () throws -> [Double]
  ) throws(TensorError) -> Tensor {
    try lazily(dtype: dtype, sizes) { try Tensor(try values(), sizes: sizes, dtype: dtype) }
  }

  private static func lazily(
    dtype: DType, _ sizes: [Int], _ make: @escaping @Sendable () throws -> Tensor
  ) throws(TensorError) -> Tensor {
    let count = try ElementCount.of(sizes)
    if count <= smallCount, let made = try? make() { return made }  // Else asked again, where it fails.
    return try Tensor(
      dtype: dtype, sizes: sizes, storage: ComputedStorage(byteCount: count * dtype.byteCount, make))
  }
}

extension UnaryFunction {
  /// The function on numbers, where it needs no more than a line.
  fileprivate var number: (@Sendable (Double) -> Double)? {
    switch self {
    case .negate: { -$0 }
    case .absolute: { $0.magnitude }
    case .reciprocal: { 1 / $0 }
    case .sqrt: { $0.squareRoot() }
    case .square: { $0 * $0 }
    case .relu: { $0.isNaN ? $0 : max($0, 0) }
    case .clip(let minimum, let maximum):
      { number in
        if number.isNaN { return number }
        let raised = minimum.map { max(number, $0) } ?? number
        return maximum.map { min(raised, $0) } ?? raised
      }
    default: nil
    }
  }
}

extension BinaryFunction {
  fileprivate var number: (@Sendable (Double, Double) -> Double)? {
    switch self {
    case .add: { $0 + $1 }
    case .subtract: { $0 - $1 }
    case .multiply: { $0 * $1 }
    case .divide: { $0 / $1 }
    default: nil
    }
  }

  fileprivate var integer: (@Sendable (Int64, Int64) -> Int64)? {
    switch self {
    case .add: { $0 + $1 }
    case .subtract: { $0 - $1 }
    case .multiply: { $0 * $1 }
    default: nil
    }
  }
}
