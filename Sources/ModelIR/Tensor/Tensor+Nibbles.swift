extension Tensor {
  /// Small integers, one to an element, as 4-bit numbers two to a byte without gaps, the first of each pair low.
  package static func nibbles(_ source: Tensor) throws(TensorError) -> Tensor {
    let count = source.elementCount
    return try packed(count: count, from: source) { numbers, index in numbers[index] & 15 }
  }

  /// 4-bit numbers whose rows are filled up to whole bytes (see ``DequantizeAttributes``), without the gaps.
  package static func nibbles(withoutGaps source: Tensor, rowLength: Int) throws(TensorError) -> Tensor {
    let rows = source.sizes.dropLast().reduce(1, *)
    let rowBytes = rowLength / 2 + rowLength % 2
    return try packed(count: rows * rowLength, from: source) { bytes, index in
      let (row, column) = index.quotientAndRemainder(dividingBy: rowLength)
      let byte = bytes[row * rowBytes + column / 2]
      return column % 2 == 0 ? byte & 15 : byte >> 4
    }
  }

  /// Bytes made when they are read, of the low halves that `number` gives.
  private static func packed(
    count: Int, from source: Tensor, _ number: @escaping @Sendable (UnsafeRawBufferPointer, Int) -> UInt8
  ) throws(TensorError) -> Tensor {
    let size = count / 2 + count % 2
    let storage = ComputedStorage(byteCount: size) {
      let bytes = try source.withBytes { bytes in
        try MemoryStorage(byteCount: size) { target in
          for index in 0..<count { target[index / 2] |= number(bytes, index) << (index % 2 == 0 ? 0 : 4) }
        }
      }
      return try Tensor(dtype: .uint8, sizes: [size], storage: bytes)
    }
    return try Tensor(dtype: .uint8, sizes: [size], storage: storage)
  }
}
