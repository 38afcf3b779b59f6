/// Reads numbers from bytes one after another; none lies beyond their end.
struct ByteReader {
  private let bytes: UnsafeRawBufferPointer
  /// The offset of the next byte.
  private(set) var position = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var isAtEnd: Bool { position == bytes.count }

  mutating func byte() throws(KerasImportError) -> UInt8 { bytes[try skip(1).lowerBound] }

  /// A number in groups of seven bits, low groups first; the high bit of a byte says that another follows.
  /// - Throws: `corrupted` when it does not end, or does not fit in 64 bits.
  mutating func varint() throws(KerasImportError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      let byte = try byte()
      if shift == 63, byte > 1 { break }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw KerasImportError(.corrupted("a number does not fit in 64 bits"))
  }

  /// A varint that counts something in memory.
  mutating func count() throws(KerasImportError) -> Int {
    guard let count = Int(exactly: try varint()) else {
      throw KerasImportError(.corrupted("a length is impossible"))
    }
    return count
  }

  /// A little-endian number of fixed size.
  mutating func fixed<T: FixedWidthInteger>(_ type: T.Type) throws(KerasImportError) -> T {
    let range = try skip(MemoryLayout<T>.size)
    return T(littleEndian: bytes.loadUnaligned(fromByteOffset: range.lowerBound, as: type))
  }

  /// The offsets of the next `count` bytes, which are passed.
  mutating func skip(_ count: Int) throws(KerasImportError) -> Range<Int> {
    guard count >= 0, count <= bytes.count - position else {
      throw KerasImportError(.corrupted("it ends within a field"))
    }
    defer { position += count }
    return position..<position + count
  }
}
