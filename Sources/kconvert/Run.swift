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
      let arrays = try InputArrays(contentsOf: inputs)
      let (graph, byPosition) = try graph(for: arrays)
      let session = try Session(graph, options: kernels.settings)
      let feed = try arrays.feed(session.inputs, byPosition: byPosition)
      try NumpyFile.write(Array(try session.run(feed)), to: path)
    }
  }

  /// The graph at the arrays' sizes, and whether its inputs have no names of their own.
  private func graph(for arrays: InputArrays) throws -> (Graph, byPosition: Bool) {
    if let graph = try options.onnxGraph() { return (graph, false) }
    let model = try options.open()
    var lowering = try options.lowering(for: model)
    let graph = try model.lowered(lowering).graph
    let byPosition = model.graph.inventsInputNames
    let own = try arrays.inputsOfOwnBatch(graph, byPosition: byPosition)
    if own.isEmpty { return (graph, byPosition) }
    lowering.inputShapes.merge(own) { given, _ in given }
    // What does not work with batches of their own is refused with the input's name when the arrays are bound.
    let lowered = try? model.lowered(lowering)
    return (lowered?.graph ?? graph, byPosition)
  }
}
