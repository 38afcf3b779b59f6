package import ModelFiles

/// A message of protocol buffers, read where it lies; messages inside are not entered before somebody asks.
///
/// | wire type | what follows a field's tag (`number << 3 | wire type`, a varint) |
/// |---|---|
/// | 0 | a varint |
/// | 1 | 8 bytes |
/// | 2 | a length as varint, then as many bytes: text, a message, packed numbers |
/// | 5 | 4 bytes |
///
/// The groups of old (wire types 3 and 4) are refused, and so is the field number 0, which does not exist. What becomes of
/// fields that a reader does not know is the reader's business. Source: protobuf.dev, "Encoding".
package struct WireMessage<Failure: WireFailure>: Sendable {
  /// What a field holds.
  package enum Value: Sendable {
    case varint(UInt64)
    case fixed64(UInt64)
    case fixed32(UInt32)
    case bytes(HeldBytes)
  }

  package let bytes: HeldBytes

  package init(_ bytes: HeldBytes) { self.bytes = bytes }

  /// Shows every field in the order of the message.
  /// - Throws: when a field breaks the format, and what `body` throws.
  package func forEachField(
    _ body: (_ number: UInt64, _ value: Value) throws(Failure) -> Void
  ) throws(Failure) {
    try bytes.withBytes { raw throws(Failure) in
      var reader = WireReader<Failure>(raw)
      while !reader.isAtEnd {
        let tag = try reader.varint()
        guard tag >> 3 != 0 else { throw .damaged("a field has the number 0") }
        try body(tag >> 3, try value(wireType: tag & 7, &reader))
      }
    }
  }

  private func value(wireType: UInt64, _ reader: inout WireReader<Failure>) throws(Failure) -> Value {
    switch wireType {
    case 0: return .varint(try reader.varint())
    case 1: return .fixed64(try reader.fixed(UInt64.self))
    case 5: return .fixed32(try reader.fixed(UInt32.self))
    case 2:
      let range = try reader.skip(try reader.count())
      guard let content = bytes.slice(offset: range.lowerBound, count: range.count) else { break }
      return .bytes(content)
    default: break  // Thrown below.
    }
    throw .damaged("a field has the wire type \(wireType), which does not exist")
  }
}

extension WireMessage {
  /// The messages of a repeated field.
  package func messages(_ number: UInt64) throws(Failure) -> [WireMessage] {
    var messages: [WireMessage] = []
    try forEachField { field, value throws(Failure) in
      if field == number { messages.append(try value.message()) }
    }
    return messages
  }

  /// The message of a field; nil when it is not there.
  package func message(_ number: UInt64) throws(Failure) -> WireMessage? { try messages(number).last }

  /// The texts of a repeated field.
  package func texts(_ number: UInt64) throws(Failure) -> [String] {
    try messages(number).map { message throws(Failure) in message.text }
  }

  /// The text of a field; nil when it is not there.
  package func text(_ number: UInt64) throws(Failure) -> String? { try texts(number).last }

  /// The numbers of a repeated field, packed or not.
  package func numbers(_ number: UInt64) throws(Failure) -> [UInt64] {
    var numbers: [UInt64] = []
    try forEachField { field, value throws(Failure) in
      if field == number { try value.forEachNumber { numbers.append($0) } }
    }
    return numbers
  }

  /// The number of a field; 0, which is not written, when it is not there.
  package func number(_ number: UInt64) throws(Failure) -> UInt64 {
    try numbers(number).last ?? 0  // Absent: 0.
  }

  /// All bytes as text.
  package var text: String { bytes.withBytes { String(decoding: $0, as: UTF8.self) } }
}

extension WireMessage.Value {
  package func message() throws(Failure) -> WireMessage {
    guard case .bytes(let bytes) = self else { throw unlike("a message or text") }
    return WireMessage(bytes)
  }

  package func text() throws(Failure) -> String { try message().text }

  package func number() throws(Failure) -> UInt64 {
    guard case .varint(let number) = self else { throw unlike("a number") }
    return number
  }

  /// One number of a repeated field, or many that are packed.
  package func forEachNumber(_ body: (UInt64) -> Void) throws(Failure) {
    guard case .bytes(let packed) = self else { return body(try number()) }
    try packed.withBytes { raw throws(Failure) in
      var reader = WireReader<Failure>(raw)
      while !reader.isAtEnd { body(try reader.varint()) }
    }
  }

  /// A number that counts something in memory, or is the place of something in a list.
  package func index() throws(Failure) -> Int {
    guard let index = Int(exactly: try number()) else { throw unlike("a small number") }
    return index
  }

  package func fixed32() throws(Failure) -> UInt32 {
    guard case .fixed32(let number) = self else { throw unlike("four bytes") }
    return number
  }

  private func unlike(_ expected: String) -> Failure {
    .damaged("a field of another type than expected: expected \(expected)")
  }
}
