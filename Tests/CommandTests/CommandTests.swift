import Foundation
import Testing

/// The command as scripts see it: output, exit code, and files.
@Suite struct CommandTests {
  /// What a finished command left.
  struct Outcome {
    var code: Int32
    var output: String
    var error: String
  }

  static let repository = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The command beside the test bundle, or beside the program that the tests are.
  static var executable: URL {
    let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL
    let folder = bundle?.deletingLastPathComponent() ?? Bundle.main.bundleURL
    return folder.appending(path: "kconvert")
  }

  static func run(_ arguments: String...) throws -> Outcome { try run(arguments) }

  /// - Parameter folder: where the command runs; by default where the tests do.
  static func run(_ arguments: [String], in folder: URL? = nil) throws -> Outcome {
    let process = Process()
    process.currentDirectoryURL = folder
    process.executableURL = executable
    process.arguments = arguments
    let output = Pipe()
    let error = Pipe()
    process.standardOutput = output
    process.standardError = error
    try process.run()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    let message = error.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Outcome(
      code: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
      error: String(decoding: message, as: UTF8.self))
  }

  static func fixture(_ name: String) -> String { repository.appending(path: "fixtures/cases/\(name)").path }

  /// A folder of its own for files a test writes.
  static func scratch() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "kconvert-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  @Test func `a missing file is exit code 66`() throws {
    let outcome = try Self.run("no-such-model.keras")
    #expect(outcome.code == 66)
    #expect(outcome.error == "kconvert: error: no-such-model.keras: No such file or directory\n")
  }

  @Test func `a truncated archive is exit code 2 and leaves nothing`() throws {
    let folder = try Self.scratch()
    let whole = try Data(contentsOf: URL(filePath: Self.fixture("layers/dense/model.keras")))
    let cut = folder.appending(path: "cut.keras")
    try whole.prefix(whole.count / 2).write(to: cut)
    let target = folder.appending(path: "cut.onnx").path
    let outcome = try Self.run(cut.path, "--to", "onnx", "-o", target)
    #expect(outcome.code == 2)
    #expect(outcome.error.hasPrefix("kconvert: error: \(cut.path): "))
    #expect(outcome.error.split(separator: "\n").count == 1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["cut.keras"])
  }

  @Test func `an unknown option is wrong usage`() throws {
    #expect(try Self.run(Self.fixture("layers/dense/model.keras"), "--to", "gif").code == 64)
  }

  @Test func `options may come before the model`() throws {
    let folder = try Self.scratch()
    let target = folder.appending(path: "out.onnx").path
    let outcome = try Self.run("--to", "onnx", "-o", target, Self.fixture("layers/dense/model.keras"))
    #expect(outcome.code == 0)
    #expect(FileManager.default.fileExists(atPath: target))
  }

  @Test func `an input of a wrong shape is reported at the first layer that cannot take it`() throws {
    let outcome = try Self.run(Self.fixture("layers/dense/model.keras"), "--input-shape", "?,7")
    #expect(outcome.code == 2)
    #expect(
      outcome.error.contains(
        "layer \"dense\" (Dense): weight \"kernel\": expected shape [7, 4], found [6, 4]"))
  }

  @Test func `check passes a sound model`() throws {
    let outcome = try Self.run("check", Self.fixture("graph/residual/model.keras"))
    #expect(outcome.code == 0)
    #expect(outcome.output.contains("ok: all weights are finite"))
  }

  @Test func `the summary shows Keras's rows and totals`() throws {
    let outcome = try Self.run(Self.fixture("layers/dense/model.keras"), "--summary")
    #expect(outcome.code == 0)
    #expect(outcome.output.contains("│ dense (Dense)  │ (None, 4)    │      28 │\n"))
    #expect(outcome.output.contains(" Total params: 28 (112.00 B)"))
  }
}
