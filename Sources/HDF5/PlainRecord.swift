/// Anything that ``PlainReader`` does not know: libhdf5 is to have a look at it.
struct NotPlain: Error {}

/// A range of a file's bytes, little-endian; nothing beyond it is read.
struct PlainRecord {
  private let bytes: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var count: Int { bytes.count }

  /// A part of it.
  func part(_ offset: Int, _ count: Int) throws(NotPlain) -> PlainRecord {
    guard offset >= 0, count >= 0, offset <= bytes.count, count <= bytes.count - offset else {
      throw NotPlain()
    }
    return PlainRecord(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]))
  }

  /// What follows the first `count` bytes.
  func rest(after count: Int) throws(NotPlain) -> PlainRecord { try part(count, bytes.count - count) }

  func one(_ offset: Int) throws(NotPlain) -> Int { Int(try number(offset, UInt8.self)) }
  func two(_ offset: Int) throws(NotPlain) -> Int { Int(try number(offset, UInt16.self)) }
  func four(_ offset: Int) throws(NotPlain) -> Int { Int(try number(offset, UInt32.self)) }

  /// A size or an address; the one of nothing, whose bits are all set, is not plain.
  func eight(_ offset: Int) throws(NotPlain) -> Int {
    guard let value = Int(exactly: try number(offset, UInt64.self)) else { throw NotPlain() }
    return value
  }

  func signed(_ offset: Int) throws(NotPlain) -> Int { Int(try number(offset, Int64.self)) }

  private func number<T: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _: T.Type) throws(NotPlain) -> T
  {
    guard offset >= 0, offset <= bytes.count - MemoryLayout<T>.size else { throw NotPlain() }
    return T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
  }

  /// Its first eight bytes.
  var signature: Int {
    get throws(NotPlain) { try signed(0) }
  }

  /// Whether it begins with these bytes.
  func begins(with signature: StaticString) -> Bool {
    signature.withUTF8Buffer { bytes.starts(with: $0) }
  }

  /// The text from `offset` up to a zero, which must be there.
  func text(_ offset: Int) throws(NotPlain) -> String {
    guard offset >= 0, offset < bytes.count, let end = bytes[offset...].firstIndex(of: 0) else {
      throw NotPlain()
    }
    return try part(offset, end - offset).text()
  }

  /// All of it as text.
  func text() throws(NotPlain) -> String {
    let text = String(decoding: bytes, as: UTF8.self)
    // Decoding replaces what is not UTF-8, by which it becomes longer.
    guard text.utf8.count == bytes.count, text.utf8.elementsEqual(bytes) else { throw NotPlain() }
    return text
  }

  /// It without the zeros at its end, and what follows the first one, if that is asked for.
  func trimmed(atFirstZero: Bool) throws(NotPlain) -> PlainRecord {
    if atFirstZero, let end = bytes.firstIndex(of: 0) { return try part(0, end) }
    var count = bytes.count
    while count > 0, bytes[count - 1] == 0 { count -= 1 }
    return try part(0, count)
  }
}
