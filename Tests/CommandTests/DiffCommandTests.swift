import Foundation
import Testing

/// `diff` on models of fixtures/generate/diff_models.py, with the norms that NumPy gave there.
@Suite struct DiffCommandTests {
  private static func fixture(_ name: String) -> String {
    CommandTests.repository.appending(path: "fixtures/diff/\(name).keras").path
  }

  private func diff(_ first: String, _ second: String, _ options: String...) throws -> CommandTests.Outcome {
    try CommandTests.run(["diff", Self.fixture(first), Self.fixture(second)] + options)
  }

  private func json(_ outcome: CommandTests.Outcome) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
  }

  @Test func `a model does not differ from itself`() throws {
    let outcome = try diff("base", "base", "--exit-code")
    #expect(outcome.code == 0)
    #expect(outcome.output.contains("nothing differs: 6 layers, 4 weights"))
  }

  @Test func `one weight of a fine-tuned model is told with its norms`() throws {
    let outcome = try diff("base", "tuned")
    #expect(outcome.code == 0)
    #expect(outcome.output.contains("Layers: 6 equal, 0 different"))
    #expect(
      outcome.output.contains(
        "~ head/kernel  float32[8, 4]  2.123                 0.5    0.2355           0.5\n"))
    let weights = try #require(try json(diff("base", "tuned", "--json"))["weights"] as? [[String: Any]])
    #expect(weights.map { $0["status"] as? String } == ["equal", "equal", "changed", "equal"])
    let kernel = weights[2]
    #expect(kernel["changed_elements"] as? Int == 1)
    #expect(abs((kernel["first_norm"] as? Double ?? 0) - 2.1229804) < 1e-6)
    #expect(abs((kernel["relative"] as? Double ?? 0) - 0.23551796) < 1e-6)
    #expect(try diff("base", "tuned", "--exit-code").code == 4)
  }

  /// Keras writes where the objects that layers share lay in memory; earlier releases wrote fewer keys, and types by name.
  @Test func `a model saved by another process or release is the same`() throws {
    let folder = try CommandTests.scratch()
    func saved(_ name: String, input: String = "", dtype: String) throws -> String {
      let path = folder.appending(path: "\(name).json").path
      let text = """
        {"class_name": "Sequential", "module": "keras", "config": {"name": "s", "layers": [
        {"class_name": "InputLayer", "module": "keras.layers", "config": {"batch_shape": [null, 4], "dtype": "float32", "name": "x"\(input)}},
        {"class_name": "Dense", "module": "keras.layers", "config": {"units": 4, "name": "y", "dtype": \(dtype)}}]}}
        """
      try Data(text.utf8).write(to: URL(filePath: path))
      return path
    }
    func policy(_ more: String) -> String {
      "{\"module\": \"keras\", \"class_name\": \"DTypePolicy\", \"config\": {\"name\": \"float32\"}, \"registered_name\": null\(more)}"
    }
    let model = try saved("model", dtype: policy(""))
    for other in [
      try saved("again", dtype: policy(", \"shared_object_id\": 139901342308304")),
      try saved("earlier", dtype: "\"float32\""),
      try saved("later", input: ", \"ragged\": false", dtype: policy("") + ", \"quantization_config\": null"),
    ] {
      let outcome = try CommandTests.run("diff", model, other, "--exit-code")
      #expect(outcome.code == 0, "\(outcome.output)\(outcome.error)")
    }
    #expect(try CommandTests.run("diff", model, saved("half", dtype: "\"float16\""), "--exit-code").code == 4)
  }

  @Test func `layers and keys that differ are told by their paths`() throws {
    let lines = try diff("base", "changed").output.split(separator: "\n").map(String.init)
    for line in [
      "Layers: 2 equal, 5 different", "  ~ enc (Sequential)", "    trainable: true -> false",
      "  ~ enc/drop (Dropout)",
      "    rate: 0.1 -> 0.2", "  ~ head (Dense)", "    units: 4 -> 5", "    inbound: [\"enc\"] -> [\"ln\"]",
      "  + ln (LayerNormalization)", "~ head/bias      float32[4] -> float32[5]",
      "+ ln/gamma       float32[8]",
    ] { #expect(lines.contains(line), "\(line)") }
  }

  @Test func `a model does not differ from what it was converted to`() throws {
    let folder = try CommandTests.scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let native = folder.appending(path: "base.safetensors").path
    #expect(try CommandTests.run(Self.fixture("base"), "--to", "native", "-o", native).code == 0)
    #expect(try CommandTests.run("diff", Self.fixture("base"), native, "--exit-code").code == 0)
  }

  @Test func `layers that are not supported are compared as they stand`() throws {
    let model = CommandTests.repository.appending(path: "fixtures/cases/quantized/awq_dense/model.keras").path
    let outcome = try CommandTests.run("diff", model, model, "--exit-code")
    #expect(outcome.code == 0, "\(outcome.error)")
    #expect(outcome.output.contains("nothing differs"))
  }
}
