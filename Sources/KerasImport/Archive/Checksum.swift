import CMinizip
import Dispatch
import ModelIR

/// CRC-32 as zip archives have it.
enum Checksum {
  private static let partByteCount = 8 << 20

  /// The checksum of all bytes, computed on all cores; memory does not grow with the bytes.
  static func crc32(_ bytes: HeldBytes) -> UInt32 {
    let partCount = (bytes.count + partByteCount - 1) / partByteCount
    if partCount <= 1 { return part(bytes) }
    let parts = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: partCount)
    defer { parts.deallocate() }
    nonisolated(unsafe) let sums = parts
    DispatchQueue.concurrentPerform(iterations: partCount) { index in
      sums[index] = range(index, of: bytes).map(part) ?? 0  // Beyond the bytes there is no part.
    }
    var sum: uLong = 0
    for (index, one) in parts.enumerated() {
      let count = range(index, of: bytes)?.count ?? 0  // Beyond the bytes there is no part.
      sum = crc32_combine(sum, uLong(one), numericCast(count))
    }
    return UInt32(truncatingIfNeeded: sum)
  }

  private static func range(_ index: Int, of bytes: HeldBytes) -> HeldBytes? {
    let start = index * partByteCount
    return bytes.slice(offset: start, count: min(partByteCount, bytes.count - start))
  }

  private static func part(_ bytes: HeldBytes) -> UInt32 {
    var sum: uLong = 0
    // Nothing in the closure throws.
    try? bytes.forEachPiece { piece in
      let start = piece.baseAddress?.assumingMemoryBound(to: Bytef.self)
      sum = CMinizip.crc32(sum, start, uInt(piece.count))
    }
    return UInt32(truncatingIfNeeded: sum)
  }
}
