import ArgumentParser
import KerasImport
import ModelIR
import NativeRuntime

/// `kconvert check MODEL`: every consistency check, then a forward pass on random input.
struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check configuration, weights, shapes and a forward pass.",
    discussion: """
      Prints what was verified, and each finding. The exit code is 4 when there is one.

      kconvert check model.keras
      kconvert check model.json --weights model.weights.h5
      """)

  @OptionGroup var options: ModelOptions
  @OptionGroup var pool: ThreadOptions

  func run() throws {
    try Failure.reporting(reading: [options.model, options.weights]) {
      Watchdog.start(reading: [options.model, options.weights])
      let model = try options.open()
      try StandardOutput.line("ok: configuration of \(model.graph.layers.count) layers (\(model.format))")
      let lowered = try model.lowered(options.lowering(for: model))
      try StandardOutput.line("ok: \(model.weights.count) weights fit the configuration")
      try StandardOutput.line(
        "ok: shapes from \(lowered.graph.inputs.count) inputs to \(lowered.graph.outputs.count) outputs")
      try model.verifyChecksums()
      var findings = try Check.nonFiniteWeights(lowered.graph)
      findings += try Check.forwardPass(lowered.graph, threads: pool.count)
      for finding in findings { try StandardOutput.line("finding: \(finding)") }
      if !findings.isEmpty { throw ExitCode(Code.checkFailed.rawValue) }
    }
  }

  private static func nonFiniteWeights(_ graph: Graph) throws -> [String] {
    var findings: [String] = []
    for value in graph.values {
      guard let tensor = graph.constant(value), tensor.dtype.isFloatingPoint else { continue }
      let count: Int
      do { count = try tensor.doubles().count { !$0.isFinite } } catch {
        throw Failure("weight \"\(graph.name(of: value))\": \(error)", .invalidModel)
      }
      if count > 0 {
        findings.append(Finding.notFinite("weight", graph.name(of: value), count: count))
      }
    }
    if findings.isEmpty { try StandardOutput.line("ok: all weights are finite") }
    return findings
  }

  /// An output is reported when no attempt gives finite numbers: random inputs may lie outside of what a model is for.
  private static func forwardPass(_ graph: Graph, threads: Int) throws -> [String] {
    let session = try Session(graph, options: Session.Options(threads: threads))
    var findings: [String: Int]?
    var failure: (any Error)?
    for attempt in RandomInputs.Attempt.all {
      do {
        let found = try nonFiniteOutputs(results(session, attempt))
        findings = findings.map { known in known.filter { found[$0.key] != nil } } ?? found
        if found.isEmpty { break }
      } catch {
        failure = failure ?? error
      }
    }
    guard let findings else { throw failure ?? Failure("a forward pass failed", .invalidModel) }
    if findings.isEmpty { try StandardOutput.line("ok: a forward pass on random input gives finite outputs") }
    return findings.sorted { $0.key < $1.key }.map { name, count in
      Finding.notFinite("output", name, count: count) + ", whatever random input it is given"
    }
  }

  /// How many values of each output are not finite; outputs without any are absent.
  private static func nonFiniteOutputs(_ outputs: Outputs) throws -> [String: Int] {
    var counts: [String: Int] = [:]
    for output in outputs where output.value.dtype.isFloatingPoint {
      let count = try output.value.doubles().count { !$0.isFinite }
      if count > 0 { counts[output.name] = count }
    }
    return counts
  }

  /// The outputs for random inputs of the first size that the model takes.
  private static func results(_ session: Session, _ attempt: RandomInputs.Attempt) throws -> Outputs {
    var failure: (any Error)?
    for sizes in RandomInputs.Sizes.tried(for: session.graph) {
      do {
        return try session.run(RandomInputs.feed(session.graph, attempt, sizes))
      } catch {
        failure = failure ?? error
      }
    }
    throw failure ?? Failure("a forward pass failed", .invalidModel)
  }
}
