import ArgumentParser
import KerasImport
import ModelIR
import NativeFormat
import NativeRuntime

/// `kconvert compare MODEL OTHER`: the same random inputs through two models.
struct Compare: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compare the outputs of two models for the same random inputs.",
    discussion: """
      Inputs and outputs correspond by name, or else by position. Two elements agree when they differ by no more than \
      the tolerance times the larger magnitude, or times 1 where both are smaller. The exit code is 4 when some \
      do not.

      kconvert compare model.keras model.onnx
      """)

  @OptionGroup var options: ModelOptions
  @Argument(help: "The model to compare with.", completion: .file()) var other: String
  @Option(help: "Weights for OTHER.", completion: .file()) var otherWeights: String?
  @Option(
    parsing: .unconditional,
    help: """
      The largest difference, absolute below 1 and relative above; 1e-5 by default, with an ONNX file that of --verify.
      """)
  var tolerance: Double?
  @Option(parsing: .unconditional, help: "The seed of the random inputs.") var seed: UInt64 = 1
  @OptionGroup var pool: ThreadOptions
  @Flag(help: "Print JSON.") var json = false

  func validate() throws {
    if let tolerance, !(tolerance >= 0) {
      throw ValidationError("--tolerance: expected a number from 0 on, found \(tolerance)")
    }
  }

  func run() throws {
    try Failure.reporting(reading: [options.model, other]) {
      Watchdog.start(reading: [options.model, options.weights, other, otherWeights])
      let first = try options.graph()
      let second = try ModelOptions.graph(other, weights: otherWeights)
      let isONNX = [options.model, other].contains(where: ModelOptions.isONNX)
      let tolerance = tolerance ?? (isONNX ? WrittenModelCheck.tolerance(for: [first, second]) : 1e-5)
      let pairs = try InputPairs(first, second, names: (options.model, other), seed: seed)
      let differences = try pairs.differences(tolerance, threads: pool.count)
      try json
        ? StandardOutput.json(jsonText(differences, tolerance))
        : StandardOutput.write(Compare.table(differences))
      guard let worst = differences.first(where: { !$0.isWithin }) else { return }
      throw Failure(
        "\(options.model) and \(other) differ: output \"\(worst.name)\": expected at most \(tolerance), found "
          + "\(Compare.text(worst.absolute)) absolute, \(Compare.text(worst.relative)) relative", .checkFailed
      )
    }
  }

  // MARK: Printing

  private static func table(_ differences: [OutputDifference]) -> String {
    var rows = [["output", "shape", "max absolute", "max relative"]]
    for difference in differences {
      let shape = "(" + difference.sizes.map(String.init).joined(separator: ", ") + ")"
      rows.append([difference.name.printable, shape, text(difference.absolute), text(difference.relative)])
    }
    return TextColumns(rows, leftCount: 2).text
  }

  /// Three digits, as many as a difference deserves.
  static func text(_ value: Double) -> String {
    if value == 0 || !value.isFinite { return value == 0 ? "0" : "\(value)" }
    var (digits, exponent) = (value, 0)
    while digits >= 9.995 { (digits, exponent) = (digits / 10, exponent + 1) }
    while digits < 0.9995 { (digits, exponent) = (digits * 10, exponent - 1) }
    let rounded = (digits * 100).rounded() / 100
    if (-2...3).contains(exponent) { return "\((value * 10000).rounded() / 10000)" }
    return "\(rounded)e\(exponent)"
  }

  private func jsonText(_ differences: [OutputDifference], _ tolerance: Double) -> String {
    let outputs = differences.map { difference -> JSONValue in
      [
        "name": .string(difference.name), "shape": .array(difference.sizes.map { .integer($0) }),
        "max_absolute": .number(difference.absolute), "max_relative": .number(difference.relative),
        "within_tolerance": .bool(difference.isWithin),
      ]
    }
    let result: JSONValue = [
      "model": .string(options.model), "other": .string(other), "tolerance": .number(tolerance),
      "seed": .integer(Int(clamping: seed)), "within_tolerance": .bool(differences.allSatisfy(\.isWithin)),
      "outputs": .array(outputs),
    ]
    return result.text() + "\n"
  }
}
