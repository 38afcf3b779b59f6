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
      try await writing(progress) { try self.write(source, to: url.path) }
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
    try await writing(progress) { try self.write(model, to: url.path) }
  }
}

extension KerasWriter {
  /// Writes a model on a thread of its own.
  /// - Parameter progress: told the number of bytes written so far, on that thread.
  /// - Throws: as `write(_:to:)`; `CancellationError` when the task was cancelled, and then nothing is left behind.
  public func write(
    _ model: KerasModel, to url: URL, progress: (@Sendable (Int) -> Void)? = nil
  ) async throws {
    try await writing(progress) { try self.write(model, to: url.path) }
  }

  /// Writes the weights alone on a thread of its own.
  /// - Parameter progress: told the number of bytes written so far, on that thread.
  /// - Throws: as `writeWeights(_:to:)`; `CancellationError` when the task was cancelled, and then nothing is left behind.
  public func writeWeights(
    _ model: KerasModel, to url: URL, progress: (@Sendable (Int) -> Void)? = nil
  ) async throws {
    try await writing(progress) { try self.writeWeights(model, to: url.path) }
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
