/// Fills memory with a tensor's bytes from an offset on; offset and count are those of whole elements.
typealias TensorReader = (Int, UnsafeMutableRawBufferPointer) throws -> Void

/// Storage whose bytes can be made anywhere without making those before them.
protocol SeekableStorage: TensorStorage {
  /// Prepares reading once; the reader is valid only inside `body`.
  func withReader<R>(_ body: (@escaping TensorReader) throws -> R) throws -> R
}

extension TensorStorage {
  /// A reader of any storage: what cannot be sought in is shown as a whole.
  fileprivate func withAnyReader<R>(_ body: (@escaping TensorReader) throws -> R) throws -> R {
    if let seekable = self as? any SeekableStorage { return try seekable.withReader(body) }
    return try withBytes { bytes in
      try body { start, target in
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<start + target.count]))
      }
    }
  }
}

/// Tensors joined along their last axis, made in pieces as they are read.
final class JoinedStorage: TensorStorage {
  private let parts: [Tensor]
  /// The bytes of one row of each part.
  private let widths: [Int]
  private let rowByteCount: Int
  private let rowCount: Int

  /// - Precondition: the parts differ in their last axis only; the element type is not string.
  init(_ parts: [Tensor]) {
    self.parts = parts
    // Products of a tensor's sizes fit, and so does the sum of a thousand.
    widths = parts.map { ($0.sizes.last ?? 1) * $0.dtype.byteCount }
    rowByteCount = widths.reduce(0, +)
    rowCount = parts.first?.sizes.dropLast().reduce(1, *) ?? 0
  }

  var byteCount: Int { rowCount * rowByteCount }

  func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    let whole = try MemoryStorage(byteCount: byteCount) { target in
      var written = 0
      try forEachPiece { piece in
        UnsafeMutableRawBufferPointer(rebasing: target[written...]).copyMemory(from: piece)
        written += piece.count
      }
    }
    return try whole.withBytes(body)
  }

  func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try withReaders(of: parts[...], []) { readers in
      let step = max(1, StridedStorage.pieceByteCount / max(rowByteCount, 1))
      for first in stride(from: 0, to: rowCount, by: step) {
        let rows = first..<min(first + step, rowCount)
        let piece = try MemoryStorage(byteCount: rows.count * rowByteCount) { try fill($0, rows, readers) }
        try piece.withBytes(body)
      }
    }
  }

  private func withReaders(
    of rest: ArraySlice<Tensor>, _ readers: [TensorReader], _ body: ([TensorReader]) throws -> Void
  ) throws {
    guard let part = rest.first else { return try body(readers) }
    try part.storage.withAnyReader { try withReaders(of: rest.dropFirst(), readers + [$0], body) }
  }

  private func fill(_ target: UnsafeMutableRawBufferPointer, _ rows: Range<Int>, _ readers: [TensorReader])
    throws
  {
    var column = 0
    for (read, width) in zip(readers, widths) where width > 0 {
      let block = try MemoryStorage(byteCount: rows.count * width) { try read(rows.lowerBound * width, $0) }
      try block.withBytes { bytes in
        for row in 0..<rows.count {
          UnsafeMutableRawBufferPointer(rebasing: target[(row * rowByteCount + column)...].prefix(width))
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[(row * width)..<((row + 1) * width)]))
        }
      }
      column += width
    }
  }
}

extension Tensor {
  /// Tensors joined along their last axis, without reading bytes; nil when their other axes or types differ.
  /// - Throws: ``TensorError`` when the result would have more elements than a tensor can.
  package static func joinedOnLastAxis(_ parts: [Tensor]) throws(TensorError) -> Tensor? {
    guard let first = parts.first, first.rank > 0, first.dtype != .string, parts.count <= 1 << 10,
      parts.allSatisfy({ $0.sizes.dropLast() == first.sizes.dropLast() && $0.dtype == first.dtype })
    else { return nil }
    let width = parts.reduce(0) { $0 + ($1.sizes.last ?? 0) }
    return try Tensor(
      dtype: first.dtype, sizes: first.sizes.dropLast() + [width], storage: JoinedStorage(parts))
  }
}
