/// An error that a format made of protocol buffers has for damaged bytes.
package protocol WireFailure: Error {
  /// The bytes break the format.
  static func damaged(_ message: String) -> Self
}

/// Reads numbers from bytes one after another; none lies beyond their end.
package struct WireReader<Failure: WireFailure> {
  private let bytes: UnsafeRawBufferPointer
  /// The offset of the next byte.
  package private(set) var position = 0

  package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  package var isAtEnd: Bool { position == bytes.count }

  package mutating func byte() throws(Failure) -> UInt8 { bytes[try skip(1).lowerBound] }

  /// A number in groups of seven bits, low groups first; the high bit of a byte says that another follows.
  /// - Throws: when it does not end, or does not fit in 64 bits.
  package mutating func varint() throws(Failure) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      let byte = try byte()
      if shift == 63, byte > 1 { break }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw .damaged("a number does not fit in 64 bits")
  }

  /// A varint that counts something in memory.
  package mutating func count() throws(Failure) -> Int {
    guard let count = Int(exactly: try varint()) else { throw .damaged("a length is impossible") }
    return count
  }

  /// A little-endian number of fixed size.
  package mutating func fixed<T: FixedWidthInteger>(_ type: T.Type) throws(Failure) -> T {
    let range = try skip(MemoryLayout<T>.size)
    return T(littleEndian: bytes.loadUnaligned(fromByteOffset: range.lowerBound, as: type))
  }

  /// The offsets of the next `count` bytes, which are passed.
  package mutating func skip(_ count: Int) throws(Failure) -> Range<Int> {
    guard count >= 0, count <= bytes.count - position else { throw .damaged("it ends within a field") }
    defer { position += count }
    return position..<position + count
  }
}
