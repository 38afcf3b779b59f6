package import HDF5
package import ModelFiles
package import ModelIR

/// An HDF5 file or member: its index, and the bytes the index speaks of.
package struct HDF5File: Sendable {
  private let content: HDF5Content
  package let bytes: HeldBytes

  /// Where libhdf5, which crashes and hangs on some damaged files, looks at them.
  package enum IndexingPlace: Sendable {
    case thisProcess
    /// A copy of this process, which may have one thread: a command.
    case copy
    /// The program `kconvert-hdf5` at this path.
    case program(String)
  }

  /// Where files are indexed that are opened now.
  @TaskLocal package static var indexingPlace = IndexingPlace.thisProcess

  /// Runs `body` so that files which it opens are indexed by a program.
  /// - Parameter helper: where `kconvert-hdf5` is; nil leaves things as they are.
  static func indexing<R>(
    in helper: String?, _ body: () throws(KerasImportError) -> R
  ) throws(KerasImportError) -> R {
    guard let helper else { return try body() }
    let result = $indexingPlace.withValue(.program(helper)) {
      Result { () throws(KerasImportError) in try body() }
    }
    return try result.get()
  }

  /// The file of these bytes. In a copy of this process they begin to be indexed at once, elsewhere when the index is
  /// asked for.
  package init(_ bytes: HeldBytes) throws(KerasImportError) {
    do { self.init(try HDF5Content(bytes, HDF5File.indexingPlace), bytes) } catch {
      throw KerasImportError(error)
    }
  }

  /// Bytes with an index that was made elsewhere. Its ranges are checked again when tensors are made.
  package init(index: HDF5Index, bytes: HeldBytes) { self.init(HDF5Content(bytes, index), bytes) }

  private init(_ content: HDF5Content, _ bytes: HeldBytes) { (self.content, self.bytes) = (content, bytes) }

  /// Everything in the file.
  /// - Throws: `corrupted` or `unsupported`.
  package var index: HDF5Index {
    get throws(KerasImportError) {
      do { return try content.index.get() } catch { throw KerasImportError(error) }
    }
  }

  /// The attributes of the root group, which may be there long before the index.
  package var rootAttributes: [String: HDF5Index.Attribute] {
    get throws(KerasImportError) {
      do { return try content.rootAttributes.get() } catch { throw KerasImportError(error) }
    }
  }

  /// The tensor at a path; its bytes are not read.
  /// - Throws: `weightNotFound`, and what ``tensor(of:at:)`` throws.
  package func tensor(at path: String) throws(KerasImportError) -> Tensor {
    guard let dataset = try index.root.dataset(at: path) else {
      throw KerasImportError(.weightNotFound(path))
    }
    return try tensor(of: dataset, at: path)
  }

  /// All tensors below a group by their path from there, and the `name` attributes of the groups.
  ///
  /// The state of the optimizer and of metrics, which no forward pass needs, is left out.
  package func weightTree(at path: String = "") throws(KerasImportError) -> WeightTree {
    guard let group = try index.root.group(at: path) else { throw KerasImportError(.weightNotFound(path)) }
    var reader = TreeReader(file: self, base: path)
    _ = try reader.read(group, at: "")
    return WeightTree(
      tensors: reader.tensors, names: reader.names, positions: reader.positions, children: reader.children)
  }
}

/// Makes a tree of tensors of a group, in one walk: a path is made once, and used for all that is known of it.
private struct TreeReader {
  let file: HDF5File
  /// The path of the group.
  let base: String
  var tensors: [String: Tensor] = [:]
  var names: [String: String] = [:]
  var positions: [String: Int] = [:]
  var children: [String: [String]] = [:]

  private static let stateOfTraining: Set<String> = [
    "optimizer", "_optimizer", "optimizer_weights", "metrics",
  ]

  init(file: HDF5File, base: String) { (self.file, self.base) = (file, base) }

  /// - Parameter isKept: false where only names count.
  /// - Returns: whether there is a tensor in the group.
  mutating func read(
    _ group: HDF5Index.Group, at path: String, isKept: Bool = true
  ) throws(KerasImportError) -> Bool {
    if let name = group.attributes["name"]?.string { names[path] = name }
    var found: [String] = []
    for name in group.names {
      let child = joined(path, name)
      let isKept = isKept && !(path.isEmpty && TreeReader.stateOfTraining.contains(name))
      if let inner = group.groups[name] {
        if try read(inner, at: child, isKept: isKept) { found.append(name) }
      } else if isKept, let dataset = group.datasets[name] {
        tensors[child] = try file.tensor(of: dataset, at: joined(base, child))
        positions[child] = dataset.layout.position
        found.append(name)
      }
    }
    if !found.isEmpty { children[path] = found }
    return !found.isEmpty
  }
}

/// What is known of a file, each part found out once.
private final class HDF5Content: Sendable {
  private let bytes: HeldBytes
  private let place: HDF5File.IndexingPlace
  /// The copy of this process that is indexing the file.
  private let process: IndexProcess?
  private let attributes = Lazy<Result<[String: HDF5Index.Attribute], HDF5Error>>()
  private let whole = Lazy<Result<HDF5Index, HDF5Error>>()

