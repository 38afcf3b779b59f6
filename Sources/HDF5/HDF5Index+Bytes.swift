/// An index as bytes, for handing it from one process to another. Not a file format: both ends are the same program.
extension HDF5Index {
  /// The index as bytes.
  package func encoded() -> [UInt8] {
    var writer = IndexWriter()
    writer.group(root)
    return writer.bytes
  }

  /// The index that ``encoded()`` gave; nil if the bytes are not one.
  package init?(encoded bytes: [UInt8]) {
    var reader = IndexReader(bytes: bytes)
    guard let root = try? reader.group(depth: 0), reader.isAtEnd else { return nil }  // Told by nil.
    self.init(root: root)
  }
}

private struct IndexWriter {
  var bytes: [UInt8] = []

  mutating func integer(_ value: Int) {
    withUnsafeBytes(of: Int64(value).littleEndian) { bytes.append(contentsOf: $0) }
  }
  mutating func tag(_ value: UInt8) { bytes.append(value) }
  mutating func blob(_ value: [UInt8]) {
    integer(value.count)
    bytes += value
  }
  mutating func text(_ value: String) { blob(Array(value.utf8)) }
  mutating func integers(_ values: [Int]) {
    integer(values.count)
    for value in values { integer(value) }
  }

  mutating func group(_ group: HDF5Index.Group) {
    attributes(group.attributes)
    integer(group.groups.count)
    for (name, child) in group.groups {
      text(name)
      self.group(child)
    }
    integer(group.datasets.count)
    for (name, dataset) in group.datasets {
      text(name)
      self.dataset(dataset)
    }
  }

  mutating func attributes(_ attributes: [String: HDF5Index.Attribute]) {
    integer(attributes.count)
    for (name, attribute) in attributes {
      text(name)
      switch attribute {
      case .strings(let strings, let sizes):
        tag(0)
        integer(strings.count)
        for string in strings { text(string) }
        integers(sizes)
      case .integers(let values, let sizes):
        tag(1)
        integers(values)
        integers(sizes)
      case .numbers(let values, let sizes):
        tag(2)
        integers(values.map { Int(truncatingIfNeeded: $0.bitPattern) })
        integers(sizes)
      case .other(let words):
        tag(3)
        text(words)
      }
    }
  }

  mutating func dataset(_ dataset: HDF5Index.Dataset) {
    attributes(dataset.attributes)
    switch dataset.elementType {
    case .other(let words):
      tag(UInt8.max)
      text(words)
    case .float16: tag(0)
    case .bfloat16: tag(1)
    case .float32: tag(2)
    case .float64: tag(3)
    case .int8: tag(4)
    case .uint8: tag(5)
    case .int16: tag(6)
    case .uint16: tag(7)
    case .int32: tag(8)
    case .uint32: tag(9)
    case .int64: tag(10)
    case .uint64: tag(11)
    case .bool: tag(12)
    }
    tag(dataset.isBigEndian ? 1 : 0)
    integer(dataset.elementByteCount)
    integers(dataset.sizes)
    tag(dataset.fillValue == nil ? 0 : 1)
    blob(dataset.fillValue ?? [])  // The tag says that there is none.
    switch dataset.layout {
    case .contiguous(let offset, let byteCount):
      tag(0)
      integers([offset, byteCount])
    case .compact(let bytes):
      tag(1)
      blob(bytes)
    case .chunked(let chunks):
      tag(2)
      self.chunks(chunks)
    case .unallocated: tag(3)
    case .unsupported(let words):
      tag(4)
      text(words)
    }
  }

  mutating func chunks(_ chunks: HDF5Index.Chunks) {
    integers(chunks.sizes)
    integers(
      chunks.filters.map { filter in
        switch filter {
        case .deflate: -1
        case .fletcher32: -2
        case .shuffle(let elementByteCount): elementByteCount
        }
      })
    tag(chunks.leavesPartialChunksUnfiltered ? 1 : 0)
    integer(chunks.chunks.count)
    for chunk in chunks.chunks {
      integers(chunk.origin)
      integers([chunk.offset, chunk.byteCount, Int(chunk.skippedFilters)])
    }
  }
}

extension HDF5Index.ElementType {
  /// By the tags that the writer gives them.
  fileprivate static let plain: [HDF5Index.ElementType] = [
    .float16, .bfloat16, .float32, .float64, .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64,
    .bool,
  ]
}

private struct IndexReader {
  struct Damaged: Error {}

  let bytes: [UInt8]
  var position = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { position == bytes.count }

