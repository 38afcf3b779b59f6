/// Sizes from files, arrays and callers, checked before they size or index anything.
package enum ElementCount {
  /// The most axes a tensor may have: NumPy's limit.
  package static let rankLimit = 64
  /// The most elements a tensor may have, counting empty axes as 1, so that strides and bytes fit as well.
  package static let limit = 1 << 48

  /// The number of elements of a tensor of these sizes.
  /// - Throws: ``TensorError`` for a negative size, too many axes, or more elements than any memory holds.
  package static func of(_ sizes: some Collection<Int>) throws(TensorError) -> Int {
    guard sizes.count <= rankLimit else {
      throw TensorError("expected at most \(rankLimit) axes, found \(sizes.count)")
    }
    var (bound, isEmpty) = (1, false)
    for size in sizes {
      guard size >= 0 else { throw TensorError("an axis cannot have \(size) elements") }
      let (product, overflow) = bound.multipliedReportingOverflow(by: max(size, 1))
      guard !overflow, product <= limit else {
        throw TensorError("sizes \(Array(sizes)) are beyond the limit of \(limit) elements")
      }
      bound = product
      isEmpty = isEmpty || size == 0
    }
    return isEmpty ? 0 : bound
  }

  /// The number of bytes of a tensor's elements; 0 for strings.
  /// - Throws: as ``of(_:)``.
  package static func bytes(_ sizes: some Collection<Int>, _ dtype: DType) throws(TensorError) -> Int {
    try of(sizes) * dtype.byteCount
  }
}