  init(_ bytes: HeldBytes, _ place: HDF5File.IndexingPlace) throws(HDF5Error) {
    (self.bytes, self.place) = (bytes, place)
    switch place {
    case .copy:
      if let started = HeadStart.process(indexing: bytes) {
        process = started
      } else {
        process = try bytes.withBytes { bytes throws(HDF5Error) in try IndexProcess(indexing: bytes) }
      }
    case .thisProcess, .program: process = nil
    }
  }

  init(_ bytes: HeldBytes, _ index: HDF5Index) {
    (self.bytes, place, process) = (bytes, .thisProcess, nil)
    _ = whole.value { .success(index) }
  }

  var rootAttributes: Result<[String: HDF5Index.Attribute], HDF5Error> {
    attributes.value {
      guard let process else { return index.map(\.root.attributes) }
      return Result { () throws(HDF5Error) in try process.rootAttributes() }
    }
  }

  var index: Result<HDF5Index, HDF5Error> {
    whole.value {
      Result { () throws(HDF5Error) in
        if let process {
          _ = try rootAttributes.get()
          return try process.index()
        }
        return try bytes.withBytes { range throws(HDF5Error) in
          guard case .program(let path) = place else { return try HDF5Index(indexing: range) }
          return try HDF5Index(indexing: range, in: bytes.place, helper: path)
        }
      }
    }
  }
}

// MARK: - Tensors

extension HDF5File {
  /// How many bytes of data that was never written are made up.
  static let fillLimit = 16 << 20

  /// A dataset as a tensor; its bytes are not read.
  ///
  /// Contiguous data stays where it is. Chunks are unpacked, and big-endian numbers turned, when they are asked for.
  /// - Throws: `unsupported` and `corrupted`, with the path as place.
  package func tensor(of dataset: HDF5Index.Dataset, at path: String) throws(KerasImportError) -> Tensor {
    do {
      return try tensor(of: dataset)
    } catch {
      throw error.at(.weight(path))
    }
  }

  private func tensor(of dataset: HDF5Index.Dataset) throws(KerasImportError) -> Tensor {
    guard let dtype = DType(dataset.elementType) else {
      throw KerasImportError(.unsupported("data of \(dataset.elementType.words)"))
    }
    guard dtype.byteCount == dataset.elementByteCount, let byteCount = dataset.byteCount else {
      throw KerasImportError(.corrupted("the size of its data is impossible"))
    }
    var storage = try storage(of: dataset, byteCount)
    if dataset.isBigEndian { storage = SwappedStorage(storage, elementByteCount: dataset.elementByteCount) }
    return try checkedTensor(Tensor(dtype: dtype, sizes: dataset.sizes, storage: storage))
  }

  private func storage(
    of dataset: HDF5Index.Dataset, _ byteCount: Int
  ) throws(KerasImportError) -> any TensorStorage {
    if byteCount == 0 { return try checkedStorage(MemoryStorage(byteCount: 0)) }
    switch dataset.layout {
    case .contiguous(let offset, byteCount):
      guard let range = bytes.slice(offset: offset, count: byteCount) else {
        throw KerasImportError(.corrupted("its data does not lie in the file"))
      }
      return HeldStorage(range)
    case .contiguous: throw KerasImportError(.corrupted("its data is of another size than its shape"))
    case .compact(let bytes):
      guard bytes.count == byteCount else {
        throw KerasImportError(.corrupted("its data is of another size than its shape"))
      }
      return try checkedStorage(MemoryStorage(filled: byteCount) { $0.copyBytes(from: bytes) })
    case .chunked(let chunks):
      return try ChunkedStorage(chunks, of: dataset, byteCount: byteCount, in: bytes)
    case .unallocated:
      guard byteCount <= HDF5File.fillLimit else {
        throw KerasImportError(.corrupted("its \(byteCount) bytes of data were never written"))
      }
      return try checkedStorage(
        MemoryStorage(filled: byteCount) { ChunkedStorage.fill($0, with: dataset.fillValue) })
    case .unsupported(let reason): throw KerasImportError(.unsupported(reason))
    }
  }
}

extension DType {
  fileprivate init?(_ type: HDF5Index.ElementType) {
    switch type {
    case .float16: self = .float16
    case .bfloat16: self = .bfloat16
    case .float32: self = .float32
    case .float64: self = .float64
    case .int8: self = .int8
    case .uint8: self = .uint8
    case .int16: self = .int16
    case .uint16: self = .uint16
    case .int32: self = .int32
    case .uint32: self = .uint32
    case .int64: self = .int64
    case .uint64: self = .uint64
    case .bool: self = .bool
    case .other: return nil
    }
  }
}

extension HDF5Index.Layout {
  /// Where the data begins in the file; nil for data among the metadata.
  fileprivate var position: Int? {
    switch self {
    case .contiguous(let offset, _): offset
    case .chunked(let chunks): chunks.chunks.first?.offset
    case .compact, .unallocated, .unsupported: nil
    }
  }
}

extension HDF5Index.ElementType {
  fileprivate var words: String {
    if case .other(let words) = self { words } else { "\(self)" }
  }
}

extension KerasImportError {
  package init(_ error: HDF5Error) {
    switch error.reason {
    case .corrupted: self.init(.corrupted(error.description))
    case .unsupported: self.init(.unsupported(error.description))
    }
  }

  package init(_ error: FileError) { self.init(.io(file: error.path, message: error.message)) }
}
