import CKernels
import ModelFiles

/// A small operand broadcast against a big one along one axis: element `i` of the big one meets number
/// `i / inner % numbers.count`.
struct PeriodicOperand: Sendable {
  let tensor: Tensor
  let inner: Int
  let count: Int

  /// Nil when the operand varies along more than one axis, or its sizes do not broadcast to these.
  init?(_ tensor: Tensor, against sizes: [Int]) {
    let padded = Array(repeating: 1, count: max(sizes.count - tensor.rank, 0)) + tensor.sizes
    let axes = padded.indices.filter { padded[$0] != 1 }
    guard padded.count == sizes.count, axes.count <= 1 else { return nil }
    self.tensor = tensor
    guard let axis = axes.first else {
      (inner, count) = (1, 1)
      return
    }
    guard padded[axis] == sizes[axis] else { return nil }
    inner = sizes[(axis + 1)...].reduce(1, *)
    count = padded[axis]
  }
}

/// One of the four operations of arithmetic.
enum Arithmetic: Sendable {
  case add, subtract, multiply, divide

  init?(_ function: BinaryFunction) {
    switch function {
    case .add: self = .add
    case .subtract: self = .subtract
    case .multiply: self = .multiply
    case .divide: self = .divide
    default: return nil
    }
  }

  fileprivate var kernel: ck_binary_function {
    switch self {
    case .add: ck_add
    case .subtract: ck_subtract
    case .multiply: ck_multiply
    case .divide: ck_divide
    }
  }

  func callAsFunction<T: FloatingPoint>(_ x: T, _ y: T) -> T {
    switch self {
    case .add: x + y
    case .subtract: x - y
    case .multiply: x * y
    case .divide: x / y
    }
  }
}

/// The elements of a tensor combined with a small operand, tile by tile as they are read.
///
/// In double precision and rounded once: in single precision for the types that are no wider, where rounding the result
/// in single precision first gives the same numbers.
final class ElementwiseStorage: TensorStorage {
  let source: Tensor
  private let operand: PeriodicOperand
  private let operation: Arithmetic

  /// - Precondition: the source's type is a floating one.
  init(_ source: Tensor, _ operand: PeriodicOperand, _ operation: Arithmetic) {
    self.source = source
    self.operand = operand
    self.operation = operation
  }

  var byteCount: Int { source.byteCount }
  var tileByteCount: Int { source.storage.tileByteCount }

  func releasePages() { source.storage.releasePages() }

  func reader() throws -> any RangeReader {
    let reader = try source.storage.reader()
    if source.dtype == .float64 {
      return ElementwiseReader(
        source: reader, dtype: .float64, operand, numbers: try [Double](operand.tensor)
      ) {
        [operation] in Self.combine(operation, $0, $1, $2)
      }
    }
    return ElementwiseReader(
      source: reader, dtype: source.dtype, operand, numbers: try [Float](operand.tensor)
    ) {
      [kernel = operation.kernel] values, number, isOne in
      guard let x = values.baseAddress else { return }
      ck_binary(kernel, x, 1, number, isOne ? 0 : 1, x, values.count)
    }
  }

  private static func combine(
    _ operation: Arithmetic, _ values: UnsafeMutableBufferPointer<Double>, _ numbers: UnsafePointer<Double>,
    _ isOne: Bool
  ) {
    for index in values.indices { values[index] = operation(values[index], numbers[isOne ? 0 : index]) }
  }

  /// The same with the axes of both operands in another order; nil when the operand's elements have no axis of their own.
  func transposed(_ permutation: [Int]) throws(TensorError) -> ElementwiseStorage? {
    let padded = Array(repeating: 1, count: source.rank - operand.tensor.rank) + operand.tensor.sizes
    let moved = try source.transposed(permutation)
    let small = try operand.tensor.reshaped(permutation.map { padded[$0] })
    return PeriodicOperand(small, against: moved.sizes).map { ElementwiseStorage(moved, $0, operation) }
  }
}

/// Computes in `T`, whatever the elements' type.
private struct ElementwiseReader<T: TensorElement>: MakingReader {
  let source: any RangeReader
  let dtype: DType
  let operand: PeriodicOperand
  let numbers: [T]
  /// Combines elements with as many numbers, or all with one.
  let combine: @Sendable (UnsafeMutableBufferPointer<T>, UnsafePointer<T>, Bool) -> Void

  init(
    source: any RangeReader, dtype: DType, _ operand: PeriodicOperand, numbers: [T],
    combine: @escaping @Sendable (UnsafeMutableBufferPointer<T>, UnsafePointer<T>, Bool) -> Void
  ) {
    self.source = source
    self.dtype = dtype
    self.operand = operand
    self.numbers = numbers
    self.combine = combine
  }

  func read(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    let (first, count) = (range.lowerBound / dtype.byteCount, range.count / dtype.byteCount)
    if dtype == T.dtype, let start = target.baseAddress,
      Int(bitPattern: start) % MemoryLayout<T>.alignment == 0
    {
      // Where they are to be: two copies less of every weight that a normalization is folded into.
      try source.read(range, into: target)
      combineAll(
        UnsafeMutableBufferPointer(start: start.bindMemory(to: T.self, capacity: count), count: count), first)
      return
    }
    try withScratch(count * T.dtype.byteCount) { scratch in
      guard let start = scratch.baseAddress, let target = target.baseAddress else { return }
      try source.withBytes(range) { bytes in
        guard let bytes = bytes.baseAddress else { return }
        ElementConversion.convert(bytes, dtype, to: start, T.dtype, count: count)
      }
      combineAll(
        UnsafeMutableBufferPointer(start: start.bindMemory(to: T.self, capacity: count), count: count), first)
      ElementConversion.convert(start, T.dtype, to: target, dtype, count: count)
    }
  }

  /// Run by run: elements that meet one number, or those that meet all numbers in turn.
  private func combineAll(_ values: UnsafeMutableBufferPointer<T>, _ first: Int) {
    numbers.withUnsafeBufferPointer { numbers in
      guard let start = numbers.baseAddress else { return }
      var done = 0
      while done < values.count {
        let (group, rest) = (first + done).quotientAndRemainder(dividingBy: operand.inner)
        let number = group % operand.count
        let isOne = operand.inner > 1 || operand.count == 1
        let run = operand.count == 1 ? values.count : isOne ? operand.inner - rest : operand.count - number
        let end = min(done + run, values.count)
        combine(UnsafeMutableBufferPointer(rebasing: values[done..<end]), start + number, isOne)
        done = end
      }
    }
  }
}
