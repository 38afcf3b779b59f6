/// Where a constant's bytes live: in memory, in a mapped file, or behind a conversion made when they are read.
///
/// Bytes are little-endian, in row-major order, without padding. No alignment is promised.
package protocol TensorStorage: AnyObject, Sendable {
  /// The number of bytes.
  var byteCount: Int { get }

  /// The size of the ranges, whole elements, in which reading costs least; ranges of this size follow one another.
  var tileByteCount: Int { get }

  /// Shows all bytes at once; the pointer is valid only inside `body`.
  /// - Throws: what reading the bytes throws (a damaged chunk, a failed checksum), or what `body` throws.
  func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R

  /// Prepares reading of parts, in any order and from any thread, so that memory need not grow with the tensor.
  /// - Throws: what preparing throws: another tensor that cannot be read.
  func reader() throws -> any TensorReader
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
}

extension TensorStorage {
  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    try copied().withBytes(body)
  }

  package var tileByteCount: Int { TensorTiles.byteCount }

  /// The ranges in which the bytes are read.
  package var tiles: TensorTiles { TensorTiles(whole: byteCount, each: tileByteCount) }

  /// Shows the bytes in order, piece by piece.
  /// - Throws: what reading the bytes throws, or what `body` throws.
  package func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let reader = try reader()
    for tile in tiles { try reader.withBytes(tile, body) }
  }

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

/// Consecutive ranges of a number of bytes.
package struct TensorTiles: Sequence, Sendable {
  /// The size of a tile that nothing speaks against: small enough for the second cache.
  static let byteCount = 1 << 20

  let whole: Int
  let each: Int

  package func makeIterator() -> AnyIterator<Range<Int>> {
    var start = 0
    return AnyIterator {
      guard start < whole else { return nil }
      let tile = start..<Swift.min(start + each, whole)
      start = tile.upperBound
      return tile
    }
  }
}

/// Storage whose bytes are there: showing all of them costs nothing.
package protocol ResidentStorage: TensorStorage {}

extension ResidentStorage {
  package func reader() throws -> any TensorReader { ResidentReader(storage: self) }
}

private struct ResidentReader: TensorReader {
  let storage: any ResidentStorage

  func withBytes(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try storage.withBytes { try body(UnsafeRawBufferPointer(rebasing: $0[range])) }
  }

  func read(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    try withBytes(range) { target.copyMemory(from: $0) }
  }
}
