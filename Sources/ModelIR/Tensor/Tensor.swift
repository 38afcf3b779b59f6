/// A typed, immutable tensor whose shape is known, and whose storage is exactly its elements.
public struct Tensor: Sendable {
  /// The element type.
  public let dtype: DType
  /// The sizes of the axes, outermost first.
  public let sizes: [Int]
  /// The number of elements.
  public let elementCount: Int
  /// Where the elements are. String tensors have a ``StringStorage``.
  package let storage: any TensorStorage

  /// A tensor on existing storage: the one way to make a tensor, in which all others end.
  /// - Throws: ``TensorError`` unless the storage holds exactly the elements of these sizes.
  package init(dtype: DType, sizes: [Int], storage: any TensorStorage) throws(TensorError) {
    let count = try ElementCount.of(sizes)
    if dtype == .string {
      guard let strings = (storage as? StringStorage)?.strings, strings.count == count else {
        throw TensorError("expected \(count) strings for sizes \(sizes)")
      }
    } else {
      let needed = count * dtype.byteCount
      guard !(storage is StringStorage), storage.byteCount == needed else {
        throw TensorError(
          "expected \(needed) bytes for \(dtype.rawValue) of sizes \(sizes), found \(storage.byteCount)")
      }
    }
    self.dtype = dtype
    self.sizes = sizes
    self.storage = storage
    elementCount = count
  }

  /// A tensor that is right by construction: as many elements as there are in the list, along one axis or, for a
  /// list of one, along none.
  init<T: TensorElement>(listing elements: [T], as dtype: DType, isScalar: Bool) {
    self.dtype = dtype
    sizes = isScalar ? [] : [elements.count]
    elementCount = elements.count
    storage = ListStorage(elements)
  }

  /// A tensor that is right by construction: this one in another element type, converted when its bytes are read.
  /// Itself when it has the type already, and where there are strings.
  package func convertedWhenRead(to type: DType) -> Tensor {
    if type == dtype || type == .string || dtype == .string { return self }
    return Tensor(converting: self, to: type)
  }

  private init(converting tensor: Tensor, to type: DType) {
    (dtype, sizes, elementCount) = (type, tensor.sizes, tensor.elementCount)
    storage = ConvertedStorage(tensor, to: type)
  }

  /// A scalar of text.
  init(text: String) {
    (dtype, sizes, elementCount, storage) = (.string, [], 1, StringStorage([text]))
  }

  /// The number of axes.
  public var rank: Int { sizes.count }
  /// The type as the graph sees it.
  public var type: TensorType { TensorType(dtype, Shape(sizes)) }
  /// The size of the elements in bytes.
  package var byteCount: Int { storage.byteCount }

  /// Shows the elements' bytes: little-endian, row-major, of no promised alignment.
  /// - Throws: what reading the bytes throws, ``TensorError`` if it gives another number of them, or what `body` throws.
  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    try storage.withBytes { bytes in
      guard bytes.count == storage.byteCount else {
        throw TensorError("expected \(storage.byteCount) bytes of data, found \(bytes.count)")
      }
      return try body(bytes)
    }
  }
}

/// Bytes held in memory, 64-byte aligned, of the process's ``MemoryBudget``.
package final class MemoryStorage: ResidentStorage, @unchecked Sendable {
  // Written only while it is being built, before it is shared; read-only afterwards.
  private let bytes: UnsafeMutableRawBufferPointer

  /// Zeros.
  /// - Throws: ``TensorError`` when there is not as much memory.
  package init(byteCount: Int) throws(TensorError) {
    bytes = try MemoryBudget.process.allocate(byteCount)
  }

  /// Storage that `body` fills; it starts as zeros.
  /// - Throws: ``TensorError`` when there is not as much memory; what `body` throws.
  package convenience init(
    byteCount: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    try self.init(byteCount: byteCount)
    try body(bytes)
  }

  /// Storage that `body`, which cannot fail, fills; it starts as zeros.
  /// - Throws: ``TensorError`` when there is not as much memory.
  package convenience init(
    filled byteCount: Int, _ body: (UnsafeMutableRawBufferPointer) -> Void
  ) throws(TensorError) {
    try self.init(byteCount: byteCount)
    body(bytes)
  }

  deinit { MemoryBudget.process.deallocate(bytes) }

  package var byteCount: Int { bytes.count }

  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    try withExtendedLifetime(self) { try body(UnsafeRawBufferPointer(bytes)) }
  }
}

/// The bytes of a list.
final class ListStorage<T: TensorElement>: ResidentStorage {
  private let elements: [T]

  init(_ elements: [T]) { self.elements = elements }

  var byteCount: Int { elements.count * MemoryLayout<T>.stride }

  func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    try elements.withUnsafeBytes(body)
  }
}

/// The elements of a string tensor.
package final class StringStorage: ResidentStorage {
  /// The elements in row-major order.
  package let strings: [String]

  package init(_ strings: [String]) { self.strings = strings }

  package var byteCount: Int { strings.reduce(0) { $0 + $1.utf8.count } }

  /// Shows the strings' UTF-8 bytes one after another, without separators.
  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    var joined = strings.joined()
    return try joined.withUTF8 { try body(UnsafeRawBufferPointer($0)) }
  }
}
