import Foundation
import ModelIR
import Testing

@testable import KerasImport

/// The files are made by fixtures/generate/native_files.py.
@Suite struct NativeWeightsTests {
  func path(_ name: String) -> String { WeightFileTests.fixtures.appending(path: "native/\(name)").path }

  func open(_ name: String, weights: String? = nil) throws -> KerasModel {
    var options = KerasModel.Options()
    options.weights = weights.map(path)
    return try KerasModel(contentsOfFile: path(name), options: options)
  }

  func refusal(_ name: String, weights: String? = nil) -> String {
    do {
      _ = try open(name, weights: weights).lowered()
      return "no error"
    } catch {
      return "\(error)".replacing(path(weights ?? name), with: "FILE").replacing(path(name), with: "MODEL")
    }
  }

  @Test func `a native file is a model`() throws {
    let model = try open("dense.safetensors")
    #expect(model.name == "small")
    #expect(model.kerasVersion == "3.15.1")
    #expect(model.format == "Keras 3.15.1, .keras archive")
    #expect(model.weights.names == ["dense/kernel", "dense/bias"])
    #expect(try model.weights["dense/kernel"]?.elements(as: Float.self) == [0, 1, 2, 3, 4, 5])
  }

  @Test(arguments: ["dense.safetensors", "plain_weights.safetensors"])
  func `safetensors are weights for an architecture`(weights: String) throws {
    let model = try open("dense.json", weights: weights)
    #expect(model.weights.names == ["dense/kernel", "dense/bias"])
  }

  /// A file and what is said about it.
  struct Refusal: CustomTestStringConvertible {
    var file: String
    var message: String
    var testDescription: String { file }
    init(_ file: String, _ message: String) { (self.file, self.message) = (file, message) }
  }

  @Test(arguments: [
    Refusal("refused_newer", "FILE: native format 2; this kconvert reads 1"),
    Refusal("refused_version", #"FILE: metadata "kconvert_format": expected a version, found "one""#),
    Refusal("refused_without_config", #"FILE: its metadata has no "kconvert_config""#),
    Refusal(
      "refused_config",
      #"FILE: metadata "kconvert_config": invalid JSON at byte 1: the text ends where a key in double quotes is expected"#
    ),
    Refusal(
      "refused_assets", #"FILE: metadata "kconvert_assets": expected a list of names, found "vocabulary.txt""#
    ),
    Refusal(
      "refused_missing_weight", #"FILE: layer "dense" (Dense): weight "bias" is missing from the file"#),
    Refusal(
      "refused_unused_weight", #"FILE: layer "dense" (Dense): weights that no layer asks for: "dense/gamma""#),
    Refusal("refused_unused_tensor", #"FILE: weights that no layer asks for: "other/kernel""#),
    Refusal(
      "refused_weight_shape",
      #"FILE: layer "dense" (Dense): weight "kernel": expected shape [3, 2], found [4, 2]; the input [batch, 3] comes from "x""#
    ),
    Refusal(
      "plain_weights",
      #"FILE: the safetensors file holds weights but no model: its metadata has no "kconvert_format""#
    ),
    Refusal(
      "refused_hole_first", #"FILE: safetensors: tensor "a" leaves a hole before it"#),
  ])
  func `a native file that does not fit is refused`(refusal: Refusal) {
    #expect(self.refusal("\(refusal.file).safetensors") == refusal.message)
  }

  @Test func `weights of a newer format are refused too`() {
    #expect(
      refusal("dense.json", weights: "refused_newer.safetensors")
        == "FILE: native format 2; this kconvert reads 1")
  }
}
