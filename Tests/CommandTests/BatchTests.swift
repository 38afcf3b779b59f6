import Foundation
import Testing

/// `kconvert batch`: every model accounted for, whatever happens to one of them or to the batch itself.
@Suite struct BatchTests {
  /// A line of the report.
  struct Line: Decodable {
    struct Content: Decodable {
      var file: String?
      var bytes: Int
      var sha256: String
    }
    struct Refusal: Decodable, Equatable {
      var `class`: String
      var layers: [String]
    }
    var file: String
    var status: String
    var code: Int
    var reason: String?
    var unsupported: [Refusal]
    var seconds: Double
    var input: Content
    var outputs: [Content]
  }

  /// Sound models in two folders of the same names, and bad ones: not supported, damaged, empty, absent.
  private static func models() throws -> URL {
    let folder = try CommandTests.scratch()
    let cases = ["layers/dense", "graph/residual", "seed/mlp"]
    for (index, name) in cases.enumerated() {
      for place in ["a", "b/c"] {
        try copy("cases/\(name)/model.keras", to: folder.appending(path: "in/\(place)/m\(index).keras"))
      }
    }
    try copy("eras/keras2.2.4/mlp/model.h5", to: folder.appending(path: "in/a/m0.h5"))
    try copy("hostile/cve-2024-3660.keras", to: folder.appending(path: "in/bad/lambda.keras"))
    try copy("hostile/wrong-checksum.keras", to: folder.appending(path: "in/bad/damaged.keras"))
    try Data().write(to: folder.appending(path: "in/bad/empty.h5"))
    try Data("not a model".utf8).write(to: folder.appending(path: "in/bad/readme.txt"))
    return folder
  }

  private static func copy(_ fixture: String, to place: URL) throws {
    try FileManager.default.createDirectory(
      at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      at: CommandTests.repository.appending(path: "fixtures/\(fixture)"), to: place)
  }

  private static func lines(_ text: String) throws -> [String: Line] {
    let lines = try text.split(separator: "\n").map {
      try JSONDecoder().decode(Line.self, from: Data($0.utf8))
    }
    return Dictionary(lines.map { ($0.file, $0) }, uniquingKeysWith: { _, last in last })
  }

  private static func batch(in folder: URL, _ options: String...) throws -> CommandTests.Outcome {
    try CommandTests.run(["batch", "in", "--to", "onnx", "--out", "out"] + options, in: folder)
  }

