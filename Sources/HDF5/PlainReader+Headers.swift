/// The messages of an object header that matter, each at most once but for attributes.
struct PlainMessages {
  var space: PlainRecord?
  var type: PlainRecord?
  var layout: PlainRecord?
  var symbols: PlainRecord?
  var attributes: [PlainRecord] = []
  /// How many there were, of every kind.
  var count = 0
}

extension PlainReader {
  /// Reads all messages of the object header at an address.
  mutating func read(headerAt address: Int, into messages: inout PlainMessages) throws(NotPlain) {
    let head = try file.part(address, 16)
    guard try head.two(0) == 1 else { throw NotPlain() }
    let count = try head.two(2)
    var pieces = [try file.part(address + 16, head.four(8))]
    while let piece = pieces.popLast() {
      try self.count(bytes: piece.count)
      try read(piece, into: &messages, &pieces, limit: count)
    }
    guard messages.count == count else { throw NotPlain() }
  }

  /// - Parameters:
  ///   - pieces: gets the pieces in which the header goes on.
  ///   - limit: how many messages there are in all, by which pieces that lead round in a circle come to an end.
  private func read(
    _ piece: PlainRecord, into messages: inout PlainMessages, _ pieces: inout [PlainRecord], limit: Int
  ) throws(NotPlain) {
    var offset = 0
    while offset < piece.count {
      let size = try piece.two(offset + 2)
      // Messages that are constant or not; none that are shared.
      guard messages.count < limit, size % 8 == 0, try piece.four(offset + 4) <= 1 else { throw NotPlain() }
      let content = try piece.part(offset + 8, size)
      messages.count += 1
      switch try piece.two(offset) {
      case 0x00, 0x04, 0x05, 0x12: break  // Nothing; fill values, of which all was overwritten; a date.
      case 0x01: try PlainReader.set(&messages.space, content)
      case 0x03: try PlainReader.set(&messages.type, content)
      case 0x08: try PlainReader.set(&messages.layout, content)
      case 0x0C: messages.attributes.append(content)
      case 0x10: pieces.append(try file.part(content.eight(0), content.eight(8)))
      case 0x11: try PlainReader.set(&messages.symbols, content)
      default: throw NotPlain()
      }
      offset += 8 + size
    }
  }

  private static func set(_ message: inout PlainRecord?, _ content: PlainRecord) throws(NotPlain) {
    guard message == nil else { throw NotPlain() }
    message = content
  }

  // MARK: - Attributes

  /// An attribute message.
  mutating func attribute(
    _ message: PlainRecord
  ) throws(NotPlain) -> (name: String, value: HDF5Index.Attribute) {
    guard try message.one(0) == 1 else { throw NotPlain() }
    let counts = (try message.two(2), try message.two(4), try message.two(6))
    func padded(_ count: Int) -> Int { (count + 7) / 8 * 8 }
    let (typeStart, spaceStart) = (8 + padded(counts.0), 8 + padded(counts.0) + padded(counts.1))
    let name = try message.part(8, counts.0).text(0)
    let type = try PlainType(message.part(typeStart, counts.1))
    let sizes = try PlainReader.sizes(message.part(spaceStart, counts.2))
    let data = try message.rest(after: spaceStart + padded(counts.2))
    guard let count = Product.of(sizes), let byteCount = Product.of([count, type.byteCount]) else {
      throw NotPlain()
    }
    return (name, try value(type, count, sizes, data.part(0, byteCount)))
  }

  private mutating func value(
    _ type: PlainType, _ count: Int, _ sizes: [Int], _ data: PlainRecord
  ) throws(NotPlain) -> HDF5Index.Attribute {
    var strings: [String] = []
    switch type.kind {
    case .fixedString(let isTerminated):
      for place in 0..<count {
        let text = try data.part(place * type.byteCount, type.byteCount)
        strings.append(try text.trimmed(atFirstZero: isTerminated).text())
      }
      return .strings(strings, sizes: sizes)
    case .variableString:
      for place in 0..<count { strings.append(try variableString(data.part(16 * place, 16))) }
      return .strings(strings, sizes: sizes)
    case .integer(isSigned: true) where type.byteCount == 8:
      var values: [Int] = []
      for place in 0..<count { values.append(try data.signed(8 * place)) }
      return .integers(values, sizes: sizes)
    case .float where count == 0: return .numbers([], sizes: sizes)
    case .integer, .float: throw NotPlain()
    }
  }

