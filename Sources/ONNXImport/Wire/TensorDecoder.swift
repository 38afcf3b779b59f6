import ModelFiles
import ModelIR
import ONNXFormat
import ProtobufWire

/// An initializer.
enum DecodedTensor {
  case plain(name: String, Tensor)
  case packed(ONNXPackedTensor)
}

extension ModelDecoder {
  private struct TensorParts {
    var name = ""
    var sizes: [Int] = []
    var type = 0
    var strings: [String] = []
    var raw: HeldBytes?
    var external: [String: String] = [:]
    var isExternal = false
  }

  /// A TensorProto; its bytes stay where they are in the file, or in the one beside it.
  func tensor(_ message: Message) throws(ONNXImportError) -> DecodedTensor {
    try count()
    var parts = TensorParts()
    try message.forEachField { field, value throws(ONNXImportError) in
      switch field {
      case 1: try sizes(value, &parts.sizes)
      case 2: parts.type = try value.index()
      case 6: parts.strings.append(try text(value))
      case 8: parts.name = try text(value)
      case 9: parts.raw = try value.message().bytes
      case 12, 16: break  // documentation, properties
      case 13:
        let entry = try self.entry(value.message())
        parts.external[entry.key] = entry.value
      case 14: parts.isExternal = try value.number() == 1
      default: throw unknown(field, "TensorProto")
      }
    }
    do { return try tensor(parts) } catch { throw error.at("initializer \"\(parts.name)\"") }
  }

  private func sizes(_ value: Field, _ sizes: inout [Int]) throws(ONNXImportError) {
    try value.forEachNumber { sizes.append(Int(Int64(bitPattern: $0))) }
    guard sizes.count <= ElementCount.rankLimit else { throw .damaged("a tensor of \(sizes.count) axes") }
  }

  private func entry(_ message: Message) throws(ONNXImportError) -> (key: String, value: String) {
    var (key, content) = ("", "")
    try message.forEachField { field, value throws(ONNXImportError) in
      switch field {
      case 1: key = try text(value)
      case 2: content = try text(value)
      default: throw unknown(field, "StringStringEntryProto")
      }
    }
    return (key, content)
  }

  private func tensor(_ parts: TensorParts) throws(ONNXImportError) -> DecodedTensor {
    if parts.type == Int(DType.string.onnxType) {
      guard parts.raw == nil, !parts.isExternal else { throw .damaged("texts as plain bytes") }
      return .plain(name: parts.name, try ONNXImportError.checked(Tensor(parts.strings, sizes: parts.sizes)))
    }
    guard parts.strings.isEmpty else { throw .damaged("texts in a tensor of numbers") }
    let bytes = try parts.isExternal ? external(parts.external) : parts.raw
    guard let bytes else { throw .unsupported("data that is not in raw_data") }
    if let isSigned = ONNXPackedTensor.isSigned(onnxType: parts.type) {
      return .packed(try packed(parts, bytes, isSigned: isSigned))
    }
    guard let dtype = DType(onnxType: parts.type) else {
      throw .unsupported("elements of type \(parts.type)")
    }
    let tensor = try ONNXImportError.checked(
      Tensor(dtype: dtype, sizes: parts.sizes, storage: HeldStorage(bytes)))
    return .plain(name: parts.name, tensor)
  }

  private func packed(
    _ parts: TensorParts, _ bytes: HeldBytes, isSigned: Bool
  ) throws(ONNXImportError) -> ONNXPackedTensor {
    let count = try ONNXImportError.checked(ElementCount.of(parts.sizes))
    let tensor = try ONNXImportError.checked(
      Tensor(dtype: .uint8, sizes: [count / 2 + count % 2], storage: HeldStorage(bytes)))
    return ONNXPackedTensor(name: parts.name, bytes: tensor, sizes: parts.sizes, isSigned: isSigned)
  }

  /// The range of the file beside the model that an initializer lies in.
  private func external(_ entries: [String: String]) throws(ONNXImportError) -> HeldBytes {
    let others = entries.keys.filter { !["location", "offset", "length"].contains($0) }.sorted()
    guard others.isEmpty else { throw .unsupported("external data with \(others.joined(separator: ", "))") }
    guard let location = entries["location"], let offset = entries["offset"].flatMap(Int.init),
      let length = entries["length"].flatMap(Int.init)
    else { throw .damaged("external data without a place") }
    let file = try sideFile(location)
    guard let bytes = file.slice(offset: offset, count: length) else {
      throw .damaged(
        "expected \(length) bytes at \(offset) of \"\(location)\", found a file of \(file.count)")
    }
    return bytes
  }
}

// MARK: - Values

extension ModelDecoder {
  /// The name and type of an input or output.
  func valueInfo(_ message: Message) throws(ONNXImportError) -> ONNXValue {
    try count()
    var (name, type): (String, TensorType?) = ("", nil)
    try message.forEachField { field, value throws(ONNXImportError) in
      switch field {
      case 1: name = try text(value)
      case 2: type = try self.type(value.message())
      case 3, 4: break  // documentation, properties
      default: throw unknown(field, "ValueInfoProto")
      }
    }
    guard let type else { throw .damaged(place: "\"\(name)\"", message: "it has no type") }
    return ONNXValue(name: name, type: type)
  }

  private func type(_ message: Message) throws(ONNXImportError) -> TensorType? {
    var type: TensorType?
    try message.forEachField { field, value throws(ONNXImportError) in
      switch field {
      case 1: type = try tensorType(value.message())
      case 6: break  // denotation
      default: throw unknown(field, "TypeProto")
      }
    }
    return type
  }

  private func tensorType(_ message: Message) throws(ONNXImportError) -> TensorType {
    var (dtype, shape): (DType?, Shape?) = (nil, nil)
    try message.forEachField { field, value throws(ONNXImportError) in
      switch field {
      case 1: dtype = DType(onnxType: try value.index())
      case 2: shape = try self.shape(value.message())
      default: throw unknown(field, "TypeProto.Tensor")
      }
    }
    guard let dtype else { throw .unsupported("a value of a type that is not known") }
    guard let shape else { throw .unsupported("a value without a shape") }
    return TensorType(dtype, shape)
  }

  private func shape(_ message: Message) throws(ONNXImportError) -> Shape {
    var shape: Shape = []
    try message.forEachField { field, value throws(ONNXImportError) in
      guard field == 1 else { throw unknown(field, "TensorShapeProto") }
      shape.dimensions.append(try dimension(value.message()))
      guard shape.rank <= ElementCount.rankLimit else { throw .damaged("a value of \(shape.rank) axes") }
    }
    return shape
  }

  private func dimension(_ message: Message) throws(ONNXImportError) -> Dimension {
    var dimension: Dimension?
    try message.forEachField { field, value throws(ONNXImportError) in
      switch field {
      case 1:
        let size = try value.index()
        guard size <= Dimension.limit else { throw .damaged("an axis of \(size) elements") }
        dimension = .fixed(size)
      case 2: dimension = .symbol(try text(value))
      case 3: break  // denotation
      default: throw unknown(field, "TensorShapeProto.Dimension")
      }
    }
    guard let dimension, dimension.symbolName != "" else {
      throw .unsupported("an axis without size or name")
    }
    return dimension
  }
}
