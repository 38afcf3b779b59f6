/// Where a constant's bytes live: in memory, in a mapped file, or behind a conversion made when they are read.
///
/// Bytes are little-endian, in row-major order, without padding. No alignment is promised.
package protocol TensorStorage: AnyObject, Sendable {
  /// The number of bytes that ``withBytes(_:)`` shows.
  var byteCount: Int { get }

  /// Shows all bytes at once; the pointer is valid only inside `body`.
  /// - Throws: what reading the bytes throws (a damaged chunk, a failed checksum), or what `body` throws.
  func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R

  /// Shows the bytes in order in pieces of any size, so that memory need not grow with the tensor.
  /// - Throws: what reading the bytes throws, or what `body` throws.
  func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws
}

extension TensorStorage {
  package func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try withBytes(body)
  }
}

/// A typed, immutable tensor whose shape is known.
public struct Tensor: Sendable {
  /// The element type.
  public let dtype: DType
  /// The sizes of the axes, outermost first.
  public let sizes: [Int]
  /// Where the elements are. String tensors have a ``StringStorage``.
  package let storage: any TensorStorage

  /// A tensor on existing storage.
  /// - Precondition: `storage.byteCount` is the number of elements times the element size (strings excepted).
  package init(dtype: DType, sizes: [Int], storage: any TensorStorage) {
    self.dtype = dtype
    self.sizes = sizes
    self.storage = storage
  }

  /// The number of elements.
  public var elementCount: Int { sizes.reduce(1, *) }
  /// The number of axes.
  public var rank: Int { sizes.count }
  /// The type as the graph sees it.
  public var type: TensorType { TensorType(dtype, Shape(sizes)) }
  /// The size of the elements in bytes.
  package var byteCount: Int { storage.byteCount }

  /// Shows the elements' bytes: little-endian, row-major, of no promised alignment.
  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    try storage.withBytes(body)
  }
}

/// Bytes held in memory, 64-byte aligned.
package final class MemoryStorage: TensorStorage, @unchecked Sendable {
  // Written only while it is being built, before it is shared; read-only afterwards.
  private let bytes: UnsafeMutableRawBufferPointer

  /// Storage that `body` fills; it starts as zeros.
  package init(byteCount: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
    bytes = .allocate(byteCount: byteCount, alignment: 64)
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
    try body(bytes)
  }

  deinit { bytes.deallocate() }

  package var byteCount: Int { bytes.count }

  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    try withExtendedLifetime(self) { try body(UnsafeRawBufferPointer(bytes)) }
  }
}

/// The elements of a string tensor.
package final class StringStorage: TensorStorage {
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
