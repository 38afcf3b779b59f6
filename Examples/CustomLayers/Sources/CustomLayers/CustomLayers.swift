import Kconvert

/// Two models with layers that only their authors know: predictions as Keras has them, then ONNX files of both.
@main struct CustomLayers {
  static func main() throws {
    let data = CommandLine.arguments.dropFirst().first ?? "Data"
    var options = KerasModel.Options()
    options.layers.register(ScaledBlocks.self, as: "ScaledBlocks", "Demo>ScaledBlocks", "Scale", "Demo>Scale")
    options.layers.register(LeakyCell.self, as: "LeakyCell", "Demo>LeakyCell")
    for name in ["keras3.15", "cell"] {
      let model = try KerasModel(contentsOfFile: "\(data)/\(name)/model.keras", options: options)
      let worst = try difference(model, "\(data)/\(name)")
      print("\(name): \(model); largest difference from Keras \(worst)")
      guard worst < 1e-5 else { throw Difference(name: name, largest: worst) }
      try ONNXWriter().write(model, to: "\(name).onnx")
      print("\(name).onnx is written")
    }
  }

  /// The largest difference between the model's predictions and Keras's own.
  static func difference(_ model: KerasModel, _ folder: String) throws -> Float {
    let outputs = try Session(model).run(NumpyArchive.load("\(folder)/inputs.npz"))
    let wanted = try NumpyArchive.load("\(folder)/outputs.npz")
    var worst: Float = 0
    for (name, value) in outputs {
      // A model of one output has it under a name of its own.
      guard let expected = wanted[name] ?? (wanted.count == 1 ? wanted.values.first : nil) else { continue }
      for (one, other) in zip(try [Float](value), try [Float](expected)) {
        worst = max(worst, abs(one - other))
      }
    }
    return worst
  }

  /// A layer does not do what Keras does.
  struct Difference: Error, CustomStringConvertible {
    let name: String
    let largest: Float
    var description: String { "\(name): the largest difference is \(largest)" }
  }
}
