import HDF5
import ModelFiles
import ModelIR

/// A checkpoint of TensorFlow: `PREFIX.index`, a table of LevelDB, and shards of raw little-endian data.
///
/// | key | value, a message of protocol buffers |
/// |---|---|
/// | empty | the number of shards (1), the byte order (2: 0 is little-endian) |
/// | any other | element type (1), shape (2), shard (3), offset (4), size (5), masked CRC-32C (6), slices (7) |
///
/// Source: `tensorflow/core/protobuf/tensor_bundle.proto` and `tensorflow/core/util/tensor_bundle`.
package struct TensorBundle: Sendable {
  /// What the index says of one tensor.
  struct Entry: Sendable {
    var type = 0
    var sizes: [Int] = []
    var shard = 0
    var offset = 0
    var byteCount = 0
    var checksum: UInt32 = 0
    /// The parts of a partitioned variable, which are tensors of their own.
    var slices: [TensorSlice] = []
  }

  /// The path without `.index`, for messages.
  let name: String
  private let entries: [[UInt8]: Entry]
  private let shards: [Int: HeldBytes]

  /// Reads the index and maps the shards; no data is read.
  /// - Parameters:
  ///   - name: the path of the checkpoint among the members, without `.index`.
  /// - Throws: `corrupted` with the place, `incomplete` for a shard that is missing.
  init(index: HeldBytes, name: String, in members: ArchiveMembers) throws(KerasImportError) {
    self.name = name
    var entries: [[UInt8]: Entry] = [:]
    var shardCount = 0
    do throws(KerasImportError) {
      try LevelDBTable.forEachEntry(of: index) { key, value throws(KerasImportError) in
        if key.isEmpty {
          shardCount = try TensorBundle.shardCount(ProtobufMessage(value))
        } else {
          entries[key] = try Entry(ProtobufMessage(value))
        }
      }
    } catch { throw error.at(.file("\(name).index")) }
    self.entries = entries
    var shards: [Int: HeldBytes] = [:]
    for number in Set(entries.values.filter(\.slices.isEmpty).map(\.shard)).sorted() {
      guard number < shardCount else {
        throw KerasImportError(
          .corrupted("a tensor in shard \(number) of \(shardCount)"), path: [.file("\(name).index")])
      }
      let file = "\(name).data-\(TensorBundle.digits(number))-of-\(TensorBundle.digits(shardCount))"
      guard let content = try members.content(file, isVerified: false) else {
        throw KerasImportError(
          .incomplete("the file \"\(file)\" is missing", remedy: .advice("put it back, it holds the weights"))
        )
      }
      shards[number] = content
    }
    self.shards = shards
  }

  private static func shardCount(_ header: ProtobufMessage) throws(KerasImportError) -> Int {
    guard try header.number(2) == 0 else { throw KerasImportError(.unsupported("big-endian data")) }
    guard let count = Int(exactly: try header.number(1)) else {
      throw KerasImportError(.corrupted("an impossible number of shards"))
    }
    return count
  }

  /// Five digits at least.
  private static func digits(_ number: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, 5 - text.count)) + text
  }

  /// The keys that are text, in order.
  var keys: [String] { entries.keys.compactMap { String(validating: $0, as: UTF8.self) }.sorted() }

  func contains(_ key: String) -> Bool { entries[Array(key.utf8)] != nil }

  /// Whether a key's tensor is one of strings.
  func isText(_ key: String) -> Bool { entries[Array(key.utf8)]?.type == TensorBundle.string }
}

// MARK: - Tensors

extension TensorBundle {
  /// The tensor of a key; its bytes are not read.
  /// - Throws: `weightNotFound`, `unsupported` for other types than numbers, `corrupted`.
  func tensor(_ key: String) throws(KerasImportError) -> Tensor {
    do throws(KerasImportError) {
      guard let entry = entries[Array(key.utf8)] else { throw KerasImportError(.weightNotFound(key)) }
      return entry.slices.isEmpty ? try tensor(entry) : try joined(entry, key)
    } catch {
      throw error.at(.weight(key)).at(.file(name))
    }
  }

  private func tensor(_ entry: Entry) throws(KerasImportError) -> Tensor {
    guard let dtype = TensorBundle.dtypes[entry.type], dtype != .string else {
      throw KerasImportError(.unsupported("data of TensorFlow's type number \(entry.type)"))
    }
    guard let byteCount = Product.of(entry.sizes + [dtype.byteCount]), byteCount == entry.byteCount else {
      throw KerasImportError(.corrupted("its data is of another size than its shape"))
    }
    let storage = HeldStorage(try data(entry))
    return try checkedTensor(Tensor(dtype: dtype, sizes: entry.sizes, storage: storage))
  }

  private func data(_ entry: Entry) throws(KerasImportError) -> HeldBytes {
    guard let data = shards[entry.shard]?.slice(offset: entry.offset, count: entry.byteCount) else {
      throw KerasImportError(.corrupted("its data does not lie in the shard; it may be truncated"))
    }
    return data
  }

