import Foundation
import KerasImport
import ModelIR
import NativeFormat
import ONNXExport
import Testing

/// What `kconvert layers` says, held against the code and against the ONNX files that the cases really become.
///
/// `KCONVERT_RECORD=1 swift test --filter CoverageTests` records anew what is written; KCONVERT_CASES names a folder of
/// further cases to learn from (those of `make_cases.py`).
@Suite struct CoverageTests {
  private static let record = Case.repository.appending(path: "Sources/kconvert/WrittenOperators.swift")
  private static let page = Case.repository.appending(path: "Documentation/Layers.md")

  @Test func `every class of keras.layers is supported, or refused with its reason`() throws {
    let list = Case.repository.appending(path: "fixtures/keras3_layers.txt")
    let classes = try String(contentsOf: list, encoding: .utf8).split(separator: "\n").map(String.init)
      .filter { !$0.hasPrefix("#") }
    let known = Set(LayerRegistry.standard.layerNames).union(RefusedLayers.reasons.keys)
    #expect(classes.count > 130)
    #expect(classes.filter { !known.contains($0) } == [])
    #expect(RefusedLayers.reasons.keys.filter { LayerRegistry.standard.layerNames.contains($0) } == [])
  }

  @Test func `the operators of every case are in the record, and every layer is`() throws {
    var written = CoverageTests.recorded(try String(contentsOf: CoverageTests.record, encoding: .utf8))
    let isRecording = ProcessInfo.processInfo.environment["KCONVERT_RECORD"] != nil
    if isRecording { written = [:] }
    var missing: [String] = []
    for item in Case.all + CoverageTests.further where item.hasONNX {
      guard let model = try? item.openModel(), let found = try? CoverageTests.operators(of: model) else {
        continue
      }
      for (name, operators) in found {
        let new = operators.subtracting(written[name] ?? [])
        if !new.isEmpty { missing.append("\(name): \(new.sorted().joined(separator: ", "))") }
        written[name, default: []].formUnion(operators)
      }
    }
    if isRecording {
      try CoverageTests.text(of: written).write(to: CoverageTests.record, atomically: true, encoding: .utf8)
      try CoverageTests.markdown(of: written).write(to: CoverageTests.page, atomically: true, encoding: .utf8)
      return
    }
    let bare = LayerRegistry.standard.layerNames.filter { written[$0] == nil }
    #expect(bare.filter { !CoverageTests.withoutCase.contains($0) } == [])
    // While passes are being worked on, operators change from day to day: `make test` asks for them exactly.
    guard ProcessInfo.processInfo.environment["KCONVERT_STRICT"] != nil else { return }
    #expect(
      missing == [], "KCONVERT_RECORD=1 swift test --filter CoverageTests records what is written today")
    let page = try String(contentsOf: CoverageTests.page, encoding: .utf8)
    #expect(page == CoverageTests.markdown(of: written), "the page is stale")
  }

  /// Layers that no case has.
  private static let withoutCase: Set<String> = [
    "BatchStatisticsNormalization", "DenseFeatures", "DeviceWrapper", "DropoutWrapper", "Equalization",
    "GroupedQueryAttention", "InferenceCrop", "MaxNumBoundingBoxes", "RandomHeight", "RandomWidth",
    "ResidualWrapper", "TextVectorization",
  ]

  /// Cases of a folder that the environment names.
  private static var further: [Case] {
    guard let path = ProcessInfo.processInfo.environment["KCONVERT_CASES"] else { return [] }
    return Case.found(in: URL(filePath: path))
  }

  /// ONNX's operators by class, those of layers inside a layer its own too.
  private static func operators(of model: KerasModel) throws -> [String: Set<String>] {
    var classes: [String: [String]] = [:]
    func note(_ layer: KerasLayer, _ around: [String]) {
      let names = around + [layer.className]
      classes[layer.path] = names
      for inner in layer.layers { note(inner, names) }
    }
    for layer in model.layers { note(layer, []) }
    var found: [String: Set<String>] = [:]
    for name in classes.values.joined() { found[name, default: []] = [] }
    for (path, operatorName) in try ONNXWriter(opset: 21).operators(of: model) {
      for name in classes[path] ?? [] { found[name, default: []].insert(operatorName) }
    }
    return found
  }

  // MARK: The record

  private static func recorded(_ text: String) -> [String: Set<String>] {
    var result: [String: Set<String>] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
      guard parts.count == 5, line.hasPrefix("    \"") else { continue }
      result[String(parts[1])] = Set(parts[3].split(separator: " ").map(String.init))
    }
    return result
  }

  private static func text(of written: [String: Set<String>]) -> String {
    let lines = written.sorted { $0.key < $1.key }.map { name, operators in
      "    \"\(name)\": \"\(operators.sorted().joined(separator: " "))\","
    }
    return """
      // Made by `KCONVERT_RECORD=1 swift test --filter CoverageTests`: the ONNX operators that the cases' layers and
      // operations were written with.

      /// The operators by the names of layers and operations, separated by spaces; empty for what needs none.
      enum WrittenOperators {
        static let byName: [String: String] = [
      \(lines.joined(separator: "\n"))
        ]
      }

      """
  }

  // MARK: The page

  private static func markdown(of written: [String: Set<String>]) -> String {
    func row(_ name: String) -> String {
      let operators = written[name].map { $0.isEmpty ? "none" : $0.sorted().joined(separator: ", ") }
      return "| \(name) | \(operators ?? "not among the cases") |"
    }
    func table(_ title: String, _ names: [String]) -> String {
      "## \(title) (\(names.count))\n\n| name | operators |\n| --- | --- |\n"
        + names.map(row).joined(separator: "\n")
    }
    func reasons(_ title: String, _ name: String, _ entries: [String: String]) -> String {
      "## \(title)\n\n| \(name) | why |\n| --- | --- |\n"
        + entries.sorted { $0.key < $1.key }.map { "| \($0) | \($1) |" }.joined(separator: "\n")
    }
    let registry = LayerRegistry.standard
    return """
      # Layers and operations

      What `kconvert layers` prints: everything that is read, by today's names, and the ONNX operators (opset 21) that the
      cases of the tests were written with; types and sizes decide which of them a model needs. Made by
      `KCONVERT_RECORD=1 swift test --filter CoverageTests`.

      \(table("Layers", registry.layerNames))

      \(table("Operations", registry.operationNames))

      \(reasons("Refused layers", "class", RefusedLayers.reasons))

      \(reasons("Refused operations", "class", registry.refusedOperations))

      \(reasons("Functions that put no operation into a model", "function", FunctionsOutsideModels.reasons))

      """
  }
}
