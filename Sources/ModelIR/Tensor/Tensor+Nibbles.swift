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

  // MARK: The way back

  /// 4-bit numbers without gaps, with each row filled up to whole bytes (see ``DequantizeAttributes``).
  package static func nibbles(withGaps source: Tensor, sizes: [Int]) throws(TensorError) -> Tensor {
    guard let rowLength = sizes.last else { throw TensorError("a scalar has no rows of 4-bit numbers") }
    let rowCount = try ElementCount.of(sizes.dropLast())
    let rowBytes = rowLength / 2 + rowLength % 2
    return try madeOfNibbles(source, .uint8, Array(sizes.dropLast()) + [rowBytes]) { number, target in
      for row in 0..<rowCount {
        for column in 0..<rowLength {
          target[row * rowBytes + column / 2] |= number(row * rowLength + column) << (column % 2 == 0 ? 0 : 4)
        }
      }
    }
  }

  /// 4-bit numbers without gaps, one to an element of 8 bits.
  package static func numbers(ofNibbles source: Tensor, sizes: [Int], isSigned: Bool) throws(TensorError)
    -> Tensor
  {
    let count = try ElementCount.of(sizes)
    return try madeOfNibbles(source, isSigned ? .int8 : .uint8, sizes) { number, target in
      for index in 0..<count {
        let number = number(index)
        target[index] = isSigned && number > 7 ? number | 0xF0 : number
      }
    }
  }

  /// Bytes made when they are read, of numbers that `fill` asks for by their index.
  private static func madeOfNibbles(
    _ source: Tensor, _ dtype: DType, _ sizes: [Int],
    _ fill: @escaping @Sendable ((Int) -> UInt8, UnsafeMutableRawBufferPointer) -> Void
  ) throws(TensorError) -> Tensor {
    let size = try ElementCount.bytes(sizes, dtype)
    let storage = ComputedStorage(byteCount: size) {
      let bytes = try source.withBytes { bytes in
        try MemoryStorage(byteCount: size) { target in
          fill({ index in bytes[index / 2] >> (index % 2 == 0 ? 0 : 4) & 15 }, target)
        }
      }
      return try Tensor(dtype: dtype, sizes: sizes, storage: bytes)
    }
    return try Tensor(dtype: dtype, sizes: sizes, storage: storage)
  }
}
