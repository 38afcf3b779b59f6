import Foundation
import KerasImport
import ModelIR
import NativeRuntime
import ONNXExport
import Testing

/// Every case on every backend: the forward pass here, the ONNX file by `Scripts/judge_onnx.py` afterwards.
@Suite struct ConformanceTests {
  @Test func `there are cases`() {
    #expect(Case.all.count > 300)
    #expect(Case.refused.count > 5)
  }

  @Test(arguments: Case.refused)
  func `code of the program that made the file is refused by name`(_ item: Case) throws {
    // What the weights lack is seen when they are used.
    let error = #expect(throws: KerasImportError.self) { _ = try item.openModel().lowered() }
    switch error?.reason {
    case .unsupported, .unsupportedLayer, .several: break
    default: Issue.record("\(String(describing: error))")
    }
  }

  @Test(arguments: Case.all)
  func `the forward pass gives Keras's numbers`(_ item: Case) throws {
    try expectKerasNumbers(item, Session.Options())
  }

  /// The kernels of the other kind of build, with optimisation or without.
  @Test(arguments: Case.all)
  func `the kernels of another build give Keras's numbers`(_ item: Case) throws {
    var options = Session.Options()
    options.prefersOneDNN.toggle()
    try expectKerasNumbers(item, options)
  }

  @Test(arguments: Case.all)
  func `the reference kernels give Keras's numbers`(_ item: Case) throws {
    var options = Session.Options()
    options.usesReferenceKernels = true
    try expectKerasNumbers(item, options)
  }

  private func expectKerasNumbers(_ item: Case, _ options: Session.Options) throws {
    let model = try item.openModel()
    let results = try Session(model, options: options).run(item.inputs(of: model))
    let expected = try item.arrays("outputs.npz")
    #expect(results.count == expected.count)
    for (result, wanted) in zip(results, expected) {
      #expect(result.value.sizes == wanted.tensor.sizes)
      if let strings = wanted.tensor.strings {
        #expect(result.value.strings == strings, "\(result.name) is off")
        continue
      }
      let got = try result.value.doubles()
      let want = try wanted.tensor.doubles()
      var worst = 0.0
      for (a, b) in zip(got, want) where a != b {
        if a.isNaN && b.isNaN { continue }
        worst = max(worst, a.isNaN || b.isNaN ? .infinity : abs(a - b) - item.relativeTolerance * abs(b))
      }
      #expect(worst <= item.absoluteTolerance, "\(result.name) is off")
    }
  }

  @Test(arguments: Case.all)
  func `an ONNX file is written`(_ item: Case) throws {
    let folder = Case.repository.appending(path: ".build/conformance/\(item.name)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let path = folder.appending(path: "model.onnx").path
    guard item.hasONNX else {
      #expect(throws: ONNXExportError.self) {
        try ONNXWriter().write(item.openModel().lowered().graph, to: path)
      }
      return
    }
    try ONNXWriter().write(item.openModel().lowered().graph, to: path)
    #expect(FileManager.default.fileExists(atPath: path))
  }
}
