/// A message of an object header, its content padded to a multiple of 8.
struct WrittenMessage {
  let kind: UInt8
  let content: [UInt8]
  let isConstant: Bool

  init(_ kind: UInt8, _ content: [UInt8], isConstant: Bool = false) {
    self.kind = kind
    self.content = WrittenMessage.padded(content)
    self.isConstant = isConstant
  }

  private static func padded(_ bytes: [UInt8]) -> [UInt8] {
    bytes + Array(repeating: 0, count: (8 - bytes.count % 8) % 8)
  }

  static func numbers(_ numbers: [Int]) -> [UInt8] {
    numbers.flatMap { number in withUnsafeBytes(of: Int64(number).littleEndian) { Array($0) } }
  }

  /// A dataspace of these sizes, which are the largest, too.
  static func space(_ sizes: [Int]) -> [UInt8] {
    [1, UInt8(sizes.count), sizes.isEmpty ? 0 : 1, 0, 0, 0, 0, 0] + numbers(sizes) + numbers(sizes)
  }

  /// An attribute of one string in UTF-8 of variable length, which the last 16 bytes are to stand for.
  static func attribute(_ name: String) -> WrittenMessage {
    let text = Array(name.utf8) + [0]
    let type: [UInt8] = [0x19, 1, 1, 0, 16, 0, 0, 0] + WrittenType.integer(1, isSigned: false)
    let space = space([])
    let counts = [text.count, type.count, space.count].flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8 & 0xFF)] }
    return WrittenMessage(
      0x0C, [1, 0] + counts + padded(text) + padded(type) + space + Array(repeating: 0, count: 16))
  }
}

/// A datatype as it stands in a message.
struct WrittenType {
  let bytes: [UInt8]
  let byteCount: Int

  /// - Throws: for a type that has no form.
  init(_ type: HDF5Index.ElementType, _ what: String) throws(HDF5Error) {
    switch type {
    case .float16: (bytes, byteCount) = (WrittenType.float(2, exponentBits: 5), 2)
    case .float32: (bytes, byteCount) = (WrittenType.float(4, exponentBits: 8), 4)
    case .float64: (bytes, byteCount) = (WrittenType.float(8, exponentBits: 11), 8)
    // Opaque, without a tag.
    case .bfloat16: (bytes, byteCount) = ([0x15, 0, 0, 0, 2, 0, 0, 0], 2)
    case .int8: (bytes, byteCount) = (WrittenType.integer(1, isSigned: true), 1)
    case .int16: (bytes, byteCount) = (WrittenType.integer(2, isSigned: true), 2)
    case .int32: (bytes, byteCount) = (WrittenType.integer(4, isSigned: true), 4)
    case .int64: (bytes, byteCount) = (WrittenType.integer(8, isSigned: true), 8)
    case .uint8: (bytes, byteCount) = (WrittenType.integer(1, isSigned: false), 1)
    case .uint16: (bytes, byteCount) = (WrittenType.integer(2, isSigned: false), 2)
    case .uint32: (bytes, byteCount) = (WrittenType.integer(4, isSigned: false), 4)
    case .uint64: (bytes, byteCount) = (WrittenType.integer(8, isSigned: false), 8)
    case .bool: (bytes, byteCount) = (WrittenType.bool, 1)
    case .other(let words): throw HDF5Error(.unsupported("\(what): elements of \(words)"))
    }
  }

  static func integer(_ byteCount: UInt8, isSigned: Bool) -> [UInt8] {
    [0x10, isSigned ? 8 : 0, 0, 0, byteCount, 0, 0, 0, 0, 0, 8 * byteCount, 0]
  }

  /// The sign, then the exponent, then the fraction of a mantissa whose one is implied.
  private static func float(_ byteCount: UInt8, exponentBits: UInt8) -> [UInt8] {
    let sign = 8 * byteCount - 1
    let bias = 1 << (Int(exponentBits) - 1) - 1
    return [0x11, 0x20, sign, 0, byteCount, 0, 0, 0, 0, 0, sign + 1, 0] + [
      sign - exponentBits, exponentBits, 0, sign - exponentBits, UInt8(bias & 0xFF), UInt8(bias >> 8), 0, 0,
    ]
  }

  /// An enumeration over one byte, as h5py has it.
  private static let bool: [UInt8] =
    [0x18, 2, 0, 0, 1, 0, 0, 0] + integer(1, isSigned: true)
    + Array("FALSE\0\0\0TRUE\0\0\0\0".utf8) + [0, 1]
}
