import Foundation
import Kconvert

/// What the README and the articles say a program may do, done by one that knows nothing else.
@main struct Outside {
  static func main() async throws {
    let fixtures = URL(filePath: CommandLine.arguments.dropFirst().first ?? "fixtures")
    let folder = FileManager.default.temporaryDirectory.appending(path: "outside-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = fixtures.appending(path: "cases/seed/cnn/model.keras")

    let model = try opened(file)
    try inspected(fixtures)
    try refused(model)
    try typed(model, file, in: folder)
    try await ran(model)
    try await saved(model, in: folder)
    try built(in: folder)
    print("everything that the articles promise is so")
  }

  /// Models and weights by URL, path and bytes.
  static func opened(_ file: URL) throws -> KerasModel {
    let model = try KerasModel(contentsOf: file)
    let bytes = try Data(contentsOf: file)
    let others = [
      try KerasModel(contentsOfFile: file.path), try KerasModel(bytes: bytes, name: "bytes"),
    ]
    try expect(others.allSatisfy { $0.weights.names == model.weights.names }, "the same model")
    let weights = [
      try KerasWeights(contentsOf: file), try KerasWeights(contentsOfFile: file.path),
      try KerasWeights(bytes: bytes, name: "bytes"),
    ]
    try expect(weights.allSatisfy { $0.count == model.weights.count }, "the same weights")
    let kernel = try [Float](model.weights.tensor("conv2d/kernel"))
    try expect(kernel.count == 3 * 3 * 32, "a weight as an array")
    let summary = try ModelSummary(model)
    try expect(summary.rows.count == 6 && summary.description.contains("conv2d"), "rows of the table")
    print(model, model.fileFormat, model.layers.map(\.description))
    return model
  }

  /// A report of any file, as data.
  static func inspected(_ fixtures: URL) throws {
    for path in ["cases/seed/mlp/model.keras", "custom/keras3.15/model.keras", "cases/seed/mlp/meta.json"] {
      let report = try KerasModel.inspect(fixtures.appending(path: path))
      let again = try JSONDecoder().decode(ModelReport.self, from: JSONEncoder().encode(report))
      try expect(again == report, "a report that is decoded again")
      print(path, report.status, report.problems.map(\.message))
    }
  }

  /// Mistakes are errors in words, never a trap.
  static func refused(_ model: KerasModel) throws {
    try expectError("did you mean \"conv2d/kernel\"?") { _ = try model.weights.tensor("conv2d/kernal") }
    try expectError("expected") { _ = try Tensor([Float(1), 2], sizes: [3]) }
    try expectError("beyond the limit") { _ = try Tensor([Float](), sizes: [.max, .max]) }
    try expectError("") { _ = try KerasModel(bytes: [UInt8](), name: "nothing") }
    try expectError("") { _ = try KerasModel(contentsOfFile: "nowhere") }
    let session = try Session(model)
    try expectError("is missing") { _ = try session.run([:]) }
    try expectError("did you mean") { _ = try session.run(["imege": Tensor(Float(1))]) }
    do {
      _ = try session.run(["image": Tensor([Float](repeating: 0, count: 784), sizes: [1, 28, 28])])
    } catch RuntimeError.inputType(let name, let expected, let found) {
      try expect(name == "image" && expected.shape.rank == 4 && found.shape.rank == 3, "types as data")
    }
    let outputs = try session.run(["image": Tensor([Float](repeating: 0, count: 784), sizes: [1, 28, 28, 1])])
    try expect(outputs["nothing"] == nil && outputs.count == 1, "outputs by name")
  }

  // What is thrown is known: none of these says `any Error`.

  static func prepared(_ file: URL) throws(KerasImportError) -> Session {
    let model = try KerasModel(contentsOf: file).replacingWeights { _ in nil }
    return try Session(model.castingWeights(to: .float32), options: Session.Options(threads: 1))
  }

  static func elements(_ tensor: Tensor) throws(TensorError) -> [Float] {
    try [Float](tensor.converted(to: .float32))
  }

  static func converted(_ model: KerasModel, to folder: URL) throws(KerasExportError) {
    try KerasWriter().write(model, to: folder.appending(path: "typed.keras").path)
    try NativeWriter().write(model, to: folder.appending(path: "typed.safetensors").path)
  }

  static func exchanged(_ model: KerasModel, to folder: URL) throws(ONNXExportError) {
    try ONNXWriter().write(model, to: folder.appending(path: "typed.onnx").path)
  }

  static func renamed(_ model: KerasModel) throws(WeightLoadError) -> [String: Tensor] {
    try model.weights.renamed([.prefix("dense/", to: "head.")])
  }

  static func typed(_ model: KerasModel, _ file: URL, in folder: URL) throws {
    try converted(model, to: folder)
    try exchanged(model, to: folder)
    let session = try prepared(file)
    let read = try Session(ONNXFile(contentsOf: folder.appending(path: "typed.onnx")))
    let image = try Tensor((0..<784).map { Float($0 % 5) }, sizes: [1, 28, 28, 1])
    let (one, other) = (try session.run(["image": image]), try read.run(["image": image]))
    let pairs = try zip(elements(one[0].value), elements(other[0].value))
    try expect(pairs.allSatisfy { abs($0 - $1) < 1e-4 }, "an ONNX file that is read back")
    try expect(renamed(model)["head.kernel"]?.rank == 2, "other names")
    try expectError("no regular expression") { _ = try model.weights.renamed([.skip("(")]) }
    try expectError("weight \"conv2d/kernel\"") {
      _ = try model.replacingWeights { _ in throw Failure("nothing") }
    }
    print(session, one)
  }

  /// Many tasks share a session; one that is cancelled ends.
  static func ran(_ model: KerasModel) async throws {
    let session = try await Session.prepare(model)
    let sums = try await withThrowingTaskGroup(of: Float.self) { group in
      for seed in 0..<8 {
        group.addTask {
          let pixels = (0..<784).map { Float(($0 + seed) % 17) / 17 }
          let outputs = try await session.run(["image": Tensor(pixels, sizes: [1, 28, 28, 1])])
          return try [Float](outputs[0].value).reduce(0, +)
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    try expect(sums.count == 8 && sums.allSatisfy { abs($0 - 1) < 1e-4 }, "probabilities")
    let many = try Tensor([Float](repeating: 0.5, count: 784 * 256), sizes: [256, 28, 28, 1])
    let task = Task { try await session.run(["image": many]) }
    task.cancel()
    do { _ = try await task.value } catch is CancellationError {}
  }

  /// Every writer, awaited, with progress; other weights; dictionaries of tensors.
  static func saved(_ model: KerasModel, in folder: URL) async throws {
    let changed = try model.replacingWeights { weight in
      weight.name.hasSuffix("/bias")
        ? try Tensor([Float](repeating: 0, count: weight.tensor.elementCount), sizes: weight.tensor.sizes)
        : nil
    }
    let elsewhere = URL(string: "https://example.org/a.keras")
    do { if let elsewhere { try await KerasWriter().write(changed, to: elsewhere) } } catch KerasExportError
      .cannotCreate
    {}
    try await KerasWriter().write(changed, to: folder.appending(path: "a.keras")) { _ in }
    try await KerasWriter().writeWeights(changed, to: folder.appending(path: "a.weights.h5"))
    try await NativeWriter().write(
      changed.castingWeights(to: .float16), to: folder.appending(path: "a.safetensors"))
    try await ONNXWriter().write(changed, to: folder.appending(path: "a.onnx"))
    let again = try KerasModel(contentsOf: folder.appending(path: "a.keras"))
    try expect([Float](again.weights.tensor("dense/bias")).allSatisfy { $0 == 0 }, "other weights")
    let tensors = try Safetensors.load(folder.appending(path: "a.safetensors"))
    try NumpyArchive.save(tensors, to: folder.appending(path: "a.npz"))
    try expect(
      NumpyArchive.load(folder.appending(path: "a.npz")).keys.sorted() == tensors.keys.sorted(), "arrays")
  }

  /// A model in code, with a layer of the program's own.
  static func built(in folder: URL) throws {
    var options = KerasModel.Options()
    options.layers.define(class: "Twice") { call, scope throws(KerasImportError) in
      let x = try call.input.value
      return [Operand(try scope.emit(.binary(.add), x, x))]
    }
    let (x, units) = (LayerOutput.input(shape: [2], name: "x"), 2)
    let dense = LayerDefinition(
      "Dense", ["units": ConfigValue(units), "use_bias": false],
      weights: ["kernel": try Tensor([Float(1), 2, 3, 4], sizes: [2, 2])])
    let model = try KerasModel(inputs: [x], outputs: [LayerDefinition("Twice")(dense(x))], options: options)
    let y = try Session(model).run(["x": Tensor([Float(1), 1], sizes: [1, 2])])
    try expect([Float](y[0].value) == [8, 12], "a model built in code")
  }

  static func expect(_ isTrue: Bool, _ what: String) throws {
    if !isTrue { throw Failure(what) }
  }

  static func expectError(_ part: String, _ body: () throws -> Void) throws {
    do { try body() } catch {
      try expect(part.isEmpty || error.localizedDescription.contains(part), "\(part): \(error)")
      return
    }
    throw Failure("an error: \(part)")
  }

  struct Failure: Error { let what: String; init(_ what: String) { self.what = what } }
}
