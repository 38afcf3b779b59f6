/// Someone who is told which bytes have been read: a checksum that is made on the way.
package protocol ByteWitness: AnyObject, Sendable {
  /// Bytes of the witness's range are being read; called from any thread, in any order, also twice for the same ones.
  func saw(_ bytes: UnsafeRawBufferPointer)
}

/// A range of bytes together with whatever keeps them where they are: a mapped file, a block of memory.
package struct HeldBytes: @unchecked Sendable {
  // The bytes are read-only and stay valid as long as their owner, which is thread-safe by its type.
  private let owner: any AnyObject & Sendable
  private let bytes: UnsafeRawBufferPointer
  private let witness: (any ByteWitness)?

  /// - Precondition: the bytes stay valid and unchanged while `owner` lives.
  package init(
    _ bytes: UnsafeRawBufferPointer, owner: any AnyObject & Sendable, witness: (any ByteWitness)? = nil
  ) {
    self.bytes = bytes
    self.owner = owner
    self.witness = witness
  }

  /// The same bytes, with someone to tell which of them have been read.
  package func witnessed(by witness: any ByteWitness) -> HeldBytes {
    HeldBytes(bytes, owner: owner, witness: witness)
  }

  /// Tells the witness that these bytes are being read: while they are in the cache.
  package func reportRead() { witness?.saw(bytes) }

  /// Where the bytes are in a file that stays open while they are held; nil for other memory.
  package var place: (descriptor: Int32, offset: Int)? {
    guard let file = owner as? MappedFile else { return nil }
    return file.offset(of: bytes).map { (file.descriptor, $0) }
  }

  /// The same, when nobody needs to see the bytes on their way out of the file.
  var fileRange: (descriptor: Int32, offset: Int)? { witness == nil ? place : nil }

  package var count: Int { bytes.count }

  /// True when these are the same bytes at the same place in memory.
  package func isSame(as other: HeldBytes) -> Bool {
    bytes.baseAddress == other.bytes.baseAddress && bytes.count == other.bytes.count
  }

  /// Shows the bytes; the pointer is valid only inside `body`.
  package func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    defer { withExtendedLifetime(owner) {} }
    return try body(bytes)
  }

  /// A range of these bytes; nil if it does not lie inside.
  package func slice(offset: Int, count: Int) -> HeldBytes? {
    guard offset >= 0, count >= 0, offset <= bytes.count, count <= bytes.count - offset else { return nil }
    return HeldBytes(
      UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]), owner: owner, witness: witness)
  }

  /// Drops the pages of these bytes from memory if they are a mapped file's; reading them again brings
  /// them back.
  package func releasePages() {
    if owner is MappedFile { MappedFile.release(bytes) }
  }

  /// Says that these bytes have been read for once: when enough of a mapped file has, its pages are dropped.
  package func countRead() { (owner as? MappedFile)?.countRead(bytes.count) }

  /// Shows the bytes in pieces of at most `pieceByteCount`, and gives the memory of each piece back to the system
  /// after use, so that reading through a mapped file does not make the process large.
  package func forEachPiece(
    pieceByteCount: Int = 4 << 20, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    defer { withExtendedLifetime(owner) {} }
    var start = 0
    while start < bytes.count {
      let end = Swift.min(bytes.count, start + pieceByteCount)
      let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
      try body(piece)
      (owner as? MappedFile)?.countRead(piece.count)
      start = end
    }
  }
}
