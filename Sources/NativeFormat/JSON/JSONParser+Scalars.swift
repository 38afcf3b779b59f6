extension JSONParser {
  /// A number: an integer if it has neither fraction nor exponent and fits, else a double.
  mutating func number() throws(JSONSyntaxError) -> JSONValue {
    let start = position
    let isNegative = current == UInt8(ascii: "-")
    if isNegative { position += 1 }
    if isNegative, current == UInt8(ascii: "I") { return try word("Infinity", .number(-.infinity)) }
    let firstDigit = position
    guard let magnitude = try digits() else { throw unexpected(expected: "a digit") }
    if position - firstDigit > 1, bytes[firstDigit] == UInt8(ascii: "0") {
      throw JSONSyntaxError(reason: "a number starts with 0", offset: firstDigit)
    }
    var isInteger = true
    if current == UInt8(ascii: ".") {
      isInteger = false
      position += 1
      guard try digits() != nil else { throw unexpected(expected: "a digit") }
    }
    if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
      isInteger = false
      position += 1
      if current == UInt8(ascii: "-") || current == UInt8(ascii: "+") { position += 1 }
      guard try digits() != nil else { throw unexpected(expected: "a digit") }
    }
    if isInteger, case .some(let value) = magnitude { return .integer(isNegative ? -value : value) }
    return try double(from: start)
  }

  /// Passes over digits. Returns nil if there is none, and an inner nil if their value does not fit.
  private mutating func digits() throws(JSONSyntaxError) -> Int?? {
    let start = position
    var value: Int? = 0
    while position < bytes.count {
      let digit = bytes[position] &- UInt8(ascii: "0")
      guard digit <= 9 else { break }
      if let known = value {
        let (product, overflow) = known.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.addingReportingOverflow(Int(digit))
        value = overflow || carry ? nil : sum
      }
      position += 1
    }
    return position == start ? .none : .some(value)
  }

  private func double(from start: Int) throws(JSONSyntaxError) -> JSONValue {
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    guard let value = Double(text) else {
      throw JSONSyntaxError(reason: "not a number", offset: start)
    }
    return .number(value)
  }

  /// A string; the position is on its opening quote.
  mutating func string() throws(JSONSyntaxError) -> String {
    position += 1
    let start = position
    var isASCII = true
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        let text =
          isASCII
          ? texts.text(start..<position) : try decode(bytes[start..<position], isASCII: false)
        position += 1
        return text
      }
      if byte == UInt8(ascii: "\\") { return try stringWithEscapes(from: start) }
      guard byte >= 0x20 else { throw error("control character in a string") }
      if byte >= 0x80 { isASCII = false }
      position += 1
    }
    throw error("the text ends inside a string")
  }

  private mutating func stringWithEscapes(from start: Int) throws(JSONSyntaxError) -> String {
    var text = Array(bytes[start..<position])
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        let decoded = try text.withUnsafeBytes { buffer in
          Result { () throws(JSONSyntaxError) in try decode(buffer[...], isASCII: false) }
        }.get()
        position += 1
        return decoded
      }
      guard byte >= 0x20 else { throw error("control character in a string") }
      if byte == UInt8(ascii: "\\") {
        try appendEscape(to: &text)
      } else {
        text.append(byte)
        position += 1
      }
    }
    throw error("the text ends inside a string")
  }

  private func decode(
    _ text: Slice<UnsafeRawBufferPointer>, isASCII: Bool
  ) throws(JSONSyntaxError) -> String {
    let decoded = String(decoding: text, as: UTF8.self)
    // Decoding replaces what is not UTF-8, so that the bytes differ.
    guard isASCII || decoded.utf8.elementsEqual(text) else { throw error("a string that is not UTF-8") }
    return decoded
  }

  private mutating func appendEscape(to text: inout [UInt8]) throws(JSONSyntaxError) {
    position += 1
    let byte = current
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      position += 1
      text.append(contentsOf: String(Character(try unicodeEscape())).utf8)
      return
    default: throw unexpected(expected: "an escape")
    }
    position += 1
  }

  /// The character of `XXXX` or of the surrogate pair `XXXX\uXXXX`; the position is on the first digit.
  private mutating func unicodeEscape() throws(JSONSyntaxError) -> Unicode.Scalar {
    let first = try fourHexDigits()
    if let scalar = Unicode.Scalar(first) { return scalar }
    guard first < 0xDC00, current == UInt8(ascii: "\\") else { throw error("half of a surrogate pair") }
    position += 1
    guard current == UInt8(ascii: "u") else { throw error("half of a surrogate pair") }
    position += 1
    let second = try fourHexDigits()
    guard (0xDC00...0xDFFF).contains(second),
      let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    else { throw error("half of a surrogate pair") }
    return scalar
  }

  private mutating func fourHexDigits() throws(JSONSyntaxError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      let byte = current
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: throw unexpected(expected: "four hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }
}
