import ArgumentParser
import KerasImport
import ModelIR
import NativeRuntime

/// `kconvert run MODEL --inputs IN --outputs OUT`.
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Compute the model's outputs for given inputs.")

  @OptionGroup var options: ModelOptions
  @Option(help: "An .npz with one array per input, or an .npy for a model with one input.") var inputs: String
  @Option(help: "The .npz (or, for one output, .npy) to write.") var outputs: String
  @Option(help: "The number of threads; all cores by default.") var threads: Int?

  func validate() throws {
    if outputs == "-" { throw ValidationError("--outputs -: standard output is for text; name a file") }
  }

  func run() throws {
    try Failure.reporting {
      let path = try OutputPath(reading: [options.model, options.weights, inputs]).named(outputs)
      Watchdog.start(reading: [options.model, options.weights, inputs])
      let model = try options.open()
      // 0: all cores.
      let session = try Session(try model.lowered(options.lowering(for: model)).graph, threads: threads ?? 0)
      let arrays = try InputArrays(contentsOf: inputs)
      let feed = try arrays.feed(session.inputs, byPosition: model.graph.inventsInputNames)
      try NumpyFile.write(Array(try session.run(feed)), to: path)
    }
  }
}
