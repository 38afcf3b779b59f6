package import ModelFiles
package import ModelIR

/// Writes safetensors files, streaming: memory does not grow with the tensors.
///
/// The bytes are those that the format's own implementation writes: wide types first, then by name, the header padded
/// with spaces so that every tensor is aligned.
package enum SafetensorsWriter {
  /// Writes a file; it appears under its name only when it is complete.
  /// - Throws: ``SafetensorsError``.
  package static func write(
    _ tensors: [String: Tensor], metadata: [(key: String, value: String)] = [], to path: String
  ) throws {
    do {
      let file = try OutputFile(replacing: path)
      try append(tensors, metadata: metadata, to: file)
      try file.flush()
      try file.finish()
    } catch let error as FileError {
      throw SafetensorsError.file(error)
    }
  }

  /// Appends the bytes of a file; those of the tensors are read when it is flushed.
  /// - Throws: ``SafetensorsError`` for what the format cannot hold, and the file's errors.
  package static func append(
    _ tensors: [String: Tensor], metadata: [(key: String, value: String)] = [], to file: OutputFile
  ) throws {
    let ordered = tensors.sorted { a, b in
      let (first, second) = (a.value.dtype.safetensorsOrder, b.value.dtype.safetensorsOrder)
      return first == second ? a.key.utf8.lexicographicallyPrecedes(b.key.utf8) : first < second
    }
    try file.write(try header(ordered, metadata))
    for (name, tensor) in ordered {
      file.append(tensor.storage) { SafetensorsError.reading(tensor: name, $0) }
    }
  }

  private static func header(
    _ tensors: [(key: String, value: Tensor)], _ metadata: [(key: String, value: String)]
  ) throws(SafetensorsError) -> [UInt8] {
    var members = JSONObject()
    if !metadata.isEmpty {
      members["__metadata__"] = .object(JSONObject(metadata.map { ($0.key, .string($0.value)) }))
    }
    var end = 0
    for (name, tensor) in tensors {
      guard name != "__metadata__" else { throw .cannotWrite("a tensor may not be called \"__metadata__\"") }
      guard let dtype = tensor.dtype.safetensorsName else {
        throw .cannotWrite("tensor \"\(name)\" holds strings, which the format does not have")
      }
      guard let byteCount = SafetensorsFile.byteCount(tensor.sizes, tensor.dtype),
        byteCount == tensor.byteCount
      else { throw .cannotWrite("tensor \"\(name)\" has bytes that do not fit its shape") }
      let (next, overflow) = end.addingReportingOverflow(byteCount)
      guard !overflow else { throw .cannotWrite("the tensors are too large") }
      members[name] = [
        "dtype": .string(dtype), "shape": .array(tensor.sizes.map { .integer($0) }),
        "data_offsets": [.integer(end), .integer(next)],
      ]
      end = next
    }
    var text = JSONValue.object(members).serialized()
    text += Array(repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
    guard text.count <= SafetensorsFile.headerLimit else {
      throw .cannotWrite("its header of \(text.count) bytes is larger than \(SafetensorsFile.headerLimit)")
    }
    return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
  }
}
