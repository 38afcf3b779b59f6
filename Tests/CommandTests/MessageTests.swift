import Foundation
import Testing

/// What the command says when it refuses: the whole text on standard error, and the exit code.
@Suite struct MessageTests {
  /// A call in a folder of its own, and what it must say.
  struct Row: Sendable, CustomTestStringConvertible {
    let arguments: [String]
    /// Files made before: name and content; a content that begins with `@` is a fixture to copy.
    var files: [(name: String, content: String)] = []
    let code: Int32
    /// Standard error after `kconvert: error: `, the folder left out.
    let message: String
    var testDescription: String { arguments.joined(separator: " ") }
  }

  private static let dense = (name: "m.keras", content: "@cases/layers/dense/model.keras")
  private static let inputs = (name: "x.npz", content: "@cases/layers/dense/inputs.npz")

  private static let foreign: [Row] = [
    Row(
      arguments: ["m.h5"],
      files: [("m.h5", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n")],
      code: 2,
      message: """
        m.h5: not a Keras model: it is a git-lfs pointer, not the file itself
          fetch the file with git lfs pull
        """),
    Row(
      arguments: ["run", "m.h5", "--inputs", "x.npz", "--outputs", "y.npz"],
      files: [("m.h5", "<!DOCTYPE html>\n<html><title>Sign in</title></html>\n"), inputs], code: 2,
      message: """
        m.h5: not a Keras model: it is an HTML page, probably a failed download
          download the file itself
        """),
    Row(
      arguments: ["check", "m.json"],
      files: [("m.json", #"{"format": "layers-model", "modelTopology": {}}"#)], code: 2,
      message: """
        m.json: not a Keras model: it is a TensorFlow.js model
          give the Keras file it was made from, or convert it back with tensorflowjs_converter
        """),
    Row(
      arguments: ["m.json", "--to", "onnx"],
      files: [
        (
          "m.json",
          #""{\"class_name\": \"Sequential\", \"config\": {\"name\": \"s\", \"layers\": [{\"class_name\": \"InputLayer\", \"config\": {\"name\": \"x\", \"batch_shape\": [null, 3]}}, {\"class_name\": \"Dense\", \"config\": {\"name\": \"d\", \"trainable\": true, \"units\": 2}}]}}""#
        )
      ],
      code: 2,
      message: """
        m.json: the file holds an architecture but no weights
          give the weights with --weights FILE
        """),
  ]

  private static let custom = """
    {"class_name": "Sequential", "config": {"name": "s", "layers": [
      {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [null, 3]}},
      {"class_name": "Gate", "registered_name": "my>Gate", "config": {"name": "a", "trainable": true}},
      {"class_name": "Gate", "registered_name": "my>Gate", "config": {"name": "b", "trainable": true}},
      {"class_name": "Gate", "registered_name": "my>Gate", "config": {"name": "c", "trainable": true}},
      {"class_name": "Gate", "registered_name": "my>Gate", "config": {"name": "d", "trainable": true}},
      {"class_name": "Swish2", "registered_name": "my>Swish2", "config": {"name": "e", "trainable": true}}]}}
    """

  private static let refusals: [Row] = [
    Row(
      arguments: ["m.json", "--to", "onnx"], files: [("m.json", custom)], code: 3,
      message: """
        m.json: not supported: Gate (4 layers: a, b, c …), Swish2 (1 layer: e)
          without weights: say what it computes with --custom CLASS=EXPR; in the library, register the class with LayerRegistry.register (article "Custom layers")
        """),
    Row(
      arguments: ["no.keras"], code: 66,
      message: "no.keras: No such file or directory"),
    Row(
      arguments: ["m.keras", "--input-shape", "?,7"], files: [dense], code: 2,
      message: """
        m.keras: layer "dense" (Dense): weight "kernel": expected shape [7, 4], found [6, 4]; the input [batch, 7] comes \
        from "x"
        """),
    Row(
      arguments: ["compare", "m.keras", "o.keras"],
      files: [dense, ("o.keras", "@cases/layers/conv2d_groups/model.keras")], code: 4,
      message:
        "input \"x\" does not correspond: expected float32[batch, 6] as in m.keras, found float32[batch, 9, 8, 4] "
        + "in o.keras"),
  ]

  private static let outputs: [Row] = [
    Row(
      arguments: ["m.keras", "--to", "keras", "-o", "./m.keras"], files: [dense], code: 73,
      message: """
        ./m.keras: the output would replace a file that is being read
          name another
        """),
    Row(
      arguments: ["m.keras", "--to", "keras", "--force"], files: [dense], code: 73,
      message: """
        m.keras: the output would replace a file that is being read
          name another with -o
        """),
    Row(
      arguments: ["m.keras", "--to", "native"], files: [dense, ("m.safetensors", "mine")], code: 73,
      message: """
        m.safetensors: the file exists
          replace it with --force, or name another with -o
        """),
    Row(
      arguments: ["run", "m.keras", "--inputs", "x.npz", "--outputs", "x.npz"], files: [dense, inputs],
      code: 73,
      message: """
        x.npz: the output would replace a file that is being read
          name another
        """),
    Row(
      arguments: ["m.keras", "--to", "onnx", "-o", "no/such/folder.onnx"], files: [dense], code: 73,
      message: "no/such/folder.onnx: No such file or directory"),
  ]

  @Test(arguments: foreign + refusals + outputs)
  func `one line says what is wrong, a second how to go on`(_ row: Row) throws {
    let folder = try MessageTests.folder(row.files)
    defer { try? FileManager.default.removeItem(at: folder) }
    let outcome = try CommandTests.run(row.arguments, in: folder)
    #expect(outcome.code == row.code)
    #expect(outcome.error == "kconvert: error: \(row.message)\n")
    #expect(outcome.output.isEmpty)
    // Nothing appears, and what was there is unharmed.
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        == row.files.map(\.name).sorted())
  }

  @Test func `links do not make an input another file`() throws {
    let folder = try MessageTests.folder([MessageTests.dense])
    defer { try? FileManager.default.removeItem(at: folder) }
    let model = folder.appending(path: "m.keras")
    let before = try Data(contentsOf: model)
    try FileManager.default.createSymbolicLink(
      atPath: folder.appending(path: "soft.keras").path, withDestinationPath: "m.keras")
    try FileManager.default.linkItem(at: model, to: folder.appending(path: "hard.keras"))
    for link in ["soft.keras", "hard.keras", "../\(folder.lastPathComponent)/m.keras"] {
      let outcome = try CommandTests.run(["m.keras", "--to", "keras", "-o", link], in: folder)
      #expect(outcome.code == 73, "\(link)")
      #expect(try Data(contentsOf: model) == before, "\(link)")
    }
  }

  @Test func `a named output and --force replace a model`() throws {
    let folder = try MessageTests.folder([
      MessageTests.dense, ("m.safetensors", "old"), ("n.safetensors", "old"),
    ])
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(try CommandTests.run(["m.keras", "--to", "native", "--force"], in: folder).code == 0)
    #expect(try CommandTests.run(["m.keras", "--to", "native", "-o", "n.safetensors"], in: folder).code == 0)
    for name in ["m.safetensors", "n.safetensors"] {
      #expect(try Data(contentsOf: folder.appending(path: name)).count > 100, "\(name)")
    }
  }

  @Test func `standard output is for text`() throws {
    let folder = try MessageTests.folder([MessageTests.dense])
    defer { try? FileManager.default.removeItem(at: folder) }
    let outcome = try CommandTests.run(["m.keras", "--to", "onnx", "-o", "-"], in: folder)
    #expect(outcome.code == 64)
    #expect(
      outcome.error.hasPrefix(
        "kconvert: error: -o -: standard output is for text; name a file for --to onnx\n"))
  }

  @Test func `a summary shows what is not supported, and says so beside the table`() throws {
    let folder = try MessageTests.folder([("m.json", MessageTests.custom)])
    defer { try? FileManager.default.removeItem(at: folder) }
    let outcome = try CommandTests.run(["m.json", "--summary"], in: folder)
    #expect(outcome.code == 0)
    #expect(outcome.output.contains("│ e (Swish2)   │ ?            │       ? │\n"))
    #expect(
      outcome.error.hasPrefix(
        "kconvert: warning: m.json: not supported: Gate (4 layers: a, b, c …), Swish2 (1 layer"))
  }

  /// A folder with these files.
  private static func folder(_ files: [(name: String, content: String)]) throws -> URL {
    let folder = try CommandTests.scratch()
    for (name, content) in files {
      let file = folder.appending(path: name)
      if content.hasPrefix("@") {
        let fixture = CommandTests.repository.appending(path: "fixtures/\(content.dropFirst())")
        try FileManager.default.copyItem(at: fixture, to: file)
      } else {
        try content.write(to: file, atomically: true, encoding: .utf8)
      }
    }
    return folder
  }
}
