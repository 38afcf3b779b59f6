import NativeFormat
import Testing

/// Headers that lie.
@Suite struct NumpyTests {
  private static func array(_ descr: String, _ shape: String, _ data: [UInt8]) -> [UInt8] {
    let header = "{'descr': '\(descr)', 'fortran_order': False, 'shape': \(shape), }\n"
    return [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8) + data
  }

  private static func decode(_ bytes: [UInt8]) throws -> [Int] {
    try bytes.withUnsafeBytes { try NumpyArray.decode($0) }.sizes
  }

  @Test func `shapes are read as Python writes them`() throws {
    let data = [UInt8](repeating: 0, count: 12)
    #expect(try Self.decode(Self.array("<i2", "(2, 3)", data)) == [2, 3])
    #expect(try Self.decode(Self.array("<i2", "(6,)", data)) == [6])
    #expect(try Self.decode(Self.array("<i2", "(2L, 3L)", data)) == [2, 3])
    #expect(try Self.decode(Self.array("<i2", "()", data)) == [])
  }

  @Test(arguments: ["(-3, 2)", "(3.5,)", "(0x3,)", "(٣,)", "(3, -0)", "(1, 9223372036854775808)"])
  func `sizes that are no sizes are refused`(shape: String) {
    #expect(throws: NumpyArray.FormatError.self) {
      try Self.decode(Self.array("|u1", shape, [UInt8](repeating: 0, count: 12)))
    }
  }

  @Test func `more strings than memory has are refused`() {
    #expect(throws: NumpyArray.FormatError.self) { try Self.decode(Self.array("|S0", "(1048577,)", [])) }
  }
}
