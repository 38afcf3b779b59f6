import ArgumentParser
import KerasImport
import NativeFormat

/// `kconvert layers`: what is supported, with the ONNX operators that it was written with (``WrittenOperators``).
struct Layers: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "layers",
    abstract: "List the supported layers, operations and activations.",
    discussion: "kconvert layers --json")

  @Flag(help: "Print JSON.") var json = false

  func run() throws { try Failure.reporting { try list() } }

  private func list() throws {
    let registry = LayerRegistry.standard
    let sections = [
      ("layers", registry.layerNames), ("operations", registry.operationNames),
      ("activations", registry.activationNames),
    ]
    if json {
      var members = sections.map { title, names in (title, JSONValue.array(names.map(Layers.entry))) }
      members.append(("refused", Layers.reasons(RefusedLayers.reasons)))
      members.append(("refused_operations", Layers.reasons(registry.refusedOperations)))
      try StandardOutput.json(JSONValue.object(JSONObject(members)).text(.compact) + "\n")
      return
    }
    try StandardOutput.line(
      "Read from files of Keras 1.0 to 3.15 and tf.keras; names of earlier releases are rewritten to these.")
    for (title, names) in sections {
      try StandardOutput.line("")
      try StandardOutput.line("\(title.capitalized) (\(names.count)) and their ONNX operators")
      try Layers.printRows(names.map { ($0, Layers.operators(of: $0)) })
    }
    for (title, reasons) in [
      ("Refused", RefusedLayers.reasons), ("Refused operations", registry.refusedOperations),
    ] {
      try StandardOutput.line("")
      try StandardOutput.line(title)
      try Layers.printRows(reasons.sorted { $0.key < $1.key }.map { ($0, $1) })
    }
  }

  private static func reasons(_ entries: [String: String]) -> JSONValue {
    .array(
      entries.sorted { $0.key < $1.key }.map { name, reason in
        .object(JSONObject([("name", .string(name)), ("reason", .string(reason))]))
      })
  }

  private static func printRows(_ rows: [(name: String, text: String)]) throws {
    let width = rows.map(\.name.count).max() ?? 0  // No rows, no width.
    for row in rows {
      try StandardOutput.line(
        "  \(row.name)\(String(repeating: " ", count: width - row.name.count))  \(row.text)")
    }
  }

  /// What the cases of the tests were written with; types and sizes decide which of them a model needs.
  private static func operators(of name: String) -> String {
    guard let found = WrittenOperators.byName[name] else { return "-" }
    return found.isEmpty ? "none needed" : found.split(separator: " ").joined(separator: ", ")
  }

  private static func entry(_ name: String) -> JSONValue {
    let found = WrittenOperators.byName[name].map { text in
      JSONValue.array(text.split(separator: " ").map { .string(String($0)) })
    }
    return .object(JSONObject([("name", .string(name)), ("onnx", found ?? .null)]))
  }
}
