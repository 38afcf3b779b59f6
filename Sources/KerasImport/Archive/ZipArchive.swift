#if Archives
  import CMinizip
  package import ModelFiles
  import ModelIR

  /// A member of a zip archive.
  package struct ZipMember: Sendable {
    /// The place in the archive's directory, from 0.
    package let position: Int
    package let name: String
    /// The member's size once unpacked.
    package let byteCount: Int
    /// The bytes as they are in the archive.
    private let packed: HeldBytes
    private let isDeflated: Bool
    private let checksum: UInt32
    /// The checksum of a stored member's bytes, made as they are read.
    private let running: RunningChecksum

    init(
      position: Int, name: String, byteCount: Int, packed: HeldBytes, isDeflated: Bool, checksum: UInt32
    ) {
      (self.position, self.name, self.byteCount) = (position, name, byteCount)
      (self.packed, self.isDeflated, self.checksum) = (packed, isDeflated, checksum)
      running = RunningChecksum(packed)
    }

    /// The member's bytes: a stored member's where they are, a deflated one's unpacked, into memory or, where they are
    /// many, into a file without a name.
    ///
    /// The checksum of a deflated member is verified; that of a stored one is not, see ``verifyChecksum()``.
    package func content() throws(KerasImportError) -> HeldBytes {
      guard isDeflated else { return running.witnessed }
      if byteCount > SpilledBytes.memoryLimit { return try spilled() }
      let memory = FilledMemory(byteCount: byteCount) { output in
        packed.withBytes { Inflating.inflateMember($0, into: output) }
      }
      guard let content = memory?.content else { throw cannotBeUnpacked }
      guard Checksum.crc32(content) == checksum else { throw hasWrongChecksum }
      return content
    }

    private func spilled() throws(KerasImportError) -> HeldBytes {
      do {
        return try SpilledBytes.collect { write in try unpack(write) }
      } catch {
        throw error as? KerasImportError ?? (error as? FileError).map { KerasImportError($0) }
          ?? cannotBeUnpacked
      }
    }

    /// Unpacks a deflated member piece by piece, and compares its checksum.
    private func unpack(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
      var sum: UInt32 = 0
      let isWhole = try Inflating.inflateMember(packed, byteCount: byteCount) { piece in
        sum = Checksum.crc32(piece, after: sum)
        try body(piece)
      }
      guard isWhole else { throw cannotBeUnpacked }
      guard sum == checksum else { throw hasWrongChecksum }
    }

    /// The bytes of a member that is not packed, their checksum not verified; nil for the others.
    var stored: HeldBytes? { isDeflated ? nil : packed }

    /// The bytes with their checksum verified.
    package func verifiedContent() throws(KerasImportError) -> HeldBytes {
      let content = try content()
      if !isDeflated { try verifyChecksum() }
      return content
    }

    /// Compares the checksum of the whole member; of a stored one, what has not been read yet is read.
    /// - Throws: `corrupted` if it differs.
    package func verifyChecksum() throws(KerasImportError) {
      if isDeflated {
        do { try unpack { _ in } } catch { throw error as? KerasImportError ?? cannotBeUnpacked }
      } else if running.value != checksum {
        throw hasWrongChecksum
      }
    }

    /// Begins to make the checksum of a stored member, beside what else is done.
    func verifyAhead() { if !isDeflated { running.readAhead() } }

    private var cannotBeUnpacked: KerasImportError {
      KerasImportError(.corrupted("member \"\(name)\" of the archive cannot be unpacked"))
    }

    private var hasWrongChecksum: KerasImportError {
      KerasImportError(.corrupted("member \"\(name)\" of the archive has a wrong checksum"))
    }
  }

  /// The directory of a zip archive that is mapped or in memory; zip64 included.
  package struct ZipArchive: Sendable {
    /// The members by name. A name that comes twice is refused.
    package let members: [String: ZipMember]

    static let memberLimit = 100_000
    static let nameLimit = 4096
    /// The least that stands before a member's bytes.
    private static let localHeaderByteCount = 31

    package init(_ archive: HeldBytes) throws(KerasImportError) {
      members = try archive.withBytes { bytes throws(KerasImportError) in
        guard ZipArchive.hasWholeEnd(bytes) else {
          throw KerasImportError(
            .corrupted("the zip archive has no directory at its end; it may be truncated"))
        }
        var memory = cminizip_memory(
          bytes: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), count: UInt64(bytes.count),
          position: 0
        )
        return try withUnsafeMutablePointer(to: &memory) { memory in
          Result { () throws(KerasImportError) in try ZipArchive.members(memory, archive) }
        }.get()
      }
    }

    /// Whether the record at the end, 22 bytes and a comment, is there to its last byte; minizip reads one that is cut.
    static func hasWholeEnd(_ bytes: UnsafeRawBufferPointer) -> Bool {
      let signature: [UInt8] = [0x50, 0x4B, 5, 6]
      let earliest = max(0, bytes.count - 22 - 0xFFFF)
      var place = bytes.count - signature.count
      while place >= earliest {
        if bytes[place...].starts(with: signature) {
          guard place + 22 <= bytes.count else { return false }
          let comment = Int(bytes[place + 20]) | Int(bytes[place + 21]) << 8
          return comment <= bytes.count - place - 22
        }
        place -= 1
      }
      return false
    }

    private static func members(
      _ memory: UnsafeMutablePointer<cminizip_memory>, _ archive: HeldBytes
    ) throws(KerasImportError) -> [String: ZipMember] {
      guard let zip = cminizip_open(memory) else {
        throw KerasImportError(.corrupted("the zip archive has no directory at its end; it may be truncated"))
      }
      defer { unzClose(zip) }
      var members: [String: ZipMember] = [:]
      var ranges: [Range<Int>] = []
      var status = unzGoToFirstFile(zip)
      while status == UNZ_OK {
        guard members.count < memberLimit else {
          throw KerasImportError(.unsupported("more than \(memberLimit) members in the archive"))
        }
        if let (member, range) = try member(zip, archive, position: members.count) {
          ranges.append(range)
          guard members.updateValue(member, forKey: member.name) == nil else {
            throw KerasImportError(.corrupted("member \"\(member.name)\" comes twice in the archive"))
          }
        }
        status = unzGoToNextFile(zip)
      }
      guard status == UNZ_END_OF_LIST_OF_FILE else {
        throw KerasImportError(.corrupted("the directory of the zip archive is damaged"))
      }
      // Names for the same bytes would unpack to far more than an archive of this size holds.
      ranges.sort { $0.lowerBound < $1.lowerBound }
      for (range, next) in Swift.zip(ranges, ranges.dropFirst()) where next.lowerBound < range.upperBound {
        throw KerasImportError(.corrupted("members of the archive overlap"))
      }
      return members
    }

    /// Refuses names that lead out of the archive.
    private static func checkName(_ name: String, _ what: String) throws(KerasImportError) {
      let parts = name.split(whereSeparator: { $0 == "/" || $0 == "\\" })
      let isAbsolute = name.hasPrefix("/") || name.hasPrefix("\\") || parts.first?.last == ":"
      guard !isAbsolute, !parts.contains("..") else {
        throw KerasImportError(.corrupted("\(what) has a name that leads out of it"))
      }
      guard !name.isEmpty else { throw KerasImportError(.corrupted("a member of the archive has no name")) }
    }

    /// The current member and what it takes up, its own header included; nil for a folder.
    private static func member(
      _ zip: unzFile, _ archive: HeldBytes, position: Int
    ) throws(KerasImportError) -> (ZipMember, Range<Int>)? {
      var info = unz_file_info64()
      var nameBytes = [CChar](repeating: 0, count: nameLimit + 1)
      guard unzGetCurrentFileInfo64(zip, &info, &nameBytes, uLong(nameLimit), nil, 0, nil, 0) == UNZ_OK,
        info.size_filename <= nameLimit
      else { throw KerasImportError(.corrupted("the directory of the zip archive is damaged")) }
      let name = String(decoding: nameBytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      let what = "member \"\(name)\" of the archive"
      try checkName(name, what)
      if name.hasSuffix("/") { return nil }
      guard info.flag & 1 == 0 else { throw KerasImportError(.unsupported("\(what) is encrypted")) }
      guard info.compression_method == 0 || info.compression_method == 8 else {
        throw KerasImportError(
          .unsupported("\(what) is packed with method \(info.compression_method); only deflate is read"))
      }
      let isDeflated = info.compression_method == 8
      guard let packedByteCount = Int(exactly: info.compressed_size),
        let byteCount = Int(exactly: info.uncompressed_size),
        packedByteCount <= archive.count,
        isDeflated ? byteCount <= packedByteCount * Inflating.ratioLimit : byteCount == packedByteCount
      else { throw KerasImportError(.corrupted("\(what) has an impossible size")) }
      var (method, level): (Int32, Int32) = (0, 0)
      guard unzOpenCurrentFile2(zip, &method, &level, 1) == UNZ_OK else {
        throw KerasImportError(.corrupted("\(what) is not where the directory says"))
      }
      defer { unzCloseCurrentFile(zip) }
      guard let offset = Int(exactly: unzGetCurrentFileZStreamPos64(zip)),
        let packed = archive.slice(offset: offset, count: packedByteCount)
      else { throw KerasImportError(.corrupted("\(what) does not lie in the file; it may be truncated")) }
      let member = ZipMember(
        position: position, name: name, byteCount: byteCount, packed: packed, isDeflated: isDeflated,
        checksum: UInt32(truncatingIfNeeded: info.crc))
      return (member, max(0, offset - localHeaderByteCount)..<(offset + packedByteCount))
    }
  }
#endif
