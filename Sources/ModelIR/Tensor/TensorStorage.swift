package import ModelFiles

/// Where a constant's bytes live: in memory, in a mapped file, or behind a conversion made when they are read.
///
/// Bytes are little-endian, in row-major order, without padding. No alignment is promised.
package protocol TensorStorage: AnyObject, ByteSource {
  /// Shows all bytes at once; the pointer is valid only inside `body`.
  /// - Throws: what reading the bytes throws (a damaged chunk, a failed checksum), or what `body` throws.
  func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R
<<<<<<< HEAD
=======

  /// Prepares reading of parts, in any order and from any thread, so that memory need not grow with the tensor.
  /// - Throws: what preparing throws: another tensor that cannot be read.
  func reader() throws -> any TensorReader

  /// Gives the memory of a file's bytes back to the system, as far as the bytes come from one; reading them again brings
  /// them back.
  func releasePages()
}

/// Reads ranges of a tensor's bytes, each of whole elements, and keeps what they come from.
package protocol TensorReader: Sendable {
  /// Shows the bytes of a range; the pointer is valid only inside `body`.
  func withBytes(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws

  /// Copies the bytes of a range to `target`, which is as large.
  func read(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws
}

/// A reader that makes the bytes it is asked for.
package protocol MakingReader: TensorReader {}

extension MakingReader {
  package func withBytes(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try withScratch(range.count) { scratch in
      try read(range, into: scratch)
      try body(UnsafeRawBufferPointer(scratch))
    }
  }
>>>>>>> 550dbb7 (runtime: batches sample by sample, small weights stay small, half precision in float32)
}

extension TensorStorage {
  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    try copied().withBytes(body)
  }

<<<<<<< HEAD
=======
  package var tileByteCount: Int { TensorTiles.byteCount }

  package func releasePages() {}

  /// The ranges in which the bytes are read.
  package var tiles: TensorTiles { TensorTiles(whole: byteCount, each: tileByteCount) }

  /// Shows the bytes in order, piece by piece.
  /// - Throws: what reading the bytes throws, or what `body` throws.
  package func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let reader = try reader()
    for tile in tiles { try reader.withBytes(tile, body) }
  }

>>>>>>> 550dbb7 (runtime: batches sample by sample, small weights stay small, half precision in float32)
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
