// Views of constants; no bytes are read.
extension Tensor {
  /// A strided part, NumPy's basic slices.
  /// - Precondition: the axes are the tensor's; the element type is not string.
  package func sliced(_ ranges: [SliceRange]) -> Tensor {
    var (sizes, strides, offset) = (sizes, rowMajorStrides, 0)
    for range in ranges {
      let (start, count, step) = range.resolved(size: sizes[range.axis])
      if count > 0 { offset += start * strides[range.axis] }
      sizes[range.axis] = count
      // One element needs no step; steps may be as large as integers get.
      strides[range.axis] = count > 1 ? strides[range.axis] * step : 0
    }
    return Tensor(
      dtype: dtype, sizes: sizes,
      storage: StridedStorage(self, sizes: sizes, strides: strides, offset: offset))
  }

  /// Consecutive parts along an axis.
  package func split(axis: Int, sizes: [Int]) -> [Tensor] {
    var start = 0
    return sizes.map { size in
      defer { start += size }
      return sliced([SliceRange(axis: axis, start: start, stop: start + size)])
    }
  }

  /// NumPy's broadcast.
  /// - Precondition: the sizes broadcast to these; the element type is not string.
  package func broadcast(to target: [Int]) -> Tensor {
    if sizes == target { return self }
    let missing = target.count - rank
    let own = rowMajorStrides
    let strides = target.indices.map { $0 < missing || sizes[$0 - missing] == 1 ? 0 : own[$0 - missing] }
    return Tensor(dtype: dtype, sizes: target, storage: StridedStorage(self, sizes: target, strides: strides))
  }

  /// Tensors joined along an axis; nil when there are none or they do not fit.
  package static func joined(_ parts: [Tensor], axis: Int, sizes: [Int]) -> Tensor? {
    // Along the last axis of matrices: what lies before the axis, and the axis with what lies behind it.
    let rows = sizes[..<axis].reduce(1, *)
    let inner = sizes[(axis + 1)...].reduce(1, *)
    let matrices = parts.map { $0.reshaped([rows, $0.sizes[axis] * inner]) }
    return joinedOnLastAxis(matrices)?.reshaped(sizes)
  }
}