  private static func outputs(_ folder: URL) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: folder.appending(path: "out").path)
      .filter { $0.hasSuffix(".onnx") }.sorted()
  }

  private static let all = [
    "a/m0.h5.onnx", "a/m0.keras.onnx", "a/m1.onnx", "a/m2.onnx", "b/c/m0.onnx", "b/c/m1.onnx", "b/c/m2.onnx",
  ]

  @Test func `every model has a line, and bad ones stop nothing`() throws {
    let folder = try BatchTests.models()
    defer { try? FileManager.default.removeItem(at: folder) }
    let outcome = try BatchTests.batch(in: folder)
    #expect(outcome.code == 1)
    let lines = try BatchTests.lines(outcome.output)
    #expect(lines.count == 10)
    #expect(lines.values.filter { $0.status == "converted" }.count == 7)
    let lambda = try #require(lines["in/bad/lambda.keras"])
    #expect(lambda.code == 3)
    #expect(lambda.unsupported == [Line.Refusal(class: "Lambda", layers: ["d"])])
    #expect(lambda.reason == "in/bad/lambda.keras: not supported: Lambda (1 layer: d)")
    #expect(lines["in/bad/damaged.keras"]?.code == 2)
    #expect(lines["in/bad/empty.h5"]?.status == "failed")
    #expect(outcome.error.hasPrefix("10 models: 7 converted, 0 kept, 3 failed, in "))
    #expect(outcome.error.contains("\n  1  not supported: Lambda\n"))
    // The same folders, no two models under one name, and nothing else but the log.
    #expect(try BatchTests.outputs(folder) == BatchTests.all)
    let log = try String(contentsOf: folder.appending(path: "out/kconvert-batch.jsonl"), encoding: .utf8)
    #expect(log == outcome.output)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: "out").path).sorted()
        == ["a", "b", "kconvert-batch.jsonl"])
  }

  @Test func `digests are SHA-256 of the contents`() throws {
    let folder = try CommandTests.scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    try BatchTests.copy("hostile/good.keras", to: folder.appending(path: "in/good.keras"))
    let outcome = try BatchTests.batch(in: folder)
    // By sha256sum.
    #expect(
      try BatchTests.lines(outcome.output)["in/good.keras"]?.input.sha256
        == "73008763f11588feaadc89e922e68128a2d179a2c0b35cb4ac39db1cd41711e6")
  }

  @Test func `what is converted is kept until its content or an option changes`() throws {
    let folder = try BatchTests.models()
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(try BatchTests.batch(in: folder).code == 1)
    func statuses(_ options: [String] = []) throws -> [String: Int] {
      let outcome = try CommandTests.run(
        ["batch", "in", "--to", "onnx", "--out", "out"] + options, in: folder)
      return Dictionary(grouping: try BatchTests.lines(outcome.output).values, by: \.status).mapValues(
        \.count)
    }
    #expect(try statuses() == ["kept": 7, "failed": 3])
    // Another content, a damaged output, a line that was cut.
    let model = folder.appending(path: "in/a/m1.keras")
    try FileManager.default.removeItem(at: model)
    try BatchTests.copy("cases/layers/dense/model.keras", to: model)
    try Data("x".utf8).write(to: folder.appending(path: "out/a/m2.onnx"))
    let log = try FileHandle(forWritingTo: folder.appending(path: "out/kconvert-batch.jsonl"))
    try log.seekToEnd()
    try log.write(contentsOf: Data(#"{"file":"in/a/m2.keras","sta"#.utf8))
    try log.close()
    #expect(try statuses() == ["kept": 5, "converted": 2, "failed": 3])
    #expect(try statuses(["--opset", "17"]) == ["converted": 7, "failed": 3])
    #expect(try statuses(["--opset", "17"]) == ["kept": 7, "failed": 3])
  }

  @Test func `a batch that is killed goes on where it was`() throws {
    let folder = try BatchTests.models()
    defer { try? FileManager.default.removeItem(at: folder) }
    let process = Process()
    process.executableURL = CommandTests.executable
    process.currentDirectoryURL = folder
    process.arguments = ["batch", "in", "--to", "onnx", "--out", "out", "--jobs", "1"]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    _ = output.fileHandleForReading.availableData  // The first line.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    let before = try BatchTests.outputs(folder)
    #expect(before.count < BatchTests.all.count)
    let outcome = try BatchTests.batch(in: folder)
    let lines = try BatchTests.lines(outcome.output)
    #expect(lines.count == 10)
    #expect(lines.values.filter { $0.status != "failed" }.count == 7)
    #expect(try BatchTests.outputs(folder) == BatchTests.all)
    #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "out/.kconvert-batch").path))
  }

  @Test func `a model that takes too much memory ends its own process`() throws {
    let folder = try BatchTests.models()
    defer { try? FileManager.default.removeItem(at: folder) }
    let outcome = try BatchTests.batch(in: folder, "--memory-limit", "1")
    #expect(outcome.code == 1)
    #expect(try BatchTests.lines(outcome.output).count == 10)
    #expect(try BatchTests.outputs(folder).isEmpty)
  }

  @Test(.timeLimit(.minutes(2))) func `a model that takes too long ends its own process`() throws {
    let folder = try CommandTests.scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    for name in ["endless", "good"] {
      try BatchTests.copy("hostile/\(name).keras", to: folder.appending(path: "in/\(name).keras"))
    }
    let outcome = try BatchTests.batch(in: folder, "--verify", "--time-limit", "4")
    let lines = try BatchTests.lines(outcome.output)
    #expect(outcome.code == 1)
    #expect(lines["in/endless.keras"]?.reason == "in/endless.keras: not done after 4 s")
    #expect(lines["in/good.keras"]?.status == "converted")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: "out").path)
    #expect(names.sorted() == ["good.onnx", "kconvert-batch.jsonl"])
  }

  @Test func `nothing takes the place of a model that is read`() throws {
    let folder = try BatchTests.models()
    defer { try? FileManager.default.removeItem(at: folder) }
    let outcome = try CommandTests.run(["batch", "in", "--to", "keras", "--out", "in"], in: folder)
    #expect(outcome.code == 73)
    #expect(outcome.output.isEmpty)
  }

  @Test(arguments: [
    ["in", "--to", "onnx"], ["in", "--out", "out"], ["in", "--to", "onnx", "--out", "o", "--jobs", "0"],
  ])
  func `wrong usage`(_ arguments: [String]) throws {
    #expect(try CommandTests.run(["batch"] + arguments).code == 64)
  }
}
