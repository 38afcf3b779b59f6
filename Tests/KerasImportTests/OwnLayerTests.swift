import Foundation
import KerasImport
import ModelIR
import Testing

/// Layers of a program's own: made by closures, from variables and built shapes, and blamed themselves.
@Suite struct OwnLayerTests {
  private func open(
    _ layer: String, _ register: (inout LayerRegistry) -> Void
  ) throws -> KerasModel {
    let text = """
      {"class_name": "Sequential", "module": "keras", "config": {"name": "m", "layers": [
        {"class_name": "InputLayer", "module": "keras.layers", "config": {"batch_shape": [null, 3], "name": "x"}},
        \(layer)]}}
      """
    var options = KerasModel.Options()
    register(&options.layers)
    return try KerasModel(bytes: Array(text.utf8), options: options)
  }

  private let own = """
    {"class_name": "Own", "registered_name": "Demo>Own", "config": {"name": "own"},
     "build_config": {"input_shape": [null, 3]}}
    """

  private struct Times: Layer {
    let factor: Double
    let built: Shape?
    init(factor: Double, _ config: LayerConfig) {
      self.factor = factor
      built = config.inputShape
    }
    init(_ config: inout LayerConfig) throws(KerasImportError) { self.init(factor: 1, config) }
    func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
      let x = try call.input.value
      guard let built, built.rank == scope.rank(of: x) else { return [] }
      return [Operand(try scope.emit(.binary(.multiply), x, scope.scalar(factor, like: x)))]
    }
  }

  @Test func `a closure makes a layer with what the program knows`() throws {
    let factor = 3.0
    let model = try open(own) {
      $0.register("Own") { config throws(KerasImportError) in Times(factor: factor, config) }
    }
    #expect(try model.outputs.map(\.description) == ["own: float32[batch, 3]"])
    #expect(try model.layers.last?.outputShapes == [[.symbol("batch"), 3]])
  }

  @Test func `a class is given its meaning as operations`() throws {
    let model = try open(own) {
      $0.define(class: "Own") { call, scope throws(KerasImportError) in
        let x = try call.input.value
        return [Operand(try scope.emit(.binary(.add), x, x))]
      }
    }
    #expect(try model.makeGraph().nodes.count == 1)
  }

  private struct Nothing: Layer {
    init(_ config: inout LayerConfig) throws(KerasImportError) {}
    func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] { [] }
  }

  @Test func `a layer that returns nothing is blamed itself`() throws {
    let model = try open(own) { $0.register(Nothing.self, as: "Own") }
    let error = #expect(throws: KerasImportError.self) { try model.makeGraph() }
    #expect("\(try #require(error))".contains("layer \"own\" (Own): the layer returns nothing"))
  }

  private struct Undeclared: Layer {
    let weights = [WeightSpec("kernel")]
    init(_ config: inout LayerConfig) throws(KerasImportError) {}
    func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
      let x = try call.input.value
      return [Operand(try scope.emit(.binary(.multiply), x, scope.weight("scale", [3])))]
    }
  }

  private static func scale() throws -> String {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
      .appending(path: "fixtures/custom/tfkeras2.10/model.h5").path
  }

  private struct Unused: Layer {
    let weights = [WeightSpec("s")]
    init(_ config: inout LayerConfig) throws(KerasImportError) {}
    func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
      [try call.input]
    }
  }

  @Test func `what a layer uses undeclared, and declares unused, is told`() throws {
    var options = KerasModel.Options()
    options.layers.register(Undeclared.self, as: "Scale", "Demo>Scale")
    let undeclared = try KerasModel(contentsOfFile: Self.scale(), options: options)
    let error = #expect(throws: KerasImportError.self) { try undeclared.lowered() }
    #expect("\(try #require(error))".contains("the layer asks for weight \"scale\" but declares \"kernel\""))
    options.layers.register(Unused.self, as: "Scale", "Demo>Scale")
    let unused = try KerasModel(contentsOfFile: Self.scale(), options: options).lowered()
    #expect(unused.warnings.contains { $0.contains("declares weight \"s\" and never uses it") })
  }

  @Test func `configuration values are made of variables`() {
    let (units, rate, name) = (4, 0.5, "relu")
    let value: ConfigValue = [
      "units": ConfigValue(units), "rate": ConfigValue(rate), "activation": ConfigValue(name),
      "sizes": ConfigValue([1, 2].map { ConfigValue($0) }), "bias": ConfigValue(true),
    ]
    #expect(value["units"]?.int == 4)
    #expect(value["sizes"]?.array?.compactMap(\.int) == [1, 2])
    #expect(value.keys == ["units", "rate", "activation", "sizes", "bias"])
  }
}
