import CDeflate
import CMinizip
import ModelIR

/// Unpacking of deflated data: with libdeflate where all of it is in memory, with zlib piece by piece.
enum Inflating {
  /// No deflated byte stands for more than this many.
  static let ratioLimit = 1032

  /// Fills `output` with the unpacked data of an HDF5 chunk, which is in zlib's wrapping and whose checksum is compared;
  /// false if the data is damaged or is not exactly as long.
  static func inflateChunk(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer)
    -> Bool
  {
    unpack {
      libdeflate_zlib_decompress($0, input.baseAddress, input.count, output.baseAddress, output.count, nil)
    }
  }

  /// The same for the data of a zip member, which has no wrapping.
  static func inflateMember(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer)
    -> Bool
  {
    unpack {
      libdeflate_deflate_decompress($0, input.baseAddress, input.count, output.baseAddress, output.count, nil)
    }
  }

  private static func unpack(_ call: (OpaquePointer) -> libdeflate_result) -> Bool {
    guard let decompressor = libdeflate_alloc_decompressor() else { return false }
    defer { libdeflate_free_decompressor(decompressor) }
    return call(decompressor) == LIBDEFLATE_SUCCESS
  }

  /// Gives the unpacked data of a zip member piece by piece.
  /// - Returns: false if it is damaged or not exactly as long.
  static func inflateMember(
    _ input: UnsafeRawBufferPointer, byteCount: Int, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) rethrows -> Bool {
    var stream = z_stream()
    // No wrapping.
    guard cminizip_inflate_init(&stream, -15) == Z_OK else { return false }
    defer { inflateEnd(&stream) }
    var piece = [UInt8](repeating: 0, count: 1 << 18)
    var (read, written) = (0, 0)
    while true {
      let given = min(1 << 30, input.count - read)
      let source = UnsafeMutableRawPointer(mutating: input.baseAddress.map { $0 + read })
      stream.next_in = source?.assumingMemoryBound(to: Bytef.self)
      stream.avail_in = uInt(given)
      let (status, made) = piece.withUnsafeMutableBufferPointer { piece in
        stream.next_out = piece.baseAddress
        stream.avail_out = uInt(piece.count)
        let status = CMinizip.inflate(&stream, Z_NO_FLUSH)
        return (status, piece.count - Int(stream.avail_out))
      }
      let taken = given - Int(stream.avail_in)
      read += taken
      written += made
      guard written <= byteCount else { return false }
      try piece.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[..<made])) }
      if status == Z_STREAM_END { return written == byteCount }
      guard status == Z_OK || status == Z_BUF_ERROR, taken + made > 0 else { return false }
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
