#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

// Files by URL. All of them are files of this machine; others are refused as such.

extension KerasModel {
  /// Opens a model of any format, as ``init(contentsOfFile:options:)`` does.
  /// - Throws: ``KerasImportError`` with the file's place.
  public init(contentsOf url: URL, options: Options = Options()) throws(KerasImportError) {
    try self.init(contentsOfFile: localPath(url), options: options)
  }

  /// Tells everything about a file, whatever it contains.
  /// - Throws: `io` when the file cannot be read; everything else is in the report.
  public static func inspect(_ url: URL, options: Options = Options()) throws(KerasImportError) -> ModelReport
  {
    try inspect(localPath(url), options: options)
  }
}

extension KerasWeights {
  /// Opens the weights of a file without an architecture, as ``init(contentsOfFile:hdf5Helper:)`` does.
  /// - Throws: ``KerasImportError`` with the file's place.
  public init(contentsOf url: URL, hdf5Helper: String? = nil) throws(KerasImportError) {
    try self.init(contentsOfFile: localPath(url), hdf5Helper: hdf5Helper)
  }
}

extension Safetensors {
  /// The tensors of a file by name; their bytes are read when they are asked for.
  /// - Throws: ``FormatError`` with the path.
  public static func load(_ url: URL) throws(FormatError) -> [String: Tensor] {
    guard url.isFileURL else { throw FormatError(description: url.isElsewhere) }
    return try load(url.path)
  }

  /// Writes tensors, streaming; the file appears under its name when it is complete.
  /// - Throws: ``FormatError`` with the path.
  public static func save(
    _ tensors: [String: Tensor], metadata: [String: String] = [:], to url: URL
  ) throws(FormatError) {
    guard url.isFileURL else { throw FormatError(description: url.isElsewhere) }
    try save(tensors, metadata: metadata, to: url.path)
  }
}

extension NumpyArray {
  /// The array of an `.npy` file.
  /// - Throws: ``FormatError`` with the path.
  public static func load(_ url: URL) throws(FormatError) -> Tensor {
    guard url.isFileURL else { throw FormatError(url.isElsewhere) }
    return try load(url.path)
  }

  /// Writes an `.npy` file, which appears under its name when it is complete.
  /// - Throws: ``FormatError`` with the path.
  public static func save(_ tensor: Tensor, to url: URL) throws(FormatError) {
    guard url.isFileURL else { throw FormatError(url.isElsewhere) }
    try save(tensor, to: url.path)
  }
}

extension NumpyArchive {
  /// The arrays of an `.npz` file by name.
  /// - Throws: ``NumpyArray/FormatError`` with the path.
  public static func load(_ url: URL) throws(NumpyArray.FormatError) -> [String: Tensor] {
    guard url.isFileURL else { throw NumpyArray.FormatError(url.isElsewhere) }
    return try load(url.path)
  }

  /// Writes arrays as an `.npz` file, which appears under its name when it is complete.
  /// - Throws: ``NumpyArray/FormatError`` with the path.
  public static func save(_ arrays: [String: Tensor], to url: URL) throws(NumpyArray.FormatError) {
    guard url.isFileURL else { throw NumpyArray.FormatError(url.isElsewhere) }
    try save(arrays, to: url.path)
  }
}

#if ONNX
  extension ONNXFile {
    /// Reads a file; weights beside it are looked for in its own folder alone.
    /// - Throws: ``ONNXImportError``.
    public init(contentsOf url: URL) throws(ONNXImportError) {
      guard url.isFileURL else {
        throw .cannotOpen(file: url.absoluteString, message: URL.refusal)
      }
      try self.init(contentsOfFile: url.path)
    }
  }
#endif

/// The path of a file's URL.
/// - Throws: `io` for a URL of another scheme.
private func localPath(_ url: URL) throws(KerasImportError) -> String {
  guard url.isFileURL else {
    throw KerasImportError(.io(file: url.absoluteString, message: URL.refusal))
  }
  return url.path
}

extension URL {
  /// Why a URL of another scheme is not taken.
  static var refusal: String { "only files of this machine are opened and written" }
  fileprivate var isElsewhere: String { "\(absoluteString): \(URL.refusal)" }
}
