/// A view of a tensor's elements: axes in another order or direction, or a part of them.
///
/// Elements are copied as they are, whatever their type, in pieces as the view is read.
package final class StridedStorage: TensorStorage {
  private let source: Tensor
  /// The sizes of the view.
  package let sizes: [Int]
  /// How many elements of the source one step along each axis is; negative where the axis is turned round.
  private let strides: [Int]
  /// The element of the source that is the view's first.
  private let offset: Int
  package let byteCount: Int

  static let pieceByteCount = 1 << 20

  /// - Precondition: every index of the view is an element of the source; the element type is not string.
  init(_ source: Tensor, sizes: [Int], strides: [Int], offset: Int = 0) {
    self.source = source
    self.sizes = sizes
    self.strides = strides
    self.offset = offset
    byteCount = sizes.reduce(1, *) * source.dtype.byteCount
  }

  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    let whole = try MemoryStorage(byteCount: byteCount) { target in
      try withReader { read in try read(0, target) }
    }
    return try whole.withBytes(body)
  }

  package func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let piece = try MemoryBudget.process.allocate(min(StridedStorage.pieceByteCount, byteCount))
    defer { MemoryBudget.process.deallocate(piece) }
    try withReader { read in
      for start in stride(from: 0, to: byteCount, by: StridedStorage.pieceByteCount) {
        let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<min(piece.count, byteCount - start)])
        try read(start, part)
        try body(UnsafeRawBufferPointer(part))
        release(start / source.dtype.byteCount..<(start + part.count) / source.dtype.byteCount)
      }
    }
  }

  /// Gives the source's pages behind a range of the view back to the system when they lie close together, so that
  /// later pieces do not need them.
  private func release(_ elements: Range<Int>) {
    guard let held = source.storage as? HeldStorage, !elements.isEmpty else { return }
    let (first, last) = (position(elements.lowerBound), position(elements.upperBound - 1))
    var (low, high) = (offset, offset)
    var isFixed = true
    for axis in sizes.indices {
      let range = isFixed ? (first[axis], last[axis]) : (0, sizes[axis] - 1)
      low += min(range.0 * strides[axis], range.1 * strides[axis])
      high += max(range.0 * strides[axis], range.1 * strides[axis])
      isFixed = isFixed && range.0 == range.1
    }
    guard high - low < 4 * elements.count else { return }
    let width = source.dtype.byteCount
    held.bytes.slice(offset: low * width, count: (high - low + 1) * width)?.releasePages()
  }

  /// The index of an element of the view along each axis.
  private func position(_ element: Int) -> [Int] {
    var rest = element
    var index = Array(repeating: 0, count: sizes.count)
    for axis in sizes.indices.reversed() {
      index[axis] = rest % sizes[axis]
      rest /= sizes[axis]
    }
    return index
  }
}

// MARK: - Reading

extension StridedStorage: SeekableStorage {
  func withReader<R>(_ body: (@escaping TensorReader) throws -> R) throws -> R {
    try source.withBytes { bytes in
      try body { [self] start, target in
        switch source.dtype.byteCount {
        case 1: fill(target, from: bytes, at: start, UInt8.self)
        case 2: fill(target, from: bytes, at: start / 2, UInt16.self)
        case 4: fill(target, from: bytes, at: start / 4, UInt32.self)
        default: fill(target, from: bytes, at: start / 8, UInt64.self)
        }
      }
    }
  }

  /// Writes as many elements of the view as fit, from this one on.
  private func fill<T: BitwiseCopyable>(
    _ target: UnsafeMutableRawBufferPointer, from bytes: UnsafeRawBufferPointer, at first: Int, _ type: T.Type
  ) {
    let width = MemoryLayout<T>.stride
    guard target.count > 0 else { return }
    guard let count = sizes.last, let step = strides.last else {
      target.copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[(offset * width)...].prefix(target.count)))
      return
    }
    var index = position(first)
    var place = offset
    for axis in sizes.indices { place += index[axis] * strides[axis] }
    var written = 0
    let innermost = sizes.count - 1
    while written < target.count {
      let run = min(count - index[innermost], (target.count - written) / width)
      for i in 0..<run {
        let value = bytes.loadUnaligned(fromByteOffset: (place + i * step) * width, as: T.self)
        target.storeBytes(of: value, toByteOffset: written + i * width, as: T.self)
      }
      written += run * width
      index[innermost] += run
      place += run * step
      var axis = innermost
      while axis > 0, index[axis] == sizes[axis] {
        place += strides[axis - 1] - sizes[axis] * strides[axis]
        index[axis] = 0
        index[axis - 1] += 1
        axis -= 1
      }
    }
  }
}

// MARK: - Views

extension Tensor {
  /// The steps between neighbours along each axis, in elements.
  var rowMajorStrides: [Int] {
    var strides = Array(repeating: 1, count: rank)
    for axis in stride(from: rank - 2, through: 0, by: -1) {
      strides[axis] = strides[axis + 1] * sizes[axis + 1]
    }
    return strides
  }

  private func view(_ storage: StridedStorage) throws(TensorError) -> Tensor {
    try Tensor(dtype: dtype, sizes: storage.sizes, storage: storage)
  }

  private func expectAxes(_ axes: [Int]) throws(TensorError) {
    guard axes.allSatisfy({ sizes.indices.contains($0) }), dtype != .string else {
      throw TensorError("axes \(axes) of a tensor of sizes \(sizes)")
    }
  }

  /// A view with the axes in another order; no bytes are read.
  /// - Throws: ``TensorError`` unless `permutation` is one of the tensor's axes, and for strings.
  package func transposed(_ permutation: [Int]) throws(TensorError) -> Tensor {
    if permutation == Array(0..<rank) { return self }
    try expectAxes(permutation)
    guard permutation.sorted() == Array(0..<rank) else {
      throw TensorError("expected a permutation of \(rank) axes, found \(permutation)")
    }
    let strides = rowMajorStrides
    return try view(
      StridedStorage(self, sizes: permutation.map { sizes[$0] }, strides: permutation.map { strides[$0] }))
  }

  /// A view with the order along axes turned round; no bytes are read.
  /// - Throws: ``TensorError`` for an axis that is none, and for strings.
  package func flipped(axes: [Int]) throws(TensorError) -> Tensor {
    try expectAxes(axes)
    var (strides, offset) = (rowMajorStrides, 0)
    for axis in Set(axes) {
      offset += max(sizes[axis] - 1, 0) * strides[axis]
      strides[axis] = -strides[axis]
    }
    return try view(StridedStorage(self, sizes: sizes, strides: strides, offset: offset))
  }

  /// A view of some columns of a matrix; no bytes are read.
  /// - Throws: ``TensorError`` unless the columns are among the last axis's.
  package func columns(_ range: Range<Int>) throws(TensorError) -> Tensor {
    guard let count = sizes.last, dtype != .string, range.lowerBound >= 0, range.upperBound <= count else {
      throw TensorError("columns \(range) of a tensor of sizes \(sizes)")
    }
    return try view(
      StridedStorage(
        self, sizes: sizes.dropLast() + [range.count], strides: rowMajorStrides, offset: range.lowerBound))
  }

  /// The same elements in another shape.
  /// - Throws: ``TensorError`` unless the numbers of elements are equal.
  package func reshaped(_ sizes: [Int]) throws(TensorError) -> Tensor {
    try Tensor(dtype: dtype, sizes: sizes, storage: storage)
  }
}
