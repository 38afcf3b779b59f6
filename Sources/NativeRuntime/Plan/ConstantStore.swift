import ModelIR

/// The constants of a graph in memory, shared by its plans: as they are, and packed by backends. Each is read when a
/// plan first needs it.
final class ConstantStore: Sendable {
  private let tensors = Locked<[Int: Tensor]>([:])
  private let packed = Locked<[PackedKey: PackedConstant]>([:])

  /// What packing needs besides source and target, kept while a plan is made: new pages would be cleared for each constant.
  private let scratch = Locked<UnsafeMutableRawBufferPointer?>(nil)

  deinit { releaseScratch() }

  private struct PackedKey: Hashable {
    let constant: Int
    let form: [UInt8]
  }

  /// The constant with bytes that stay where they are, aligned for its element type.
  func tensor(_ index: Int, _ tensor: Tensor) throws -> Tensor {
    if let known = tensors.withLock({ $0[index] }) { return known }
    let made = try tensor.aligned()
    if made.storage !== tensor.storage { tensor.storage.releasePages() }
    tensors.withLock { $0[index] = made }
    return made
  }

  /// A constant packed in a form; `pack` fills the bytes if no plan has done it before.
  func packed(
    _ constant: PlanConstant, form: [UInt8], byteCount: Int, _ pack: (UnsafeMutableRawPointer) throws -> Void
  ) throws -> PackedConstant {
    guard let index = constant.index else { return try PackedConstant(byteCount: byteCount, pack) }
    let key = PackedKey(constant: index, form: form)
    if let known = packed.withLock({ $0[key] }) { return known }
    let made = try PackedConstant(byteCount: byteCount, pack)
    packed.withLock { $0[key] = made }
    return made
  }

  /// Memory of so many bytes, 64-byte aligned, of any content.
  func withScratch<R>(_ byteCount: Int, _ body: (UnsafeMutableRawPointer) throws -> R) throws -> R {
    var memory = scratch.withLock { kept in
      defer { kept = nil }
      return kept
    }
    if let small = memory, small.count < byteCount {
      MemoryBudget.process.deallocate(small)
      memory = nil
    }
    let bytes = try memory ?? MemoryBudget.process.allocate(max(byteCount, 64))
    defer { keep(bytes) }
    return try body(bytes.baseAddress.unsafelyUnwrapped)
  }

  private func keep(_ bytes: UnsafeMutableRawBufferPointer) {
    let superfluous = scratch.withLock { kept in
      defer { kept = bytes }
      return kept  // Another thread's, which packed at the same time.
    }
    if let superfluous { MemoryBudget.process.deallocate(superfluous) }
  }

  /// Gives back what packing needed.
  func releaseScratch() {
    let bytes = scratch.withLock { kept in
      defer { kept = nil }
      return kept
    }
    if let bytes { MemoryBudget.process.deallocate(bytes) }
  }
}

/// Bytes that a backend made of a constant, 64-byte aligned.
final class PackedConstant: @unchecked Sendable {
  // Written by `init` alone.
  private let bytes: UnsafeMutableRawBufferPointer

  init(byteCount: Int, _ body: (UnsafeMutableRawPointer) throws -> Void) throws {
    bytes = try MemoryBudget.process.allocate(max(byteCount, 64))
    // A failure of `body` ends the object, which gives the memory back.
    if let base = bytes.baseAddress { try body(base) }
  }

  deinit { MemoryBudget.process.deallocate(bytes) }

  /// Valid while the object lives.
  var pointer: UnsafeRawPointer { UnsafeRawPointer(bytes.baseAddress.unsafelyUnwrapped) }
}
