#if !Archives
  package import ModelFiles
  import ModelIR

  // Programs that are built without the trait Archives refuse zip archives and what is deflated.

  /// A member of a zip archive, of which there are none.
  package struct ZipMember: Sendable {
    package let position: Int
    package let name: String
    package let byteCount: Int
    var stored: HeldBytes? { nil }

    package func content() throws(KerasImportError) -> HeldBytes { throw ZipArchive.refusal }
    package func verifiedContent() throws(KerasImportError) -> HeldBytes { throw ZipArchive.refusal }
    func verifyAhead() {}
    package func verifyChecksum() throws(KerasImportError) { throw ZipArchive.refusal }
  }

  /// A zip archive, which is refused.
  package struct ZipArchive: Sendable {
    package let members: [String: ZipMember] = [:]

    package init(_ archive: HeldBytes) throws(KerasImportError) { throw ZipArchive.refusal }

    fileprivate static var refusal: KerasImportError {
      KerasImportError(.unsupported("zip archives; the program was built without kconvert's trait Archives"))
    }
  }

  /// Unpacking of deflated data, which fails.
  enum Inflating {
    static let ratioLimit = 1032

    static func inflateChunk(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer)
      -> Bool
    {
      false
    }
  }
#endif
