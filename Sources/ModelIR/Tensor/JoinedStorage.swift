import ModelFiles

/// Tensors joined along their last axis, made in tiles as they are read.
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
    widths = parts.map { $0.sizes.suffix(1).reduce(1, *) * $0.dtype.byteCount }
    rowByteCount = widths.reduce(0, +)
    rowCount = parts.first?.sizes.dropLast().reduce(1, *) ?? 0  // No parts, no rows.
  }

  var byteCount: Int { rowCount * rowByteCount }

  /// Whole rows where several fit.
  var tileByteCount: Int {
    rowByteCount > 0 && rowByteCount <= ByteTiles.byteCount
      ? ByteTiles.byteCount / rowByteCount * rowByteCount : ByteTiles.byteCount
  }

  func reader() throws -> any RangeReader {
    JoinedReader(
      readers: try parts.map { try $0.storage.reader() }, widths: widths, rowByteCount: rowByteCount)
  }
}

private struct JoinedReader: MakingReader {
  let readers: [any RangeReader]
  let widths: [Int]
  let rowByteCount: Int

  func read(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    guard !range.isEmpty else { return }
    var start = range.lowerBound
    while start < range.upperBound {
      let (row, column) = start.quotientAndRemainder(dividingBy: rowByteCount)
      let wholeRows = (range.upperBound - start) / rowByteCount
      let rest = UnsafeMutableRawBufferPointer(rebasing: target[(start - range.lowerBound)...])
      if column == 0, wholeRows > 0 {
        try readRows(row..<row + wholeRows, into: rest)
        start += wholeRows * rowByteCount
      } else {
        let end = min((row + 1) * rowByteCount, range.upperBound)
        try readPart(of: row, column..<column + end - start, into: rest)
        start = end
      }
    }
  }

  /// Whole rows: each part's, then put beside the others'.
  private func readRows(_ rows: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    var column = 0
    for (reader, width) in zip(readers, widths) where width > 0 {
      try reader.withBytes(rows.lowerBound * width..<rows.upperBound * width) { bytes in
        for row in 0..<rows.count {
          UnsafeMutableRawBufferPointer(rebasing: target[(row * rowByteCount + column)...].prefix(width))
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[(row * width)..<((row + 1) * width)]))
        }
      }
      column += width
    }
  }

  private func readPart(of row: Int, _ columns: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws
  {
    var start = 0
    for (reader, width) in zip(readers, widths) {
      let part = columns.clamped(to: start..<start + width)
      if !part.isEmpty {
        let place = part.lowerBound - columns.lowerBound
        try reader.read(
          row * width + part.lowerBound - start..<row * width + part.upperBound - start,
          into: UnsafeMutableRawBufferPointer(rebasing: target[place..<place + part.count]))
      }
      start += width
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
    let width = parts.compactMap(\.sizes.last).reduce(0, +)
    return try Tensor(
      dtype: first.dtype, sizes: first.sizes.dropLast() + [width], storage: JoinedStorage(parts))
  }
}
