import Foundation
import Testing

/// `--to native` and `compare` as scripts see them.
@Suite struct NativeCommandTests {
  typealias Command = CommandTests

  static func fixture(_ name: String) -> String {
    CommandTests.repository.appending(path: "fixtures/\(name)").path
  }

  /// A native file of a case in a folder of its own.
  func native(_ name: String) throws -> String {
    let path = try Command.scratch().appending(path: "model.safetensors").path
    let outcome = try Command.run(Command.fixture("\(name)/model.keras"), "--to", "native", "-o", path)
    #expect(outcome.code == 0, "\(outcome.error)")
    return path
  }

  @Test func `every verb takes a native file like its original`() throws {
    let original = Command.fixture("graph/residual/model.keras")
    let path = try native("graph/residual")
    for arguments in [["--summary"], ["--summary", "--expand-nested"]] {
      let (first, second) = (try Command.run([original] + arguments), try Command.run([path] + arguments))
      #expect(first.code == 0)
      #expect(first.output == second.output)
    }
    #expect(try Command.run("check", path).output == Command.run("check", original).output)
    let outputs = URL(filePath: path).deletingLastPathComponent()
    for (model, name) in [(original, "a"), (path, "b")] {
      let inputs = Command.fixture("graph/residual/inputs.npz")
      let npz = outputs.appending(path: "\(name).npz").path
      #expect(try Command.run("run", model, "--inputs", inputs, "--outputs", npz).code == 0)
      #expect(
        try Command.run(model, "--to", "onnx", "-o", outputs.appending(path: "\(name).onnx").path).code == 0)
    }
    for suffix in ["npz", "onnx"] {
      let contents = try ["a", "b"].map { try Data(contentsOf: outputs.appending(path: "\($0).\(suffix)")) }
      #expect(contents[0] == contents[1], "\(suffix)")
    }
  }

  @Test func `the output stands beside the model, but not over it`() throws {
    let path = try native("layers/dense")
    let outcome = try Command.run(path, "--to", "native")
    #expect(outcome.code == 73)
    #expect(
      outcome.error
        == "kconvert: error: \(path): the output would replace a file that is being read\n  name another with -o\n"
    )
    let beside = URL(filePath: path).deletingLastPathComponent()
    try FileManager.default.copyItem(
      atPath: Command.fixture("layers/dense/model.keras"), toPath: beside.appending(path: "other.keras").path)
    #expect(try Command.run(beside.appending(path: "other.keras").path, "--to", "native").code == 0)
    #expect(FileManager.default.fileExists(atPath: beside.appending(path: "other.safetensors").path))
  }

  @Test func `weights given beside a model are the ones written`() throws {
    let path = try Command.scratch().appending(path: "out.safetensors").path
    let (model, weights) = (
      Self.fixture("native/dense.json"), Self.fixture("native/plain_weights.safetensors")
    )
    #expect(try Command.run(model, "--weights", weights, "--to", "native", "-o", path).code == 0)
    let outcome = try Command.run(
      "compare", path, Self.fixture("native/dense.safetensors"), "--tolerance", "0")
    #expect(outcome.code == 0, "\(outcome.error)")
  }

  @Test func `damage that only the checksum shows leaves no file`() throws {
    let folder = try Command.scratch()
    let damaged = folder.appending(path: "damaged.keras")
    var bytes = [UInt8](try Data(contentsOf: URL(filePath: Command.fixture("seed/mlp/model.keras"))))
    let weights = try #require(
      bytes.indices.dropLast(4).last { bytes[$0...].starts(with: [0x50, 0x4B, 1, 2]) })
    // A bit of the weights, which are the largest member.
    bytes[weights / 2] ^= 1
    try Data(bytes).write(to: damaged)
    let outcome = try Command.run(damaged.path, "--to", "native")
    #expect(outcome.code == 2)
    #expect(outcome.error.contains("has a wrong checksum"), "\(outcome.error)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["damaged.keras"])
  }

  @Test(arguments: [
    ("native/refused_newer.safetensors", 3, "native format 2; this kconvert reads 1"),
    ("native/plain_weights.safetensors", 2, "give the architecture as MODEL and this file with --weights"),
    ("native/refused_hole_first.safetensors", 2, "tensor \"a\" leaves a hole before it"),
  ])
  func `a native file that is none is refused`(file: String, code: Int32, message: String) throws {
    let outcome = try Command.run(Self.fixture(file), "--summary")
    #expect(outcome.code == code)
    #expect(outcome.error.hasPrefix("kconvert: error: \(Self.fixture(file)): "))
    #expect(outcome.error.hasSuffix("\(message)\n"), "\(outcome.error)")
  }

  // MARK: compare

  @Test(arguments: ["layers/embedding_float_ids", "graph/none_dims", "graph/dict_inputs", "rnn/bidir_mask"])
  func `a model and its native file agree to the bit`(name: String) throws {
    let path = try native(name)
    let outcome = try Command.run("compare", Command.fixture("\(name)/model.keras"), path, "--tolerance", "0")
    #expect(outcome.code == 0, "\(outcome.error)")
    #expect(outcome.output.hasPrefix("output"))
  }

  @Test func `models that differ are exit code 4`() throws {
    let changed = try Command.scratch().appending(path: "changed.safetensors")
    var bytes = [UInt8](try Data(contentsOf: URL(filePath: Self.fixture("native/dense.safetensors"))))
    // The last float is the kernel's 5; 0x40A00000 becomes 0x40B00000, which is 5.5.
    bytes[bytes.count - 2] = 0xB0
    try Data(bytes).write(to: changed)
    let original = Self.fixture("native/dense.safetensors")
    let outcome = try Command.run("compare", original, changed.path)
    #expect(outcome.code == 4)
    #expect(outcome.output.hasPrefix("output  shape   max absolute  max relative\ndense   (2, 2)"))
    #expect(
      outcome.error.hasPrefix(
        "kconvert: error: \(original) and \(changed.path) differ: output \"dense\": expected at most 1e-05, found "
      ))
    #expect(try Command.run("compare", original, changed.path, "--tolerance", "1").code == 0)
    let json = try Command.run("compare", original, changed.path, "--json")
    #expect(json.code == 4)
    #expect(
      json.output.contains("\"within_tolerance\":false,\"outputs\":[{\"name\":\"dense\",\"shape\":[2,2],"))
  }

  @Test func `models whose inputs do not correspond are exit code 4`() throws {
    let (first, second) = (
      Command.fixture("layers/dense/model.keras"), Command.fixture("seed/cnn/model.keras")
    )
    let outcome = try Command.run("compare", first, second)
    #expect(outcome.code == 4)
    #expect(
      outcome.error.contains(
        "does not correspond: expected float32[batch, 6] as in \(first), found float32[batch, 28, 28, 1]"))
  }
}
