#if YAML
  import CYAML
  import ModelFiles
  import ModelIR
  import NativeFormat

  /// An architecture in YAML, as Keras wrote them up to tf.keras 2.5, read as the JSON value it stands for.
  ///
  /// Tags of Python's tuples and strings are dropped, numpy's scalars decoded from their bytes; any other Python object
  /// becomes an opaque object, so that it is refused only where its value is needed. Nothing is constructed or executed.
  enum YAMLDocument {
    /// How many values a document may hold once its aliases are followed: they can grow without bound otherwise.
    static let valueLimit = 1_000_000
    static let depthLimit = 200
    static let byteLimit = 1 << 26

    /// - Throws: `corrupted` with the line for text that is not YAML.
    static func json(_ text: HeldBytes) throws(KerasImportError) -> JSONValue {
      guard text.count <= byteLimit else {
        throw KerasImportError(.corrupted("more than \(byteLimit) bytes of YAML"))
      }
      return try text.withBytes { bytes throws(KerasImportError) in
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        guard yaml_parser_initialize(parser) == 1 else {
          throw KerasImportError(.corrupted("not enough memory"))
        }
        defer { yaml_parser_delete(parser) }
        yaml_parser_set_input_string(
          parser, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
        var reader = YAMLReader(parser: parser)
        return try reader.document()
      }
    }
  }

  /// Builds values from libyaml's events.
  private struct YAMLReader {
    let parser: UnsafeMutablePointer<yaml_parser_t>
    /// Values by anchor, with the number of values in each.
    private var anchors: [String: (value: JSONValue, count: Int)] = [:]
    private var count = 0

    init(parser: UnsafeMutablePointer<yaml_parser_t>) { self.parser = parser }

    private enum Event {
      case scalar(String, tag: String?, anchor: String?, isPlain: Bool)
      case alias(String)
      case sequence(tag: String?, anchor: String?)
      case mapping(tag: String?, anchor: String?)
      case end, streamEnd, other
    }

    mutating func document() throws(KerasImportError) -> JSONValue {
      while true {
        let event = try next()
        if case .streamEnd = event { throw KerasImportError(.corrupted("the YAML document is empty")) }
        if case .other = event { continue }
        return try value(event, depth: 0)
      }
    }

    private mutating func value(_ event: Event, depth: Int) throws(KerasImportError) -> JSONValue {
      guard depth < YAMLDocument.depthLimit else {
        throw KerasImportError(.corrupted("the YAML is nested too deeply"))
      }
      let before = count
      try add(1)
      let found: JSONValue
      var anchor: String?
      switch event {
      case .scalar(let text, let tag, let name, let isPlain):
        found = YAMLScalar(text: text, tag: tag, isPlain: isPlain).json
        anchor = name
      case .alias(let name):
        guard let known = anchors[name] else {
          throw KerasImportError(.corrupted("unknown YAML alias \"\(name)\""))
        }
        try add(known.count)
        return known.value
      case .sequence(let tag, let name):
        found = YAMLScalar.object(tag, .array(try items(depth)))
        anchor = name
      case .mapping(let tag, let name):
        found = YAMLScalar.object(tag, .object(try members(depth)))
        anchor = name
      case .end, .streamEnd, .other: throw KerasImportError(.corrupted("the YAML ends too early"))
      }
      if let anchor { anchors[anchor] = (found, count - before) }
      return found
    }

    private mutating func add(_ more: Int) throws(KerasImportError) {
      count += more
      guard count <= YAMLDocument.valueLimit else {
        throw KerasImportError(.corrupted("the YAML holds more than \(YAMLDocument.valueLimit) values"))
      }
    }

    private mutating func items(_ depth: Int) throws(KerasImportError) -> [JSONValue] {
      var items: [JSONValue] = []
      while true {
        let event = try next()
        if case .end = event { return items }
        items.append(try value(event, depth: depth + 1))
      }
    }

    private mutating func members(_ depth: Int) throws(KerasImportError) -> JSONObject {
      var members = JSONObject()
      while true {
        let event = try next()
        if case .end = event { return members }
        guard case .scalar(let key, _, _, _) = event else {
          throw KerasImportError(.corrupted("a YAML key is no scalar"))
        }
        guard !members.contains(key) else {
          throw KerasImportError(.corrupted("the YAML has the key \"\(key)\" twice in one mapping"))
        }
        members[key] = try value(next(), depth: depth + 1)
      }
    }

    private func next() throws(KerasImportError) -> Event {
      var event = yaml_event_t()
      guard yaml_parser_parse(parser, &event) == 1 else {
        let problem = parser.pointee.problem.map { String(cString: $0) } ?? "it cannot be read"
        throw KerasImportError(.corrupted("YAML line \(parser.pointee.problem_mark.line + 1): \(problem)"))
      }
      defer { yaml_event_delete(&event) }
      func text(_ pointer: UnsafeMutablePointer<UInt8>?) -> String? { pointer.map { String(cString: $0) } }
      switch event.type {
      case YAML_SCALAR_EVENT:
        let scalar = event.data.scalar
        let bytes = UnsafeBufferPointer(start: scalar.value, count: Int(scalar.length))
        return .scalar(
          String(decoding: bytes, as: UTF8.self), tag: text(scalar.tag), anchor: text(scalar.anchor),
          isPlain: scalar.plain_implicit == 1)
      // No anchor has an empty name: such an alias is refused.
      case YAML_ALIAS_EVENT: return .alias(text(event.data.alias.anchor) ?? "")
      case YAML_SEQUENCE_START_EVENT:
        return .sequence(
          tag: text(event.data.sequence_start.tag), anchor: text(event.data.sequence_start.anchor))
      case YAML_MAPPING_START_EVENT:
        return .mapping(
          tag: text(event.data.mapping_start.tag), anchor: text(event.data.mapping_start.anchor))
      case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return .end
      case YAML_STREAM_END_EVENT: return .streamEnd
      default: return .other
      }
    }
  }

  /// A scalar by YAML 1.1's rules as Python's reader has them.
  private struct YAMLScalar {
    let text: String
    let tag: String?
    /// Written without quotes, so that its form decides what it is.
    let isPlain: Bool

    var json: JSONValue {
      if let tag, tag.hasSuffix(":binary") {
        return ["class_name": "__bytes__", "config": ["value": .string(text)]]
      }
      let isNumber =
        tag?.hasSuffix(":int") == true || tag?.hasSuffix(":float") == true || tag?.hasSuffix("/long") == true
      guard isPlain && tag == nil || isNumber else {
        return tag?.contains("python/object") == true ? YAMLScalar.object(tag, .string(text)) : .string(text)
      }
      switch text {
      case "", "~", "null", "Null", "NULL": return .null
      case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": return true
      case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": return false
      case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .number(.infinity)
      case "-.inf", "-.Inf", "-.INF": return .number(-.infinity)
      case ".nan", ".NaN", ".NAN": return .number(.nan)
      default: break  // A number or a text, below.
      }
      let digits = text.replacing("_", with: "")
      if let integer = Int(digits) { return .integer(integer) }
      guard let first = digits.utf8.first,
        first == 0x2B || first == 0x2D || first == 0x2E || (0x30...0x39).contains(first),
        digits.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }), let number = Double(digits)
      else { return .string(text) }
      return .number(number)
    }

    /// What a tag makes of a sequence or mapping.
    static func object(_ tag: String?, _ value: JSONValue) -> JSONValue {
      guard let tag, tag.contains("python/object") else { return value }
      if tag.hasSuffix("multiarray.scalar"), let number = numpyScalar(value) { return number }
      return ["class_name": "__python__", "config": ["tag": .string(tag), "value": value]]
    }

    /// `[dtype, bytes]`: the dtype is written by its code (`i8`, `f4`), the bytes in base 64.
    private static func numpyScalar(_ value: JSONValue) -> JSONValue? {
      guard let code = value[0]?["config"]?["value"]?["args"]?[0]?.string,
        let text = value[1]?["config"]?["value"]?.string,
        let bytes = base64(text), let width = Int(code.dropFirst()), width == bytes.count, width > 0,
        width <= 8
      else { return nil }
      let bits = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      switch code.first {
      case "f" where width == 4: return .number(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))))
      case "f" where width == 8: return .number(Double(bitPattern: bits))
      case "i":
        return .integer(
          Int(truncatingIfNeeded: Int64(bitPattern: bits << UInt64(64 - 8 * width)) >> Int64(64 - 8 * width)))
      case "u": return Int(exactly: bits).map(JSONValue.integer)
      case "b": return .bool(bits != 0)
      default: return nil
      }
    }

    private static func base64(_ text: String) -> [UInt8]? {
      let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
      var bytes: [UInt8] = []
      var (bits, count) = (UInt32(0), 0)
      for character in text.utf8 where character != 0x0A && character != 0x20 && character != 0x3D {
        guard let digit = alphabet.firstIndex(of: character) else { return nil }
        bits = bits << 6 | UInt32(digit)
        count += 6
        guard count >= 8 else { continue }
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
      return bytes
    }
  }
#else
  import ModelFiles
  import ModelIR
  import NativeFormat

  /// Programs that are built without the trait YAML refuse it.
  enum YAMLDocument {
    /// - Throws: `unsupported`.
    static func json(_ text: HeldBytes) throws(KerasImportError) -> JSONValue {
      throw KerasImportError(.unsupported("YAML; the program was built without kconvert's trait YAML"))
    }
  }
#endif
