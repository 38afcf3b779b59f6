// 4-bit numbers, rearranged when they are read.
extension Tensor {
  /// Small integers, one to an element, as 4-bit numbers two to a byte without gaps, the first of each pair low.
  package static func nibbles(_ source: Tensor) throws(TensorError) -> Tensor {
    try dense(source, count: source.elementCount, from: .bytes(isSigned: false))
  }

  /// 4-bit numbers whose rows are filled up to whole bytes (see ``DequantizeAttributes``), without the gaps.
  package static func nibbles(withoutGaps source: Tensor, rowLength: Int) throws(TensorError) -> Tensor {
    let count = try ElementCount.of(source.sizes.dropLast() + [rowLength])
    return try dense(source, count: count, from: .rows(length: rowLength))
  }

  private static func dense(
    _ source: Tensor, count: Int, from arrangement: NibbleArrangement
  ) throws(TensorError) -> Tensor {
    let size = count / 2 + count % 2
    return try Tensor(
      dtype: .uint8, sizes: [size],
      storage: NibbleStorage(source, count: count, from: arrangement, to: .dense, byteCount: size))
  }

  // MARK: The way back

  /// 4-bit numbers without gaps, with each row filled up to whole bytes (see ``DequantizeAttributes``).
  package static func nibbles(withGaps source: Tensor, sizes: [Int]) throws(TensorError) -> Tensor {
    guard let rowLength = sizes.last else { throw TensorError("a scalar has no rows of 4-bit numbers") }
    let filled = Array(sizes.dropLast()) + [rowLength / 2 + rowLength % 2]
    return try Tensor(
      dtype: .uint8, sizes: filled,
      storage: NibbleStorage(
        source, count: try ElementCount.of(sizes), from: .dense, to: .rows(length: rowLength),
        byteCount: try ElementCount.of(filled)))
  }

  /// 4-bit numbers without gaps, one to an element of 8 bits.
  package static func numbers(ofNibbles source: Tensor, sizes: [Int], isSigned: Bool) throws(TensorError)
    -> Tensor
  {
    let count = try ElementCount.of(sizes)
    return try Tensor(
      dtype: isSigned ? .int8 : .uint8, sizes: sizes,
      storage: NibbleStorage(
        source, count: count, from: .dense, to: .bytes(isSigned: isSigned), byteCount: count))
  }
}
