import ModelFiles

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

// Writing that can be awaited: off Swift's own threads, telling how far it is, ending when its task is cancelled.

#if ONNX
  extension ONNXWriter {
    /// Writes a model or a graph on a thread of its own.
    /// - Parameter progress: told the number of bytes written so far, on that thread.
    /// - Throws: as `write(_:to:)`; `CancellationError` when the task was cancelled, and then nothing is left behind.
    public func write(
      _ source: some GraphSource & Sendable, to url: URL, progress: (@Sendable (Int) -> Void)? = nil
    ) async throws {
      guard url.isFileURL else {
        throw ONNXExportError.cannotCreate(file: url.absoluteString, message: URL.refusal)
      }
      try await writing(progress) { try self.write(source, to: url.path) { _ in } }
    }
  }
#endif

extension NativeWriter {
  /// Writes a model on a thread of its own.
  /// - Parameter progress: told the number of bytes written so far, on that thread.
  /// - Throws: as `write(_:to:)`; `CancellationError` when the task was cancelled, and then nothing is left behind.
  public func write(
    _ model: KerasModel, to url: URL, progress: (@Sendable (Int) -> Void)? = nil
  ) async throws {
    let path = try url.writablePath
    try await writing(progress) { try self.write(model, to: path) {} }
  }
}

extension KerasWriter {
  /// Writes a model on a thread of its own.
  /// - Parameter progress: told the number of bytes written so far, on that thread.
  /// - Throws: as `write(_:to:)`; `CancellationError` when the task was cancelled, and then nothing is left behind.
  public func write(
    _ model: KerasModel, to url: URL, progress: (@Sendable (Int) -> Void)? = nil
  ) async throws {
    let path = try url.writablePath
    try await writing(progress) { try self.write(model, to: path) {} }
  }

  /// Writes the weights alone on a thread of its own.
  /// - Parameter progress: told the number of bytes written so far, on that thread.
  /// - Throws: as `writeWeights(_:to:)`; `CancellationError` when the task was cancelled, and then nothing is left behind.
  public func writeWeights(
    _ model: KerasModel, to url: URL, progress: (@Sendable (Int) -> Void)? = nil
  ) async throws {
    let path = try url.writablePath
    try await writing(progress) { try self.writeWeights(model, to: path) {} }
  }
}

extension URL {
  /// The path of a file's URL.
  fileprivate var writablePath: String {
    get throws(KerasExportError) {
      guard isFileURL else { throw .cannotCreate(file: absoluteString, message: URL.refusal) }
      return path
    }
  }
}

private func writing(
  _ progress: (@Sendable (Int) -> Void)?, _ body: @escaping @Sendable () throws -> Void
) async throws {
  try await offPool {
    let watched = OutputProgress(
      isCancelled: { Cancellation.current?.isCancelled ?? false }, report: progress)
    try OutputProgress.$current.withValue(watched) { try body() }
  }
}
