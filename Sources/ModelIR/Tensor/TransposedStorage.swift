/// A view of a tensor's bytes with the axes in another order, made in pieces as it is read.
package final class TransposedStorage: TensorStorage {
  private let source: Tensor
  private let permutation: [Int]
  /// The sizes of the view.
  package let sizes: [Int]

  /// - Precondition: `permutation` is one of the tensor's axes; the element type is not string.
  package init(_ source: Tensor, permutation: [Int]) {
    self.source = source
    self.permutation = permutation
    sizes = permutation.map { source.sizes[$0] }
  }

  package var byteCount: Int { source.byteCount }

  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    let whole = try MemoryStorage(byteCount: byteCount) { target in
      try source.withBytes { bytes in fill(target, from: bytes, rows: 0..<(sizes.first ?? 1)) }
    }
    return try whole.withBytes(body)
  }

  package func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    guard let rows = sizes.first, rows > 0, byteCount > 0 else { return try withBytes(body) }
    let rowBytes = byteCount / rows
    let step = max(1, (1 << 20) / max(rowBytes, 1))
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: min(step, rows) * rowBytes, alignment: 64)
    defer { piece.deallocate() }
    try source.withBytes { bytes in
      for first in stride(from: 0, to: rows, by: step) {
        let range = first..<min(first + step, rows)
        let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<(range.count * rowBytes)])
        fill(part, from: bytes, rows: range)
        try body(UnsafeRawBufferPointer(part))
      }
    }
  }

  /// Writes the view's rows of the outermost axis.
  private func fill(
    _ target: UnsafeMutableRawBufferPointer, from bytes: UnsafeRawBufferPointer, rows: Range<Int>
  ) {
    switch source.dtype.byteCount {
    case 1: fill(target, bytes, rows, UInt8.self)
    case 2: fill(target, bytes, rows, UInt16.self)
    case 4: fill(target, bytes, rows, UInt32.self)
    default: fill(target, bytes, rows, UInt64.self)
    }
  }

  private func fill<T: BitwiseCopyable>(
    _ target: UnsafeMutableRawBufferPointer, _ bytes: UnsafeRawBufferPointer, _ rows: Range<Int>,
    _ type: T.Type
  ) {
    var own = Array(repeating: 1, count: source.rank)
    for axis in stride(from: source.rank - 2, through: 0, by: -1) {
      own[axis] = own[axis + 1] * source.sizes[axis + 1]
    }
    let steps = permutation.map { own[$0] }
    let width = MemoryLayout<T>.stride
    guard sizes.count > 1, let count = sizes.last, let step = steps.last else {
      target.copyMemory(from: bytes)
      return
    }
    var index = Array(repeating: 0, count: sizes.count - 1)
    index[0] = rows.lowerBound
    var written = 0
    while written < target.count {
      var offset = 0
      for axis in index.indices { offset += index[axis] * steps[axis] }
      for i in 0..<count {
        let value = bytes.loadUnaligned(fromByteOffset: (offset + i * step) * width, as: T.self)
        target.storeBytes(of: value, toByteOffset: written, as: T.self)
        written += width
      }
      var axis = index.count - 1
      while axis >= 0 {
        index[axis] += 1
        if axis == 0 || index[axis] < sizes[axis] { break }
        index[axis] = 0
        axis -= 1
      }
    }
  }
}

extension Tensor {
  /// A view with the axes in another order; no bytes are read.
  package func transposed(_ permutation: [Int]) -> Tensor {
    if permutation == Array(0..<rank) { return self }
    let view = TransposedStorage(self, permutation: permutation)
    return Tensor(dtype: dtype, sizes: view.sizes, storage: view)
  }

  /// The same elements in another shape of equal element count.
  package func reshaped(_ sizes: [Int]) -> Tensor { Tensor(dtype: dtype, sizes: sizes, storage: storage) }
}
