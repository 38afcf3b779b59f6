import ArgumentParser
import KerasImport
import ModelIR
import NativeRuntime

/// `kconvert check MODEL`: every consistency check, then a forward pass on random input.
struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Check configuration, weights, shapes and a forward pass.")

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
      if count > 0 { findings.append("weight \"\(graph.name(of: value))\" has \(count) values that are not finite") }
    }
    if findings.isEmpty { print("ok: all weights are finite") }
    return findings
  }

  private static func forwardPass(_ graph: Graph, threads: Int) throws -> [String] {
    var generator = SeededGenerator(seed: 1)
    var feed: [String: Tensor] = [:]
    var sizes: [String: Dimension] = [:]
    for input in graph.inputs {
      let type = graph.type(of: input)
      for symbol in type.shape.dimensions.flatMap(\.symbols) where sizes[symbol] == nil {
        sizes[symbol] = symbol == "batch" ? 2 : 8
      }
      let shape = type.shape.substituting(sizes).fixedSizes ?? []
      let values = (0..<shape.reduce(1, *)).map { _ in
        type.dtype.isFloatingPoint ? Double.random(in: -1...1, using: &generator) : Double(Int.random(in: 0...1, using: &generator))
      }
      feed[graph.name(of: input)] = Tensor(values, sizes: shape, dtype: type.dtype)
    }
    let results = try Session(graph, threads: threads).run(feed)
    var findings: [String] = []
    for result in results where result.value.dtype.isFloatingPoint {
      let count = try result.value.doubles().count { !$0.isFinite }
      if count > 0 { findings.append("output \"\(result.name)\" has \(count) values that are not finite") }
    }
    if findings.isEmpty { print("ok: a forward pass on random input gives finite outputs") }
    return findings
  }
}

/// SplitMix64: the same numbers on every machine.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
