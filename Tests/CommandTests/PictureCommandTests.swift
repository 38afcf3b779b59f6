import Foundation
import Testing

/// Pictures, pages and JSON as scripts meet them, and what a conversion says at its end.
@Suite struct PictureCommandTests {
  private static let model = CommandTests.fixture("graph/residual/model.keras")

  @Test(arguments: ["dot", "svg", "html", "json"]) func `text goes to standard output or a file`(
    _ format: String
  ) throws {
    let folder = try CommandTests.scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let printed = try CommandTests.run(Self.model, "--to", format, "-o", "-")
    #expect(printed.code == 0 && printed.error.isEmpty)
    #expect(printed.output.contains("batch_normalization"))
    let target = folder.appending(path: "out.\(format)")
    let written = try CommandTests.run(Self.model, "--to", format, "-o", target.path, "--quiet")
    #expect(written.code == 0 && written.error.isEmpty && written.output.isEmpty)
    #expect(try String(contentsOf: target, encoding: .utf8) == printed.output)
  }

  @Test func `a conversion says what it wrote on standard error`() throws {
    let folder = try CommandTests.scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let target = folder.appending(path: "out.onnx").path
    let outcome = try CommandTests.run(Self.model, "--to", "onnx", "-o", target)
    #expect(outcome.output.isEmpty)
    let form =
      "kconvert: wrote .*/out\\.onnx \\([0-9.]+ K?B, [0-9.]+ s\\): [0-9]+ nodes, opset 18, output .* \\[batch, 4\\]\n"
    #expect(outcome.error.range(of: form, options: .regularExpression) != nil, "\(outcome.error)")
    #expect(try CommandTests.run(Self.model, "--to", "onnx", "-o", target, "--quiet").error.isEmpty)
  }

  @Test func `the cost stands beside the layers`() throws {
    let outcome = try CommandTests.run(CommandTests.fixture("seed/cnn/model.keras"), "--summary", "--cost")
    let line = try #require(outcome.output.split(separator: "\n").first { $0.contains("conv2d (Conv2D)") })
    let cells = line.split(separator: "│").map { $0.trimmingCharacters(in: .whitespaces) }
    #expect(cells == ["conv2d (Conv2D)", "(None, 26, 26, 32)", "320", "433 k", "84.50 KB"])
    #expect(outcome.output.contains("FLOPs per sample: 4.97 M"))
    #expect(!outcome.output.contains("\u{1B}"))  // No terminal, no colours.
  }
}
