import ArgumentParser
import KerasImport
import ModelIR
import NativeRuntime

/// `kconvert run MODEL --inputs IN --outputs OUT`.
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Compute the model's outputs for given inputs.",
    discussion: """
      Inputs go by their names, or by position where the .npz was made without names. Outputs are named as in the model.

      kconvert run model.keras --inputs in.npz --outputs out.npz
      """)

  @OptionGroup var options: ModelOptions
  @Option(
    help: "An .npz with one array per input, or an .npy for a model with one input.",
    completion: .file(extensions: ["npz", "npy"]))
  var inputs: String
  @Option(
    help: "The .npz (or, for one output, .npy) to write.", completion: .file(extensions: ["npz", "npy"]))
  var outputs: String
  @OptionGroup var kernels: KernelOptions

  func validate() throws {
    if outputs == "-" { throw ValidationError("--outputs -: standard output is for text; name a file") }
  }

  func run() throws {
    try Failure.reporting(reading: [options.model, options.weights]) {
      let path = try OutputPath(reading: [options.model, options.weights, inputs]).named(outputs)
      Watchdog.start(reading: [options.model, options.weights, inputs])
      let arrays = try InputArrays(contentsOf: inputs)
      let (graph, byPosition) = try graph(for: arrays)
      let session = try Session(graph, options: kernels.settings)
      let feed = try arrays.feed(session.inputs, byPosition: byPosition)
      try NumpyFile.write(Array(try session.run(feed)), to: path)
    }
  }

  /// The graph at the arrays' sizes, which Keras sees when it computes, too; and whether its inputs have no names of
  /// their own.
  private func graph(for arrays: InputArrays) throws -> (Graph, byPosition: Bool) {
    if let graph = try options.onnxGraph() { return (graph, false) }
    let model = try options.open()
    var lowering = try options.lowering(for: model)
    let byPosition = model.graph.inventsInputNames
    let inputs = model.graph.inputs.map { model.graph.layers[$0.layer] }
    let found = try arrays.sizes(of: inputs.map(\.name), byPosition: byPosition)
    for (input, sizes) in zip(inputs, found) where lowering.inputShapes[input.name] == nil {
      guard let declared = (input.layer as? InputLayer)?.batchShape, declared.count == sizes.count,
        !sizes.contains(0)
      else { continue }  // Told by the session, or rows of none.
      var dimensions = zip(declared, sizes).map { Dimension.fixed($0 ?? $1) }
      if lowering.batch != nil, declared.first == .some(nil) { dimensions[0] = .symbol("batch") }
      lowering.inputShapes[input.name] = Shape(dimensions)
    }
    return (try model.lowered(lowering).graph, byPosition)
  }
}
