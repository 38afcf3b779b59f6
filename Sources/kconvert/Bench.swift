import ArgumentParser
import KerasImport
import ModelIR
import NativeFormat
import NativeRuntime

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// `kconvert bench MODEL`: load time, first inference, latency distribution, peak memory.
struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure how fast the model loads and runs.",
    discussion: """
      kconvert bench model.keras --batch 8 --threads 2
      kconvert bench model.keras --profile
      """)

  @OptionGroup var options: ModelOptions
  @OptionGroup var kernels: KernelOptions
  @Option(parsing: .unconditional, help: "The number of runs that are timed.") var runs = 20
  @Flag(help: "Print one JSON object.") var json = false
  @Flag(help: "Print where the time goes, step by step.") var profile = false
  @Option(parsing: .unconditional, help: "The size of axes that the model leaves open, other than the batch.")
  var size = 16

  func validate() throws {
    try ValidationError.check(runs, isPositive: "--runs")
    try ValidationError.check(size, isPositive: "--size")
    if json, profile { throw ValidationError("--profile: its table is not JSON; leave --json out") }
  }

  func run() throws {
    try Failure.reporting(reading: [options.model, options.weights]) {
      // 1 is the default of --batch here, as below.
      Watchdog.start(reading: [options.model, options.weights], samples: options.batch ?? 1)
      let start = ContinuousClock.now
      let graph = try lowered()
      let session = try Session(graph, options: kernels.settings)
      let load = milliseconds(since: start)
      let feed = try RandomInputs.feed(graph, RandomInputs.Attempt(), RandomInputs.Sizes(other: size))
      let first = try milliseconds { _ = try session.run(feed) }
      Watchdog.stop()
      let times = try (0..<runs).map { _ in try milliseconds { _ = try session.run(feed) } }.sorted()
      report(load: load, first: first, times: times)
      if profile {
        let peak = try MachinePeak.measured(threads: kernels.threads ?? processorCount)
        ProfileReport(try session.profile(feed, runs: runs), peak).print()
      }
    }
  }

  /// The graph alone: what was read of the file beside the weights is not part of a session's memory.
  private func lowered() throws -> Graph {
    let model = try options.open()
    var lowering = try options.lowering(for: model)
    lowering.batch = lowering.batch ?? 1  // The default of --batch here.
    return try model.lowered(lowering).graph
  }

  private func report(load: Double, first: Double, times: [Double]) {
    let figures: [(name: String, value: Double)] = [
      ("load_ms", load), ("first_ms", first), ("median_ms", times[times.count / 2]),
      ("p90_ms", times[min(times.count * 9 / 10, times.count - 1)]), ("min_ms", times[0]),
      ("peak_rss_mb", Bench.peakMegabytes),
    ]
    guard json else {
      for figure in figures { print("\(figure.name): \(figure.value.rounded(toPlaces: 3))") }
      return
    }
    var object = "{\"model\":\(JSONValue.string(options.model).text()),\"batch\":\(options.batch ?? 1)"
    object += ",\"threads\":\(kernels.threads ?? processorCount),\"runs\":\(runs)"
    for figure in figures { object += ",\"\(figure.name)\":\(figure.value.rounded(toPlaces: 3))" }
    print(object + "}")
  }

  /// The largest resident size so far.
  private static var peakMegabytes: Double {
    #if os(macOS)
      var usage = rusage()
      getrusage(RUSAGE_SELF, &usage)
      return Double(usage.ru_maxrss) / 1e6
    #else
      // VmHWM:      1234 kB
      guard let file = fopen("/proc/self/status", "r") else { return .nan }
      defer { fclose(file) }
      var line = [CChar](repeating: 0, count: 256)
      while fgets(&line, Int32(line.count), file) != nil {
        let fields = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
          .split {
            $0.isWhitespace
          }
        if fields.first == "VmHWM:", fields.count > 1, let kibibytes = Double(fields[1]) {
          return kibibytes * 1024 / 1e6
        }
      }
      return .nan
    #endif
  }
}

private func milliseconds(since start: ContinuousClock.Instant) -> Double {
  start.duration(to: .now) / .milliseconds(1)
}

private func milliseconds(_ body: () throws -> Void) rethrows -> Double {
  let start = ContinuousClock.now
  try body()
  return milliseconds(since: start)
}

extension Double {
  fileprivate func rounded(toPlaces places: Int) -> Double {
    var factor = 1.0
    for _ in 0..<places { factor *= 10 }
    return (self * factor).rounded() / factor
  }
}

/// A profile as a table: the steps that take longest, and sums by operation and kernel, each with the share of the
/// machine's peak that it comes to in arithmetic or in memory, whichever is more. Winograd's convolutions, which are
/// counted as direct ones, and values in caches come to more than all of it.
private struct ProfileReport {
  let profile: Profile
  private let peak: MachinePeak
  private let total: Double

  init(_ profile: Profile, _ peak: MachinePeak) {
    self.profile = profile
    self.peak = peak
    total = Double(profile.steps.reduce(0) { $0 + $1.nanoseconds })
  }

  func print() {
    Swift.print("\n     ms     %  GFLOP/s    GB/s  % of peak  operation, kernel, node")
    for step in profile.steps.sorted(by: { $0.nanoseconds > $1.nanoseconds }).prefix(40) {
      row(step.nanoseconds, step.operations, step.bytes, "\(step.op)  \(step.kernel)  \(step.name)")
    }
    Swift.print("\nby operation and kernel")
    let groups = Dictionary(grouping: profile.steps) { "\($0.op)  \($0.kernel)" }
    for (name, steps) in groups.sorted(by: { sum($0.value) > sum($1.value) }) {
      row(
        sum(steps), steps.reduce(0) { $0 + $1.operations }, steps.reduce(0) { $0 + $1.bytes },
        "\(name)  \(steps.count) steps")
    }
    Swift.print(
      "\n\(column(total / 1e6, 3, 0)) ms in \(profile.steps.count) steps, arena \(profile.arenaByteCount >> 10) KiB"
    )
    Swift.print(
      "the machine's peak: \(column(peak.operationsPerNanosecond, 0, 0)) GFLOP/s, \(column(peak.bytesPerNanosecond, 0, 0)) GB/s"
    )
  }

  private func sum(_ steps: [Profile.Step]) -> UInt64 { steps.reduce(0) { $0 + $1.nanoseconds } }

  private func row(_ nanoseconds: UInt64, _ operations: Int, _ bytes: Int, _ name: String) {
    let time = Double(max(nanoseconds, 1))
    Swift.print(
      column(time / 1e6, 3, 7), column(100 * time / max(total, 1), 1, 5),
      column(Double(operations) / time, 1, 8),
      column(Double(bytes) / time, 1, 7), column(100 * share(operations, bytes, time), 0, 10), "", name)
  }

  private func share(_ operations: Int, _ bytes: Int, _ time: Double) -> Double {
    max(
      Double(operations) / time / peak.operationsPerNanosecond, Double(bytes) / time / peak.bytesPerNanosecond
    )
  }

  private func column(_ value: Double, _ places: Int, _ width: Int) -> String {
    let text = "\(value.rounded(toPlaces: places))"
    return String(repeating: " ", count: max(width - text.count, 0)) + text
  }
}
