package import ModelFiles

/// A tensor's elements in another type, converted tile by tile as they are read.
package final class ConvertedStorage: TensorStorage {
  package let source: Tensor
  private let dtype: DType
  package let byteCount: Int

  /// - Precondition: neither type is string.
  init(_ source: Tensor, to dtype: DType) {
    self.source = source
    self.dtype = dtype
    byteCount = source.elementCount * dtype.byteCount
  }

  package var tileByteCount: Int {
    max(source.storage.tileByteCount / source.dtype.byteCount, 1) * dtype.byteCount
  }

  package func releasePages() { source.storage.releasePages() }

  package func reader() throws -> any RangeReader {
    ConvertedReader(source: try source.storage.reader(), from: source.dtype, to: dtype)
  }
}

private struct ConvertedReader: MakingReader {
  let source: any RangeReader
  let from: DType
  let to: DType

  func read(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    let (first, end) = (range.lowerBound / to.byteCount, range.upperBound / to.byteCount)
    try source.withBytes(first * from.byteCount..<end * from.byteCount) { bytes in
      guard let bytes = bytes.baseAddress, let target = target.baseAddress else { return }
      ElementConversion.convert(bytes, from, to: target, to, count: end - first)
    }
  }
}
