// Views of constants; no bytes are read.
extension Tensor {
  /// A strided part, NumPy's basic slices.
  /// - Throws: ``TensorError`` for an axis that is none, and for strings.
  package func sliced(_ ranges: [SliceRange]) throws(TensorError) -> Tensor {
    guard dtype != .string, ranges.allSatisfy({ (0..<rank).contains($0.axis) }) else {
      throw TensorError("a part of a tensor of type \(type) along an axis it does not have")
    }
    var (sizes, strides, offset) = (sizes, rowMajorStrides, 0)
    for range in ranges {
      let (start, count, step) = range.resolved(size: sizes[range.axis])
      if count > 0 { offset += start * strides[range.axis] }
      sizes[range.axis] = count
      // One element needs no step; steps may be as large as integers get.
      strides[range.axis] = count > 1 ? strides[range.axis] * step : 0
    }
    return try Tensor(
      dtype: dtype, sizes: sizes,
      storage: StridedStorage(self, sizes: sizes, strides: strides, offset: offset))
  }

  /// Consecutive parts along an axis.
  package func split(axis: Int, sizes: [Int]) throws(TensorError) -> [Tensor] {
    var start = 0
    return try sizes.map { size throws(TensorError) in
      defer { start += size }
      return try sliced([SliceRange(axis: axis, start: start, stop: start + size)])
    }
  }

  /// NumPy's broadcast.
  /// - Throws: ``TensorError`` unless the sizes broadcast to these, and for strings.
  package func broadcast(to target: [Int]) throws(TensorError) -> Tensor {
    if sizes == target { return self }
    let missing = target.count - rank
    guard missing >= 0, dtype != .string,
      zip(sizes, target.suffix(rank)).allSatisfy({ $0 == $1 || $0 == 1 })
    else { throw TensorError("sizes \(sizes) do not broadcast to \(target)") }
    let own = rowMajorStrides
    let strides = target.indices.map { $0 < missing || sizes[$0 - missing] == 1 ? 0 : own[$0 - missing] }
    return try Tensor(
      dtype: dtype, sizes: target, storage: StridedStorage(self, sizes: target, strides: strides))
  }

  /// Tensors joined along an axis; nil when there are none or they do not fit.
  /// - Throws: ``TensorError`` when their sizes are not those of the result.
  package static func joined(_ parts: [Tensor], axis: Int, sizes: [Int]) throws(TensorError) -> Tensor? {
    // Along the last axis of matrices: what lies before the axis, and the axis with what lies behind it.
    let rows = sizes[..<axis].reduce(1, *)
    let inner = sizes[(axis + 1)...].reduce(1, *)
    let matrices = try parts.map { part throws(TensorError) in
      try part.reshaped([rows, part.sizes[axis] * inner])
    }
    return try joinedOnLastAxis(matrices)?.reshaped(sizes)
  }
}
