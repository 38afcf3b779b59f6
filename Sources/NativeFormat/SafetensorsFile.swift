package import ModelFiles
package import ModelIR

/// A safetensors file: named tensors and a few strings about them.
///
///     offset   size   meaning
///     0        8      n, the size of the header, little-endian
///     8        n      the header: a JSON object, padded with spaces
///     8 + n    rest   the tensors' bytes, one after another without holes
///
/// The header has one member per tensor, `{"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}`, the offsets
/// counting from the end of the header, and may have `__metadata__`, an object of strings.
///
/// Nothing is accepted that the format's own implementation refuses.
package struct SafetensorsFile: Sendable {
  /// The strings of `__metadata__`.
  package let metadata: [String: String]
  /// The names in the order of the bytes.
  package let names: [String]
  /// The tensors; their bytes are not read.
  package let tensors: [String: Tensor]

  /// The largest header that is read.
  package static let headerLimit = 100_000_000

  /// Reads the header and checks it against the size of the file.
  package init(_ file: HeldBytes) throws(SafetensorsError) {
    let headerByteCount = try file.withBytes { bytes throws(SafetensorsError) in
      try SafetensorsFile.headerByteCount(bytes)
    }
    guard let header = file.slice(offset: 8, count: headerByteCount),
      let data = file.slice(offset: 8 + headerByteCount, count: file.count - 8 - headerByteCount)
    else { throw .corrupted("its header does not lie in the file") }
    let json: JSONValue
    do {
      json = try header.withBytes { bytes throws(JSONSyntaxError) in try JSONValue(parsing: bytes) }
    } catch {
      throw .corrupted("header: \(error)")
    }
    guard case .object(let members) = json else { throw .corrupted("its header is not an object") }
    metadata = try SafetensorsFile.metadata(members)
    let entries = try SafetensorsFile.entries(members)
    try SafetensorsFile.checkThatEntriesFill(entries, byteCount: data.count)
    names = entries.map(\.name)
    var tensors: [String: Tensor] = [:]
    for entry in entries {
      guard let range = data.slice(offset: entry.start, count: entry.end - entry.start) else {
        throw .corrupted("tensor \"\(entry.name)\" does not lie in the file")
      }
      do {
        tensors[entry.name] = try Tensor(
          dtype: entry.dtype, sizes: entry.sizes, storage: HeldStorage(range))
      } catch {
        throw .corrupted("tensor \"\(entry.name)\": \(error)")
      }
    }
    self.tensors = tensors
  }

  private static func headerByteCount(_ bytes: UnsafeRawBufferPointer) throws(SafetensorsError) -> Int {
    guard bytes.count >= 8 else { throw .corrupted("the file is too short for a header") }
    let claimed = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    guard claimed <= UInt64(headerLimit) else {
      throw .corrupted("its header of \(claimed) bytes is larger than \(headerLimit)")
    }
    let count = Int(claimed)
    guard count <= bytes.count - 8 else {
      throw .corrupted("its header of \(count) bytes does not lie in the file; it may be truncated")
    }
    guard count > 0, bytes[8] == UInt8(ascii: "{") else {
      throw .corrupted("its header does not start with \"{\"")
    }
    return count
  }

  private static func metadata(_ members: JSONObject) throws(SafetensorsError) -> [String: String] {
    guard let value = members["__metadata__"] else { return [:] }
    guard case .object(let strings) = value else { throw .corrupted("its metadata is not an object") }
    var metadata: [String: String] = [:]
    for (key, value) in strings {
      guard case .string(let text) = value else { throw .corrupted("metadata \"\(key)\" is not a string") }
      metadata[key] = text
    }
    return metadata
  }

  // MARK: - Entries

  private struct Entry {
    var name: String
    var dtype: DType
    var sizes: [Int]
    var start: Int
    var end: Int
  }

  private static func entries(_ members: JSONObject) throws(SafetensorsError) -> [Entry] {
    var entries: [Entry] = []
    entries.reserveCapacity(members.count)
    for (name, value) in members where name != "__metadata__" {
      entries.append(try entry(name, value))
    }
    // Empty tensors share their start with the one that follows.
    return entries.sorted { ($0.start, $0.end, $0.name) < ($1.start, $1.end, $1.name) }
  }

  private static func entry(_ name: String, _ value: JSONValue) throws(SafetensorsError) -> Entry {
    guard case .string(let code)? = value["dtype"] else {
      throw .corrupted("tensor \"\(name)\" has no \"dtype\"")
    }
    guard let dtype = DType(safetensorsName: code) else {
      throw .corrupted("tensor \"\(name)\" has the unknown dtype \"\(code)\"")
    }
    guard let sizes = integers(value["shape"]) else {
      throw .corrupted("tensor \"\(name)\" has no valid \"shape\"")
    }
    guard let offsets = integers(value["data_offsets"]), offsets.count == 2, offsets[0] <= offsets[1] else {
      throw .corrupted("tensor \"\(name)\" has no valid \"data_offsets\"")
    }
    guard let byteCount = byteCount(sizes, dtype) else {
      throw .corrupted("tensor \"\(name)\" has a shape that overflows")
    }
    guard byteCount == offsets[1] - offsets[0] else {
      throw .corrupted(
        "tensor \"\(name)\": expected \(byteCount) bytes for \(code) \(sizes), found \(offsets[1] - offsets[0])"
      )
    }
    return Entry(name: name, dtype: dtype, sizes: sizes, start: offsets[0], end: offsets[1])
  }

  /// Integers that are not negative and are written as such.
  private static func integers(_ value: JSONValue?) -> [Int]? {
    guard case .array(let elements)? = value else { return nil }
    var integers: [Int] = []
    for element in elements {
      guard case .integer(let integer) = element, integer >= 0 else { return nil }
      integers.append(integer)
    }
    return integers
  }

  /// The number of bytes of a tensor; nil if a product on the way overflows, even if a later size is 0.
  static func byteCount(_ sizes: [Int], _ dtype: DType) -> Int? {
    var product = 1
    for factor in sizes + [dtype.byteCount] {
      let (next, overflow) = product.multipliedReportingOverflow(by: factor)
      if overflow { return nil }
      product = next
    }
    return product
  }

  private static func checkThatEntriesFill(
    _ entries: [Entry], byteCount: Int
  ) throws(SafetensorsError) {
    var end = 0
    for entry in entries {
      guard entry.start == end else {
        let what = entry.start < end ? "overlaps the tensor before it" : "leaves a hole before it"
        throw .corrupted("tensor \"\(entry.name)\" \(what)")
      }
      end = entry.end
    }
    guard end == byteCount else {
      throw .corrupted("expected \(end) bytes of tensors, found \(byteCount)")
    }
  }
}

// MARK: - Element types

extension DType {
  /// The element type of a name as the header has it.
  init?(safetensorsName name: String) {
    guard let dtype = DType.allCases.first(where: { $0.safetensorsName == name }) else { return nil }
    self = dtype
  }

  /// The name in the header; nil for strings, which the format does not have.
  var safetensorsName: String? {
    switch self {
    case .float16: "F16"
    case .bfloat16: "BF16"
    case .float32: "F32"
    case .float64: "F64"
    case .int8: "I8"
    case .uint8: "U8"
    case .int16: "I16"
    case .uint16: "U16"
    case .int32: "I32"
    case .uint32: "U32"
    case .int64: "I64"
    case .uint64: "U64"
    case .bool: "BOOL"
    case .string: nil
    }
  }

  /// The place in the order in which the format's own implementation writes types, so that all bytes are aligned.
  var safetensorsOrder: Int {
    switch self {
    case .uint64: 0
    case .int64: 1
    case .float64: 2
    case .float32: 3
    case .uint32: 4
    case .int32: 5
    case .bfloat16: 6
    case .float16: 7
    case .uint16: 8
    case .int16: 9
    case .int8: 10
    case .uint8: 11
    case .bool: 12
    case .string: 13
    }
  }
}
