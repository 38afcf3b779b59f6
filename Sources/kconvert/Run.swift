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
  @OptionGroup var kernels: KernelOptions

  func validate() throws {
    if outputs == "-" { throw ValidationError("--outputs -: standard output is for text; name a file") }
  }

  func run() throws {
    try Failure.reporting {
      let path = try OutputPath(reading: [options.model, options.weights, inputs]).named(outputs)
      Watchdog.start(reading: [options.model, options.weights, inputs])
      let model = try options.open()
      let arrays = try InputArrays(contentsOf: inputs)
      var lowering = try options.lowering(for: model)
      var graph = try model.lowered(lowering).graph
      let single = try arrays.inputsOfOneSample(graph, byPosition: model.graph.inventsInputNames)
      if !single.isEmpty {
        lowering.inputShapes.merge(single) { given, _ in given }
        graph = try model.lowered(lowering).graph
      }
      let session = try Session(graph, options: kernels.settings)
      let feed = try arrays.feed(session.inputs, byPosition: model.graph.inventsInputNames)
      try NumpyFile.write(Array(try session.run(feed)), to: path)
    }
  }
}
