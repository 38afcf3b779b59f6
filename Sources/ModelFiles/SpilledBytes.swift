#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Bytes too many for memory in a file without a name, which is gone when nobody holds them any more.
package enum SpilledBytes {
  /// What is no larger is kept in memory.
  package static let memoryLimit = 16 << 20

  /// Everything that `body` writes.
  /// - Throws: ``FileError`` when there is no room, and what `body` throws.
  package static func collect(
    _ body: (_ write: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws -> HeldBytes {
    let path = "\(folder)/kconvert"
    let file = try TemporaryFile(beside: path)
    let output = FileRange(file.descriptor, path)
    var end = 0
    try body { bytes in
      try output.write(bytes, at: end)
      end += bytes.count
    }
    return try MappedFile(path: file.path).content
  }

  /// All bytes of a source.
  /// - Throws: ``FileError`` when there is no room, and what reading the source throws.
  package static func write(_ source: any ByteSource) throws -> HeldBytes {
    try collect { write in try source.forEachPiece(write) }
  }

  /// Where the system keeps large files for a while; `/tmp` is memory on many machines.
  private static var folder: String {
    if let named = getenv("TMPDIR") { return String(cString: named) }
    return access("/var/tmp", W_OK) == 0 ? "/var/tmp" : "/tmp"
  }
}
