import ModelFiles
import ModelIR

/// A table of LevelDB, which TensorFlow keeps the index of a checkpoint in: keys in ascending order with their values.
///
/// | place | what |
/// |---|---|
/// | the last 48 bytes | the handles of two blocks (meta index, index), padding, the magic number |
/// | a handle | offset and size of a block, varints |
/// | after each block | 1 byte of compression (0: none), a masked CRC-32C over block and that byte |
/// | an entry of a block | the bytes shared with the key before, the key's other bytes, the value's size (varints), both |
/// | the end of a block | the offsets of entries that share nothing, 4 bytes each, and their number |
///
/// Source: `table_format.md` of LevelDB.
enum LevelDBTable {
  static let magic: UInt64 = 0xdb47_7524_8b80_fb57
  private static let footerByteCount = 48
  /// Keys are paths of variables.
  private static let keyLimit = 4096
  /// Prefixes let a small file claim much: all keys together, in bytes.
  private static let totalKeyLimit = 64 << 20

  /// Whether the bytes end as a table does.
  static func isTable(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= footerByteCount else { return false }
    return UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self))
      == magic
  }

  /// Shows every key with its value, in order.
  /// - Throws: `corrupted` for whatever the format does not allow, `unsupported` for compressed blocks.
  static func forEachEntry(
    of table: HeldBytes, _ body: (_ key: [UInt8], _ value: HeldBytes) throws(KerasImportError) -> Void
  ) throws(KerasImportError) {
    guard table.withBytes(isTable), let footer = table.slice(offset: table.count - footerByteCount, count: 40)
    else {
      throw KerasImportError(.corrupted("it does not end as a table of LevelDB; it may be truncated"))
    }
    let (meta, index) = try footer.withBytes { raw throws(KerasImportError) in
      var reader = ByteReader(raw)
      return (try handle(&reader), try handle(&reader))
    }
    // Nothing is kept there, but what is damaged is told.
    _ = try block(meta, of: table)
    var last: [UInt8]?
    var (keyByteCount, blockByteCount) = (0, 0)
    try forEachEntry(ofBlock: try block(index, of: table)) { _, value throws(KerasImportError) in
      let handle = try value.withBytes { raw throws(KerasImportError) in
        var reader = ByteReader(raw)
        return try self.handle(&reader)
      }
      // Blocks lie one after another; many handles of one would have it read as often.
      blockByteCount = blockByteCount.addingReportingOverflow(handle.count).partialValue
      guard (0...table.count).contains(blockByteCount) else {
        throw KerasImportError(.corrupted("blocks that overlap"))
      }
      try forEachEntry(ofBlock: try block(handle, of: table)) { key, value throws(KerasImportError) in
        if let last, !last.lexicographicallyPrecedes(key) {
          throw KerasImportError(.corrupted("its keys are not in ascending order"))
        }
        keyByteCount += key.count
        guard keyByteCount <= totalKeyLimit else {
          throw KerasImportError(.unsupported("more than \(totalKeyLimit) bytes of keys"))
        }
        last = key
        try body(key, value)
      }
    }
  }

  private static func handle(_ reader: inout ByteReader) throws(KerasImportError) -> (offset: Int, count: Int)
  {
    (try reader.count(), try reader.count())
  }

  /// The content of a block, its checksum compared.
  private static func block(
    _ handle: (offset: Int, count: Int), of table: HeldBytes
  ) throws(KerasImportError) -> HeldBytes {
    guard let block = table.slice(offset: handle.offset, count: handle.count),
      let checked = table.slice(offset: handle.offset, count: handle.count + 1),
      let trailer = table.slice(offset: handle.offset + handle.count, count: 5)
    else { throw KerasImportError(.corrupted("a block does not lie in the file; it may be truncated")) }
    let (compression, checksum) = try trailer.withBytes { raw throws(KerasImportError) in
      var reader = ByteReader(raw)
      return (try reader.byte(), try reader.fixed(UInt32.self))
    }
    guard CRC32C.masked(checked) == checksum else {
      throw KerasImportError(.corrupted("a block has a wrong checksum"))
    }
    guard compression == 0 else { throw KerasImportError(.unsupported("a compressed block")) }
    return block
  }

  private static func forEachEntry(
    ofBlock block: HeldBytes, _ body: (_ key: [UInt8], _ value: HeldBytes) throws(KerasImportError) -> Void
  ) throws(KerasImportError) {
    try block.withBytes { raw throws(KerasImportError) in
      let end = try endOfEntries(raw)
      var reader = ByteReader(UnsafeRawBufferPointer(rebasing: raw[..<end]))
      var key: [UInt8] = []
      while !reader.isAtEnd {
        let (shared, other, valueByteCount) = (try reader.count(), try reader.count(), try reader.count())
        guard shared <= key.count, shared <= keyLimit, other <= keyLimit - shared else {
          throw KerasImportError(.corrupted("a key shares \(shared) bytes with one of \(key.count)"))
        }
        key.removeSubrange(shared...)
        key += raw[try reader.skip(other)]
        let range = try reader.skip(valueByteCount)
        guard let value = block.slice(offset: range.lowerBound, count: range.count) else { return }
        try body(key, value)
      }
    }
  }

  /// Where the entries of a block end and the offsets begin.
  private static func endOfEntries(_ block: UnsafeRawBufferPointer) throws(KerasImportError) -> Int {
    guard block.count >= 4 else { throw KerasImportError(.corrupted("a block is too small")) }
    let last = block.count - 4
    let count = UInt32(littleEndian: block.loadUnaligned(fromByteOffset: last, as: UInt32.self))
    guard Int(count) <= last / 4 else { throw KerasImportError(.corrupted("a block is too small")) }
    return last - Int(count) * 4
  }
}
