import ModelFiles
public import ModelIR

/// Files of the safetensors format: named tensors and a few strings about them.
public enum Safetensors {
  /// What is wrong with a file, or with tensors that cannot be written.
  public struct FormatError: Error, Sendable, CustomStringConvertible {
    /// One line with the path.
    public let description: String
    package init(description: String) { self.description = description }
  }

  /// The tensors of a file by name; the file is mapped, and their bytes are read when they are asked for.
  /// - Throws: ``FormatError`` with the path: it cannot be opened, or breaks a rule of the format.
  public static func load(_ path: String) throws(FormatError) -> [String: Tensor] { try open(path).tensors }

  /// The strings that a file says about its tensors.
  /// - Throws: ``FormatError`` with the path: it cannot be opened, or breaks a rule of the format.
  public static func metadata(_ path: String) throws(FormatError) -> [String: String] {
    try open(path).metadata
  }

  /// Writes tensors, streaming: memory does not grow with them. The file appears under its name when it is complete.
  /// - Parameter tensors: what is written, by name.
  /// - Parameter path: where the file goes.
  /// - Parameter metadata: strings about them, written in the order of their keys.
  /// - Throws: ``FormatError`` with the path: it cannot be written, or a tensor holds strings.
  public static func save(
    _ tensors: [String: Tensor], metadata: [String: String] = [:], to path: String
  ) throws(FormatError) {
    do {
      let strings = metadata.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) }
      try SafetensorsWriter.write(tensors, metadata: strings, to: path)
    } catch SafetensorsError.file(let error) {
      throw FormatError(description: error.description)
    } catch {
      throw FormatError(description: "\(path): \(error)")
    }
  }

  private static func open(_ path: String) throws(FormatError) -> SafetensorsFile {
    do { return try SafetensorsFile(MappedFile(path: path).content) } catch let error as FileError {
      throw FormatError(description: error.description)
    } catch {
      throw FormatError(description: "\(path): \(error)")
    }
  }
}
