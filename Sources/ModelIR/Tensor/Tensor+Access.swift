extension Tensor {
  /// Shows the elements' bytes where they are: little-endian, row-major, of no promised alignment. Chunked and
  /// compressed data is unpacked at the first access and kept while the model lives.
  /// - Throws: ``TensorError`` when the bytes cannot be read (a damaged chunk).
  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) throws(TensorError) -> R {
    try readingElements { try withBytes(body) }
  }

  /// Shows the elements' bytes where they are to a function that may fail.
  /// - Throws: ``TensorError`` when the bytes cannot be read (a damaged chunk), and what `body` throws.
  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    try withUnsafeBytes { bytes in Result { try body(bytes) } }.get()
  }

  /// Shows the elements in place, row-major; they are copied only where the file does not align them.
  /// - Throws: ``TensorError`` when the element type is another or the bytes cannot be read.
  public func withUnsafeBufferPointer<T: TensorElement, R>(
    of type: T.Type, _ body: (UnsafeBufferPointer<T>) -> R
  ) throws(TensorError) -> R {
    guard dtype == T.dtype else {
      throw TensorError("expected elements of type \(T.dtype.rawValue), found \(dtype.rawValue)")
    }
    return try readingElements {
      try withBytes { bytes in
        let count = elementCount
        if let base = bytes.baseAddress, Int(bitPattern: base) % MemoryLayout<T>.alignment == 0 {
          return base.withMemoryRebound(to: T.self, capacity: count) {
            body(UnsafeBufferPointer(start: $0, count: count))
          }
        }
        return try [T](self).withUnsafeBufferPointer(body)
      }
    }
  }

  /// Shows the elements in place, row-major, to a function that may fail.
  /// - Throws: ``TensorError`` when the element type is another or the bytes cannot be read, and what `body` throws.
  public func withUnsafeBufferPointer<T: TensorElement, R>(
    of type: T.Type, _ body: (UnsafeBufferPointer<T>) throws -> R
  ) throws -> R {
    try withUnsafeBufferPointer(of: type) { elements in Result { try body(elements) } }.get()
  }

  /// The tensor in another element type: toward zero and into range from floats to integers, the low bits between
  /// integers, to nearest otherwise, `!= 0` to bool. Itself when it has the type already.
  /// - Throws: ``TensorError`` for strings, and when the bytes cannot be read.
  public func converted(to type: DType) throws(TensorError) -> Tensor {
    if dtype == type { return self }
    guard dtype != .string, type != .string else {
      throw TensorError("cannot convert \(dtype.rawValue) to \(type.rawValue)")
    }
    let storage = try readingElements {
      try MemoryStorage(byteCount: elementCount * type.byteCount) { try fill($0, type) }
    }
    return try Tensor(dtype: type, sizes: sizes, storage: storage)
  }

  /// A tensor in memory with a copy of these bytes: little-endian, row-major.
  /// - Throws: ``TensorError`` when there are not as many bytes as the sizes need, or the type is string.
  public init(dtype: DType, sizes: [Int], bytes: UnsafeRawBufferPointer) throws(TensorError) {
    guard dtype != .string else { throw TensorError("strings have no bytes of their own") }
    let storage = try MemoryStorage(filled: bytes.count) { $0.copyMemory(from: bytes) }
    try self.init(dtype: dtype, sizes: sizes, storage: storage)
  }

  /// Writes the elements in another type.
  fileprivate func fill(_ target: UnsafeMutableRawBufferPointer, _ type: DType) throws {
    guard dtype != .string else { throw TensorError("cannot read strings as \(type.rawValue)") }
    try withBytes { bytes in
      guard let source = bytes.baseAddress, let target = target.baseAddress else { return }
      ElementConversion.convert(source, dtype, to: target, type, count: elementCount)
    }
  }
}

extension Array where Element: TensorElement {
  /// The elements of a tensor, row-major, converted by the rules of ``Tensor/converted(to:)``; a plain copy when the
  /// types are the same.
  /// - Throws: ``TensorError`` for strings, and when the bytes cannot be read.
  public init(_ tensor: Tensor) throws(TensorError) {
    let count = tensor.elementCount
    self = try readingElements {
      try [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
        try tensor.fill(UnsafeMutableRawBufferPointer(buffer), Element.dtype)
        initialized = count
      }
    }
  }
}

#if !(os(macOS) && arch(x86_64))
  extension Float16: TensorElement {
    /// ``DType/float16``
    public static var dtype: DType { .float16 }
  }
#endif
