import ModelFiles
import ModelIR

/// Big-endian numbers behind a view of little-endian ones.
final class SwappedStorage: TensorStorage {
  private let base: any TensorStorage
  private let elementByteCount: Int

  init(_ base: any TensorStorage, elementByteCount: Int) {
    self.base = base
    self.elementByteCount = elementByteCount
  }

  var byteCount: Int { base.byteCount }
  var tileByteCount: Int { base.tileByteCount }

  func reader() throws -> any RangeReader {
    SwappedReader(base: try base.reader(), elementByteCount: elementByteCount)
  }
}

private struct SwappedReader: MakingReader {
  let base: any RangeReader
  let elementByteCount: Int

  func read(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    try base.withBytes(range) { source in
      for start in stride(from: 0, through: source.count - elementByteCount, by: elementByteCount) {
        for byte in 0..<elementByteCount {
          target[start + byte] = source[start + elementByteCount - 1 - byte]
        }
      }
    }
  }
}
