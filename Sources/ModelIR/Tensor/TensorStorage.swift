package import ModelFiles

/// Where a constant's bytes live: in memory, in a mapped file, or behind a conversion made when they are read.
///
/// Bytes are little-endian, in row-major order, without padding. No alignment is promised.
package protocol TensorStorage: AnyObject, ByteSource {
  /// Shows all bytes at once; the pointer is valid only inside `body`.
  /// - Throws: what reading the bytes throws (a damaged chunk, a failed checksum), or what `body` throws.
  func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R

  /// Gives the memory of a file's bytes back to the system, as far as the bytes come from one; reading them again brings
  /// them back.
  func releasePages()
}

extension TensorStorage {
  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    try copied().withBytes(body)
  }

  package func releasePages() {}

  /// A copy of the bytes in memory.
  package func copied() throws -> MemoryStorage {
    let reader = try reader()
    return try MemoryStorage(byteCount: byteCount) { target in
      for tile in tiles { try reader.read(tile, into: UnsafeMutableRawBufferPointer(rebasing: target[tile])) }
    }
  }

  /// The same bytes where any of them is found at once: these, a copy in memory, or a file without a name when that
  /// would be large.
  package func resident() throws -> any ResidentStorage {
    if let resident = self as? any ResidentStorage { return resident }
    return byteCount <= SpilledBytes.memoryLimit ? try copied() : HeldStorage(try SpilledBytes.write(self))
  }
}

/// Storage whose bytes are there: showing all of them costs nothing.
package protocol ResidentStorage: TensorStorage {}

extension ResidentStorage {
  package func reader() throws -> any RangeReader { ResidentReader(storage: self) }
}

private struct ResidentReader: RangeReader {
  let storage: any ResidentStorage

  func withBytes(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try storage.withBytes { try body(UnsafeRawBufferPointer(rebasing: $0[range])) }
  }

  func read(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    try withBytes(range) { target.copyMemory(from: $0) }
  }
}
