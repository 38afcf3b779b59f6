import Foundation
import KerasImport
import Testing

/// The layer table against the one Keras printed for the same model (`summary.txt`), cell by cell.
@Suite struct SummaryTests {
  /// Rows in which Keras declares another shape than it computes: it takes an activation to keep its input's width,
  /// a backward layer to have the forward layer's units, and forgets sizes of EinsumDense. Texts of shape
  /// [N, 1] keep that axis in its tables. Ours are the computed ones, as `outputs.npz` has them.
  static let misdeclared: Set<String> = [
    "activations/glu", "layers/einsumdense_heads", "rnn/bidir_backward_layer",
    "preprocessing/textvectorization_multihot", "preprocessing/textvectorization_adapt",
    "quantized/int4_einsum", "quantized/int4_einsum_channel", "quantized/int8_einsum",
    "quantized/int8_einsum_out",
    "quantized/int4_revembedding", "quantized/int4_revembedding_untied", "quantized/int8_revembedding_untied",
  ]

  /// The tables of the eras, and those of files from elsewhere, were not kept.
  static let printed = Case.all.filter { item in
    !misdeclared.contains(item.name)
      && FileManager.default.fileExists(atPath: item.folder.appending(path: "summary.txt").path)
  }

  @Test func `there are tables`() { #expect(SummaryTests.printed.count > 140) }

  @Test(arguments: printed)
  func `every cell is Keras's`(_ item: Case) throws {
    let path = item.folder.appending(path: "summary.txt")
    let printed = try String(contentsOf: path, encoding: .utf8).split(separator: "\n").map(String.init)
    let model = try item.openModel()
    let summary = try ModelSummary(model, model.lowered())
    var expected = printed.filter { !$0.hasPrefix("Model:") }
    let header = expected.removeFirst()
    #expect(header.hasSuffix("Connected to") == summary.showsConnections)
    let totals = expected.filter { $0.hasPrefix(" ") }
    let rows = expected.filter { !$0.hasPrefix(" ") }
    #expect(rows.count == summary.rows.count)
    for (row, wanted) in zip(summary.rows, rows) {
      var cells = [row.layer, row.outputShape, row.parameters]
      if summary.showsConnections {
        cells.append(row.connectedTo.isEmpty ? "-" : row.connectedTo.joined(separator: ", "))
      }
      #expect(cells.joined(separator: " | ") == wanted)
    }
    let text = summary.text(width: nil)
    for total in totals { #expect(text.contains(total + "\n")) }
  }
}