  mutating func tag() throws -> UInt8 {
    guard position < bytes.count else { throw Damaged() }
    position += 1
    return bytes[position - 1]
  }

  mutating func integer() throws -> Int {
    guard bytes.count - position >= 8 else { throw Damaged() }
    let value = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: Int64.self) }
    position += 8
    return Int(Int64(littleEndian: value))
  }

  /// A count of things of which each takes at least `byteCount` bytes.
  mutating func count(each byteCount: Int) throws -> Int {
    let count = try integer()
    guard count >= 0, count <= (bytes.count - position) / byteCount else { throw Damaged() }
    return count
  }

  mutating func blob() throws -> [UInt8] {
    let count = try count(each: 1)
    position += count
    return Array(bytes[position - count..<position])
  }

  mutating func text() throws -> String { String(decoding: try blob(), as: UTF8.self) }

  mutating func integers() throws -> [Int] {
    let count = try count(each: 8)
    var values: [Int] = []
    for _ in 0..<count { values.append(try integer()) }
    return values
  }

  mutating func group(depth: Int) throws -> HDF5Index.Group {
    guard depth <= IndexBuilder.depthLimit else { throw Damaged() }
    var group = HDF5Index.Group()
    group.attributes = try attributes()
    for _ in 0..<(try count(each: 8)) {
      let name = try text()
      group.groups[name] = try self.group(depth: depth + 1)
    }
    for _ in 0..<(try count(each: 8)) {
      let name = try text()
      group.datasets[name] = try dataset()
    }
    return group
  }

  mutating func attributes() throws -> [String: HDF5Index.Attribute] {
    var attributes: [String: HDF5Index.Attribute] = [:]
    for _ in 0..<(try count(each: 8)) {
      let name = try text()
      attributes[name] = try attribute()
    }
    return attributes
  }

  mutating func attribute() throws -> HDF5Index.Attribute {
    switch try tag() {
    case 0:
      var strings: [String] = []
      for _ in 0..<(try count(each: 8)) { strings.append(try text()) }
      return .strings(strings, sizes: try integers())
    case 1: return .integers(try integers(), sizes: try integers())
    case 2:
      let values = try integers().map { Double(bitPattern: UInt64(bitPattern: Int64($0))) }
      return .numbers(values, sizes: try integers())
    case 3: return .other(try text())
    default: throw Damaged()
    }
  }

  mutating func dataset() throws -> HDF5Index.Dataset {
    let attributes = try attributes()
    let typeTag = try tag()
    let plain = HDF5Index.ElementType.plain
    guard typeTag == UInt8.max || Int(typeTag) < plain.count else { throw Damaged() }
    let type = typeTag == UInt8.max ? HDF5Index.ElementType.other(try text()) : plain[Int(typeTag)]
    let isBigEndian = try tag() == 1
    let elementByteCount = try integer()
    let sizes = try integers()
    let hasFill = try tag() == 1
    let fill = try blob()
    return HDF5Index.Dataset(
      attributes: attributes, elementType: type, isBigEndian: isBigEndian, elementByteCount: elementByteCount,
      sizes: sizes, layout: try layout(), fillValue: hasFill ? fill : nil)
  }

  mutating func layout() throws -> HDF5Index.Layout {
    switch try tag() {
    case 0:
      let range = try integers()
      guard range.count == 2 else { throw Damaged() }
      return .contiguous(offset: range[0], byteCount: range[1])
    case 1: return .compact(try blob())
    case 2: return .chunked(try chunks())
    case 3: return .unallocated
    case 4: return .unsupported(try text())
    default: throw Damaged()
    }
  }

  mutating func chunks() throws -> HDF5Index.Chunks {
    let sizes = try integers()
    let filters = try integers().map { code -> HDF5Index.Filter in
      code == -1 ? .deflate : code == -2 ? .fletcher32 : .shuffle(elementByteCount: code)
    }
    let leaves = try tag() == 1
    var chunks: [HDF5Index.Chunk] = []
    for _ in 0..<(try count(each: 8)) {
      let origin = try integers()
      let rest = try integers()
      guard rest.count == 3, let mask = UInt32(exactly: rest[2]) else { throw Damaged() }
      chunks.append(
        HDF5Index.Chunk(origin: origin, offset: rest[0], byteCount: rest[1], skippedFilters: mask))
    }
    return HDF5Index.Chunks(
      sizes: sizes, filters: filters, leavesPartialChunksUnfiltered: leaves, chunks: chunks)
  }
}
