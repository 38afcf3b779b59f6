import ONNXFormat
import ProtobufWire

extension ModelDecoder {
  /// The fields of an AttributeProto, of which its type says the one that counts.
  private struct Parts {
    var name = ""
    var type: Int?
    var int: Int?
    var float: Double?
    var string: String?
    var graph: Message?
    var ints: [Int] = []
    var floats: [Double] = []
    var strings: [String] = []
  }

  func attribute(_ message: Message, depth: Int) throws(ONNXImportError) -> (
    name: String, value: ONNXAttribute
  ) {
    try count()
    var parts = Parts()
    try message.forEachField { field, value throws(ONNXImportError) in
      switch field {
      case 1: parts.name = try text(value)
      case 2: parts.float = Double(Float(bitPattern: try value.fixed32()))
      case 3: parts.int = Int(Int64(bitPattern: try value.number()))
      case 4: parts.string = try text(value)
      case 6: parts.graph = try value.message()
      case 7: try floats(value, &parts.floats)
      case 8: try value.forEachNumber { parts.ints.append(Int(Int64(bitPattern: $0))) }
      case 9: parts.strings.append(try text(value))
      case 13: break  // documentation
      case 20: parts.type = try value.index()
      default: throw unknown(field, "AttributeProto")
      }
    }
    do { return (parts.name, try attribute(parts, depth: depth)) } catch {
      throw error.at("attribute \"\(parts.name)\"")
    }
  }

  private func attribute(_ parts: Parts, depth: Int) throws(ONNXImportError) -> ONNXAttribute {
    switch parts.type {
    case 1: return .float(try given(parts.float))
    case 2: return .int(try given(parts.int))
    case 3: return .string(try given(parts.string))
    case 5: return .graph(try graph(given(parts.graph), depth: depth + 1))
    case 6: return .floats(parts.floats)
    case 7: return .ints(parts.ints)
    case 8: return .strings(parts.strings)
    case let type?: throw .unsupported("an attribute of type \(type)")
    case nil: throw .damaged("it has no type")
    }
  }

  private func given<T>(_ value: T?) throws(ONNXImportError) -> T {
    guard let value else { throw .damaged("it has no value of its type") }
    return value
  }

  private func floats(_ value: Field, _ list: inout [Double]) throws(ONNXImportError) {
    guard case .bytes(let packed) = value else {
      list.append(Double(Float(bitPattern: try value.fixed32())))
      return
    }
    try packed.withBytes { raw throws(ONNXImportError) in
      var reader = WireReader<ONNXImportError>(raw)
      while !reader.isAtEnd { list.append(Double(Float(bitPattern: try reader.fixed(UInt32.self)))) }
    }
  }
}
