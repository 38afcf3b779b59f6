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
    let swapped = try base.withBytes { source in
      MemoryStorage(byteCount: source.count) { target in
        for start in stride(from: 0, to: source.count - elementByteCount + 1, by: elementByteCount) {
          for byte in 0..<elementByteCount {
            target[start + byte] = source[start + elementByteCount - 1 - byte]
          }
        }
      }
    }
    return try swapped.withBytes(body)
  }
}
