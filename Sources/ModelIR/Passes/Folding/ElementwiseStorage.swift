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

/// The elements of a tensor combined with a small operand, piece by piece as they are read.
final class ElementwiseStorage: TensorStorage {
  private let source: Tensor
  private let operand: PeriodicOperand
  private let apply: @Sendable (Double, Double) -> Double

  /// - Precondition: the source's type is a floating one.
  init(_ source: Tensor, _ operand: PeriodicOperand, _ apply: @escaping @Sendable (Double, Double) -> Double)
  {
    self.source = source
    self.operand = operand
    self.apply = apply
  }

  var byteCount: Int { source.byteCount }

  func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    let whole = try MemoryStorage(byteCount: byteCount) { target in
      var written = 0
      try forEachPiece { piece in
        UnsafeMutableRawBufferPointer(rebasing: target[written...]).copyMemory(from: piece)
        written += piece.count
      }
    }
    return try whole.withBytes(body)
  }

  func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let numbers = try operand.tensor.doubles()
    let width = source.dtype.byteCount
    var first = 0
    try source.withBytes { bytes in
      let step = max(StridedStorage.pieceByteCount / width, 1)
      while first < source.elementCount {
        let count = min(step, source.elementCount - first)
        let part = UnsafeRawBufferPointer(rebasing: bytes[(first * width)..<((first + count) * width)])
        try combined(part, first, count, numbers).withBytes(body)
        first += count
      }
    }
  }

  private func combined(
    _ bytes: UnsafeRawBufferPointer, _ first: Int, _ count: Int, _ numbers: [Double]
  ) throws -> Tensor {
    var values = try Tensor(dtype: source.dtype, sizes: [count], bytes: bytes).doubles()
    for index in values.indices {
      values[index] = apply(values[index], numbers[(first + index) / operand.inner % operand.count])
    }
    return try Tensor(values, sizes: [count], dtype: source.dtype)
  }
}
