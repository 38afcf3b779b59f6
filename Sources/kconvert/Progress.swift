import ArgumentParser
import Dispatch
import ModelIR

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a command prints beside its results.
struct ReportOptions: ParsableArguments {
  @Flag(help: "Print neither progress nor how it ended.") var quiet = false
  @Flag(help: "Print no progress.") var noProgress = false

  /// Whether progress is to be shown where there is a terminal.
  var showsProgress: Bool { !quiet && !noProgress }
}

/// How far work is, told on standard error where that is a terminal and the work takes longer than a moment.
final class Progress: @unchecked Sendable {
  private static let delay = 500_000_000 as UInt64
  private static let interval = 100_000_000 as UInt64

  /// The line for so much done of a total after so many seconds.
  typealias Line = @Sendable (_ done: Int, _ total: Int, _ seconds: Double) -> String

  private let total: Int
  private let line: Line
  private let isShown: Bool
  private let start = DispatchTime.now().uptimeNanoseconds
  // Guarded by the lock: bytes may be written by several threads.
  private let lock = DispatchSemaphore(value: 1)
  private var lastShown: UInt64 = 0

  /// - Parameter total: asked for only where progress is shown.
  init(total: @autoclosure () -> Int, isShown: Bool, _ line: @escaping Line) {
    self.line = line
    self.isShown = isShown && isatty(STDERR_FILENO) == 1
    self.total = self.isShown ? total() : 0
  }

  /// Work on bytes.
  /// - Parameter total: how many there will be, or about how many.
  static func bytes(_ what: String, total: @autoclosure () -> Int, _ options: ReportOptions) -> Progress {
    Progress(total: total(), isShown: options.showsProgress) { done, total, seconds in
      let what = what.printable.shortened(to: 60)
      let share = total > 0 ? min(100, done / max(1, total / 100)) : 0
      let rate = ByteText.text(Int(rate(done, seconds)))
      return "\(what): \(share) % of \(ByteText.text(total)), \(rate)/s, \(left(done, total, seconds)) left"
    }
  }

  /// Work on models, whose results go to standard output: on a terminal, they are the progress.
  static func models(total: Int, _ options: ReportOptions) -> Progress {
    Progress(total: total, isShown: options.showsProgress && isatty(STDOUT_FILENO) == 0) {
      done, total, seconds in
      let tenths = Int((rate(done, seconds) * 10).rounded())
      return "\(done) of \(total) models, \(tenths / 10).\(tenths % 10)/s, \(left(done, total, seconds)) left"
    }
  }

  /// Tells that so many bytes are done; seldom and late enough to cost nothing.
  func update(_ done: Int) {
    guard isShown else { return }
    let now = DispatchTime.now().uptimeNanoseconds
    lock.wait()
    defer { lock.signal() }
    guard now - start > Progress.delay, now - lastShown > Progress.interval else { return }
    lastShown = now
    StandardError.write("\r\u{1B}[K" + line(done, total, Double(now - start) / 1e9))
  }

  /// Takes the line away.
  func finish() {
    if lastShown > 0 { StandardError.write("\r\u{1B}[K") }
  }

  private static func rate(_ done: Int, _ seconds: Double) -> Double { Double(done) / max(seconds, 0.001) }

  /// The time for the rest at the rate so far: `1:05`.
  private static func left(_ done: Int, _ total: Int, _ seconds: Double) -> String {
    guard done > 0 else { return "?" }
    let left = Int((Double(max(0, total - done)) / rate(done, seconds)).rounded(.up))
    return "\(left / 60):\(left % 60 < 10 ? "0" : "")\(left % 60)"
  }
}
