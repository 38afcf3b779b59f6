/// Bytes that are made when they are asked for, and not kept.
package final class ComputedStorage: TensorStorage {
  package let byteCount: Int
  private let make: @Sendable () throws -> Tensor

  /// - Parameter make: gives a tensor of `byteCount` bytes.
  package init(byteCount: Int, _ make: @escaping @Sendable () throws -> Tensor) {
    self.byteCount = byteCount
    self.make = make
  }

  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    try make().withBytes { try body(UnsafeRawBufferPointer(rebasing: $0[..<min(byteCount, $0.count)])) }
  }
}

extension Tensor {
  /// A tensor whose values are computed when its bytes are read.
  package static func computed(
    dtype: DType, sizes: [Int], _ values: @escaping @Sendable () throws -> [Double]
  ) -> Tensor {
    let storage = ComputedStorage(byteCount: sizes.reduce(1, *) * dtype.byteCount) {
      Tensor(try values(), sizes: sizes, dtype: dtype)
    }
    return Tensor(dtype: dtype, sizes: sizes, storage: storage)
  }
}
