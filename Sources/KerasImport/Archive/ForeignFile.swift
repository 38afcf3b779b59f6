import ModelFiles
import ModelIR

/// What people give by mistake, told by content: other programs' models, failed downloads, archives around a model.
struct ForeignFile {
  /// What the file is, in words.
  let name: String
  /// How to get on.
  let suggestion: String

  /// The error for a file of this kind.
  var error: KerasImportError { KerasImportError(.notAKerasFile("it is \(name)", suggestion: suggestion)) }

  /// What these bytes are; nil for everything that is not known to be foreign.
  init?(_ content: HeldBytes) {
    guard let found = content.withBytes({ ForeignFile.recognised($0) }) else { return nil }
    self = found
  }

  private init(_ name: String, _ suggestion: String) {
    self.name = name
    self.suggestion = suggestion
  }

  // MARK: Signatures

  private static let again = "give the file that model.save of Keras wrote"
  private static let unpack = "unpack it and give the model inside"

  /// | offset | bytes | what |
  private static let signatures: [(offset: Int, bytes: [UInt8], what: ForeignFile)] = [
    (
      0, Array("version https://git-lfs".utf8),
      ForeignFile("a git-lfs pointer, not the file itself", "fetch the file with git lfs pull")
    ),
    (
      4, Array("TFL3".utf8),
      ForeignFile("a TensorFlow Lite model", "\(again); TensorFlow Lite keeps no layers")
    ),
    (
      0, Array([0x93] + "NUMPY".utf8),
      ForeignFile("an array of NumPy", "give a model; arrays are what it is run on")
    ),
    (0, Array("GGUF".utf8), ForeignFile("a GGUF file", again)),
    (0, [0x1F, 0x8B], ForeignFile("compressed with gzip", unpack)),
    (0, [0xFD] + Array("7zXZ".utf8), ForeignFile("compressed with xz", unpack)),
    (0, [0x28, 0xB5, 0x2F, 0xFD], ForeignFile("compressed with zstd", unpack)),
    (0, Array("BZh".utf8), ForeignFile("compressed with bzip2", unpack)),
    (0, Array("7z".utf8) + [0xBC, 0xAF], ForeignFile("a 7-Zip archive", unpack)),
    (0, Array("Rar!".utf8), ForeignFile("a RAR archive", unpack)),
    (257, Array("ustar".utf8), ForeignFile("a tar archive", unpack)),
    (0, Array("%PDF".utf8), ForeignFile("a PDF document", again)),
    (0, [0x89] + Array("PNG".utf8), ForeignFile("an image (PNG)", again)),
    (0, [0xFF, 0xD8, 0xFF], ForeignFile("an image (JPEG)", again)),
  ]

  private static func recognised(_ bytes: UnsafeRawBufferPointer) -> ForeignFile? {
    for (offset, signature, what) in signatures
    where bytes.count >= offset && bytes[offset...].starts(with: signature) { return what }
    // A safetensors file's length of its header may read the same; the header follows.
    let isSafetensors = bytes.count > 8 && bytes[8] == UInt8(ascii: "{")
    // Protocol 2 and later; what follows is the first instruction of a frame or of a container.
    if bytes.count > 3, bytes[0] == 0x80, (2...5).contains(bytes[1]), !isSafetensors {
      return ForeignFile(
        "a Python pickle, which can run code and is never opened",
        "load it in Python and save the model with model.save")
    }
    // The version of the format, then a producer, a domain or the graph.
    if bytes.count > 3, bytes[0] == 0x08, (3...20).contains(bytes[1]),
      [0x12, 0x1A, 0x22, 0x3A, 0x42].contains(bytes[2])
    {
      return ForeignFile(
        "an ONNX model", "give the model that it was converted from")
    }
    return markup(bytes)
  }

  private static func markup(_ bytes: UnsafeRawBufferPointer) -> ForeignFile? {
    let text = String(decoding: bytes.prefix(512), as: UTF8.self).lowercased()
    let start = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
    if start.hasPrefix("<!doctype html") || start.hasPrefix("<html") {
      return ForeignFile("an HTML page, probably a failed download", "download the file itself")
    }
    return start.hasPrefix("<?xml") ? ForeignFile("an XML document", "download the file itself") : nil
  }
}

extension ForeignFile {
  /// What a zip archive without a Keras configuration is, by the names of its members; nil when they say nothing.
  init?(members: [String]) {
    let files = members.filter { !$0.hasSuffix("/") && !$0.hasPrefix("__MACOSX/") }.sorted()
    func first(_ suffixes: String...) -> String? {
      files.first { file in suffixes.contains { file.lowercased().hasSuffix($0) } }
    }
    if let model = first(".keras", ".h5", ".hdf5") {
      self.init("a zip archive that holds \"\(model)\"", "unzip it and give that file")
    } else if first("data.pkl") != nil {
      self.init("a PyTorch model, pickled Python that is never opened", "give a model of Keras")
    } else if !files.isEmpty, files.allSatisfy({ $0.hasSuffix(".npy") }) {
      self.init("arrays of NumPy (.npz)", "give a model; arrays are what it is run on")
    } else {
      return nil
    }
  }
}
