extension JSONValue {
  /// How a value is laid out as text.
  package enum Layout: Sendable {
    /// Without spaces.
    case compact
    /// One member or element per line, indented by two spaces; empty ones stay on their line.
    case pretty
  }

  /// The value as JSON text, UTF-8, members in their order.
  ///
  /// Numbers are written as Python writes them: `1.0` keeps its fraction, and `NaN`, `Infinity` and `-Infinity` stand
  /// for the values that JSON has no text for.
  package func serialized(_ layout: Layout = .compact) -> [UInt8] {
    var writer = JSONSerializer(layout: layout)
    writer.write(self, indentation: 0)
    return writer.text
  }

  /// The value as JSON text.
  package func text(_ layout: Layout = .compact) -> String {
    String(decoding: serialized(layout), as: UTF8.self)
  }
}

struct JSONSerializer {
  let layout: JSONValue.Layout
  var text: [UInt8] = []

  init(layout: JSONValue.Layout) { self.layout = layout }

  mutating func write(_ value: JSONValue, indentation: Int) {
    switch value {
    case .null: text.append(contentsOf: "null".utf8)
    case .bool(let value): text.append(contentsOf: (value ? "true" : "false").utf8)
    case .integer(let value): text.append(contentsOf: "\(value)".utf8)
    case .number(let value): text.append(contentsOf: JSONSerializer.python(value).utf8)
    case .string(let value): write(value)
    case .array(let elements):
      text.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        separate(isFirst: index == 0, indentation: indentation + 1)
        write(element, indentation: indentation + 1)
      }
      if !elements.isEmpty { newLine(indentation) }
      text.append(UInt8(ascii: "]"))
    case .object(let members):
      text.append(UInt8(ascii: "{"))
      for (index, member) in members.members.enumerated() {
        separate(isFirst: index == 0, indentation: indentation + 1)
        write(member.key)
        text.append(contentsOf: (layout == .compact ? ":" : ": ").utf8)
        write(member.value, indentation: indentation + 1)
      }
      if !members.isEmpty { newLine(indentation) }
      text.append(UInt8(ascii: "}"))
    }
  }

  private mutating func separate(isFirst: Bool, indentation: Int) {
    if !isFirst { text.append(UInt8(ascii: ",")) }
    newLine(indentation)
  }

  private mutating func newLine(_ indentation: Int) {
    guard layout == .pretty else { return }
    text.append(UInt8(ascii: "\n"))
    for _ in 0..<indentation { text.append(contentsOf: "  ".utf8) }
  }

  private mutating func write(_ string: String) {
    text.append(UInt8(ascii: "\""))
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""): text.append(contentsOf: "\\\"".utf8)
      case UInt8(ascii: "\\"): text.append(contentsOf: "\\\\".utf8)
      case 0x08: text.append(contentsOf: "\\b".utf8)
      case 0x09: text.append(contentsOf: "\\t".utf8)
      case 0x0A: text.append(contentsOf: "\\n".utf8)
      case 0x0C: text.append(contentsOf: "\\f".utf8)
      case 0x0D: text.append(contentsOf: "\\r".utf8)
      case 0..<0x20:
        let digits = String(byte, radix: 16)
        text.append(contentsOf: (byte < 16 ? "\\u000" : "\\u00").utf8)
        text.append(contentsOf: digits.utf8)
      default: text.append(byte)
      }
    }
    text.append(UInt8(ascii: "\""))
  }

  /// The shortest text that reads back as the same double; Swift's and Python's texts differ only for these three.
  static func python(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
    return value.description
  }
}
