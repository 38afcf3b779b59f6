package import ModelFiles

#if Archives
  import KerasImport
  import ModelIR

  /// Writes a zip archive of stored members; it appears under its name only when it is complete.
  ///
  /// Written here rather than with minizip because members are put into the file in tiles on all cores, their checksums
  /// made on the way; minizip takes bytes one after another, through a buffer.
  ///
  /// | part | content |
  /// |---|---|
  /// | for each member | the local header (`PK 3 4`), the name, sizes in 64 bits where needed, the bytes |
  /// | the directory | for each member the same once more (`PK 1 2`), with the header's place |
  /// | the end | where the directory is (`PK 6 6` and `PK 6 7` in 64 bits where needed, and `PK 5 6`) |
  ///
  /// Source: PKWARE's APPNOTE 6.3.10, 4.3.7, 4.3.12, 4.3.14 to 4.3.16, 4.5.3.
  package final class ZipWriter {
    private let file: OutputFile
    private var members: [Member] = []

    private struct Member {
      let name: [UInt8]
      let offset: Int
      let byteCount: Int
      var checksum: UInt32 = 0

      /// Whether sizes stand in 64 bits, in a field of their own.
      var isLarge: Bool { byteCount >= ZipWriter.elsewhere }
    }

    /// - Throws: the system's reason when the archive cannot be created; for a device or a FIFO, too.
    package init(replacing path: String) throws(FileError) {
      file = try OutputFile(replacing: path, isSeekable: true)
    }

    /// Adds a member of the bytes that `body` appends to the archive's file.
    /// - Throws: what `body` and reading what it appends throw, and the system's reason when writing fails.
    package func add(_ name: String, byteCount: Int, _ body: (OutputFile) throws -> Void) throws {
      var member = Member(name: Array(name.utf8), offset: file.byteCount, byteCount: byteCount)
      guard member.name.count <= 0xFFFF else {
        throw KerasExportError.unsupported("a member's name of \(member.name.count) bytes")
      }
      // Written again when the checksum is known.
      try file.write(ZipWriter.header(member))
      try file.flush()
      let start = file.byteCount
      file.holdsEverything = true
      defer { file.holdsEverything = false }
      try body(file)
      guard file.byteCount - start == byteCount else {
        throw KerasExportError.unsupported(
          "member \"\(name)\": expected \(byteCount) bytes, found \(file.byteCount - start)")
      }
      member.checksum = try file.flush { Checksum.crc32($0) }.reduce(0) {
        Checksum.combined($0, $1.digest, byteCount: $1.byteCount)
      }
      try file.overwrite(ZipWriter.header(member), at: member.offset)
      members.append(member)
    }

    /// Adds a member.
    package func add(_ name: String, _ bytes: [UInt8]) throws {
      try add(name, byteCount: bytes.count) { file in try file.write(bytes) }
    }

    /// Gives the complete archive its name, replacing a file that has it.
    package func finish() throws {
      let start = file.byteCount
      for member in members { try file.write(ZipWriter.entry(member)) }
      try file.write(ZipWriter.end(of: members.count, from: start, to: file.byteCount))
      try file.flush()
      try file.finish()
    }
  }

  // MARK: - Records

  extension ZipWriter {
    /// What a field of 32 bits holds whose number stands in 64 bits elsewhere.
    private static let elsewhere = 0xFFFF_FFFF
    /// The version of the format that a reader must know: 4.5 has sizes in 64 bits.
    private static let versions = (small: 20, large: 45)

    private static func header(_ member: Member) -> [UInt8] {
      var record = Record()
      record.four(0x0403_4B50)
      record.common(member.isLarge ? versions.large : versions.small, member.name, member.checksum)
      for _ in 0..<2 { record.four(member.isLarge ? elsewhere : member.byteCount) }
      record.two(member.name.count)
      record.two(member.isLarge ? 20 : 0)
      record.bytes += member.name
      if member.isLarge {
        record.two(1)
        record.two(16)
        for _ in 0..<2 { record.eight(member.byteCount) }
      }
      return record.bytes
    }

    private static func entry(_ member: Member) -> [UInt8] {
      let isLarge = max(member.byteCount, member.offset) >= elsewhere
      var record = Record()
      record.four(0x0201_4B50)
      record.two(isLarge ? versions.large : versions.small)
      record.common(isLarge ? versions.large : versions.small, member.name, member.checksum)
      for _ in 0..<2 { record.four(isLarge ? elsewhere : member.byteCount) }
      record.two(member.name.count)
      record.two(isLarge ? 28 : 0)
      for _ in 0..<3 { record.two(0) }
      record.four(0)
      record.four(isLarge ? elsewhere : member.offset)
      record.bytes += member.name
      if isLarge {
        record.two(1)
        record.two(24)
        for number in [member.byteCount, member.byteCount, member.offset] { record.eight(number) }
      }
      return record.bytes
    }

    private static func end(of count: Int, from start: Int, to end: Int) -> [UInt8] {
      var record = Record()
      let isLarge = end >= elsewhere || count >= 0xFFFF
      if isLarge {
        record.four(0x0606_4B50)
        record.eight(44)
        for _ in 0..<2 { record.two(versions.large) }
        for _ in 0..<2 { record.four(0) }
        for number in [count, count, end - start, start] { record.eight(number) }
        record.four(0x0706_4B50)
        record.four(0)
        record.eight(end)
        record.four(1)
      }
      record.four(0x0605_4B50)
      for _ in 0..<2 { record.two(0) }
      for _ in 0..<2 { record.two(isLarge ? 0xFFFF : count) }
      for number in [end - start, start] { record.four(isLarge ? elsewhere : number) }
      record.two(0)
      return record.bytes
    }
  }

  /// Bytes of a record, little-endian.
  private struct Record {
    var bytes: [UInt8] = []

    /// The format's first day, 1 January 1980: archives are the same whenever they are written.
    private static let date = 1 << 5 | 1

    mutating func two(_ number: Int) { append(UInt16(truncatingIfNeeded: number)) }
    mutating func four(_ number: Int) { append(UInt32(truncatingIfNeeded: number)) }
    mutating func eight(_ number: Int) { append(UInt64(truncatingIfNeeded: number)) }

    /// The version that reads it, the flags, stored, the date, the checksum.
    mutating func common(_ version: Int, _ name: [UInt8], _ checksum: UInt32) {
      // Bit 11 says that a name is UTF-8; plain ASCII is the same without it.
      let flags = name.allSatisfy { $0 < 0x80 } ? 0 : 1 << 11
      for number in [version, flags, 0, 0, Record.date] { two(number) }
      append(checksum)
    }

    private mutating func append<T: FixedWidthInteger>(_ number: T) {
      withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }
  }
#else
  import ModelIR

  /// Programs that are built without the trait Archives write no zip archives.
  package final class ZipWriter {
    /// - Throws: ``KerasExportError/unsupported(_:)``.
    package init(replacing path: String) throws {
      throw KerasExportError.unsupported(
        "zip archives; the program was built without kconvert's trait Archives")
    }

    package func add(_ name: String, byteCount: Int, _ body: (OutputFile) throws -> Void) throws {}
    package func add(_ name: String, _ bytes: [UInt8]) throws {}
    package func finish() throws {}
  }
#endif
