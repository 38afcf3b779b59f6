import Foundation
import Kconvert
import Testing

/// Models built in code of layers. `Scripts/judge_built.py` has Keras load what is written here.
@Suite struct BuiltModelTests {
  /// Thousandths with a period, so that Keras and Swift make the same weights.
  private func pattern(_ sizes: Int..., period: Int) throws -> Tensor {
    let count = sizes.reduce(1, *)
    return try Tensor((0..<count).map { Float($0 % period - period / 2) / 8 }, sizes: sizes)
  }

  /// An image and numbers, a shared layer, a merging one and one with several results.
  private func model() throws -> KerasModel {
    let image = LayerOutput.input(shape: [8, 8, 3], name: "image")
    let steps = LayerOutput.input(shape: [nil, 4], name: "steps")
    let convolution = LayerDefinition(
      "Conv2D", ["filters": 4, "kernel_size": 3, "activation": "relu"],
      weights: ["kernel": try pattern(3, 3, 3, 4, period: 7), "bias": try pattern(4, period: 3)])
    let pooling = LayerDefinition("GlobalAveragePooling2D")
    let lstm = LayerDefinition(
      "LSTM", ["units": 4, "return_state": true], name: "memory",
      weights: [
        "cell/kernel": try pattern(4, 16, period: 5), "cell/recurrent_kernel": try pattern(4, 16, period: 7),
        "cell/bias": try pattern(16, period: 3),
      ])
    let shared = LayerDefinition(
      "Dense", ["units": 4, "activation": "tanh"],
      weights: ["kernel": try pattern(4, 4, period: 5), "bias": try pattern(4, period: 3)])
    let sum = LayerDefinition("Add")
    let features = shared(pooling(convolution(image)))
    let state = shared(lstm(steps).result(2))
    return try KerasModel(
      inputs: [image, steps], outputs: [sum([features, state]), LayerDefinition("Flatten")(features)],
      name: "built")
  }

  @Test func `a model built in code runs and is saved in every format`() throws {
    let model = try model()
    #expect(
      model.layers.map(\.name).sorted() == [
        "add", "conv2d", "dense", "flatten", "global_average_pooling2d", "image", "memory", "steps",
      ])
    #expect("\(model)" == "built (built in code): 8 layers, 7 weights")
    let inputs = ["image": try pattern(2, 8, 8, 3, period: 11), "steps": try pattern(2, 5, 4, period: 9)]
    let outputs = try Session(model).run(inputs)
    #expect(outputs.map(\.value.sizes) == [[2, 4], [2, 4]])

    // Left for Keras to judge.
    let folder = UmbrellaTests.fixtures.deletingLastPathComponent().appending(path: ".build/built")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try KerasWriter().write(model, to: folder.appending(path: "model.keras").path)
    try NumpyArchive.save(inputs, to: folder.appending(path: "inputs.npz"))
    try NumpyArchive.save(
      Dictionary(uniqueKeysWithValues: outputs.enumerated().map { ("\($0)", $1.value) }),
      to: folder.appending(path: "outputs.npz"))

    let native = folder.appending(path: "model.safetensors")
    try NativeWriter().write(model, to: native.path)
    for file in [native, folder.appending(path: "model.keras")] {
      let again = try Session(KerasModel(contentsOf: file)).run(inputs)
      for (one, other) in zip(outputs, again) { #expect(try [Float](one.value) == [Float](other.value)) }
    }
  }

  @Test func `what does not fit is refused as in a file`() throws {
    let x = LayerOutput.input(shape: [4], name: "x")
    func message(_ outputs: LayerOutput...) throws -> String {
      let error = #expect(throws: KerasImportError.self) { try KerasModel(inputs: [x], outputs: outputs) }
      return "\(try #require(error))"
    }
    let kernel = try pattern(4, 2, period: 3)
    #expect(
      try message(LayerDefinition("Dense", ["units": 3, "use_bias": false], weights: ["kernel": kernel])(x))
        .hasPrefix(
          "model: layer \"dense\" (Dense): weight \"kernel\": expected shape [4, 3], found [4, 2]"))
    #expect(
      try message(LayerDefinition("Dense", ["units": 2])(x))
        == "model: layer \"dense\" (Dense): there is no weight \"kernel\"")
    #expect(
      try message(LayerDefinition("Dense", ["units": 2, "use_bias": false], weights: ["kernal": kernel])(x))
        == "model: layer \"dense\" (Dense): there is no weight \"kernel\"; did you mean \"kernal\"?")
    #expect(
      try message(LayerDefinition("Flatten", weights: ["kernel": kernel])(x)).contains(
        "that no layer asks for"))
    #expect(
      try message(LayerDefinition("Dense", ["unit": 2])(x))
        == "model: layer \"dense\" (Dense): unknown key \"unit\"; did you mean \"units\"?")
    #expect(
      try message(LayerDefinition("Dense", ["units": 2, "use_bais": false])(x))
        == "model: layer \"dense\" (Dense): unknown key \"use_bais\"; did you mean \"use_bias\"?")
    #expect(
      try message(LayerDefinition("Flaten")(x))
        == "model: layer \"flaten\" (Flaten): there is no layer class \"Flaten\"; did you mean \"Flatten\"?")
    #expect(try message(LayerDefinition("Bessel")(x)).contains("not supported: Bessel"))
    #expect(
      try message(LayerDefinition("Add", name: "a")([x, x]), LayerDefinition("Flatten", name: "a")(x))
        == "model: two layers are named \"a\"")
    #expect(
      try message(LayerDefinition("Add")([x, .input(shape: [4], name: "y")]))
        == "model: the outputs need \"y\", which is not among the inputs")
  }
}
