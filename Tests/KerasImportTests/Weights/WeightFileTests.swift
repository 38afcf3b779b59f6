import Foundation
import ModelIR
import Testing

@testable import KerasImport

/// The files are made by fixtures/generate/weight_files.py, archives.py and native_files.py.
@Suite struct WeightFileTests {
  static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "fixtures")

  func path(_ name: String) -> String { WeightFileTests.fixtures.appending(path: name).path }

  func refusal(_ name: String) -> String {
    do {
      _ = try KerasWeights(contentsOfFile: path(name))
      return "no error"
    } catch {
      return "\(error)".replacing(path(name), with: "FILE")
    }
  }

  @Test func `folders come in the order of their data, numbers by value`() throws {
    let weights = try KerasWeights(contentsOfFile: path("weights/numbered.weights.h5"))
    let folders = [("dense", 2), ("conv2d", 12), ("dense_1", 2), ("dense_10", 2), ("dense_2", 2)]
    let expected = folders.flatMap { folder, count in (0..<count).map { "layers/\(folder)/vars/\($0)" } }
    #expect(weights.names == expected)
    for (number, weight) in weights.enumerated() {
      #expect(try weight.tensor.elements(as: Float.self).first == Float(number))
    }
  }

  @Test func `legacy names are below their layer's, without counters, and each once`() throws {
    let weights = try KerasWeights(contentsOfFile: path("weights/legacy.h5"))
    #expect(weights.names == ["b/kernel", "b/bias", "a/kernel", "a/W", "a/W_1", "c/lstm/lstm_cell/kernel"])
    for (number, weight) in weights.enumerated() {
      #expect(try weight.tensor.elements(as: Float.self) == [Float(number), Float(number)])
    }
  }

  @Test func `ordinary arrays of NumPy are read from an archive`() throws {
    let weights = try KerasWeights(contentsOfFile: path("weights/numpy.keras"))
    #expect(
      weights.names == ["layers/dense/vars/0", "layers/dense/vars/1", "layers/a/vars/0", "layers/b/vars/0"])
    #expect(try weights["layers/dense/vars/0"]?.elements(as: Float.self) == [0, 1, 2, 3, 4, 5])
    #expect(weights["layers/a/vars/0"]?.sizes == [2, 3])
    #expect(try weights["layers/a/vars/0"]?.elements(as: Int16.self) == [0, 1, 2, 3, 4, 5])
    #expect(try weights["layers/b/vars/0"]?.elements(as: Double.self) == [2.5])
  }

  @Test func `pickled objects are refused by name`() {
    #expect(
      refusal("weights/refused_pickled.keras")
        == "FILE: weight \"model.weights.npz/layers/dense/vars\": it holds pickled Python objects; "
        + "save the model again with weights in HDF5")
  }

  @Test func `archives, folders, shards and safetensors are read`() throws {
    let dense = ["layers/dense/vars/0", "layers/dense/vars/1"]
    #expect(try KerasWeights(contentsOfFile: path("archive/stored.keras")).names == dense)
    #expect(try KerasWeights(contentsOfFile: path("archive/folder")).names == dense)
    #expect(try KerasWeights(contentsOfFile: path("archive/shards/model.weights.json")).count == 3)
    #expect(
      try KerasWeights(contentsOfFile: path("native/dense.safetensors")).names == [
        "dense/kernel", "dense/bias",
      ])
    #expect(
      try KerasWeights(contentsOfFile: path("native/plain_weights.safetensors")).names == [
        "dense/bias", "dense/kernel",
      ])
    #expect(refusal("native/dense.json") == "FILE: no weights are read from this format")
    #expect(refusal("absent.h5") == "FILE: No such file or directory")
  }
}