  /// The string that a length, the address of a global heap and a number in it stand for.
  private mutating func variableString(_ reference: PlainRecord) throws(NotPlain) -> String {
    let (length, address) = (try reference.four(0), try reference.eight(4))
    guard length > 0 else { return "" }
    try count(bytes: length)
    if globalHeaps[address] == nil { globalHeaps[address] = try globalHeap(at: address) }
    guard let object = globalHeaps[address]?[try reference.four(12)], object.count == length else {
      throw NotPlain()
    }
    return try object.trimmed(atFirstZero: true).text()
  }

  private mutating func globalHeap(at address: Int) throws(NotPlain) -> [Int: PlainRecord] {
    let heap = try file.part(address, file.part(address, 16).eight(8))
    guard heap.begins(with: "GCOL"), try heap.one(4) == 1 else { throw NotPlain() }
    try count(bytes: heap.count)
    var objects: [Int: PlainRecord] = [:]
    var offset = 16
    // What is left over is free: an object with the number 0, or less than the head of one.
    while heap.count - offset >= 16, case let number = try heap.two(offset), number > 0 {
      let size = try heap.eight(offset + 8)
      guard size <= heap.count else { throw NotPlain() }
      guard objects.updateValue(try heap.part(offset + 16, size), forKey: number) == nil else {
        throw NotPlain()
      }
      offset += 16 + (size + 7) / 8 * 8
    }
    return objects
  }
}

/// A datatype message.
struct PlainType {
  enum Kind: Equatable {
    case integer(isSigned: Bool)
    /// As IEEE 754 has them.
    case float
    case fixedString(isTerminated: Bool)
    case variableString
  }
  let kind: Kind
  let byteCount: Int

  init(_ message: PlainRecord) throws(NotPlain) {
    byteCount = try message.four(4)
    let bits = try message.four(0) >> 8
    switch try message.one(0) {
    case 0x10 where bits & ~0x08 == 0:  // Little-endian, padded with zeros.
      kind = .integer(isSigned: bits == 0x08)
      guard try message.two(8) == 0, try message.two(10) == 8 * byteCount else { throw NotPlain() }
    case 0x11:
      kind = .float
      try PlainType.checkFloat(message, bits, byteCount)
    case 0x13 where bits & 0x0F <= 1 && bits >> 4 <= 1:  // Up to the first zero, or zeros at the end.
      kind = .fixedString(isTerminated: bits & 0x0F == 0)
      guard byteCount > 0 else { throw NotPlain() }
    case 0x19 where bits & 0x0F == 1 && byteCount == 16: kind = .variableString
    default: throw NotPlain()
    }
  }

  /// - Throws: unless the sign comes first, then the exponent, then the fraction of a mantissa whose one is implied.
  private static func checkFloat(_ message: PlainRecord, _ bits: Int, _ byteCount: Int) throws(NotPlain) {
    let exponentBits: Int
    switch byteCount {
    case 2: exponentBits = 5
    case 4: exponentBits = 8
    case 8: exponentBits = 11
    default: throw NotPlain()
    }
    let signPlace = 8 * byteCount - 1
    let fractionBits = signPlace - exponentBits
    guard bits == signPlace << 8 | 0x20, try message.two(8) == 0, try message.two(10) == 8 * byteCount,
      try message.one(12) == fractionBits, try message.one(13) == exponentBits, try message.one(14) == 0,
      try message.one(15) == fractionBits, try message.four(16) == 1 << (exponentBits - 1) - 1
    else { throw NotPlain() }
  }

  /// The type of elements of a dataset; nil for others.
  var plain: HDF5Index.ElementType? {
    switch (kind, byteCount) {
    case (.float, 2): .float16
    case (.float, 4): .float32
    case (.float, 8): .float64
    case (.integer(let isSigned), 1): isSigned ? .int8 : .uint8
    case (.integer(let isSigned), 2): isSigned ? .int16 : .uint16
    case (.integer(let isSigned), 4): isSigned ? .int32 : .uint32
    case (.integer(let isSigned), 8): isSigned ? .int64 : .uint64
    default: nil
    }
  }
}
