import Foundation
import ModelFiles
import ModelIR
import NativeRuntime
import Testing

@testable import ONNXImport

/// Files made field by field: what is read, what is refused by name, what is damaged.
struct ONNXFileTests {
  private func held(_ bytes: [UInt8]) throws -> HeldBytes {
    let storage = try MemoryStorage(filled: bytes.count) { $0.copyBytes(from: bytes) }
    return try storage.withBytes { HeldBytes($0, owner: storage) }
  }

  private func read(_ bytes: [UInt8]) throws -> Graph {
    try ONNXFile(held(bytes)) { name throws(ONNXImportError) in
      throw .cannotOpen(file: name, message: "there is none")
    }.makeGraph()
  }

  private func message(_ bytes: [UInt8]) -> String {
    do {
      _ = try read(bytes)
      return ""
    } catch { return "\(error)" }
  }

  @Test func `a node is an operation, and runs`() throws {
    let bytes = SmallModel("Neg").bytes
    #expect(ONNXFile.recognises(try held(bytes)))
    let outputs = try Session(read(bytes)).run(["x": Tensor([1 as Float, 2, 3, 4], sizes: [2, 2])])
    #expect(try outputs["y"].map { try [Float]($0) } == [-1, -2, -3, -4])
  }

  @Test func `every cut of a file is an error, not a crash`() throws {
    let bytes = SmallModel("LeakyRelu") { $0.message(5, Self.alpha) }.bytes
    _ = try read(bytes)
    for count in 0..<bytes.count { #expect(!message(Array(bytes[..<count])).isEmpty) }
  }

  private static func alpha(_ attribute: inout MessageWriter) {
    attribute.text(1, "alpha")
    attribute.tag(2, 5)
    for byte in [0, 0, 0, 0x3F] as [UInt8] { attribute.varint(UInt64(byte)) }
    attribute.number(20, 1)
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    let bytes: [UInt8]
    let message: String
    var testDescription: String { message }

    init(_ model: SmallModel, _ message: String) { (bytes, self.message) = (model.bytes, message) }
    init(_ op: String, _ message: String, _ change: (inout SmallModel) -> Void) {
      var model = SmallModel(op)
      change(&model)
      self.init(model, message)
    }
  }

  private static let found = "expected what kconvert writes, found "

  static let refusals = [
    Refusal(SmallModel("Celu"), found + "the operator Celu"),
    Refusal(SmallModel("Neg") { $0.text(7, "com.microsoft") }, found + "the operator com.microsoft.Neg"),
    Refusal(
      SmallModel("Neg") {
        $0.message(5) {
          $0.text(1, "axis"); $0.number(3, 1); $0.number(20, 2)
        }
      },
      found + "node \"n\" (Neg): the attribute \"axis\""),
    Refusal("Neg", found + "opset 12 of ONNX") { $0.opsets = [("", 12)] },
    Refusal("Neg", found + "opset 26 of ONNX") { $0.opsets = [("", 26)] },
    Refusal("Neg", found + "opset 1 of custom") { $0.opsets.append(("custom", 1)) },
    Refusal("Neg", found + "version 3 of the format") { $0.version = 3 },
    Refusal("Neg", found + "field 25 of ModelProto") { $0.model = { $0.data(25, []) } },
    Refusal("Neg", found + "field 15 of GraphProto") { $0.graph = { $0.data(15, []) } },
    Refusal("Neg", "the model does not say which opset it is written in") { $0.opsets = [] },
    Refusal(SmallModel("Neg", inputs: ["z"]), "node \"n\" (Neg): there is no value \"z\""),
    Refusal(SmallModel("Neg", inputs: []), "node \"n\" (Neg): expected 1 operands, found 0"),
    Refusal(SmallModel("Add"), "node \"n\" (Add): expected 2 operands, found 1"),
    Refusal(SmallModel("IsNaN"), "output \"y\": expected float32[n, 2] as declared, found bool[n, 2]"),
    Refusal("Neg", "two versions of the operators \"\"") { $0.opsets.append(("", 18)) },
  ]

  @Test(arguments: refusals)
  func `what is not written is refused by name, what is damaged told`(_ item: Refusal) {
    #expect(message(item.bytes) == item.message)
  }

  @Test func `a text that is not UTF-8 is damaged`() {
    #expect(message(SmallModel("Neg") { $0.data(6, [0xFF]) }.bytes) == "a text is not UTF-8")
  }

  @Test func `loops in loops are followed so deep and no deeper`() {
    func nested(_ depth: Int) -> (inout MessageWriter) -> Void {
      { node in
        node.message(5) { attribute in
          attribute.text(1, "body")
          attribute.message(6) { graph in
            if depth > 0 {
              graph.message(1) { SmallModel.write("Scan", inputs: ["x"], to: &$0, nested(depth - 1)) }
            }
          }
          attribute.number(20, 5)
        }
      }
    }
    #expect(message(SmallModel("Scan", nested(100)).bytes).contains("loops in loops"))
  }

  @Test(arguments: [Int.max, Int.min, 0, 1 << 33]) func `a cell of impossibly many units is refused`(
    units: Int
  ) {
    var model = SmallModel("LSTM", inputs: ["w", "w", "w"]) { node in
      node.message(5) { attribute in
        attribute.text(1, "hidden_size")
        attribute.number(3, units)
        attribute.number(20, 2)
      }
    }
    let node = model.graph
    model.graph = { graph in
      node(&graph)
      graph.message(5) { tensor in
        for _ in 0..<3 { tensor.number(1, 1) }
        tensor.number(2, 1)
        tensor.text(8, "w")
        tensor.data(9, [0, 0, 0, 0])
      }
    }
    #expect(message(model.bytes).contains("expected a positive number of units, found \(units)"))
  }

  // MARK: Initializers

  private func initializer(_ build: @escaping (inout MessageWriter) -> Void) -> [UInt8] {
    var model = SmallModel("Add", inputs: ["x", "w"])
    let node = model.graph
    model.graph = { graph in
      node(&graph)
      graph.message(5) { tensor in
        tensor.text(8, "w")
        tensor.number(2, 1)
        build(&tensor)
      }
    }
    return model.bytes
  }

  @Test func `sizes that the data does not fill are damaged`() {
    let bytes = initializer {
      $0.number(1, 2); $0.data(9, Array(repeating: 0, count: 4))
    }
    #expect(message(bytes) == "initializer \"w\": expected 8 bytes for float32 of sizes [2], found 4")
    let huge = initializer { tensor in
      for _ in 0..<4 { tensor.number(1, 1 << 40) }
      tensor.data(9, [])
    }
    #expect(message(huge).contains("beyond the limit"))
  }

  @Test(arguments: ["../weights", "/etc/passwd", "a/b", "..", "", "a\\b"])
  func `a side file is a name in the model's folder`(_ location: String) {
    let bytes = initializer { tensor in
      tensor.number(1, 2)
      for (key, value) in [("location", location), ("offset", "0"), ("length", "8")] {
        tensor.message(13) {
          $0.text(1, key); $0.text(2, value)
        }
      }
      tensor.number(14, 1)
    }
    #expect(message(bytes).contains("which is no file beside the model"))
  }

  @Test func `a side file that is a link is refused, and its bytes must be there`() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "kconvert-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let bytes = initializer { tensor in
      tensor.number(1, 2)
      for (key, value) in [("location", "w.data"), ("offset", "0"), ("length", "8")] {
        tensor.message(13) {
          $0.text(1, key); $0.text(2, value)
        }
      }
      tensor.number(14, 1)
    }
    let model = folder.appending(path: "m.onnx")
    let side = folder.appending(path: "w.data")
    try Data(bytes).write(to: model)
    try Data(count: 4).write(to: side)
    #expect(throws: ONNXImportError.self) { try ONNXFile(contentsOfFile: model.path) }
    try Data(count: 8).write(to: folder.appending(path: "elsewhere"))
    try FileManager.default.removeItem(at: side)
    try FileManager.default.createSymbolicLink(atPath: side.path, withDestinationPath: "elsewhere")
    #expect(throws: ONNXImportError.self) { try ONNXFile(contentsOfFile: model.path) }
    try FileManager.default.removeItem(at: side)
    try Data(count: 8).write(to: side)
    _ = try ONNXFile(contentsOfFile: model.path)
  }
}
