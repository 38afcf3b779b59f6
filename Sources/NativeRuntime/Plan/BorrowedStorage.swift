import ModelIR

/// Bytes of a run's memory seen as a tensor's, while a step works on them.
final class BorrowedStorage: ResidentStorage, @unchecked Sendable {
  // Read-only; whoever makes one keeps the bytes while it is used.
  private let bytes: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var byteCount: Int { bytes.count }

  func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R { try body(bytes) }
}

extension Tensor {
  /// A tensor of a form whose bytes are at an address while the step runs.
  /// - Throws: `TensorError` for sizes that no tensor has.
  init(_ form: OperandForm, at address: UnsafeRawPointer) throws(TensorError) {
    let bytes = UnsafeRawBufferPointer(start: address, count: try ElementCount.bytes(form.sizes, form.dtype))
    try self.init(dtype: form.dtype, sizes: form.sizes, storage: BorrowedStorage(bytes))
  }

  /// Copies the elements to where a result belongs.
  /// - Throws: ``KernelError`` when the tensor is not of the form that was planned.
  func copy(to target: UnsafeMutableRawPointer, _ form: OperandForm) throws {
    guard dtype == form.dtype, sizes == form.sizes else {
      throw KernelError(
        "expected a result of type \(form.dtype.rawValue)\(form.sizes), found \(dtype.rawValue)\(sizes)")
    }
    guard dtype != .string else {
      target.assumingMemoryBound(to: Tensor?.self).pointee = self
      return
    }
    let count = form.byteCount
    try withBytes { bytes in
      guard bytes.count >= count else { throw KernelError("expected \(count) bytes, found \(bytes.count)") }
      if let source = bytes.baseAddress, count > 0 { target.copyMemory(from: source, byteCount: count) }
    }
  }
}
