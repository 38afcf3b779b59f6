import Dispatch

/// A piece of a file that is to be written.
enum OutputPart: Sendable {
  case bytes([UInt8])
  /// Bytes to be read, and what gives an error in doing so its place.
  case storage(any ByteSource, @Sendable (any Error) -> any Error)

  var byteCount: Int {
    switch self {
    case .bytes(let bytes): bytes.count
    case .storage(let storage, _): storage.byteCount
    }
  }
}

/// Writes parts that follow one another, in tiles of about a megabyte, on all cores: each byte is read, shown to the
/// digest and written while it is in the cache, and memory does not grow with the file.
final class TileWriter<Digest: Sendable>: @unchecked Sendable {
  /// A range of one part.
  private struct Piece {
    let part: Int
    let range: Range<Int>
  }
  private struct Tile {
    let offset: Int
    let byteCount: Int
    let pieces: ArraySlice<Piece>
  }

  private let sources: [PartSource]
  private let tiles: [Tile]
  private let file: FileRange
  private let digest: @Sendable (UnsafeRawBufferPointer) -> Digest
  /// Told the size of each tile before it is written, one at a time; may refuse.
  private let willWrite: @Sendable (_ byteCount: Int) throws(FileError) -> Void
  /// Whether anybody looks at the digests.
  private let isCopied: Bool
  // Guarded by the lock.
  private var digests: [Digest?]
  private var failure: (tile: Int, error: any Error)?
  private let lock = Lazy<Never>()

  init(
    _ parts: [OutputPart], to file: FileRange, at start: Int,
    _ digest: @escaping @Sendable (UnsafeRawBufferPointer) -> Digest,
    willWrite: @escaping @Sendable (_ byteCount: Int) throws(FileError) -> Void
  ) {
    self.file = file
    self.willWrite = willWrite
    self.digest = digest
    isCopied = Digest.self == Void.self
    var (sources, tiles): ([PartSource], [Tile]) = ([], [])
    var (open, openByteCount, offset): ([Piece], Int, Int) = ([], 0, start)
    func close() {
      guard openByteCount > 0 else { return }
      tiles.append(Tile(offset: offset, byteCount: openByteCount, pieces: open[...]))
      offset += openByteCount
      (open, openByteCount) = ([], 0)
    }
    for (index, part) in parts.enumerated() {
      let ranges = part.tiles
      sources.append(PartSource(part, tileCount: ranges.count))
      for range in ranges {
        if openByteCount + range.count > ByteTiles.byteCount { close() }
        open.append(Piece(part: index, range: range))
        openByteCount += range.count
      }
    }
    close()
    self.sources = sources
    self.tiles = tiles
    digests = Array(repeating: nil, count: tiles.count)
  }

  /// Writes everything.
  /// - Throws: the error of the first tile that has one.
  func run() throws -> [(digest: Digest, byteCount: Int)] {
    if file.isStream || tiles.count == 1 {
      for index in tiles.indices { attempt(index) }
    } else {
      DispatchQueue.concurrentPerform(iterations: tiles.count) { self.attempt($0) }
    }
    Scratch.shared.releaseUnused()
    if let failure { throw failure.error }
    return zip(digests, tiles).compactMap { digest, tile in digest.map { ($0, tile.byteCount) } }
  }

  /// Writes a tile, unless one before it has failed.
  private func attempt(_ index: Int) {
    guard lock.guarded({ failure.map { $0.tile > index } ?? true }) else { return }
    do {
      try lock.guarded { () throws(FileError) in try willWrite(tiles[index].byteCount) }
      let result = try write(tiles[index])
      lock.guarded { digests[index] = result }
    } catch {
      lock.guarded {
        if failure.map({ $0.tile > index }) ?? true { failure = (index, error) }
      }
    }
  }

  private func write(_ tile: Tile) throws -> Digest {
    if tile.pieces.count == 1, let piece = tile.pieces.first { return try write(piece, at: tile.offset) }
    return try withScratch(tile.byteCount) { scratch in
      var end = 0
      for piece in tile.pieces {
        let target = UnsafeMutableRawBufferPointer(rebasing: scratch[end..<end + piece.range.count])
        try sources[piece.part].read(piece.range, into: target)
        end += piece.range.count
      }
      let bytes = UnsafeRawBufferPointer(scratch)
      let result = digest(bytes)
      try file.write(bytes, at: tile.offset)
      return result
    }
  }

  private func write(_ piece: Piece, at offset: Int) throws -> Digest {
    let source = sources[piece.part]
    var rest = piece.range
    if isCopied, let place = source.fileRange(rest) {
      rest = rest.dropFirst(file.copy(from: place, count: rest.count, at: offset))
    }
    guard !rest.isEmpty || piece.range.isEmpty else {
      return digest(UnsafeRawBufferPointer(start: nil, count: 0))
    }
    var result: Digest?
    try source.withBytes(rest) { [digest, file] bytes in
      result = digest(bytes)
      try file.write(bytes, at: offset + piece.range.count - rest.count)
    }
    guard let result else { throw file.unread }
    return result
  }
}

extension OutputPart {
  /// The ranges in which the part is read.
  fileprivate var tiles: [Range<Int>] {
    switch self {
    case .bytes(let bytes): Array(ByteTiles(whole: bytes.count, each: ByteTiles.byteCount))
    case .storage(let storage, _): Array(storage.tiles)
    }
  }
}

/// What a part's tiles are read from: made for the first of them, let go with the last.
private final class PartSource: Sendable {
  private let part: OutputPart
  private let reader: SharedReader

  init(_ part: OutputPart, tileCount: Int) {
    self.part = part
    reader = SharedReader(useCount: tileCount)
  }

  /// Where a range of the part is in another file, when it can be copied from there.
  func fileRange(_ range: Range<Int>) -> (descriptor: Int32, offset: Int)? {
    guard case .storage(let storage, _) = part, let held = storage.held else { return nil }
    return held.slice(offset: range.lowerBound, count: range.count)?.fileRange
  }

  func read(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    switch part {
    case .bytes(let bytes):
      bytes.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[range])) }
    case .storage(let storage, let failing):
      do { try reader.use(storage) { try $0.read(range, into: target) } } catch { throw failing(error) }
    }
  }

  func withBytes(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    switch part {
    case .bytes(let bytes):
      try bytes.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    case .storage(let storage, let failing):
      var outer: (any Error)?
      do {
        try reader.use(storage) { reader in
          try reader.withBytes(range) { bytes in
            do { try body(bytes) } catch {
              outer = error
              throw error
            }
          }
        }
      } catch {
        // An error of the file that is written is not one of the part.
        throw outer ?? failing(error)
      }
    }
  }
}

private final class SharedReader: @unchecked Sendable {
  // Guarded by the lock.
  private var reader: (any RangeReader)?
  private var usesLeft: Int
  private let lock = Lazy<Never>()

  init(useCount: Int) { usesLeft = useCount }

  func use(_ storage: any ByteSource, _ body: (any RangeReader) throws -> Void) throws {
    let reader = try lock.guarded { try existing(storage) }
    defer {
      lock.guarded {
        usesLeft -= 1
        if usesLeft == 0 { self.reader = nil }
      }
    }
    try body(reader)
  }

  private func existing(_ storage: any ByteSource) throws -> any RangeReader {
    if let reader { return reader }
    let made = try storage.reader()
    reader = made
    return made
  }
}
