import Foundation
import KerasImport
import ModelFiles
import ModelIR
import NativeFormat
import NativeRuntime
import ONNXExport
import Testing

/// What the articles and the README show is compiled (`Listings.swift`), and does what they say.
@Suite struct DocumentationTests {
  static let repository = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The files with listings: the README and every article.
  static let documents: [String] = {
    let sources = repository.appending(path: "Sources")
    let found = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)?.allObjects ?? []
    let articles = found.compactMap { ($0 as? URL)?.path }.filter {
      $0.contains(".docc/") && $0.hasSuffix(".md")
    }
    return [repository.appending(path: "README.md").path] + articles.sorted()
  }()

  /// The blocks of Swift in a document, without indentation and imports.
  static func listings(_ document: String) throws -> [[String]] {
    var listings: [[String]] = []
    var current: [String]?
    for line in try String(contentsOfFile: document, encoding: .utf8).components(separatedBy: "\n") {
      let text = line.trimmingCharacters(in: .whitespaces)
      if text == "```swift" {
        current = []
      } else if text == "```", let listing = current {
        listings.append(listing)
        current = nil
      } else if !text.hasPrefix("import "), current?.isEmpty == false || !text.isEmpty {
        current?.append(text)
      }
    }
    return listings
  }

  @Test func `there are listings in every article`() throws {
    #expect(Self.documents.count >= 7)
    for document in Self.documents where !document.hasSuffix("KerasImport.md") {
      #expect(try !Self.listings(document).isEmpty, "\(document)")
    }
  }

  @Test(arguments: documents)
  func `every listing is compiled`(_ document: String) throws {
    let file = Self.repository.appending(path: "Tests/DocumentationTests/Listings.swift")
    let compiled =
      try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n")
      .map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: "\n") + "\n"
    for listing in try Self.listings(document) {
      #expect(compiled.contains("\n" + listing.joined(separator: "\n") + "\n"))
    }
  }

  static func open(_ path: String, _ layer: (inout LayerRegistry) -> Void = { _ in }) throws -> KerasModel {
    var options = KerasModel.Options()
    layer(&options.layers)
    return try KerasModel(
      contentsOfFile: repository.appending(path: "fixtures/\(path)").path, options: options)
  }

  @Test func `the listings that name no file run`() throws {
    let model = try Self.open("cases/seed/cnn/model.keras")
    try GettingStarted.ends(model)
    try GettingStarted.layer(model)
    try GettingStarted.table(model)
    let kernel = try LoadingWeights.names(model)
    let (floats, doubles, sum) = try LoadingWeights.elements(kernel)
    #expect(doubles == floats.map(Double.init))
    #expect(sum == floats.reduce(0, +))
    var (network, report, rules) = try LoadingWeights.load(model)
    #expect(report.loaded.count == 6)
    #expect(network.values["features.0.bias"]?.count == 32)
    #expect(try LoadingWeights.partly(model, &network, rules).count == 6)
    let (torch, mlx) = try LoadingWeights.recurrent(Self.open("weights/layouts.keras"))
    #expect(torch["bias_hh_l0"]?.sizes == [9])
    #expect(mlx["bhn"]?.sizes == [3])
    let tensors = try RunningAModel.tensors([UInt8](repeating: 7, count: 784))
    #expect(try [Float](tensors[3]) == [Float](repeating: 7, count: 784))
    let outputs = try Session(model).run(["image": tensors[0]])
    try RunningAModel.names(outputs)
  }

  /// A model with a class of its author's, of three eras; the last one keeps layers inside.
  @Test(
    arguments: [
      ("tfkeras2.10/model.h5", Scale.self), ("tfkeras2.15/model.keras", Scale.self),
      ("keras3.15/model.keras", ScaledBlocks.self),
    ] as [(String, any Layer.Type)])
  func `a registered layer gives Keras's numbers`(_ file: String, _ layer: any Layer.Type) throws {
    #expect(throws: KerasImportError.self) { try Self.open("custom/\(file)") }
    let model = try Self.open("custom/\(file)") { registry in register(layer, &registry) }
    let folder = Self.repository.appending(path: "fixtures/custom/\(file)").deletingLastPathComponent()
    let inputs = try Self.arrays(folder.appending(path: "inputs.npz"))
    let wanted = try Self.arrays(folder.appending(path: "outputs.npz"))
    let outputs = try Session(model).run(inputs)
    #expect(outputs.count == wanted.count)
    for (name, value) in outputs {
      let expected = try [Float](#require(wanted[name]))
      #expect(try zip([Float](value), expected).allSatisfy { abs($0 - $1) <= 1e-5 + 1e-4 * abs($1) })
    }
    #expect(try model.layers.last?.outputShapes == [[.symbol("batch"), 4]])
  }

  @Test func `a registered cell and a Lambda's meaning give Keras's numbers`() throws {
    let expression = try LayerExpression("mean(x * 2, axis=1) - x[:, 0] / 4")
    let models = [
      "cell": try Self.open("custom/cell/model.keras") { $0.register(LeakyCell.self, as: "LeakyCell") },
      "lambda": try Self.open("custom/lambda/model.keras") { $0.define(lambda: "middle", as: expression) },
    ]
    for (name, model) in models {
      let folder = Self.repository.appending(path: "fixtures/custom/\(name)")
      let wanted = try #require(Self.arrays(folder.appending(path: "outputs.npz"))["out0"])
      let outputs = try Session(model).run(Self.arrays(folder.appending(path: "inputs.npz")))
      #expect(outputs[0].value.sizes == wanted.sizes)
      let pairs = try zip([Float](outputs[0].value), [Float](wanted))
      #expect(pairs.allSatisfy { abs($0 - $1) <= 1e-5 + 1e-4 * abs($1) })
      let path = FileManager.default.temporaryDirectory.appending(path: "\(name)-\(UUID().uuidString).onnx")
        .path
      defer { try? FileManager.default.removeItem(atPath: path) }
      try ONNXWriter().write(model, to: path)
    }
  }

  @Test func `an operation of one's own is lowered as its article says`() throws {
    let text = """
      {"class_name": "Functional", "module": "keras", "config": {"name": "sums", "layers": [
        {"class_name": "InputLayer", "module": "keras.layers", "name": "x", "inbound_nodes": [],
         "config": {"batch_shape": [null, 2], "name": "x"}},
        {"class_name": "ScaledSum", "module": "demo", "registered_name": "Demo>ScaledSum", "name": "sum",
         "config": {"name": "sum", "factor": 0.5}, "inbound_nodes": [{"kwargs": {}, "args": [
          {"class_name": "__keras_tensor__", "config": {"shape": [null, 2], "dtype": "float32",
           "keras_history": ["x", 0, 0]}},
          {"class_name": "__keras_tensor__", "config": {"shape": [null, 2], "dtype": "float32",
           "keras_history": ["x", 0, 0]}}]}]}],
        "input_layers": [["x", 0, 0]], "output_layers": [["sum", 0, 0]]}}
      """
    var options = KerasModel.Options()
    #expect(throws: KerasImportError.self) { try KerasModel(bytes: Array(text.utf8)) }
    Operations.register(&options)
    let session = try Session(KerasModel(bytes: Array(text.utf8), options: options))
    let outputs = try session.run(["x": Tensor([Float(1), -3], sizes: [1, 2])])
    #expect(try [Float](outputs[0].value) == [1, -3])
  }

  @Test func `the model of the article on building is built`() throws {
    func zeros(_ sizes: Int...) throws -> Tensor {
      try Tensor([Float](repeating: 0, count: sizes.reduce(1, *)), sizes: sizes)
    }
    let model = try BuildingModels.build(zeros(3, 3, 1, 8), zeros(8), zeros(8, 10))
    #expect(try model.outputs.map(\.description).count == 1)
    #expect(model.weights.names == ["conv2d/kernel", "conv2d/bias", "head/kernel"])
  }

  @Test(
    arguments: [
      ("x +", "expected an operand, found the end"), ("(x", "expected \")\", found the end"),
      ("x $ 2", "found \"$\""), ("x[1:2:3:4]", "expected start:stop:step"),
    ])
  func `what is no expression is told`(_ text: String, _ message: String) throws {
    let error = #expect(throws: KerasImportError.self) { try LayerExpression(text) }
    #expect("\(String(describing: error))".contains(message))
  }

  @Test func `a registered layer reads its configuration`() throws {
    let text = """
      {"class_name": "Sequential", "module": "keras", "config": {"name": "gated", "layers": [
        {"class_name": "InputLayer", "module": "keras.layers", "config": {"batch_shape": [null, 3], "name": "x"}},
        {"class_name": "Gate", "registered_name": "Demo>Gate", "config": {"name": "gate", "threshold": 1.5}}]}}
      """
    let path = FileManager.default.temporaryDirectory.appending(path: "gate-\(UUID().uuidString).json").path
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    var options = KerasModel.Options()
    options.layers.register(Gate.self, as: "Gate")
    let session = try Session(KerasModel(contentsOfFile: path, options: options))
    let outputs = try session.run(["x": Tensor([Float(1), 2, -3], sizes: [1, 3])])
    #expect(try [Float](outputs[0].value) == [0, 2, 0])
  }

  private func register<L: Layer>(_ layer: L.Type, _ registry: inout LayerRegistry) {
    registry.register(layer, as: "Scale", "Demo>Scale")
  }

  private static func arrays(_ file: URL) throws -> [String: Tensor] {
    var arrays: [String: Tensor] = [:]
    for member in try ZipArchive(MappedFile(path: file.path).content).members.values {
      let content = try member.verifiedContent()
      arrays[String(member.name.dropLast(4))] = try content.withBytes { bytes in
        Result { try NumpyArray.decode(bytes) }
      }.get()
    }
    return arrays
  }
}
