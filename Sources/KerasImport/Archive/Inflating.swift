import CMinizip
import ModelIR

/// Unpacking of deflated data with zlib.
enum Inflating {
  /// What is around the deflated data.
  enum Wrapping: Int32 {
    /// Nothing, as in a zip member.
    case none = -15
    /// zlib's header and checksum, as in an HDF5 chunk.
    case zlib = 15
  }

  /// No deflated byte stands for more than this many.
  static let ratioLimit = 1032

  /// Fills `output` with the unpacked data; false if the data is damaged or is not exactly as long.
  static func inflate(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, _ wrapping: Wrapping
  ) -> Bool {
    var stream = z_stream()
    guard cminizip_inflate_init(&stream, wrapping.rawValue) == Z_OK else { return false }
    defer { inflateEnd(&stream) }
    let step = 1 << 30
    var (read, written) = (0, 0)
    // zlib needs room for one byte more to notice the end of empty data.
    var spare: UInt8 = 0
    while true {
      let inputCount = min(step, input.count - read)
      let outputCount = min(step, output.count - written)
      let source = UnsafeMutableRawPointer(mutating: input.baseAddress.map { $0 + read })
      stream.next_in = source?.assumingMemoryBound(to: Bytef.self)
      stream.avail_in = uInt(inputCount)
      let status: Int32
      var progress: Int
      if outputCount > 0, let target = output.baseAddress {
        stream.next_out = (target + written).assumingMemoryBound(to: Bytef.self)
        stream.avail_out = uInt(outputCount)
        status = CMinizip.inflate(&stream, Z_NO_FLUSH)
        progress = outputCount - Int(stream.avail_out)
        written += progress
      } else {
        status = withUnsafeMutablePointer(to: &spare) { pointer in
          stream.next_out = pointer
          stream.avail_out = 1
          return CMinizip.inflate(&stream, Z_NO_FLUSH)
        }
        guard stream.avail_out == 1 else { return false }
        progress = 0
      }
      read += inputCount - Int(stream.avail_in)
      progress += inputCount - Int(stream.avail_in)
      if status == Z_STREAM_END { return written == output.count }
      guard status == Z_OK || status == Z_BUF_ERROR, progress > 0 else { return false }
    }
  }
}

extension Inflating {
  /// The checksum of the unpacked data of a zip member, piece by piece; nil if it is damaged or not exactly as long.
  static func checksum(_ input: UnsafeRawBufferPointer, byteCount: Int) -> UInt32? {
    var stream = z_stream()
    guard cminizip_inflate_init(&stream, Wrapping.none.rawValue) == Z_OK else { return nil }
    defer { inflateEnd(&stream) }
    var piece = [UInt8](repeating: 0, count: 1 << 18)
    var (read, written, sum): (Int, Int, uLong) = (0, 0, 0)
    while true {
      let given = min(1 << 30, input.count - read)
      let source = UnsafeMutableRawPointer(mutating: input.baseAddress.map { $0 + read })
      stream.next_in = source?.assumingMemoryBound(to: Bytef.self)
      stream.avail_in = uInt(given)
      let (status, made) = piece.withUnsafeMutableBufferPointer { piece in
        stream.next_out = piece.baseAddress
        stream.avail_out = uInt(piece.count)
        let status = CMinizip.inflate(&stream, Z_NO_FLUSH)
        let made = piece.count - Int(stream.avail_out)
        sum = crc32(sum, piece.baseAddress, uInt(made))
        return (status, made)
      }
      let taken = given - Int(stream.avail_in)
      read += taken
      written += made
      guard written <= byteCount else { return nil }
      if status == Z_STREAM_END { return written == byteCount ? UInt32(truncatingIfNeeded: sum) : nil }
      guard status == Z_OK || status == Z_BUF_ERROR, taken + made > 0 else { return nil }
    }
  }
}

/// A block of memory that is filled once and then only read, of the process's budget.
final class FilledMemory: @unchecked Sendable {
  // Written only inside init.
  private let bytes: UnsafeMutableRawBufferPointer

  /// Memory that `body` fills completely; nil if `body` cannot, or if there is not enough memory.
  init?(byteCount: Int, _ body: (UnsafeMutableRawBufferPointer) -> Bool) {
    guard let block = try? MemoryBudget.process.allocate(byteCount) else { return nil }
    bytes = block
    guard body(bytes) else { return nil }
  }

  deinit { MemoryBudget.process.deallocate(bytes) }

  var content: HeldBytes { HeldBytes(UnsafeRawBufferPointer(bytes), owner: self) }
}
