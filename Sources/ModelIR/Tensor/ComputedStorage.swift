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

  /// The tensor with the order along axes turned round.
  package func flipped(axes: [Int]) -> Tensor {
    let source = self
    return .computed(dtype: dtype, sizes: sizes) {
      let values = try source.doubles()
      var result = values
      for place in values.indices {
        var rest = place
        var target = 0
        var stride = 1
        for axis in source.sizes.indices.reversed() {
          let index = rest % source.sizes[axis]
          rest /= source.sizes[axis]
          target += (axes.contains(axis) ? source.sizes[axis] - 1 - index : index) * stride
          stride *= source.sizes[axis]
        }
        result[target] = values[place]
      }
      return result
    }
  }

  /// Some columns of a matrix.
  package func columns(_ range: Range<Int>) -> Tensor {
    let source = self
    let width = sizes[rank - 1]
    return .computed(dtype: dtype, sizes: sizes.dropLast() + [range.count]) {
      let values = try source.doubles()
      return stride(from: 0, to: values.count, by: width).flatMap {
        values[($0 + range.lowerBound)..<($0 + range.upperBound)]
      }
    }
  }

  /// Tensors joined along their last axis; nil when the others differ.
  package static func joinedOnLastAxis(_ parts: [Tensor]) -> Tensor? {
    guard let first = parts.first, first.rank > 0,
      parts.allSatisfy({ $0.sizes.dropLast() == first.sizes.dropLast() && $0.dtype == first.dtype })
    else { return nil }
    let widths = parts.map { $0.sizes[$0.rank - 1] }
    return .computed(dtype: first.dtype, sizes: first.sizes.dropLast() + [widths.reduce(0, +)]) {
      let values = try parts.map { try $0.doubles() }
      var result: [Double] = []
      for row in 0..<first.sizes.dropLast().reduce(1, *) {
        for (part, width) in zip(values, widths) { result += part[(row * width)..<((row + 1) * width)] }
      }
      return result
    }
  }
}
