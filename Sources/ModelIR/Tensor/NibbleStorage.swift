import ModelFiles

/// How 4-bit numbers lie in bytes.
enum NibbleArrangement: Sendable {
  /// Two to a byte without gaps, the first of each pair low.
  case dense
  /// The same, with each row of so many filled up to whole bytes.
  case rows(length: Int)
  /// One to a byte; signed ones fill the byte with their sign.
  case bytes(isSigned: Bool)

  private static func byteCount(ofRow length: Int) -> Int { length / 2 + length % 2 }

  /// The byte that holds a number, and whether it is its upper half.
  func place(of number: Int) -> (byte: Int, isHigh: Bool) {
    switch self {
    case .dense: return (number / 2, number % 2 == 1)
    case .rows(let length):
      let (row, column) = number.quotientAndRemainder(dividingBy: length)
      return (row * NibbleArrangement.byteCount(ofRow: length) + column / 2, column % 2 == 1)
    case .bytes: return (number, false)
    }
  }

  /// The first number that lies in a byte or behind it.
  func number(from byte: Int) -> Int {
    switch self {
    case .dense: return 2 * byte
    case .rows(let length):
      let (row, column) = byte.quotientAndRemainder(dividingBy: NibbleArrangement.byteCount(ofRow: length))
      return row * length + 2 * column
    case .bytes: return byte
    }
  }
}

/// 4-bit numbers in another arrangement, made in tiles as they are read.
final class NibbleStorage: TensorStorage {
  private let source: Tensor
  private let count: Int
  private let arrangements: (source: NibbleArrangement, target: NibbleArrangement)
  let byteCount: Int

  /// - Parameters:
  ///   - count: of numbers, all of which the source has.
  ///   - byteCount: that they take up in the new arrangement.
  init(
    _ source: Tensor, count: Int, from old: NibbleArrangement, to new: NibbleArrangement, byteCount: Int
  ) throws(TensorError) {
    guard count == 0 || old.place(of: count - 1).byte < source.byteCount else {
      throw TensorError("expected \(count) 4-bit numbers, found \(source.byteCount) bytes")
    }
    (self.source, self.count, self.byteCount) = (source, count, byteCount)
    arrangements = (old, new)
  }

  func reader() throws -> any RangeReader {
    NibbleReader(
      source: try source.storage.reader(), count: count, old: arrangements.source, new: arrangements.target)
  }
}

private struct NibbleReader: MakingReader {
  let source: any RangeReader
  let count: Int
  let old: NibbleArrangement
  let new: NibbleArrangement

  func read(_ range: Range<Int>, into target: UnsafeMutableRawBufferPointer) throws {
    for index in target.indices { target[index] = 0 }
    let numbers =
      min(new.number(from: range.lowerBound), count)..<min(new.number(from: range.upperBound), count)
    guard let first = numbers.first, let last = numbers.last else { return }
    let start = old.place(of: first).byte
    try source.withBytes(start..<old.place(of: last).byte + 1) { bytes in
      for number in numbers {
        let (byte, isHigh) = old.place(of: number)
        put(
          bytes[byte - start] >> (isHigh ? 4 : 0) & 15, at: new.place(of: number), in: target,
          from: range.lowerBound)
      }
    }
  }

  private func put(
    _ number: UInt8, at place: (byte: Int, isHigh: Bool), in target: UnsafeMutableRawBufferPointer,
    from start: Int
  ) {
    switch new {
    case .bytes(isSigned: true): target[place.byte - start] = number > 7 ? number | 0xF0 : number
    case .bytes, .dense, .rows: target[place.byte - start] |= number << (place.isHigh ? 4 : 0)
    }
  }
}
