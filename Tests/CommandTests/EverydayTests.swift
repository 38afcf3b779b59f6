import Foundation
import Testing

/// What people meet every day: versions, misspelt words, limits of options.
@Suite struct EverydayTests {
  private static let model = CommandTests.fixture("layers/dense/model.keras")

  @Test func `the version comes first, then the libraries`() throws {
    let lines = try CommandTests.run("--version").output.split(separator: "\n")
    #expect(try #require(lines.first).wholeMatch(of: /kconvert [0-9]+\.[0-9]+\.[0-9]+/) != nil)
    var libraries = ["zlib 1", "libdeflate 1", "libyaml 0", "protobuf-c 1", "libhdf5,"]
    #if OneDNN
      libraries.append("oneDNN,")
    #endif
    for library in libraries {
      #expect(lines.contains { $0.hasPrefix(library) }, "\(library)")
    }
  }

  @Test func `an opset that is not known is wrong usage`() throws {
    let folder = try CommandTests.scratch()
    let target = folder.appending(path: "out.onnx").path
    let outcome = try CommandTests.run(Self.model, "--to", "onnx", "--opset", "99", "-o", target)
    #expect(outcome.code == 64)
    #expect(outcome.error.contains("--opset: expected 25 or lower"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test(arguments: [
    ("chek", "check"), ("chekc", "check"), ("rnu", "run"), ("bencch", "bench"), ("comapre", "compare"),
    ("layer", "layers"),
  ])
  func `a misspelt verb is told`(_ word: String, _ verb: String) throws {
    let outcome = try CommandTests.run(word, Self.model)
    #expect(outcome.code == 64)
    #expect(outcome.error.contains("did you mean \"\(verb)\"?"))
  }

  @Test func `a misspelt option is told`() throws {
    let outcome = try CommandTests.run(Self.model, "--summry")
    #expect(outcome.code == 64)
    #expect(outcome.error.contains("--summary"))
  }

  @Test func `a misspelt verb alone is told`() throws {
    let outcome = try CommandTests.run("layrs")
    #expect(outcome.code == 66)
    #expect(outcome.error.contains("did you mean \"layers\"?"))
  }

  @Test func `a misspelt option that must be given is told`() throws {
    let outcome = try CommandTests.run("run", Self.model, "--input", "x.npz", "--outputs", "y.npz")
    #expect(outcome.code == 64)
    #expect(
      outcome.error == "kconvert: error: --input: there is no such option\n  did you mean \"--inputs\"?\n")
  }

  @Test func `an option that is missing blames no other one`() throws {
    let outcome = try CommandTests.run("run", Self.model, "--inputs", "x.npz")
    #expect(outcome.code == 64)
    #expect(
      outcome.error
        == "kconvert: error: Missing expected argument '--outputs <outputs>'\n  see kconvert run --help\n")
  }

  @Test(arguments: [
    (["summary"], "kconvert MODEL --summary"), (["onxx"], "kconvert MODEL --to onnx"),
    (["--to", "onxx"], "onnx"), (["--layout", "nchv"], "nchw"), (["--opste", "13"], "--opset"),
  ])
  func `wrong usage is one line with what was meant`(_ words: [String], _ meant: String) throws {
    let outcome = try CommandTests.run(words + [Self.model])
    #expect(outcome.code == 64)
    #expect(outcome.error.hasPrefix("kconvert: error: "), "\(outcome.error)")
    #expect(outcome.error.filter(\.isNewline).count <= 2, "\(outcome.error)")
    #expect(outcome.error.contains(meant), "\(outcome.error)")
    #expect(outcome.error.lowercased().contains("did you mean"), "\(outcome.error)")
  }

  @Test func `a meaning for a layer that is not there is told`() throws {
    let unused = try CommandTests.run(Self.model, "--lambda", "scale=x", "--custom", "Scale=x")
    #expect(unused.code == 0)
    #expect(unused.error.contains("warning: --lambda: the model has no Lambda layer \"scale\"\n"))
    #expect(unused.error.contains("warning: --custom: the model has no layer of the class \"Scale\"\n"))
    let custom = CommandTests.repository.appending(path: "fixtures/custom/keras3.15/model.keras").path
    let misspelt = try CommandTests.run("check", custom, "--custom", "Scal=x")
    #expect(misspelt.code == 64)
    #expect(
      misspelt.error
        == "kconvert: error: --custom: there is no unsupported class \"Scal\"\n  did you mean \"Scale\"?\n")
  }

  /// What is asked for and cannot be had is told, never left out.
  @Test(arguments: [
    ["--float16"], ["--layout", "nchw", "--to", "native"], ["--opset", "18", "--to", "keras"],
    ["--external-data", "--to", "html"], ["--verify", "--to", "svg"], ["--force"],
    ["--expand-nested", "--to", "onnx"], ["--cost", "--to", "svg"], ["--batch", "2", "--to", "native"],
    ["--input-shape", "?,6", "--to", "native"], ["--tolerance", "1", "--to", "onnx"],
    ["--asset", "words=words.txt", "--to", "onnx"],
  ])
  func `an option without effect is wrong usage`(_ words: [String]) throws {
    let folder = try CommandTests.scratch()
    let target = words.contains("--to") ? ["-o", folder.appending(path: "out").path] : []
    let outcome = try CommandTests.run([Self.model] + words + target)
    #expect(outcome.code == 64)
    #expect(outcome.error.hasPrefix("kconvert: error: \(words[0]): "), "\(outcome.error)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test(arguments: [
    ["batch", "--to", "native", "--float16", "--out", "never"],
    ["batch", "--to", "native", "--batch", "2", "--out", "never"],
    ["diff", model, "--batch", "2"], ["check", "--threads", "0"], ["compare", model, "--threads", "0"],
    ["bench", "--json", "--profile"],
  ])
  func `a verb refuses options without effect`(_ words: [String]) throws {
    let outcome = try CommandTests.run([words[0], Self.model] + words.dropFirst())
    #expect(outcome.code == 64, "\(outcome.error)")
    #expect(words.contains { $0.hasPrefix("--") && outcome.error.contains($0) }, "\(outcome.error)")
  }

  /// A number below zero is no option that stands in the place of a value.
  @Test(arguments: [
    ["convert", "--opset", "-7", "--to", "onnx"], ["convert", "--batch", "-3"], ["check", "--threads", "-1"],
    ["bench", "--runs", "-1"], ["batch", "--jobs", "-1", "--to", "onnx", "--out", "never"],
    ["compare", model, "--tolerance", "-1"],
  ])
  func `a number below zero is told`(_ words: [String]) throws {
    let outcome = try CommandTests.run([words[0], Self.model] + words.dropFirst())
    #expect(outcome.code == 64)
    #expect(outcome.error.contains("found -"), "\(outcome.error)")
  }

  @Test func `what JSON and pages always tell may be asked for`() throws {
    let told = try CommandTests.run(Self.model, "--to", "json", "--cost", "--expand-nested", "-o", "-")
    #expect(told.code == 0 && told.output.contains("\"cost\""), "\(told.error)")
  }

  @Test func `an opset that is too low names an operation`() throws {
    let outcome = try CommandTests.run(Self.model, "--to", "onnx", "--opset", "7", "-o", "never.onnx")
    #expect(outcome.code == 3)
    #expect(outcome.error.contains("(MatMul): expected opset 13 or higher, found 7"), "\(outcome.error)")
  }

  @Test(arguments: ["convert", "run", "check", "compare", "diff", "batch", "bench", "layers"])
  func `the help of a verb has an example`(_ verb: String) throws {
    let help = try CommandTests.run(verb, "--help").output
    #expect(help.contains("\nkconvert "), "\(help)")
  }

  @Test func `a misspelt input is told`() throws {
    let named = try CommandTests.run(Self.model, "--input-shape", "inpt_layer=?,6")
    #expect(named.code == 64)
    #expect(named.error.contains("there is no input \"inpt_layer\""))
  }

  /// A class that Keras has, and one of its author's, are not taken for a misspelt one.
  @Test(arguments: [
    ("Dens", "Dense"), ("Dense", nil), ("Lambda", nil), ("mine>Dens", nil), ("Wrapper", nil),
  ])
  func `a misspelt class is told`(_ className: String, _ meant: String?) throws {
    let folder = try CommandTests.scratch()
    let file = folder.appending(path: "model.json")
    let text = """
      {"class_name": "Sequential", "keras_version": "2.12.0", "backend": "tensorflow", "config": {"name": "s", "layers": [
      {"class_name": "InputLayer", "config": {"batch_input_shape": [null, 4], "dtype": "float32", "name": "x"}},
      {"class_name": "\(className)", "config": {"units": 4, "name": "y"}}]}}
      """
    try Data(text.utf8).write(to: file)
    let outcome = try CommandTests.run(file.path, "--to", "onnx", "-o", folder.appending(path: "o.onnx").path)
    #expect(outcome.code != 0)
    let said = outcome.error.contains("did you mean")
    #expect(said == (meant != nil), "\(outcome.error)")
    if let meant { #expect(outcome.error.contains("did you mean \"\(meant)\"?"), "\(outcome.error)") }
  }

  /// Open axes that have to be as long as others are tried as such, before the model is called bad.
  @Test func `check finds the lengths that a model takes`() throws {
    let path = CommandTests.repository.appending(
      path: "fixtures/cases/field/lengths_of_their_own/model.keras"
    ).path
    let outcome = try CommandTests.run("check", path)
    #expect(outcome.code == 0, "\(outcome.error)")
  }

  /// Also the formats that are not ONNX tell which file is damaged.
  @Test(arguments: ["onnx", "native", "keras"]) func `damaged weights are told with their file`(
    _ format: String
  ) throws {
    let folder = try CommandTests.scratch()
    let path = CommandTests.repository.appending(path: "fixtures/hostile/wrong-checksum.keras").path
    let outcome = try CommandTests.run(path, "--to", format, "-o", folder.appending(path: "out").path)
    #expect(outcome.code == 2)
    #expect(outcome.error.hasPrefix("kconvert: error: \(path): "))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  /// A compressed chunk whose bytes are not what deflate writes, which shows only when the weight is asked for.
  @Test(arguments: ["check", "onnx", "native", "keras"])
  func `a damaged chunk is told with its file`(_ verb: String) throws {
    let folder = try CommandTests.scratch()
    let path = CommandTests.repository.appending(path: "fixtures/commands/damaged_chunk.keras").path
    let arguments =
      verb == "check" ? ["check", path] : [path, "--to", verb, "-o", folder.appending(path: "out").path]
    let outcome = try CommandTests.run(arguments)
    #expect(outcome.code == 2)
    #expect(outcome.error.hasPrefix("kconvert: error: \(path): "))
    #expect(outcome.error.contains("a chunk of its data is damaged"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test(arguments: ["diff", "compare"]) func `a damaged chunk is told with the files that are compared`(
    _ verb: String
  ) throws {
    let path = CommandTests.repository.appending(path: "fixtures/commands/damaged_chunk.keras").path
    let outcome = try CommandTests.run(verb, path, path)
    #expect(outcome.code == 2)
    #expect(outcome.error.hasPrefix("kconvert: error: \(path) or \(path): "))
  }
}
