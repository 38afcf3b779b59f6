/// Who watches the files that a thread writes, one after another or side by side.
package final class OutputProgress: @unchecked Sendable {
  // Told one at a time: by the thread that writes, or behind the lock of those that write tiles for it.
  private let isCancelled: @Sendable () -> Bool
  private let report: (@Sendable (Int) -> Void)?
  private var byteCount = 0

  /// That of this thread; nil when nobody does.
  @TaskLocal package static var current: OutputProgress?

  /// - Parameters:
  ///   - isCancelled: whether the files are still wanted.
  ///   - report: told the number of bytes written so far.
  package init(isCancelled: @escaping @Sendable () -> Bool = { false }, report: (@Sendable (Int) -> Void)?) {
    self.isCancelled = isCancelled
    self.report = report
  }

  /// - Throws: an error for the file when nobody wants it any more.
  package func check(_ path: String) throws(FileError) { if isCancelled() { throw .cancelled(path) } }

  /// Notes bytes that are about to be written.
  /// - Throws: an error for the file when nobody wants it any more.
  package func willWrite(_ count: Int, to path: String) throws(FileError) {
    try check(path)
    byteCount += count
    report?(byteCount)
  }
}
