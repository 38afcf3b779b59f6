import ModelIR

/// A message of protocol buffers, read where it lies; messages inside are not entered before somebody asks.
///
/// | wire type | what follows a field's tag (`number << 3 | wire type`, a varint) |
/// |---|---|
/// | 0 | a varint |
/// | 1 | 8 bytes |
/// | 2 | a length as varint, then as many bytes: text, a message, packed numbers |
/// | 5 | 4 bytes |
///
/// Fields that a reader does not know are passed over, as the format wants it. Source: protobuf.dev, "Encoding".
struct ProtobufMessage: Sendable {
  /// What a field holds.
  enum Value: Sendable {
    case varint(UInt64)
    case fixed64(UInt64)
    case fixed32(UInt32)
    case bytes(HeldBytes)
  }

  let bytes: HeldBytes

  init(_ bytes: HeldBytes) { self.bytes = bytes }

  /// Shows every field in the order of the message.
  /// - Throws: `corrupted` when a field breaks the format, and what `body` throws.
  func forEachField(
    _ body: (_ number: UInt64, _ value: Value) throws(KerasImportError) -> Void
  ) throws(KerasImportError) {
    try bytes.withBytes { raw throws(KerasImportError) in
      var reader = ByteReader(raw)
      while !reader.isAtEnd {
        let tag = try reader.varint()
        try body(tag >> 3, try value(wireType: tag & 7, &reader))
      }
    }
  }

  private func value(wireType: UInt64, _ reader: inout ByteReader) throws(KerasImportError) -> Value {
    switch wireType {
    case 0: return .varint(try reader.varint())
    case 1: return .fixed64(try reader.fixed(UInt64.self))
    case 5: return .fixed32(try reader.fixed(UInt32.self))
    case 2:
      let range = try reader.skip(try reader.count())
      guard let content = bytes.slice(offset: range.lowerBound, count: range.count) else { break }
      return .bytes(content)
    default: break
    }
    throw KerasImportError(.corrupted("a field has the wire type \(wireType), which does not exist"))
  }
}

extension ProtobufMessage {
  /// The messages of a repeated field.
  func messages(_ number: UInt64) throws(KerasImportError) -> [ProtobufMessage] {
    var messages: [ProtobufMessage] = []
    try forEachField { field, value throws(KerasImportError) in
      if field == number { messages.append(try value.message()) }
    }
    return messages
  }

  /// The message of a field; nil when it is not there.
  func message(_ number: UInt64) throws(KerasImportError) -> ProtobufMessage? { try messages(number).last }

  /// The texts of a repeated field.
  func texts(_ number: UInt64) throws(KerasImportError) -> [String] {
    try messages(number).map { message throws(KerasImportError) in message.text }
  }

  /// The text of a field; nil when it is not there.
  func text(_ number: UInt64) throws(KerasImportError) -> String? { try texts(number).last }

  /// The numbers of a repeated field, packed or not.
  func numbers(_ number: UInt64) throws(KerasImportError) -> [UInt64] {
    var numbers: [UInt64] = []
    try forEachField { field, value throws(KerasImportError) in
      guard field == number else { return }
      guard case .bytes(let packed) = value else { return numbers.append(try value.number()) }
      try packed.withBytes { raw throws(KerasImportError) in
        var reader = ByteReader(raw)
        while !reader.isAtEnd { numbers.append(try reader.varint()) }
      }
    }
    return numbers
  }

  /// The number of a field; 0, which is not written, when it is not there.
  func number(_ number: UInt64) throws(KerasImportError) -> UInt64 { try numbers(number).last ?? 0 }

  /// All bytes as text.
  var text: String { bytes.withBytes { String(decoding: $0, as: UTF8.self) } }
}

extension ProtobufMessage.Value {
  func message() throws(KerasImportError) -> ProtobufMessage {
    guard case .bytes(let bytes) = self else { throw unlike("a message or text") }
    return ProtobufMessage(bytes)
  }

  func text() throws(KerasImportError) -> String { try message().text }

  func number() throws(KerasImportError) -> UInt64 {
    guard case .varint(let number) = self else { throw unlike("a number") }
    return number
  }

  /// A number that counts something in memory, or is the place of something in a list.
  func index() throws(KerasImportError) -> Int {
    guard let index = Int(exactly: try number()) else { throw unlike("a small number") }
    return index
  }

  func fixed32() throws(KerasImportError) -> UInt32 {
    guard case .fixed32(let number) = self else { throw unlike("four bytes") }
    return number
  }

  private func unlike(_ expected: String) -> KerasImportError {
    KerasImportError(.corrupted("a field of another type than expected: expected \(expected)"))
  }
}
