import Foundation
import ModelFiles
import ModelIR
import NativeFormat
import Testing

@testable import KerasImport

/// Weights in other libraries' layouts, against arrays that NumPy laid out and other implementations proved
/// (fixtures/generate/weight_layouts.py); and what loading finds out before it loads anything.
@Suite struct WeightLoadingTests {
  static let weights: KerasWeights = {
    (try? KerasLayerTests.open("weights/layouts.keras").weights) ?? KerasWeights([])
  }()

  static let expected: [String: Tensor] = {
    let path = KerasLayerTests.repository.appending(path: "fixtures/weights/layouts.npz").path
    var arrays: [String: Tensor] = [:]
    guard let archive = try? ZipArchive(MappedFile(path: path).content) else { return [:] }
    for member in archive.members.values {
      let tensor = try? member.verifiedContent().withBytes { bytes in Result { try NumpyArray.decode(bytes) }
      }.get()
      arrays[String(member.name.dropLast(4))] = tensor
    }
    return arrays
  }()

  static let rules: [WeightRule] = [
    .exact("conv/kernel", to: "conv.weight", as: .hwioToOIHW),
    .exact("conv/kernel", to: "conv.mlx", as: .hwioToOHWI),
    .exact("depthwise/kernel", to: "depthwise.weight", as: .depthwiseToOIHW),
    .exact("depthwise/kernel", to: "depthwise.mlx", as: .depthwiseToOHWI),
    .exact("head/kernel", to: "head.weight", as: .flattenedHWCToCHW(height: 6, width: 5)),
    .pattern("(deconv|conv1d)/kernel", to: "$1.weight", as: .hwioToOIHW),
    .skip("conv/bias|deconv/bias|depthwise/bias|head/bias|conv1d/bias"),

    .exact("lstm/cell/kernel", to: "lstm.weight_ih_l0", as: .inOutToOutIn),
    .exact("lstm/cell/recurrent_kernel", to: "lstm.weight_hh_l0", as: .inOutToOutIn),
    .exact("lstm/cell/bias", to: "lstm.bias_ih_l0"),
    .exact("lstm/cell/bias", to: "lstm.bias_hh_l0", as: .zeros),
    .exact("lstm/cell/kernel", to: "lstm.W", as: .lstmGatesToIOFC.then(.inOutToOutIn)),
    .exact("lstm/cell/recurrent_kernel", to: "lstm.R", as: .lstmGatesToIOFC.then(.transposed(1, 0))),
    .exact("lstm/cell/bias", to: "lstm.B", as: .lstmGatesToIOFC),

    .exact("gru/cell/kernel", to: "gru.weight_ih_l0", as: .gruGatesToRZN.then(.inOutToOutIn)),
    .exact("gru/cell/recurrent_kernel", to: "gru.weight_hh_l0", as: .gruGatesToRZN.then(.inOutToOutIn)),
    .exact("gru/cell/bias", to: "gru.bias_ih_l0", as: .row(0).then(.gruGatesToRZN)),
    .exact("gru/cell/bias", to: "gru.bias_hh_l0", as: .row(1).then(.gruGatesToRZN)),
    .exact("gru/cell/bias", to: "gru.b", as: .mergedGRUBias.then(.gruGatesToRZN)),
    .exact("gru/cell/bias", to: "gru.bhn", as: .row(1).then(.blocks([2], of: 3))),
    .exact("gru/cell/kernel", to: "gru.W", as: .inOutToOutIn),
    .exact("gru/cell/recurrent_kernel", to: "gru.R", as: .inOutToOutIn),
    .exact("gru/cell/bias", to: "gru.B", as: .reshaped(18)),
    .pattern("gru_before/cell/kernel", to: "gru_before.W", as: .inOutToOutIn),
    .pattern("gru_before/cell/recurrent_kernel", to: "gru_before.R", as: .inOutToOutIn),
    .prefix("gru_before/cell/bias", to: "gru_before.B"),
  ]

  @Test func `every conversion gives what the other library has`() throws {
    #expect(Self.expected.count == 26)
    let renamed = try Self.weights.renamed(Self.rules)
    #expect(Set(renamed.keys) == Set(Self.expected.keys))
    for (name, tensor) in renamed {
      let wanted = try #require(Self.expected[name])
      #expect(tensor.sizes == wanted.sizes, "\(name)")
      #expect(try [Float](tensor) == [Float](wanted), "\(name)")
    }
  }

  /// A model of one's own that only keeps what it is given.
  struct Recorder: WeightsLoadable {
    var parameters: [TensorSpec]
    var values: [String: Tensor] = [:]
    init(_ parameters: [TensorSpec]) { self.parameters = parameters }
    mutating func setParameter(_ name: String, to tensor: Tensor) throws { values[name] = tensor }
  }

  private static func message(_ recorder: inout Recorder, _ rules: [WeightRule]) -> String {
    do {
      try weights.load(into: &recorder, rules)
      return ""
    } catch { return "\(error)" }
  }