  /// A partitioned variable: parts side by side along one axis.
  private func joined(_ entry: Entry, _ key: String) throws(KerasImportError) -> Tensor {
    let order = try TensorSlice.order(entry.slices, sizes: entry.sizes)
    // The bytes before the divided axis are rows, the others one row's.
    var parts: [Tensor] = []
    for slice in order.slices {
      guard let part = entries[slice.key(of: key)] else {
        throw KerasImportError(.corrupted("a part of the partitioned variable is missing"))
      }
      let tensor = try tensor(part)
      guard tensor.sizes == slice.sizes(of: entry.sizes) else {
        throw KerasImportError(
          .corrupted("a part of the partitioned variable has another shape than it should"))
      }
      let rows = tensor.sizes[..<order.axis].reduce(1, *)
      let width = rows == 0 ? 0 : tensor.elementCount / rows
      parts.append(try checkedTensor(tensor.reshaped([rows, width])))
    }
    let whole: Tensor?
    do { whole = try Tensor.joinedOnLastAxis(parts) } catch { throw KerasImportError(error) }
    guard let whole, TensorBundle.dtypes[entry.type] == whole.dtype,
      Product.of(entry.sizes) == whole.elementCount
    else { throw KerasImportError(.corrupted("the parts of the partitioned variable do not fit together")) }
    return try checkedTensor(whole.reshaped(entry.sizes))
  }

  /// TensorFlow's numbers of element types.
  private static let dtypes: [Int: DType] = [
    1: .float32, 2: .float64, 3: .int32, 4: .uint8, 5: .int16, 6: .int8, 7: .string, 9: .int64, 10: .bool,
    14: .bfloat16, 17: .uint16, 19: .float16, 22: .uint32, 23: .uint64,
  ]

  /// Reads all data of numbers and compares checksums.
  /// - Throws: `corrupted` with the tensor's place.
  func verifyChecksums() throws(KerasImportError) {
    for (key, entry) in entries where entry.slices.isEmpty && TensorBundle.dtypes[entry.type] != nil {
      if entry.type == TensorBundle.string { continue }
      let place = String(decoding: key, as: UTF8.self)
      do throws(KerasImportError) {
        guard CRC32C.masked(try data(entry)) == entry.checksum else {
          throw KerasImportError(.corrupted("its data has a wrong checksum"))
        }
      } catch { throw error.at(.weight(place)).at(.file(name)) }
    }
  }
}

// MARK: - Strings

extension TensorBundle {
  private static let string = 7

  /// The elements of a tensor of strings where they lie, its checksums compared.
  ///
  /// The lengths come first as varints, then their masked CRC-32C, then the strings one after another. The tensor's own
  /// checksum counts the lengths as numbers of 4 bytes (8 from 4 GB on).
  func strings(_ key: String) throws(KerasImportError) -> [HeldBytes] {
    do throws(KerasImportError) {
      guard let entry = entries[Array(key.utf8)] else { throw KerasImportError(.weightNotFound(key)) }
      guard entry.type == TensorBundle.string, let count = Product.of(entry.sizes), count <= entry.byteCount
      else {
        throw KerasImportError(.corrupted("expected strings"))
      }
      return try TensorBundle.strings(try data(entry), count: count, checksum: entry.checksum)
    } catch { throw error.at(.weight(key)).at(.file(name)) }
  }

  private static func strings(
    _ data: HeldBytes, count: Int, checksum: UInt32
  ) throws(KerasImportError) -> [HeldBytes] {
    let (ranges, sum, isExpected) = try data.withBytes { raw throws(KerasImportError) in
      var reader = ByteReader(raw)
      var sum: UInt32 = 0
      func extend(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { sum = CRC32C.extended(sum, over: $0) }
      }
      var lengths: [Int] = []
      for _ in 0..<count {
        let length = try reader.count()
        lengths.append(length)
        if let short = UInt32(exactly: length) { extend(short) } else { extend(UInt64(length)) }
      }
      let found = try reader.fixed(UInt32.self)
      let isExpected = found == CRC32C.masked(sum)
      extend(found)
      var ranges: [Range<Int>] = []
      for length in lengths { ranges.append(try reader.skip(length)) }
      let content = raw[(ranges.first?.lowerBound ?? raw.count)..<reader.position]
      return (ranges, CRC32C.extended(sum, over: UnsafeRawBufferPointer(rebasing: content)), isExpected)
    }
    guard isExpected, CRC32C.masked(sum) == checksum else {
      throw KerasImportError(.corrupted("its data has a wrong checksum"))
    }
    return ranges.compactMap { data.slice(offset: $0.lowerBound, count: $0.count) }
  }

  /// The only string of a scalar.
  func scalar(_ key: String) throws(KerasImportError) -> HeldBytes {
    let strings = try strings(key)
    guard strings.count == 1 else {
      throw KerasImportError(.corrupted("expected one string, found \(strings.count)"), path: [.weight(key)])
    }
    return strings[0]
  }
}

// MARK: - The index's entries

extension TensorBundle.Entry {
  fileprivate init(_ message: ProtobufMessage) throws(KerasImportError) {
    try message.forEachField { number, value throws(KerasImportError) in
      switch number {
      case 1: type = try value.index()
      case 2: sizes = try Self.sizes(try value.message())
      case 3: shard = try value.index()
      case 4: offset = try value.index()
      case 5: byteCount = try value.index()
      case 6: checksum = try value.fixed32()
      case 7: slices.append(try TensorSlice(try value.message()))
      default: break  // Fields of later versions.
      }
    }
  }

  /// A shape: its axes (2), each with its size (1).
  private static func sizes(_ shape: ProtobufMessage) throws(KerasImportError) -> [Int] {
    var sizes: [Int] = []
    for axis in try shape.messages(2) {
      guard let size = Int(exactly: try axis.number(1)) else {
        throw KerasImportError(.corrupted("an axis has no size"))
      }
      sizes.append(size)
    }
    return sizes
  }
}
