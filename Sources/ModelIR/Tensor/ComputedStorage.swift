package import ModelFiles

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
    try made().withBytes(body)
  }

  package func reader() throws -> any RangeReader { try made().reader() }

  private func made() throws -> any TensorStorage {
    let storage = try make().storage
    guard storage.byteCount == byteCount else {
      throw TensorError("expected \(byteCount) bytes of data, found \(storage.byteCount)")
    }
    return storage
  }
}

extension Tensor {
  /// A tensor whose values are computed when its bytes are read.
  /// - Throws: ``TensorError`` for sizes that no tensor has.
  package static func computed(
    dtype: DType, sizes: [Int], _ values: @escaping @Sendable () throws -> [Double]
  ) throws(TensorError) -> Tensor {
    let storage = ComputedStorage(byteCount: try ElementCount.bytes(sizes, dtype)) {
      try Tensor(try values(), sizes: sizes, dtype: dtype)
    }
    return try Tensor(dtype: dtype, sizes: sizes, storage: storage)
  }
}
