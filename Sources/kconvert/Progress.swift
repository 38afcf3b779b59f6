import Dispatch
import ModelIR

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How far work on bytes is, told on standard error where that is a terminal and the work takes longer than a moment.
final class Progress: @unchecked Sendable {
  private static let delay = 500_000_000 as UInt64
  private static let interval = 100_000_000 as UInt64

  private let what: String
  private let total: Int
  private let isShown: Bool
  private let start = DispatchTime.now().uptimeNanoseconds
  // Guarded by the lock: bytes may be written by several threads.
  private let lock = DispatchSemaphore(value: 1)
  private var lastShown: UInt64 = 0

  /// - Parameter total: how many bytes there will be, or about how many.
  init(_ what: String, total: Int, isQuiet: Bool) {
    self.what = what
    self.total = total
    isShown = !isQuiet && isatty(STDERR_FILENO) == 1
  }

  /// Tells that so many bytes are done; seldom and late enough to cost nothing.
  func update(_ done: Int) {
    guard isShown else { return }
    let now = DispatchTime.now().uptimeNanoseconds
    lock.wait()
    defer { lock.signal() }
    guard now - start > Progress.delay, now - lastShown > Progress.interval else { return }
    lastShown = now
    StandardError.write("\r\u{1B}[K" + Progress.line(what, done, total, seconds: Double(now - start) / 1e9))
  }

  /// Takes the line away.
  func finish() {
    if lastShown > 0 { StandardError.write("\r\u{1B}[K") }
  }

  /// `x.onnx: 45 % of 340.13 MB, 120.40 MB/s, 0:03 left`
  static func line(_ what: String, _ done: Int, _ total: Int, seconds: Double) -> String {
    let rate = Double(done) / max(seconds, 0.001)
    let share = total > 0 ? min(100, done / max(1, total / 100)) : 0
    let left = rate > 0 ? Int((Double(max(0, total - done)) / rate).rounded(.up)) : 0
    let clock = "\(left / 60):\(left % 60 < 10 ? "0" : "")\(left % 60)"
    return
      "\(what.printable.shortened(to: 60)): \(share) % of \(ByteText.text(total)), \(ByteText.text(Int(rate)))/s, \(clock) left"
  }
}
