/// Memory for the length of a call: a tile's, whose size does not grow with the model. What it holds at first is anything.
package func withScratch<R>(_ byteCount: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> R) rethrows
  -> R
{
  let block = Scratch.shared.take(byteCount)
  defer { Scratch.shared.giveBack(block) }
  return try body(UnsafeMutableRawBufferPointer(rebasing: block[..<byteCount]))
}

/// Blocks of memory that are used again: fresh ones cost as much as what is done with a tile, since the system clears their
/// pages one by one and takes them back with an interrupt to every core.
package final class Scratch: @unchecked Sendable {
  package static let shared = Scratch()

  /// Blocks are made in steps of this size, so that many tiles fit into each.
  private static let step = 1 << 18
  /// Of blocks that nobody uses, no more are kept.
  private static let keptByteCount = 24 << 20

  // Guarded by the lock.
  private var unused: [UnsafeMutableRawBufferPointer] = []
  private var unusedByteCount = 0
  private let lock = Lazy<Never>()

  fileprivate func take(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
    let known = lock.guarded { () -> UnsafeMutableRawBufferPointer? in
      // The last one given back is in the cache.
      let place = unused.lastIndex { $0.count >= byteCount && $0.count / 4 <= max(byteCount, Scratch.step) }
      guard let place else { return nil }
      unusedByteCount -= unused[place].count
      return unused.remove(at: place)
    }
    if let known { return known }
    let whole = max(byteCount, 1)
    return UnsafeMutableRawBufferPointer.allocate(
      byteCount: whole < Scratch.step ? whole : (whole + Scratch.step - 1) / Scratch.step * Scratch.step,
      alignment: 64)
  }

  fileprivate func giveBack(_ block: UnsafeMutableRawBufferPointer) {
    let isKept =
      block.count >= Scratch.step
      && lock.guarded {
        guard unusedByteCount + block.count <= Scratch.keptByteCount else { return false }
        unused.append(block)
        unusedByteCount += block.count
        return true
      }
    if !isKept { block.deallocate() }
  }

  /// Gives the memory that nobody uses back to the system.
  package func releaseUnused() {
    let blocks = lock.guarded {
      defer { (unused, unusedByteCount) = ([], 0) }
      return unused
    }
    for block in blocks { block.deallocate() }
  }
}
