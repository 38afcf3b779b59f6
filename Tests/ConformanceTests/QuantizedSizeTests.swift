import Foundation
import KerasImport
import ONNXExport
import Testing

/// What quantised weights are worth in a file.
@Suite struct QuantizedSizeTests {
  /// 256 x 128 numbers of 4 bits, packed below opset 21 and in blocks of scales from there on.
  @Test(arguments: [13, 18, 21, 23])
  func `an int4 layer's file is at most a fifth of its float32 numbers`(_ opset: Int) throws {
    let item = try #require(Case.all.first { $0.name == "field/int4_size" })
    let path = FileManager.default.temporaryDirectory.appending(path: "kconvert-\(UUID().uuidString).onnx")
      .path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try ONNXWriter(opset: opset).write(item.openModel(), to: path)
    let byteCount = try Data(contentsOf: URL(filePath: path)).count
    #expect(byteCount * 5 <= 4 * (256 * 128 + 128), "\(byteCount) bytes")
  }
}
