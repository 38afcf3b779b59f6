import ModelFiles
import ModelIR

/// The format of a file. More may come: switch over it with a `default`.
public enum FileFormat: String, Sendable, Hashable, Codable, CaseIterable {
  /// What `model.save("x.keras")` writes, zipped or as a folder.
  case kerasArchive
  /// HDF5, with a model or weights alone.
  case hdf5
  /// An architecture alone, JSON or YAML.
  case architecture
  /// A native file, or weights alone.
  case safetensors
  /// A SavedModel folder of TensorFlow, zipped or not.
  case savedModel
  /// A checkpoint of TensorFlow: weights alone.
  case checkpoint
}

extension HeldBytes {
  /// A copy of a caller's bytes.
  /// - Throws: `io` if there is no memory for them.
  init(copying bytes: some Collection<UInt8>, name: String) throws(KerasImportError) {
    let memory = FilledMemory(byteCount: bytes.count) { target in
      let copied: Void? = bytes.withContiguousStorageIfAvailable {
        target.copyMemory(from: UnsafeRawBufferPointer($0))
      }
      if copied == nil { target.copyBytes(from: bytes) }
      return true
    }
    guard let memory else {
      throw KerasImportError(.io(file: name, message: "there is no memory for \(bytes.count) bytes"))
    }
    self = memory.content
  }
}
