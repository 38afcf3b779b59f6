import ModelFiles
import ModelIR
import ProtobufWire
import Testing

/// The wire format by itself: what is cut, too long, or of a kind that is not in use.
struct WireTests {
  struct Damage: WireFailure, Equatable {
    let message: String
    static func damaged(_ message: String) -> Damage { Damage(message: message) }
  }

  private func held(_ bytes: [UInt8]) throws -> HeldBytes {
    let storage = try MemoryStorage(filled: bytes.count) { $0.copyBytes(from: bytes) }
    return try storage.withBytes { HeldBytes($0, owner: storage) }
  }

  private func fields(_ bytes: [UInt8]) throws -> [UInt64] {
    var fields: [UInt64] = []
    try WireMessage<Damage>(held(bytes)).forEachField { field, _ in fields.append(field) }
    return fields
  }

  @Test func `fields of every kind are shown in order`() throws {
    let bytes: [UInt8] =
      [0x08, 0x96, 0x01, 0x11] + Array(repeating: 0, count: 8) + [0x1A, 0x01, 0x41, 0x25, 0, 0, 0, 0]
    #expect(try fields(bytes) == [1, 2, 3, 4])
  }

  @Test(
    arguments: [
      ([0x08], "it ends within a field"),
      ([0x08, 0x80], "it ends within a field"),
      ([0x08] + Array(repeating: 0x80, count: 9) + [0x02], "a number does not fit in 64 bits"),
      (Array(repeating: 0xFF, count: 11), "a number does not fit in 64 bits"),
      ([0x0A, 0x05, 0x41], "it ends within a field"),
      ([0x0A] + Array(repeating: 0xFF, count: 9) + [0x01], "a length is impossible"),
      ([0x0A] + Array(repeating: 0xFF, count: 8) + [0x7F], "it ends within a field"),
      ([0x09, 0, 0, 0], "it ends within a field"),
      ([0x0D, 0, 0], "it ends within a field"),
      ([0x0B, 0x0C], "a field has the wire type 3, which does not exist"),
      ([0x0C], "a field has the wire type 4, which does not exist"),
      ([0x0E], "a field has the wire type 6, which does not exist"),
      ([0x00, 0x01], "a field has the number 0"),
    ] as [([UInt8], String)])
  func `damaged messages are told`(_ bytes: [UInt8], _ message: String) throws {
    #expect(throws: Damage(message: message)) { _ = try fields(bytes) }
  }

  @Test func `numbers are read packed and one by one`() throws {
    let message = WireMessage<Damage>(try held([0x0A, 0x03, 0x01, 0x80, 0x01, 0x08, 0x05]))
    #expect(try message.numbers(1) == [1, 128, 5])
  }

  @Test func `a packed list that is cut is damaged`() throws {
    let message = WireMessage<Damage>(try held([0x0A, 0x02, 0x01, 0x80]))
    #expect(throws: Damage(message: "it ends within a field")) { _ = try message.numbers(1) }
  }
}
