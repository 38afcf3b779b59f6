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

  func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    try base.withBytes { try swapped($0).withBytes(body) }
  }

  func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    // The pieces of mapped files and of unpacked data end between elements.
    var isWhole = true
    try base.forEachPiece { piece in
      isWhole = isWhole && piece.count % elementByteCount == 0
      if isWhole { try swapped(piece).withBytes(body) }
    }
    guard isWhole else { throw KerasImportError(.corrupted("its data is of another size than its shape")) }
  }

  private func swapped(_ source: UnsafeRawBufferPointer) throws(TensorError) -> MemoryStorage {
    try MemoryStorage(filled: source.count) { target in
      for start in stride(from: 0, through: source.count - elementByteCount, by: elementByteCount) {
        for byte in 0..<elementByteCount {
          target[start + byte] = source[start + elementByteCount - 1 - byte]
        }
      }
    }
  }
}
