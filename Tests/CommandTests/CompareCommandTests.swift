import Foundation
import Testing

/// A model against its conversion: `compare`, and `--verify`.
@Suite struct CompareCommandTests {
  private let model = CommandTests.fixture("seed/cnn/model.keras")

  private func inScratch(_ body: (String) throws -> Void) throws {
    let folder = try CommandTests.scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
  }

  @Test func `a conversion compares equal, and one weight changed is told`() throws {
    try inScratch { folder in
      let file = "\(folder)/model.onnx"
      #expect(try CommandTests.run(model, "--to", "onnx", "--external-data", "-o", file).code == 0)
      let equal = try CommandTests.run("compare", model, file)
      #expect(equal.code == 0)
      #expect(equal.output.hasPrefix("output"))
      // The first weight of the side file becomes 1000.
      let side = URL(filePath: file + ".data")
      var weights = try Data(contentsOf: side)
      weights.replaceSubrange(0..<4, with: [0, 0, 0x7A, 0x44])
      try weights.write(to: side)
      let changed = try CommandTests.run("compare", model, file)
      #expect(changed.code == 4)
      #expect(changed.error.contains("differ: output"))
    }
  }

  @Test(arguments: [
    ["--opset", "13"], ["--opset", "23"], ["--float16"], ["--external-data"], ["--layout", "nchw"],
    ["--batch", "3"],
  ])
  func `what is written is verified`(_ options: [String]) throws {
    try inScratch { folder in
      let arguments = [model, "--to", "onnx", "--verify", "-o", "\(folder)/model.onnx"] + options
      let outcome = try CommandTests.run(arguments)
      #expect(outcome.code == 0, "\(outcome.error)")
      #expect(FileManager.default.fileExists(atPath: "\(folder)/model.onnx"))
    }
  }

  /// The file's gelu is of operations that ONNX has, which round more often.
  @Test func `where rounding errors decide, smaller inputs are compared`() throws {
    try inScratch { folder in
      let steep = CommandTests.repository.appending(path: "fixtures/commands/steep_waves/model.keras").path
      let outcome = try CommandTests.run(steep, "--to", "onnx", "--verify", "-o", "\(folder)/model.onnx")
      #expect(outcome.code == 0, "\(outcome.error)")
    }
  }

  @Test func `a file beyond the tolerance never gets its name`() throws {
    try inScratch { folder in
      let outcome = try CommandTests.run(
        model, "--to", "onnx", "--float16", "--verify", "--tolerance", "0", "-o", "\(folder)/model.onnx")
      #expect(outcome.code == 4)
      #expect(outcome.error.contains("computes something else than"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }
  }

  @Test func `a damaged file is exit code 2, another program's 3, and neither is compared`() throws {
    try inScratch { folder in
      let file = "\(folder)/model.onnx"
      _ = try CommandTests.run(model, "--to", "onnx", "-o", file)
      let whole = try Data(contentsOf: URL(filePath: file))
      var other = whole
      let place = try #require(other.range(of: Data("Softmax".utf8)))
      other.replaceSubrange(place, with: Data("Softmin".utf8))
      try other.write(to: URL(filePath: file))
      let refused = try CommandTests.run("compare", model, file)
      #expect(refused.code == 3)
      #expect(refused.error.contains("the operator Softmin"))
      var damaged = whole
      damaged.replaceSubrange(place, with: Data([0x53, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x78]))
      try damaged.write(to: URL(filePath: file))
      #expect(try CommandTests.run("compare", model, file).code == 2)
    }
  }

  @Test func `an ONNX file runs, and is no model to convert`() throws {
    try inScratch { folder in
      let file = "\(folder)/model.onnx"
      _ = try CommandTests.run(model, "--to", "onnx", "-o", file)
      let inputs = CommandTests.fixture("seed/cnn/inputs.npz")
      #expect(try CommandTests.run("run", file, "--inputs", inputs, "--outputs", "\(folder)/y.npz").code == 0)
      let summary = try CommandTests.run(file, "--summary")
      #expect(summary.code == 2)
      #expect(summary.error.contains("it is an ONNX model"))
    }
  }
}
