import CMinizip
package import ModelIR

/// Writes a zip archive of stored members; it appears under its name only when it is complete.
package final class ZipWriter {
  private let path: String
  private let temporary: TemporaryFile
  private var zip: zipFile?

  /// - Throws: the system's reason when the archive cannot be created.
  package init(replacing path: String) throws(FileError) {
    self.path = path
    temporary = try TemporaryFile(beside: path)
    zip = zipOpen64(temporary.path, APPEND_STATUS_CREATE)
    guard zip != nil else { throw FileError(lastAt: path) }
  }

  deinit { if let zip { zipClose(zip, nil) } }

  /// Adds a member from bytes that `body` gives in order, in pieces of any size.
  /// - Parameter byteCount: how many there will be, as far as it is known; it decides between two forms of the directory.
  /// - Throws: what `body` throws, and the system's reason when writing fails.
  package func add(
    _ name: String, byteCount: Int, _ body: (_ write: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws {
    // The format's first day: archives are the same whenever they are written.
    var info = zip_fileinfo()
    info.tmz_date.tm_year = 1980
    info.tmz_date.tm_mday = 1
    let isLarge: Int32 = byteCount > 0xFFFF_0000 ? 1 : 0
    // Bit 11 says that a name is UTF-8; plain ASCII is the same without it.
    let flags: UInt = name.utf8.allSatisfy { $0 < 0x80 } ? 0 : 1 << 11
    // Stored, with the defaults of what only compression uses.
    let outcome = zipOpenNewFileInZip4_64(
      zip, name, &info, nil, 0, nil, 0, nil, 0, 0, 0, -15, 8, 0, nil, 0, 0, flags, isLarge)
    guard outcome == ZIP_OK else { throw failure }
    try body { bytes in
      var rest = bytes
      while !rest.isEmpty {
        let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
        try OutputProgress.current?.willWrite(piece.count, to: path)
        guard zipWriteInFileInZip(zip, piece.baseAddress, UInt32(piece.count)) == ZIP_OK else {
          throw failure
        }
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
      }
    }
    guard zipCloseFileInZip(zip) == ZIP_OK else { throw failure }
  }

  /// Adds a member.
  package func add(_ name: String, _ bytes: [UInt8]) throws {
    try add(name, byteCount: bytes.count) { write in try bytes.withUnsafeBytes(write) }
  }

  /// Gives the complete archive its name, replacing a file that has it.
  package func finish() throws {
    let status = zipClose(zip, nil)
    zip = nil
    guard status == ZIP_OK else { throw failure }
    try temporary.rename(to: path)
  }

  private var failure: FileError { FileError(lastAt: path) }
}
