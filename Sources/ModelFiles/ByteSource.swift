/// Bytes that are read in parts, in any order and from any thread.
package protocol ByteSource: Sendable {
  /// The number of bytes.
  var byteCount: Int { get }

  /// The size of the ranges, whole elements, in which reading costs least; ranges of this size follow one another.
  var tileByteCount: Int { get }

  /// The bytes where they lie, if nothing has to be made of them; else nil.
  var held: HeldBytes? { get }

  /// Prepares reading of parts, so that memory need not grow with the source.
  /// - Throws: what preparing throws: a part that cannot be read.
  func reader() throws -> any RangeReader
}

/// Reads ranges of a source, each of whole elements, and keeps what they come from.
package protocol RangeReader: Sendable {
  /// Shows the bytes of a range; the pointer is valid only inside `body`.
  func withBytes(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws

  /// Copies the bytes of a range to `target`, which is as large.
  func read(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws
}

/// A reader that makes the bytes it is asked for.
package protocol MakingReader: RangeReader {}

extension MakingReader {
  package func withBytes(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try withScratch(range.count) { scratch in
      try read(range, into: scratch)
      try body(UnsafeRawBufferPointer(scratch))
    }
  }
}

extension ByteSource {
  package var tileByteCount: Int { ByteTiles.byteCount }

  package var held: HeldBytes? { nil }

  /// The ranges in which the bytes are read.
  package var tiles: ByteTiles { ByteTiles(whole: byteCount, each: tileByteCount) }

  /// Shows the bytes in order, piece by piece.
  /// - Throws: what reading the bytes throws, or what `body` throws.
  package func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let reader = try reader()
    for tile in tiles { try reader.withBytes(tile, body) }
  }
}

/// Consecutive ranges of a number of bytes.
package struct ByteTiles: Sequence, Sendable {
  /// The size of a tile that nothing speaks against: what it is read from and made into fit into the second cache
  /// together, and a small model's weights take little fresh memory, whose pages cost more than the bytes in them.
  package static let byteCount = 1 << 18

  let whole: Int
  let each: Int

  /// - Parameters:
  ///   - whole: how many bytes there are.
  ///   - each: the size of a range.
  package init(whole: Int, each: Int) { (self.whole, self.each) = (whole, each) }

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