  @Test func `a model gets its parameters in their types`() throws {
    var recorder = Recorder([
      TensorSpec("w", [3, 2, 3, 2], .float16), TensorSpec("b", [3], .float64), TensorSpec("other", [1]),
    ])
    let rules: [WeightRule] = [
      .exact("conv/kernel", to: "w", as: .hwioToOIHW), .prefix("conv/bias", to: "b"), .skip("(?!head).*"),
    ]
    let report = try Self.weights.load(into: &recorder, rules, verify: [])
    #expect(recorder.values["w"]?.dtype == .float16)
    #expect(recorder.values["b"]?.dtype == .float64)
    #expect(report.loaded.map(\.weight) == ["conv/kernel", "conv/bias"])
    #expect(report.missing == ["other"])
    #expect(report.unused == ["head/kernel", "head/bias"])
  }

  @Test func `everything that does not fit is found at once, and nothing is loaded`() throws {
    var recorder = Recorder([
      TensorSpec("conv/kernel", [3, 2, 3, 2]), TensorSpec("conv/bias", [3], .int32),
      TensorSpec("head.weight", [4, 60]),
      TensorSpec("gate", [3]), TensorSpec("deconv/bias", [3]),
    ])
    let rules: [WeightRule] = [
      .exact("head/kernel", to: "head.weight"), .exact("head/bias", to: "gate"),
      .exact("conv1d/bias", to: "gate"),
      .exact("conv1d/kernel", to: "c", as: .blocks([0, 1], of: 2)),
      .exact("deconv/kernel", to: "d", as: .row(9)),
      .skip("(lstm|gru|gru_before|depthwise)/.*"),
    ]
    #expect(
      Self.message(&recorder, rules) == """
        parameter "d" from "deconv/kernel": expected a row 9, found [3, 2, 3, 2]
        parameter "c" from "conv1d/kernel": expected 2 blocks along the last axis, found [2, 4, 3]
        parameter "gate" from "conv1d/bias": "head/bias" goes there too
        parameter "conv/kernel" from "conv/kernel": expected float32[3, 2, 3, 2], found float32[3, 2, 2, 3]
        parameter "conv/bias" from "conv/bias": expected int32[3], found float32[3]
        parameter "head.weight" from "head/kernel": expected float32[4, 60], found float32[60, 4]
        parameter "gate" from "head/bias": expected float32[3], found float32[4]
        """)
    #expect(recorder.values.isEmpty)
    var short = Recorder([TensorSpec("conv.bias", [3]), TensorSpec("gain", [3])])
    #expect(
      Self.message(&short, [.pattern("(conv1?d?)/(bias)", to: "$1.$2"), .skip("(?!head|conv).*")]) == """
        parameter "gain": no weight goes to it
        weight "conv/kernel": no parameter takes it
        weight "head/kernel": no parameter takes it
        weight "head/bias": no parameter takes it
        weight "conv1d/kernel": no parameter takes it
        weight "conv1d/bias -> conv1d.bias": no parameter takes it
        """)
    #expect(short.values.isEmpty)
  }

  @Test func `a damaged weight is found before the first one is loaded`() throws {
    struct Damaged: Error {}
    let damaged = try Tensor(
      dtype: .float32, sizes: [1], storage: ComputedStorage(byteCount: 4) { throw Damaged() })
    let weights = KerasWeights([
      KerasWeight(name: "a", tensor: try Tensor([Float(1)], sizes: [1]), isTrainable: true),
      KerasWeight(name: "b", tensor: damaged, isTrainable: true),
    ])
    var recorder = Recorder([TensorSpec("a", [1]), TensorSpec("b", [1])])
    let error = #expect(throws: WeightLoadError.self) { try weights.load(into: &recorder) }
    guard case .unreadable(weight: "b", let reading)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reading.cause is Damaged)
    #expect(recorder.values.isEmpty)
  }

  @Test func `templates take groups, and what is no expression is an error`() throws {
    let rules = try WeightRules([
      .pattern(#"block_(\d+)/(kernel|bias)"#, to: "$$b.$1.$2$3$"), .prefix("a/", to: "z."),
    ])
    #expect(rules.targets(of: "block_12/kernel").map(\.name) == ["$$b.12.kernel$"])
    #expect(rules.targets(of: "a/b/kernel").map(\.name) == ["z.b/kernel"])
    #expect(rules.targets(of: "block_/kernel").map(\.name) == ["block_/kernel"])
    #expect(throws: WeightLoadError.self) { try WeightRules([.skip("(")]) }
  }

  @Test(arguments: [
    WeightConversion.hwioToOIHW, .hwioToOHWI, .depthwiseToOIHW, .depthwiseToOHWI, .transposed(0),
    .transposed(0, 0),
    .reshaped(7), .reshaped(-2, -3), .flattenedHWCToCHW(height: 0, width: 1),
    .flattenedHWCToCHW(height: 4, width: 1),
    .blocks([0], of: 0), .blocks([2], of: 2), .blocks([0], of: 4), .row(6), .row(-1),
    .mergedGRUBias.then(.row(0)),
    .reshaped(Int.max, 3),
  ])
  func `a conversion refuses what it does not take`(_ conversion: WeightConversion) {
    #expect(throws: TensorError.self) {
      try conversion.apply(to: Tensor([Float](repeating: 0, count: 6), sizes: [2, 3]).reshaped([6, 1]))
    }
  }
}
