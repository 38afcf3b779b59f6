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

  func run() throws {
    try Failure.reporting {
      let model = try options.open()
      let graph = try model.lowered(options.lowering(for: model)).graph
      let session = try Session(graph, threads: threads ?? 0)
      let arrays = try NumpyFile.read(inputs)
      let feed = try Run.feed(arrays, session, byPosition: model.graph.inventsInputNames)
      try NumpyFile.write(Array(try session.run(feed)), to: outputs)
    }
  }

  /// Arrays by input name, in the declared types.
  /// - Parameter byPosition: the model's file does not name its inputs, so that arrays of other names count in order.
  private static func feed(
    _ arrays: [(name: String, tensor: Tensor)], _ session: Session, byPosition: Bool
  ) throws -> [String: Tensor] {
    var feed: [String: Tensor] = [:]
    let inputs = session.inputs
    if arrays.count == 1, arrays[0].name.isEmpty {
      guard inputs.count == 1 else {
        throw Failure(
          "expected an .npz with the arrays \(inputs.map(\.name)), found one array", .invalidModel)
      }
      return [inputs[0].name: try cast(arrays[0].tensor, to: inputs[0].type.dtype, inputs[0].name)]
    }
    let names = Set(arrays.map(\.name))
    if byPosition, arrays.count == inputs.count, !inputs.allSatisfy({ names.contains($0.name) }) {
      for (input, array) in zip(inputs, arrays) {
        feed[input.name] = try cast(array.tensor, to: input.type.dtype, input.name)
      }
      return feed
    }
    for input in inputs {
      guard let array = arrays.first(where: { $0.name == input.name }) else {
        throw Failure(
          "the inputs hold no array \"\(input.name)\"; found \(arrays.map(\.name))", .invalidModel)
      }
      feed[input.name] = try cast(array.tensor, to: input.type.dtype, input.name)
    }
    return feed
  }

  /// A cast that is lossless in kind: integers to floats, float64 to float32, between integers; bool as it is.
  private static func cast(_ tensor: Tensor, to dtype: DType, _ name: String) throws -> Tensor {
    let from = tensor.dtype
    if from == dtype { return tensor }
    let isLossless =
      (from.isInteger || from == .bool) && (dtype.isInteger || dtype.isFloatingPoint)
      || from.isFloatingPoint && dtype.isFloatingPoint
    guard isLossless else {
      throw Failure(
        "input \"\(name)\": expected type \(dtype.rawValue), found \(from.rawValue)", .invalidModel)
    }
    return try tensor.converted(to: dtype)
  }
}
