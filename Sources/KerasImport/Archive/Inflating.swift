#if Archives
  import CDeflate
  import CMinizip
  import ModelFiles
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
        libdeflate_deflate_decompress(
          $0, input.baseAddress, input.count, output.baseAddress, output.count, nil)
      }
    }

    private static func unpack(_ call: (OpaquePointer) -> libdeflate_result) -> Bool {
      guard let decompressor = libdeflate_alloc_decompressor() else { return false }
      defer { libdeflate_free_decompressor(decompressor) }
      return call(decompressor) == LIBDEFLATE_SUCCESS
    }

    /// Gives the unpacked data of a zip member piece by piece; neither side of it needs to be in memory as a whole.
    /// - Returns: false if it is damaged or not exactly as long.
    static func inflateMember(
      _ input: HeldBytes, byteCount: Int, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Bool {
      let inflater = MemberInflater(byteCount: byteCount)
      guard inflater.isReady else { return false }
      try input.forEachPiece(pieceByteCount: 1 << 20) { try inflater.read($0, body) }
      return inflater.isWhole
    }
  }

  /// zlib's stream of a zip member's data, which has no wrapping.
  private final class MemberInflater {
    let isReady: Bool
    private(set) var isWhole = false
    private let byteCount: Int
    // zlib knows its stream by its address.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private var isDamaged = false
    private var written = 0
    private var piece = [UInt8](repeating: 0, count: 1 << 18)

    init(byteCount: Int) {
      self.byteCount = byteCount
      isReady = cminizip_inflate_init(stream, -15) == Z_OK
    }

    deinit {
      if isReady { inflateEnd(stream) }
      stream.deallocate()
    }

    /// Unpacks the next bytes, of which there are no more than a number of 32 bits holds.
    func read(_ input: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
      stream.pointee.next_in = UnsafeMutableRawPointer(mutating: input.baseAddress)?.assumingMemoryBound(
        to: Bytef.self)
      stream.pointee.avail_in = uInt(input.count)
      var isFull = true
      while !isDamaged, !isWhole, stream.pointee.avail_in > 0 || isFull {
        let (status, made) = step()
        isFull = made == piece.count
        written += made
        // Bytes that are missing are found when the input is at its end.
        isDamaged = written > byteCount || status != Z_OK && status != Z_BUF_ERROR && status != Z_STREAM_END
        if isDamaged { return }
        try piece.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[..<made])) }
        isWhole = status == Z_STREAM_END && written == byteCount
        isDamaged = status == Z_STREAM_END && !isWhole
        if status == Z_BUF_ERROR { return }
      }
    }

    private func step() -> (status: Int32, made: Int) {
      piece.withUnsafeMutableBufferPointer { piece in
        stream.pointee.next_out = piece.baseAddress
        stream.pointee.avail_out = uInt(piece.count)
        let status = CMinizip.inflate(stream, Z_NO_FLUSH)
        return (status, piece.count - Int(stream.pointee.avail_out))
      }
    }
  }
#endif
