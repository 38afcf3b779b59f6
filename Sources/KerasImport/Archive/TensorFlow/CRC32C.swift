import Dispatch
import ModelFiles
import ModelIR

/// CRC-32C (Castagnoli), as tables of LevelDB and TensorFlow's checkpoints have it.
enum CRC32C {
  private static let partByteCount = 4 << 20
  /// The polynomial 0x1EDC6F41, lowest bit first.
  private static let polynomial: UInt32 = 0x82F6_3B78

  /// `tables[k][b]`: the checksum of the byte `b` and `k` zeros after it.
  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      var sum = UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 0 ? sum >> 1 : sum >> 1 ^ polynomial }
      tables[byte] = sum
    }
    for index in 256..<8 * 256 {
      let sum = tables[index - 256]
      tables[index] = sum >> 8 ^ tables[Int(sum & 0xFF)]
    }
    return tables
  }()

  /// Continues a checksum, 0 at first, over more bytes.
  static func extended(_ sum: UInt32, over bytes: UnsafeRawBufferPointer) -> UInt32 {
    tables.withUnsafeBufferPointer { tables in
      var sum = ~sum
      var offset = 0
      while offset + 8 <= bytes.count {
        let word =
          UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) ^ UInt64(sum)
        sum = 0
        for byte in 0..<8 { sum ^= tables[(7 - byte) * 256 + Int(word >> (8 * UInt64(byte)) & 0xFF)] }
        offset += 8
      }
      for byte in bytes[offset...] { sum = sum >> 8 ^ tables[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] }
      return ~sum
    }
  }

  /// As it is stored beside the bytes, so that the checksum of bytes that hold checksums is no constant.
  static func masked(_ sum: UInt32) -> UInt32 { (sum >> 15 | sum << 17) &+ 0xA282_EAD8 }

  /// The masked checksum of all bytes, computed on all cores; memory does not grow with the bytes.
  static func masked(_ bytes: HeldBytes) -> UInt32 {
    let partCount = (bytes.count + partByteCount - 1) / partByteCount
    if partCount <= 1 { return masked(sum(bytes)) }
    let parts = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: partCount)
    defer { parts.deallocate() }
    nonisolated(unsafe) let sums = parts
    DispatchQueue.concurrentPerform(iterations: partCount) { index in
      sums[index] = part(index, of: bytes).map(sum) ?? 0  // Every part lies in the bytes.
    }
    var whole: UInt32 = 0
    for index in 0..<partCount {
      let count = part(index, of: bytes)?.count ?? 0  // Every part lies in the bytes.
      whole = combined(whole, parts[index], byteCount: count)
    }
    return masked(whole)
  }

  private static func part(_ index: Int, of bytes: HeldBytes) -> HeldBytes? {
    let start = index * partByteCount
    return bytes.slice(offset: start, count: min(partByteCount, bytes.count - start))
  }

  private static func sum(_ bytes: HeldBytes) -> UInt32 {
    var sum: UInt32 = 0
    try? bytes.forEachPiece { sum = extended(sum, over: $0) }  // Nothing in the closure throws.
    return sum
  }

  /// The checksum of two runs of bytes from those of each: the first is shifted over the length of the second.
  private static func combined(_ first: UInt32, _ second: UInt32, byteCount: Int) -> UInt32 {
    // x^(8 * byteCount) by repeated squaring; polynomials have their highest power in the lowest bit.
    var (power, square, rest) = (UInt32(1) << 31, UInt32(1) << 23, byteCount)
    while rest > 0 {
      if rest & 1 == 1 { power = product(power, square) }
      square = product(square, square)
      rest >>= 1
    }
    return product(power, first) ^ second
  }

  /// The product of two polynomials, modulo the checksum's.
  private static func product(_ a: UInt32, _ b: UInt32) -> UInt32 {
    var (result, shifted) = (UInt32(0), b)
    for bit in 0..<32 {
      if a & (1 << (31 - UInt32(bit))) != 0 { result ^= shifted }
      shifted = shifted & 1 == 0 ? shifted >> 1 : shifted >> 1 ^ polynomial
    }
    return result
  }
}
