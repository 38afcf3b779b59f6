import Foundation
import KerasImport
import ModelIR
import NativeRuntime
import ONNXExport
import ONNXImport
import Testing

/// Every case written as ONNX, read back and run: Keras's numbers come out of the file.
@Suite struct ReadBackTests {
  /// How a file is written, and what that costs of the numbers.
  struct Form: Sendable, CustomTestStringConvertible {
    var opset = 18
    var float16 = false
    var externalData = false
    var testDescription: String {
      "opset \(opset)\(float16 ? ", float16" : "")\(externalData ? ", side file" : "")"
    }
    /// float16 has 11 bits, float32 24: results of some operations in a row.
    var factor: Double { float16 ? 300 : 1 }
  }

  static let forms = [Form(opset: 13), Form(), Form(opset: 23, externalData: true), Form(float16: true)]

  private func written(_ item: Case, _ form: Form, _ path: String) throws {
    var writer = ONNXWriter(opset: form.opset, usesExternalData: form.externalData)
    writer.usesFloat16 = form.float16
    try writer.write(item.openModel(), to: path)
  }

  @Test(arguments: Case.all.filter(\.hasONNX), forms)
  func `the file that is read back gives Keras's numbers`(_ item: Case, _ form: Form) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "kconvert-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "model.onnx").path
    do { try written(item, form, path) } catch let error as ONNXExportError where "\(error)".contains("opset")
    {
      return  // An opset that lacks an operator.
    }
    let outputs = try Session(ONNXFile(contentsOfFile: path)).run(item.inputs(of: item.openModel()))
    for (result, wanted) in zip(outputs, try item.arrays("outputs.npz")) {
      try expectClose(result, wanted.tensor, item, factor: form.factor)
    }
  }

  private func expectClose(
    _ result: (name: String, value: Tensor), _ wanted: Tensor, _ item: Case, factor: Double
  ) throws {
    #expect(result.value.sizes == wanted.sizes)
    #expect(result.value.strings == wanted.strings)
    for (a, b) in zip(try result.value.doubles(), try wanted.doubles()) where a != b && !(a.isNaN && b.isNaN)
    {
      let allowed = factor * (item.absoluteTolerance + item.relativeTolerance * abs(b))
      guard abs(a - b) <= allowed else {
        Issue.record("\(result.name): expected \(b), found \(a)")
        return
      }
    }
  }
}
