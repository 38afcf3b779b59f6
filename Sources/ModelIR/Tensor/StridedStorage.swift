import CKernels
package import ModelFiles

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

  /// - Precondition: the element type is not string.
  /// - Throws: ``TensorError`` for more elements than a tensor has, and for a view that reaches beyond its source.
  init(_ source: Tensor, sizes: [Int], strides: [Int], offset: Int = 0) throws(TensorError) {
    let count = try ElementCount.of(sizes)
    var (low, high) = (offset, offset)
    for (size, step) in zip(sizes, strides) where count > 0 {
      low += min((size - 1) * step, 0)
      high += max((size - 1) * step, 0)
    }
    // Reading checks no bounds in release builds.
    guard sizes.count == strides.count, count == 0 || low >= 0 && high < source.elementCount else {
      throw TensorError(
        "a view of sizes \(sizes) reaches beyond the \(source.elementCount) elements of its source")
    }
    self.source = source
    self.sizes = sizes
    self.strides = strides
    self.offset = offset
    byteCount = count * source.dtype.byteCount
  }

  package var tileByteCount: Int {
    // Whole rows of what lies behind the axis that is contiguous in the source, sixteen or more, so that a row of the
    // source gives a cache line.
    let width = source.dtype.byteCount
    guard let axis = strides.dropLast().firstIndex(of: 1), strides.last != 1 else {
      return ByteTiles.byteCount
    }
    let row = max(sizes[(axis + 1)...].reduce(width, *), width)
    let limit = StridedStorage.tileLimit
    guard row <= limit / 8 else { return limit }
    let wide = min(64, StridedStorage.wideByteCount / row)
    return min(max(16, wide, ByteTiles.byteCount / row), limit / row) * row
  }

  package func releasePages() { source.storage.releasePages() }

  /// Up to this size a tile has 64 rows, which take whole lines of the source.
  private static let wideByteCount = 1 << 20
  /// The largest tile of long rows.
  private static let tileLimit = 8 << 20

  package func reader() throws -> any RangeReader {
    guard sizes.count <= StridedStorage.rankLimit else { throw TensorError("a view of \(sizes.count) axes") }
    return StridedReader(
      source: try source.storage.resident(), width: source.dtype.byteCount, sizes: sizes, strides: strides,
      offset: offset, byteCount: byteCount)
  }

  /// The kernel's limit.
  private static let rankLimit = 64
}

// MARK: - Reading

private final class StridedReader: MakingReader {
  private let source: any ResidentStorage
  private let width: Int
  private let sizes: [Int]
  private let strides: [Int]
  private let offset: Int
  private let byteCount: Int

  /// Sources no larger stay mapped until all has been read.
  private static let mappedLimit = 16 << 20

  init(source: any ResidentStorage, width: Int, sizes: [Int], strides: [Int], offset: Int, byteCount: Int) {
    self.source = source
    self.width = width
    self.sizes = sizes
    self.strides = strides
    self.offset = offset
    self.byteCount = byteCount
  }

  private var held: HeldBytes? { (source as? HeldStorage)?.bytes }

  func read(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    guard !range.isEmpty, let start = target.baseAddress else { return }
    try source.withBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      ck_copy_strided(
        base + offset * width, width, sizes.count, sizes, strides, range.lowerBound / width,
        range.count / width,
        start)
    }
    guard let held else { return }
    // The source's bytes are read in another order: each tile reports its share of them.
    held.slice(share(of: held.count, range))?.reportRead()
    countRead(range.lowerBound / width..<range.upperBound / width, of: held)
  }

  /// As large a part of a number of bytes as a range is of the view.
  private func share(of count: Int, _ range: Range<Int>) -> Range<Int> {
    func scaled(_ place: Int) -> Int {
      Int(byteCount.dividingFullWidth(count.multipliedFullWidth(by: place)).quotient)
    }
    return scaled(range.lowerBound)..<scaled(range.upperBound)
  }

  /// Counts the source's pages behind a range of the view, or gives them back to the system where they are many that lie
  /// far apart.
  private func countRead(_ elements: Range<Int>, of held: HeldBytes) {
    let (first, last) = (position(elements.lowerBound), position(elements.upperBound - 1))
    var (low, high) = (offset, offset)
    var isFixed = true
    for axis in sizes.indices {
      let range = isFixed ? (first[axis], last[axis]) : (0, sizes[axis] - 1)
      low += min(range.0 * strides[axis], range.1 * strides[axis])
      high += max(range.0 * strides[axis], range.1 * strides[axis])
      isFixed = isFixed && range.0 == range.1
    }
    if high - low >= 4 * elements.count, held.count > StridedReader.mappedLimit {
      held.releasePages()
    } else {
      held.slice(offset: low * width, count: elements.count * width)?.countRead()
    }
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

extension HeldBytes {
  fileprivate func slice(_ range: Range<Int>) -> HeldBytes? {
    slice(offset: range.lowerBound, count: range.count)
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
    if let moved = try transposedBeforeArithmetic(permutation) { return moved }
    let strides = rowMajorStrides
    return try view(
      StridedStorage(self, sizes: permutation.map { sizes[$0] }, strides: permutation.map { strides[$0] }))
  }

  /// What is computed element by element is computed of elements in their new order, which needs no more than a tile.
  private func transposedBeforeArithmetic(_ permutation: [Int]) throws(TensorError) -> Tensor? {
    if let converted = storage as? ConvertedStorage, converted.source.sizes == sizes {
      return try converted.source.transposed(permutation).convertedWhenRead(to: dtype)
    }
    guard let elementwise = storage as? ElementwiseStorage, elementwise.source.sizes == sizes,
      let moved = try elementwise.transposed(permutation)
    else { return nil }
    return try Tensor(dtype: dtype, sizes: permutation.map { sizes[$0] }, storage: moved)
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
