import ModelIR

/// The constants of a graph in memory, shared by its plans: as they are, and packed by backends. Each is read when a
/// plan first needs it.
final class ConstantStore: Sendable {
  private let tensors = Locked<[Int: Tensor]>([:])
  private let packed = Locked<[PackedKey: PackedConstant]>([:])

  /// What packing needs besides source and target, kept while a plan is made: new pages would be cleared for each constant.
  private let scratch = Locked<MemoryBlock?>(nil)

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
    // Another thread that packs at the same time makes its own; one of them is kept.
    var memory = takeScratch()
    if let small = memory, small.byteCount < byteCount { memory = nil }
    let block = try memory ?? MemoryBlock(byteCount: byteCount)
    defer { scratch.withLock { $0 = block } }
    return try body(block.pointer)
  }

  /// Gives back what packing needed.
  func releaseScratch() { _ = takeScratch() }

  private func takeScratch() -> MemoryBlock? {
    scratch.withLock { kept in
      defer { kept = nil }
      return kept
    }
  }
}

/// Bytes that a backend made of a constant, 64-byte aligned.
final class PackedConstant: Sendable {
  private let block: MemoryBlock

  init(byteCount: Int, _ body: (UnsafeMutableRawPointer) throws -> Void) throws {
    block = try MemoryBlock(byteCount: byteCount)
    // Written here alone. A failure of `body` ends the object, which gives the memory back.
    try body(block.pointer)
  }

  /// Valid while the object lives.
  var pointer: UnsafeRawPointer { UnsafeRawPointer(block.pointer) }
}

/// Memory of the process's budget, 64-byte aligned, which goes back with the object.
final class MemoryBlock: @unchecked Sendable {
  // Who writes, and when, is said by those who have the block; this is the address alone.
  private let bytes: UnsafeMutableRawBufferPointer

  /// Zeros.
  /// - Throws: ``TensorError`` when there is not as much memory.
  init(byteCount: Int) throws(TensorError) {
    bytes = try MemoryBudget.process.allocate(max(byteCount, 64))
    self.byteCount = byteCount
  }

  deinit { MemoryBudget.process.deallocate(bytes) }

  /// As asked for.
  let byteCount: Int
  /// Valid while the object lives.
  var pointer: UnsafeMutableRawPointer { bytes.baseAddress.unsafelyUnwrapped }
}
