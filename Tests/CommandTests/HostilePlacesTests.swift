import Foundation
import Testing

/// Inputs that are no files, disks that are full, and commands that are stopped while they write.
@Suite struct HostilePlacesTests {
  private static let model = CommandTests.fixture("layers/dense/model.keras")
  private static let arrays = CommandTests.fixture("layers/dense/inputs.npz")

  @Test(.timeLimit(.minutes(1)), arguments: ["fifo", "/dev/zero", "/dev/null"])
  func `a FIFO or a device as input is an error and not a wait`(place: String) throws {
    let folder = try CommandTests.scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(mkfifo(folder.appending(path: "fifo").path, 0o600) == 0)
    let model = Self.model
    let verbs = [
      [place], ["check", place], [place, "--to", "onnx", "-o", "o.onnx"], [model, "--weights", place],
      ["run", place, "--inputs", Self.arrays, "--outputs", "o.npz"],
      ["run", model, "--inputs", place, "--outputs", "o.npz"],
      ["compare", model, place], ["diff", model, place],
    ]
    for verb in verbs {
      let outcome = try CommandTests.run(verb, in: folder)
      #expect(outcome.code == 66, "\(verb)")
      #expect(outcome.error == "kconvert: error: \(place): it is not a regular file\n", "\(verb)")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["fifo"])
  }

  /// The whole disk: nobody walks through it to know how large it is.
  @Test(.timeLimit(.minutes(1))) func `a folder that is no model is told at once`() throws {
    let folder = try CommandTests.scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let begin = ContinuousClock.now
    for verb in [["/"], ["check", "/"], ["diff", Self.model, "/"], ["/", "--to", "onnx", "-o", "o.onnx"]] {
      let outcome = try CommandTests.run(verb, in: folder)
      #expect(outcome.code == 2, "\(verb)")
      #expect(outcome.error.hasPrefix("kconvert: error: /: "), "\(verb)")
    }
    #expect(
      try CommandTests.run(["run", Self.model, "--inputs", "/", "--outputs", "o.npz"], in: folder).code == 66)
    #expect(begin.duration(to: .now) < .seconds(20))
  }

  #if os(Linux)
    @Test func `a full standard output is an error`() throws {
      let verbs = [
        [Self.model], ["check", Self.model], ["compare", Self.model, Self.model],
        ["diff", Self.model, Self.model], [Self.model, "--to", "dot", "-o", "-"], ["layers"],
      ]
      for verb in verbs {
        let outcome = try Self.shell("exec \"$0\" \"$@\" > /dev/full", verb)
        #expect(outcome.code == 74, "\(verb)")
        #expect(outcome.error == "kconvert: error: standard output: No space left on device\n", "\(verb)")
      }
    }

    /// Needs a disk of one's own, which some systems give to nobody.
    @Test(arguments: ["onnx", "native", "keras", "svg"])
    func `a full disk is an error and keeps nothing`(format: String) throws {
      let folder = try CommandTests.scratch()
      defer { try? FileManager.default.removeItem(at: folder) }
      let script = """
        mount -t tmpfs -o size=4k none "$0" 2> /dev/null || exit 99
        cd "$0"; head -c 4096 /dev/zero > filler
        "$@"; code=$?; ls -A; exit $code
        """
      let command = [CommandTests.executable.path, Self.model, "--to", format, "-o", "model.out"]
      let outcome = try Self.launch("/usr/bin/unshare", ["-rm", "sh", "-c", script, folder.path] + command)
      guard let outcome, outcome.code != 99, outcome.code != 1 else { return }
      #expect([73, 74].contains(outcome.code))
      #expect(outcome.error == "kconvert: error: model.out: No space left on device\n")
      #expect(outcome.output == "filler\n")
    }
  #endif

  /// libhdf5, which lays weights out, crashed at the end of the process when it could not write.
  @Test(arguments: ["onnx", "native", "keras"])
  func `a limit on the size of files is an error and keeps nothing`(format: String) throws {
    let folder = try CommandTests.scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let model = CommandTests.fixture("seed/cnn/model.keras")
    let path = folder.appending(path: "model.out").path
    let outcome = try Self.shell("ulimit -f 2; exec \"$0\" \"$@\"", [model, "--to", format, "-o", path])
    #expect([73, 74].contains(outcome.code))
    #expect(outcome.error == "kconvert: error: \(path): File too large\n")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  /// At every moment of a conversion: before the file is there, while it is written, after it has its name.
  @Test(arguments: ["INT", "TERM", "HUP"]) func `a command that is stopped leaves all or nothing`(
    signal: String
  ) throws {
    let folder = try CommandTests.scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let whole = folder.appending(path: "whole")
    for format in ["onnx", "native", "keras"] {
      _ = try CommandTests.run(Self.model, "--to", format, "-o", whole.path, "--force")
      let expected = try Data(contentsOf: whole)
      try FileManager.default.removeItem(at: whole)
      for delay in stride(from: 0.0, to: 0.08, by: 0.005) {
        let script = "\"$0\" \"$@\" & sleep \(delay); kill -\(signal) $! 2> /dev/null; wait $!"
        // A shell without job control makes its background commands deaf to INT.
        _ = try Self.shell("set -m; \(script)", [Self.model, "--to", format, "-o", whole.path])
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names.isEmpty || names == ["whole"], "\(format) after \(delay) s")
        guard !names.isEmpty else { continue }
        #expect(try Data(contentsOf: whole) == expected, "\(format) after \(delay) s")
        try FileManager.default.removeItem(at: whole)
      }
    }
  }

  private static func shell(_ script: String, _ arguments: [String]) throws -> CommandTests.Outcome {
    let outcome = try launch("/bin/sh", ["-c", script, CommandTests.executable.path] + arguments)
    return try #require(outcome)
  }

  /// Nil when there is no such program.
  private static func launch(_ program: String, _ arguments: [String]) throws -> CommandTests.Outcome? {
    guard FileManager.default.isExecutableFile(atPath: program) else { return nil }
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    let (output, error) = (Pipe(), Pipe())
    (process.standardOutput, process.standardError) = (output, error)
    try process.run()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    let message = error.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return CommandTests.Outcome(
      code: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
      error: String(decoding: message, as: UTF8.self))
  }
}
