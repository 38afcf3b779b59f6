import ArgumentParser
import KerasImport
import ModelIR
import NativeFormat

/// `kconvert diff A B`: what differs between two files.
struct Diff: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Show what differs between two models: layers, configuration, weights.",
    discussion: """
      Layers and weights correspond by their paths. Nothing is computed with the models: layers that are not supported are \
      compared as they stand in the file. Weights are read piece by piece.

      Differences are what is asked for, so the exit code is 0 with and without them; with --exit-code it is 4 when \
      there are some.

      kconvert diff base.keras finetuned.keras
      """)

  // Neither sizes nor meanings of layers change what stands in a file: there are no options for them.
  @Argument(help: "The model to start from: of any kind that kconvert reads.", completion: .file()) var model:
    String
  @Option(help: "Weights for MODEL.", completion: .file()) var weights: String?
  @Argument(help: "The model that is compared with it.", completion: .file()) var other: String
  @Option(help: "Weights for OTHER.", completion: .file()) var otherWeights: String?
  @Flag(help: "End with exit code 4 when something differs.") var exitCode = false
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    try Failure.reporting(reading: [model, other]) {
      Watchdog.start(reading: [model, weights, other, otherWeights])
      let first = try ModelOptions.open(model, weights: weights, isForSummary: true)
      let second = try ModelOptions.open(other, weights: otherWeights, isForSummary: true)
      let report = DifferenceReport(
        try ModelDifference(first, second), names: (model, other),
        formats: (first.format, second.format))
      try json ? StandardOutput.json(report.json.text() + "\n") : StandardOutput.write(report.text)
      if exitCode, !report.difference.isEmpty { throw ExitCode(Code.checkFailed.rawValue) }
    }
  }
}
