import Foundation
import Kconvert
import ONNXImport
import Testing

/// What a program gets with one import.
@Suite struct UmbrellaTests {
  static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "fixtures")
  static let cnn = fixtures.appending(path: "cases/seed/cnn/model.keras")

  private func temporary(_ suffix: String) -> URL {
    FileManager.default.temporaryDirectory.appending(path: "kconvert-\(UUID().uuidString).\(suffix)")
  }

  @Test func `models, weights and reports open by URL`() throws {
    let model = try KerasModel(contentsOf: Self.cnn)
    #expect(model.name == "sequential")
    #expect(try KerasWeights(contentsOf: Self.cnn).count == model.weights.count)
    #expect(try KerasModel.inspect(Self.cnn).status == .supported)
    let remote = try #require(URL(string: "https://example.com/model.keras"))
    let error = #expect(throws: KerasImportError.self) { try KerasModel(contentsOf: remote) }
    #expect("\(try #require(error))".contains("only files of this machine"))
  }

  @Test func `errors are shown in words`() throws {
    let error = #expect(throws: KerasImportError.self) {
      try KerasModel(contentsOf: Self.fixtures.appending(path: "custom/keras3.15/model.keras"))
    }
    let shown = (error as (any Error)?)?.localizedDescription
    #expect(shown?.contains("not supported: ScaledBlocks") == true || shown?.contains("Scale") == true)
    #expect(RuntimeError.missingInput("x").localizedDescription == "input \"x\" is missing")
    #expect(error?.recoverySuggestion?.isEmpty == false)
  }

  @Test func `values describe themselves`() throws {
    let model = try KerasModel(contentsOf: Self.cnn)
    #expect("\(model)" == "sequential (Keras 3.15.1, .keras archive): 7 layers, 6 weights")
    #expect("\(model.layers[1])" == "conv2d (Conv2D)")
    #expect("\(model.weights[1])" == "conv2d/bias: float32[32]")
    #expect("\(model.weights)".hasPrefix("conv2d/kernel: float32[3, 3, 1, 32]\n"))
    let tensor = try Tensor([Float(0.5), 1, 2], sizes: [3])
    #expect("\(tensor)" == "float32[3]")
    #expect(tensor.debugDescription == "float32[3]: 0.5, 1.0, 2.0")
    #expect(try Tensor([UInt64.max], sizes: [1]).debugDescription.hasPrefix("uint64[1]: 1.84"))
    #expect(try Tensor(["a"], sizes: [1]).debugDescription == "string[1]: \"a\"")
    #expect("\(try ModelSummary(model))".contains("conv2d (Conv2D)"))
  }

  @Test func `a misspelt weight or input is the caller's error`() throws {
    let model = try KerasModel(contentsOf: Self.cnn)
    let weight = #expect(throws: KerasImportError.self) { try model.weights.tensor("conv2d/kernal") }
    #expect(
      "\(try #require(weight))" == "there is no weight \"conv2d/kernal\"; did you mean \"conv2d/kernel\"?")
    let session = try Session(model)
    let x = try Tensor([Float](repeating: 0, count: 784), sizes: [1, 28, 28, 1])
    let input = #expect(throws: RuntimeError.self) { try session.run(["imege": x]) }
    #expect("\(try #require(input))" == "there is no input \"imege\"; did you mean \"image\"?")
  }

  @Test func `tensors go to safetensors and npz and back`() throws {
    let tensors = ["a": try Tensor([Float(1), 2, 3], sizes: [3]), "b/c": try Tensor([Int32(7)], sizes: [1])]
    let (safetensors, npz) = (temporary("safetensors"), temporary("npz"))
    defer { for file in [safetensors, npz] { try? FileManager.default.removeItem(at: file) } }
    try Safetensors.save(tensors, metadata: ["made": "here"], to: safetensors)
    #expect(try Safetensors.metadata(safetensors.path) == ["made": "here"])
    try NumpyArchive.save(tensors, to: npz)
    for loaded in [try Safetensors.load(safetensors), try NumpyArchive.load(npz)] {
      #expect(loaded.keys.sorted() == ["a", "b/c"])
      #expect(try [Float](#require(loaded["a"])) == [1, 2, 3])
      #expect(try [Int32](#require(loaded["b/c"])) == [7])
    }
    // More than the writer holds back, once and several times.
    for count in [1 << 14, (1 << 14) + 1, 400_000] {
      let large = (0..<count).map { Float($0) }
      try NumpyArchive.save(
        ["x": try Tensor(large, sizes: [count]), "y": try Tensor([Float(1)], sizes: [1])], to: npz)
      #expect(try [Float](#require(NumpyArchive.load(npz)["x"])) == large)
    }
    #expect(throws: Safetensors.FormatError.self) { try Safetensors.load(npz) }
    #expect(throws: NumpyArray.FormatError.self) { try NumpyArchive.load(safetensors) }
    #expect(throws: Safetensors.FormatError.self) { try Safetensors.load(temporary("nowhere")) }
  }

  @Test func `writing can be awaited and tells its bytes`() async throws {
    let model = try KerasModel(contentsOf: Self.cnn)
    let (onnx, native, keras, weights) = (
      temporary("onnx"), temporary("safetensors"), temporary("keras"), temporary("weights.h5")
    )
    defer { for file in [onnx, native, keras, weights] { try? FileManager.default.removeItem(at: file) } }
    let told = Told()
    try await ONNXWriter().write(model, to: onnx) { told.note($0) }
    let size = try FileManager.default.attributesOfItem(atPath: onnx.path)[.size] as? Int
    #expect(told.last == size)
    try await NativeWriter().write(model, to: native)
    try await KerasWriter().write(model, to: keras)
    try await KerasWriter().writeWeights(model, to: weights)
    #expect(try KerasModel(contentsOf: native).weights.names == model.weights.names)
    #expect(try KerasModel(contentsOf: keras).weights.names == model.weights.names)
  }

  @Test(arguments: ["onnx", "safetensors", "keras", "weights.h5"])
  func `cancelled writing leaves nothing behind`(_ suffix: String) async throws {
    let model = try KerasModel(contentsOf: Self.cnn)
    let folder = temporary("folder")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "model.\(suffix)")
    let task = Task {
      // The first bytes are written; then nobody waits any more.
      let stop: @Sendable (Int) -> Void = { _ in withUnsafeCurrentTask { $0?.cancel() } }
      withUnsafeCurrentTask { $0?.cancel() }
      switch suffix {
      case "onnx": try await ONNXWriter().write(model, to: file, progress: stop)
      case "safetensors": try await NativeWriter().write(model, to: file, progress: stop)
      case "keras": try await KerasWriter().write(model, to: file, progress: stop)
      default: try await KerasWriter().writeWeights(model, to: file, progress: stop)
      }
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
  }

  @Test(arguments: ["onnx", "safetensors", "keras", "weights.h5"])
  func `writing that is cancelled on its way leaves nothing behind`(_ suffix: String) async throws {
    let model = try KerasModel(contentsOf: Self.cnn)
    let folder = temporary("folder")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "model.\(suffix)")
    let holder = Holder()
    let task = Task {
      let stop: @Sendable (Int) -> Void = { _ in
        holder.wait()
        holder.task?.cancel()
      }
      switch suffix {
      case "onnx": try await ONNXWriter().write(model, to: file, progress: stop)
      case "safetensors": try await NativeWriter().write(model, to: file, progress: stop)
      case "keras": try await KerasWriter().write(model, to: file, progress: stop)
      default: try await KerasWriter().writeWeights(model, to: file, progress: stop)
      }
    }
    holder.start(task)
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
  }

  @Test func `a model with other weights is saved and computes with them`() throws {
    let model = try KerasModel(contentsOf: Self.fixtures.appending(path: "cases/seed/mlp/model.keras"))
    let changed = try model.replacingWeights { weight in
      guard weight.name.hasSuffix("/bias") else { return nil }
      return try Tensor([Float](repeating: 1, count: weight.tensor.elementCount), sizes: weight.tensor.sizes)
    }
    #expect(
      try [Float](#require(changed.weights.first { $0.name.hasSuffix("/bias") }).tensor).allSatisfy {
        $0 == 1
      })
    let (file, weights, onnx) = (temporary("keras"), temporary("weights.h5"), temporary("onnx"))
    defer { for file in [file, weights, onnx] { try? FileManager.default.removeItem(at: file) } }
    try KerasWriter().write(changed, to: file.path)
    try KerasWriter().writeWeights(changed, to: weights.path)
    let again = try KerasModel(contentsOf: file)
    for (one, other) in zip(changed.weights, again.weights) {
      #expect(try [Float](one.tensor) == [Float](other.tensor))
    }
    // The original's architecture with the weights alone.
    var options = KerasModel.Options()
    options.weights = weights.path
    let opened = try KerasModel(
      contentsOf: Self.fixtures.appending(path: "cases/seed/mlp/model.keras"), options: options)
    #expect(
      try opened.weights.map { try [Float]($0.tensor) } == changed.weights.map { try [Float]($0.tensor) })
    try ONNXWriter().write(changed, to: onnx.path)
    let x = ["input_layer": try Tensor((0..<64).map { Float($0 % 13) * 0.05 }, sizes: [1, 64])]
    let (mine, read) = (try Session(changed).run(x), try Session(ONNXFile(contentsOfFile: onnx.path)).run(x))
    let pairs = try zip([Float](mine[0].value), [Float](read[0].value))
    #expect(pairs.allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(try [Float](Session(model).run(x)[0].value) != [Float](mine[0].value))
    #expect(throws: KerasImportError.self) {
      try model.replacingWeights { _ in try Tensor([Float(1)], sizes: [1]) }
    }
  }

  @Test func `all weights are cast to float16`() throws {
    let model = try KerasModel(contentsOf: Self.cnn)
    let half = try model.castingWeights(to: .float16)
    #expect(half.weights.allSatisfy { $0.tensor.dtype == .float16 })
    let x = try Tensor((0..<784).map { Float($0 % 13) * 0.05 }, sizes: [1, 28, 28, 1])
    let (one, other) = (try Session(model).run(["image": x]), try Session(half).run(["image": x]))
    let pairs = try zip([Float](one[0].value), [Float](other[0].value))
    // Weights are rounded to 11 bits.
    #expect(pairs.allSatisfy { abs($0 - $1) < 1e-3 })
    let (native, keras) = (temporary("safetensors"), temporary("keras"))
    defer { for file in [native, keras] { try? FileManager.default.removeItem(at: file) } }
    try NativeWriter().write(half, to: native.path)
    try KerasWriter().write(half, to: keras.path)
    for file in [native, keras] {
      let again = try KerasModel(contentsOf: file)
      #expect(again.weights.allSatisfy { $0.tensor.dtype == .float16 })
      #expect(try [Float](Session(again).run(["image": x])[0].value) == [Float](other[0].value))
    }
    #expect(throws: KerasImportError.self) { try model.castingWeights(to: .int8) }
  }
}

/// The last number that a writer told.
private final class Told: @unchecked Sendable {
  // Read after the writer has ended.
  private(set) var last = 0
  func note(_ count: Int) { last = count }
}

/// A task that its own work cancels.
private final class Holder: @unchecked Sendable {
  // Set before the semaphore lets anybody read it.
  private(set) var task: Task<Void, any Error>?
  private let isSet = DispatchSemaphore(value: 0)
  func start(_ task: Task<Void, any Error>) {
    self.task = task
    isSet.signal()
  }
  func wait() {
    isSet.wait()
    isSet.signal()
  }
}
