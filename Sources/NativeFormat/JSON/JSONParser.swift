/// Why a text is not JSON, and the byte at which that was noticed.
package struct JSONSyntaxError: Error, Hashable, Sendable, CustomStringConvertible {
  package var reason: String
  /// The offset in bytes from the start of the text.
  package var offset: Int

  package var description: String { "invalid JSON at byte \(offset): \(reason)" }
}

extension JSONValue {
  /// How many arrays and objects may be inside each other.
  package static let depthLimit = 512
  /// The largest text that is read.
  package static let byteLimit = 1 << 28
  /// The most values a text may have.
  package static let valueLimit = 4_000_000

  /// Reads one JSON value that fills the whole text.
  ///
  /// Accepts what Python's `json` accepts: RFC 8259 and `NaN`, `Infinity`, `-Infinity`; a byte order mark is skipped. But for
  /// keys that come twice in an object, which no serialisation writes: what others read then depends on the reader.
  /// Integers beyond 64 bits become the nearest double.
  package init(parsing bytes: UnsafeRawBufferPointer) throws(JSONSyntaxError) {
    guard bytes.count <= JSONValue.byteLimit else {
      throw JSONSyntaxError(reason: "more than \(JSONValue.byteLimit) bytes of JSON", offset: 0)
    }
    var parser = JSONParser(bytes: bytes)
    self = try parser.document()
  }

  /// Reads one JSON value that fills the whole text.
  package init(parsing bytes: [UInt8]) throws(JSONSyntaxError) {
    self = try bytes.withUnsafeBytes { buffer in
      Result { () throws(JSONSyntaxError) in try JSONValue(parsing: buffer) }
    }.get()
  }

  /// Reads one JSON value that fills the whole text.
  package init(parsing text: String) throws(JSONSyntaxError) {
    self = try JSONValue(parsing: Array(text.utf8))
  }
}

/// A recursive-descent parser over bytes.
struct JSONParser {
  let bytes: UnsafeRawBufferPointer
  var position = 0
  var depth = 0
  private var valueCount = 0
  var texts: KnownTexts

  init(bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    texts = KnownTexts(in: bytes)
  }

  mutating func document() throws(JSONSyntaxError) -> JSONValue {
    if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { position = 3 }
    skipSpace()
    let value = try value()
    skipSpace()
    guard position == bytes.count else { throw error("text after the value") }
    return value
  }

  /// The byte at the position; 0, which starts nothing in JSON, at the end.
  var current: UInt8 { position < bytes.count ? bytes[position] : 0 }

  func error(_ reason: String) -> JSONSyntaxError { JSONSyntaxError(reason: reason, offset: position) }

  func unexpected(expected: String) -> JSONSyntaxError {
    position < bytes.count
      ? error("expected \(expected)") : error("the text ends where \(expected) is expected")
  }

  mutating func skipSpace() {
    while position < bytes.count {
      let byte = bytes[position]
      guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
      position += 1
    }
  }

  mutating func value() throws(JSONSyntaxError) -> JSONValue {
    valueCount += 1
    guard valueCount <= JSONValue.valueLimit else { throw error("more than \(JSONValue.valueLimit) values") }
    switch current {
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "N"): return try word("NaN", .number(.nan))
    case UInt8(ascii: "I"): return try word("Infinity", .number(.infinity))
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw unexpected(expected: "a value")
    }
  }

  mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONSyntaxError) -> JSONValue {
    let count = text.utf8CodeUnitCount
    guard bytes.count - position >= count else { throw unexpected(expected: "\(text)") }
    for index in 0..<count where bytes[position + index] != text.utf8Start[index] {
      throw unexpected(expected: "\(text)")
    }
    position += count
    return value
  }

  mutating func array() throws(JSONSyntaxError) -> JSONValue {
    try enter()
    var elements: [JSONValue] = []
    skipSpace()
    if current == UInt8(ascii: "]") {
      leave()
      return .array(elements)
    }
    while true {
      skipSpace()
      elements.append(try value())
      skipSpace()
      switch current {
      case UInt8(ascii: ","): position += 1
      case UInt8(ascii: "]"):
        leave()
        return .array(elements)
      default: throw unexpected(expected: "\",\" or \"]\"")
      }
    }
  }

  mutating func object() throws(JSONSyntaxError) -> JSONValue {
    try enter()
    var members = JSONObject()
    members.reserveCapacity(4)  // What a serialised object has.
    skipSpace()
    if current == UInt8(ascii: "}") {
      leave()
      return .object(members)
    }
    while true {
      skipSpace()
      try member(into: &members)
      skipSpace()
      switch current {
      case UInt8(ascii: ","): position += 1
      case UInt8(ascii: "}"):
        leave()
        return .object(members)
      default: throw unexpected(expected: "\",\" or \"}\"")
      }
    }
  }

  private mutating func member(into members: inout JSONObject) throws(JSONSyntaxError) {
    guard current == UInt8(ascii: "\"") else { throw unexpected(expected: "a key in double quotes") }
    let start = position
    let key = try string()
    guard !members.contains(key) else {
      throw JSONSyntaxError(reason: "key \"\(key)\" comes twice", offset: start)
    }
    skipSpace()
    guard current == UInt8(ascii: ":") else { throw unexpected(expected: "\":\"") }
    position += 1
    skipSpace()
    members[key] = try value()
  }

  private mutating func enter() throws(JSONSyntaxError) {
    depth += 1
    guard depth <= JSONValue.depthLimit else {
      throw error("more than \(JSONValue.depthLimit) levels of arrays and objects")
    }
    position += 1
  }

  private mutating func leave() {
    depth -= 1
    position += 1
  }
}
