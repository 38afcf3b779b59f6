import ArgumentParser
import Dispatch
import ModelIR
import NativeRuntime

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// `kconvert batch FILES-or-DIR… --to FORMAT --out DIR`: many models, each in a process of its own.
struct Batch: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "batch",
    abstract: "Convert many models; a bad one never stops it.",
    discussion: """
      Of a folder, every .keras, .h5, .hdf5 and .safetensors file and every SavedModel at any depth is taken; other files \
      are named. Outputs mirror the folders. Each model gets one line of JSON on standard output and in \
      DIR/\(BatchLog.name); a table of reasons closes the work on standard error. Called again, it keeps what was \
      converted from the same content with the same options, and does the rest. The exit code is 1 when a model failed.

      kconvert batch models --to onnx --out converted --jobs 4
      """)

  @Argument(help: "Models, and folders of models.", completion: .file()) var files: [String]
  @Option(help: "The format to convert to.") var to: ConversionFormat
  @Option(help: ArgumentHelp("The folder of the outputs.", valueName: "dir"), completion: .directory)
  var out: String
  @Option(parsing: .unconditional, help: "How many models at a time; as many as there are cores by default.")
  var jobs: Int?
  @Option(parsing: .unconditional, help: "Seconds that a model may take.") var timeLimit = 600
  @Option(parsing: .unconditional, help: "Megabytes of memory that a model may take, mapped files apart.")
  var memoryLimit = 4096
  @OptionGroup var conversion: ConversionOptions
  @OptionGroup var settings: ModelSettings
  @OptionGroup var report: ReportOptions

  func validate() throws {
    for (name, number) in [("--jobs", jobs), ("--time-limit", timeLimit), ("--memory-limit", memoryLimit)] {
      try ValidationError.check(number, isPositive: name, upTo: 1 << 30)
    }
    try conversion.check(for: to)
    try settings.check(for: to)
  }

  func run() throws {
    try Failure.reporting {
      try BatchFolder.make(out)
      let items = try BatchFiles.items(files, suffix: to.suffix, outputs: out)
      guard !items.isEmpty else {
        throw Failure("no models in \(files.joined(separator: ", "))", .cannotOpen)
      }
      try refuseOverwriting(items)
      let log = try BatchLog(in: out)
      Batch.removeWork(in: out)
      defer { Batch.removeWork(in: out) }
      let work = BatchWork(items, conversion: plan, log: log, report)
      DispatchQueue.concurrentPerform(iterations: min(jobs ?? processorCount, items.count), execute: work.run)
      try work.close()
    }
  }

  private var plan: BatchConversion {
    let arguments = ["--to", to.rawValue] + conversion.arguments + settings.arguments
    return BatchConversion(
      folder: out, arguments: arguments,
      options: ([KConvert.version] + arguments).joined(separator: " "), memoryLimit: memoryLimit,
      timeLimit: timeLimit)
  }

  /// No output may take the place of a model that is still to be read.
  private func refuseOverwriting(_ items: [BatchItem]) throws {
    let paths = OutputPath(reading: items.map(\.file))
    for item in items { _ = try paths.named("\(out)/\(item.output)") }
  }

  /// What a batch that was killed left of its work.
  private static func removeWork(in folder: String) {
    let work = "\(folder)/\(BatchConversion.workName)"
    // Absent: nothing to remove.
    for name in (try? BatchFiles.members(of: work)) ?? [] { unlink("\(work)/\(name)") }
    for slot in (try? BatchFiles.names(in: work)) ?? [] { rmdir("\(work)/\(slot)") }  // As above.
    rmdir(work)
  }
}

/// The models of a batch, given out to threads one after another.
private final class BatchWork: @unchecked Sendable {
  private let items: [BatchItem]
  private let conversion: BatchConversion
  private let start = ContinuousClock.now
  // The rest is used on the queue alone.
  private let queue = DispatchQueue(label: "kconvert.batch")
  private let log: BatchLog
  private var next = 0
  private var counts: [BatchEntry.Status: Int] = [:]
  private var reasons = BatchReasons()
  private var failure: (any Error)?
  private let report: ReportOptions
  private let progress: Progress

  init(_ items: [BatchItem], conversion: BatchConversion, log: BatchLog, _ report: ReportOptions) {
    (self.items, self.conversion, self.log, self.report) = (items, conversion, log, report)
    progress = .models(total: items.count, report)
  }

  /// A thread's work: one model after another until there are no more.
  func run(slot: Int) {
    while let item = take() {
      let finished = log.finished[item.output]
      let entry = conversion.entry(for: item, finished: finished, slot: slot)
      queue.sync { record(entry) }
    }
  }

  private func take() -> BatchItem? {
    queue.sync {
      guard failure == nil, next < items.count else { return nil }
      defer { next += 1 }
      return items[next]
    }
  }

  private func record(_ entry: BatchEntry) {
    counts[entry.status, default: 0] += 1
    if entry.status == .failed { reasons.add(entry) }
    do {
      // Lines of kept ones are in the log already.
      if entry.status != .kept { try log.append(entry.line) }
      try StandardOutput.json(entry.line)
      progress.update(counts.values.reduce(0, +))
    } catch {
      failure = failure ?? error
    }
  }

  /// The closing table.
  /// - Throws: what ended the work early, or exit code 1 when a model failed.
  func close() throws {
    progress.finish()
    if let failure { throw failure }
    if !report.quiet { tell() }
    if counts[.failed] != nil { throw ExitCode(1) }
  }

  private func tell() {
    let seconds = (start.duration(to: .now) / .seconds(1) * 10).rounded() / 10
    let parts = [BatchEntry.Status.converted, .kept, .failed].map {
      "\(counts[$0, default: 0]) \($0.rawValue)"
    }
    StandardError.write(
      "\(items.count) models: \(parts.joined(separator: ", ")), in \(seconds) s\n\(reasons.table)"
        .printableLines)
  }
}
