import HDF5
package import ModelFiles
import ModelIR

/// The format of a file, told by its content; suffixes are not looked at.
package enum ModelFileKind: Sendable {
  /// A zip archive, as `.keras` is.
  case archive
  case hdf5
  case safetensors
  /// An object or array in JSON: an architecture, or the index of sharded weights.
  case json
  /// Other text, which may be an architecture in YAML.
  case yaml
  /// A file of a SavedModel folder: `saved_model.pb` or `keras_metadata.pb`.
  case savedModel
  /// The index of a checkpoint of TensorFlow.
  case checkpoint

  /// The format of these bytes; nil if it is none of them.
  package init?(of content: HeldBytes) {
    guard let kind = content.withBytes({ ModelFileKind.kind(of: $0) }) else { return nil }
    self = kind
  }

  private static func kind(of bytes: UnsafeRawBufferPointer) -> ModelFileKind? {
    if bytes.starts(with: Array("PK".utf8)) { return .archive }
    if isHDF5(bytes) { return .hdf5 }
    if LevelDBTable.isTable(bytes) { return .checkpoint }
    if isSavedModel(bytes) { return .savedModel }
    if bytes.count > 8, bytes[8] == UInt8(ascii: "{") {
      let headerByteCount = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
      // The first character of a text makes this number huge.
      if headerByteCount <= 100_000_000 { return .safetensors }
    }
    let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    let text = bytes[start..<min(bytes.count, 4096)]
    guard let first = text.first(where: { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 }) else {
      return nil
    }
    if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") { return .json }
    // A quoted text that holds braces is JSON that was encoded once more.
    if first == UInt8(ascii: "\""), text.contains(UInt8(ascii: "{")) { return .json }
    let isText = text.allSatisfy { $0 >= 0x20 || (0x09...0x0D).contains($0) }
    if isText && text.contains(UInt8(ascii: ":")) { return .yaml }
    return isArchiveBehindOtherBytes(bytes) ? .archive : nil
  }

  /// Zip archives are read from their end: a program that unpacks them may stand before.
  private static func isArchiveBehindOtherBytes(_ bytes: UnsafeRawBufferPointer) -> Bool {
    #if Archives
      ZipArchive.hasWholeEnd(bytes)
    #else
      false
    #endif
  }

  /// `saved_model.pb` starts with the version 1 of its schema and a graph, `keras_metadata.pb` with the object "root".
  private static func isSavedModel(_ bytes: UnsafeRawBufferPointer) -> Bool {
    if bytes.starts(with: [0x08, 0x01, 0x12]) { return true }
    guard bytes.first == 0x0A else { return false }
    let start = bytes.prefix(24)
    return start.indices.contains { start[$0...].starts(with: [0x1A, 0x04] + Array("root".utf8)) }
  }

  /// HDF5's signature stands at byte 0, or after a user block of 512 bytes times a power of two.
  private static func isHDF5(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
    var offset = 0
    while offset < bytes.count, bytes.count - offset >= signature.count {
      if bytes[offset...].starts(with: signature) { return true }
      offset = offset == 0 ? 512 : offset * 2
    }
    return false
  }
}
