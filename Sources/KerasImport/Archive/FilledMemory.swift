import ModelFiles
import ModelIR

/// A block of memory that is filled once and then only read, of the process's budget.
final class FilledMemory: @unchecked Sendable {
  // Written only inside init.
  private let bytes: UnsafeMutableRawBufferPointer

  /// Memory that `body` fills completely; nil if `body` cannot, or if there is not enough memory.
  init?(byteCount: Int, _ body: (UnsafeMutableRawBufferPointer) -> Bool) {
    guard let block = try? MemoryBudget.process.allocate(byteCount) else { return nil }  // Told by nil.
    bytes = block
    guard body(bytes) else { return nil }
  }

  deinit { MemoryBudget.process.deallocate(bytes) }

  var content: HeldBytes { HeldBytes(UnsafeRawBufferPointer(bytes), owner: self) }
}
