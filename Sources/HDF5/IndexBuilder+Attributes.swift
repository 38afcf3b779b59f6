import CHDF5

extension IndexBuilder {
  private final class NameList {
    var names: [String] = []
    var isValid = true
  }

  static let attributeLimit: UInt64 = 100_000

  /// All attributes of an object.
  mutating func attributes(of object: hid_t, count: UInt64) throws(HDF5Error) -> [String: HDF5Index.Attribute]
  {
    guard count > 0 else { return [:] }
    guard count <= IndexBuilder.attributeLimit else { throw HDF5Error(.unsupported("too many attributes")) }
    let list = NameList()
    let status = H5.Aiterate2(
      object, H5_INDEX_NAME, H5_ITER_INC, nil,
      { _, name, _, context in
        guard let name, let context else { return -1 }
        let list = Unmanaged<NameList>.fromOpaque(context).takeUnretainedValue()
        guard let name = String(validatingCString: name) else {
          list.isValid = false
          return 1
        }
        list.names.append(name)
        return 0
      }, Unmanaged.passUnretained(list).toOpaque())
    guard list.isValid else { throw HDF5Error(.corrupted("an attribute whose name is not UTF-8")) }
    guard status >= 0 else { throw HDF5Error(.corrupted("attributes: \(HDF5Library.message())")) }
    var attributes: [String: HDF5Index.Attribute] = [:]
    for name in list.names {
      let attribute = try Handle(
        H5.Aopen(object, name, chdf5_default_properties()), closing: H5.Aclose, what: "attribute \"\(name)\"")
      attributes[name] = try value(of: attribute.id, name: name)
    }
    return attributes
  }

  private mutating func value(of attribute: hid_t, name: String) throws(HDF5Error) -> HDF5Index.Attribute {
    let what = "attribute \"\(name)\""
    let type = try Handle(H5.Aget_type(attribute), closing: H5.Tclose, what: what)
    let space = try Handle(H5.Aget_space(attribute), closing: H5.Sclose, what: what)
    guard let sizes = try sizes(of: space.id) else { return .strings([], sizes: [0]) }
    // Every element takes up bytes of the file, so this bounds what is allocated below.
    guard let count = Product.of(sizes), let byteCount = Product.of([count, H5.Tget_size(type.id)]),
      count <= fileByteCount, byteCount <= fileByteCount
    else { throw HDF5Error(.corrupted("\(what) is larger than the file")) }
    try self.count(bytes: byteCount, what)
    switch H5.Tget_class(type.id) {
    case H5T_STRING where H5.Tis_variable_str(type.id) > 0:
      return try variableStrings(attribute, type.id, space.id, count, sizes, what)
    case H5T_STRING: return try fixedStrings(attribute, type.id, count, sizes, what)
    case H5T_INTEGER:
      let values = try read(attribute, as: H5.T_NATIVE_INT64, count, Int64.self, what)
      return .integers(values.map { Int(clamping: $0) }, sizes: sizes)
    case H5T_ENUM where H5.Tget_size(type.id) == 1:
      let values = try read(attribute, as: type.id, count, Int8.self, what)
      return .integers(values.map(Int.init), sizes: sizes)
    case H5T_FLOAT:
      return .numbers(try read(attribute, as: H5.T_NATIVE_DOUBLE, count, Double.self, what), sizes: sizes)
    default: return count == 0 ? .strings([], sizes: sizes) : .other("a type that Keras does not write")
    }
  }

  private func read<T: BitwiseCopyable>(
    _ attribute: hid_t, as type: hid_t, _ count: Int, _: T.Type, _ what: String
  ) throws(HDF5Error) -> [T] {
    guard count > 0 else { return [] }
    var status: herr_t = -1
    let values = [T](unsafeUninitializedCapacity: count) { buffer, filled in
      guard let start = buffer.baseAddress else { return }
      memset(start, 0, count * MemoryLayout<T>.stride)
      status = H5.Aread(attribute, type, start)
      filled = count
    }
    guard status >= 0 else { throw HDF5Error(.corrupted("\(what): \(HDF5Library.message())")) }
    return values
  }

  private func fixedStrings(
    _ attribute: hid_t, _ type: hid_t, _ count: Int, _ sizes: [Int], _ what: String
  ) throws(HDF5Error) -> HDF5Index.Attribute {
    let length = H5.Tget_size(type)
    guard count > 0, length > 0 else {
      return .strings(Array(repeating: "", count: count), sizes: sizes)
    }
    let bytes = try read(attribute, as: type, count * length, UInt8.self, what)
    let padding = H5.Tget_strpad(type)
    var strings: [String] = []
    for index in 0..<count {
      var text = bytes[index * length..<(index + 1) * length]
      if padding == H5T_STR_NULLTERM, let end = text.firstIndex(of: 0) { text = text[..<end] }
      while let last = text.last, last == 0 || (padding == H5T_STR_SPACEPAD && last == 0x20) {
        text.removeLast()
      }
      strings.append(try decode(text, what))
    }
    return .strings(strings, sizes: sizes)
  }

  private mutating func variableStrings(
    _ attribute: hid_t, _ type: hid_t, _ space: hid_t, _ count: Int, _ sizes: [Int], _ what: String
  ) throws(HDF5Error) -> HDF5Index.Attribute {
    guard count > 0 else { return .strings([], sizes: sizes) }
    let memoryType = try Handle(H5.Tcopy(H5.T_C_S1), closing: H5.Tclose, what: what)
    guard H5.Tset_size(memoryType.id, chdf5_variable_size()) >= 0,
      H5.Tset_cset(memoryType.id, H5.Tget_cset(type)) >= 0
    else { throw HDF5Error(.corrupted("\(what): \(HDF5Library.message())")) }
    let pointers = try read(attribute, as: memoryType.id, count, UnsafeMutablePointer<CChar>?.self, what)
    var copy = pointers
    defer { _ = H5.Dvlen_reclaim(memoryType.id, space, chdf5_default_properties(), &copy) }
    var strings: [String] = []
    for pointer in pointers {
      guard let pointer else {
        strings.append("")
        continue
      }
      let bytes = UnsafeRawBufferPointer(start: pointer, count: strlen(pointer))
      try self.count(bytes: bytes.count, what)
      strings.append(try decode(bytes, what))
    }
    return .strings(strings, sizes: sizes)
  }

  private func decode(_ text: some Collection<UInt8>, _ what: String) throws(HDF5Error) -> String {
    let decoded = String(decoding: text, as: UTF8.self)
    // Decoding replaces what is not UTF-8, so that the bytes differ.
    guard decoded.utf8.elementsEqual(text) else { throw HDF5Error(.corrupted("\(what) is not UTF-8")) }
    return decoded
  }
}
