import ArgumentParser
import KerasImport
import ModelIR
import NativeRuntime

/// `kconvert check MODEL`: every consistency check, then a forward pass on random input.
struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check configuration, weights, shapes and a forward pass.")

  @OptionGroup var options: ModelOptions
  @Option(help: "The number of threads; all cores by default.") var threads: Int?

  func run() throws {
    try Failure.reporting {
      let model = try options.open()
      print("ok: configuration of \(model.graph.layers.count) layers (\(model.format))")
      let lowered = try model.lowered(options.lowering(for: model))
      print("ok: \(model.weights.count) weights fit the configuration")
      print("ok: shapes from \(lowered.graph.inputs.count) inputs to \(lowered.graph.outputs.count) outputs")
      try model.verifyChecksums()
      var findings = try Check.nonFiniteWeights(lowered.graph)
      findings += try Check.forwardPass(lowered.graph, threads: threads ?? 0)
      for finding in findings { print("finding: \(finding)") }
      if !findings.isEmpty { throw ExitCode(Code.checkFailed.rawValue) }
    }
  }

  private static func nonFiniteWeights(_ graph: Graph) throws -> [String] {
    var findings: [String] = []
    for value in graph.values {
      guard let tensor = graph.constant(value), tensor.dtype.isFloatingPoint else { continue }
      let count = try tensor.doubles().count { !$0.isFinite }
      if count > 0 {
        findings.append("weight \"\(graph.name(of: value))\" has \(count) values that are not finite")
      }
    }
    if findings.isEmpty { print("ok: all weights are finite") }
    return findings
  }

  private static func forwardPass(_ graph: Graph, threads: Int) throws -> [String] {
    let results = try Check.results(try Session(graph, threads: threads))
    var findings: [String] = []
    for result in results where result.value.dtype.isFloatingPoint {
      let count = try result.value.doubles().count { !$0.isFinite }
      if count > 0 { findings.append("output \"\(result.name)\" has \(count) values that are not finite") }
    }
    if findings.isEmpty { print("ok: a forward pass on random input gives finite outputs") }
    return findings
  }

  /// The outputs for random inputs of the first size that the model takes.
  private static func results(_ session: Session) throws -> Outputs {
    var failure: (any Error)?
    for size in RandomInputs.dynamicSizes {
      do {
        return try session.run(RandomInputs.feed(session.graph, seed: 1, dynamicSize: size))
      } catch {
        failure = error
        if session.inputs.allSatisfy({
          $0.type.shape.dimensions.dropFirst().allSatisfy { $0.fixedSize != nil }
        }) {
          break
        }
      }
    }
    throw failure ?? Failure("a forward pass failed", .invalidModel)
  }
}
