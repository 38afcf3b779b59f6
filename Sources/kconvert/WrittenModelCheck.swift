import ModelIR
import NativeRuntime
import ONNXExport
import ONNXImport

/// `--verify`: an ONNX file is read back before it gets its name, and run beside the graph that it was written of.
struct WrittenModelCheck {
  /// What rewriting (weights folded into others, other orders of summation) may change, absolute below 1 and relative
  /// above. Of Keras's applications ResNet152 changes most, by 1.1e-4 of a probability; Keras and onnxruntime differ there
  /// by 1.5e-4.
  static let tolerance = 5e-4
  /// float16 has 11 bits: results of some operations in a row.
  static let float16Tolerance = 3e-2
  /// bfloat16 has 8 bits: where a sum is rounded the other way, a result is off by one of them.
  static let bfloat16Tolerance = 3e-2

  private let graph: Graph
  private let writer: ONNXWriter
  /// The model and the file, for messages.
  private let names: (model: String, file: String)
  private let tolerance: Double

  /// - Parameter tolerance: nil for the one that suits the type that is computed in.
  init(_ graph: Graph, _ writer: ONNXWriter, names: (model: String, file: String), tolerance: Double?) {
    self.graph = graph
    self.writer = writer
    self.names = names
    self.tolerance = tolerance ?? WrittenModelCheck.tolerance(for: [graph], isFloat16: writer.usesFloat16)
  }

  /// The tolerance of the narrowest type that is computed in.
  static func tolerance(for graphs: [Graph], isFloat16: Bool = false) -> Double {
    let dtypes = Set(graphs.flatMap { graph in graph.nodes.flatMap(\.outputs).map { graph.dtype(of: $0) } })
    if dtypes.contains(.bfloat16) { return bfloat16Tolerance }
    return isFloat16 || dtypes.contains(.float16) ? float16Tolerance : tolerance
  }

  /// - Throws: ``Failure`` with ``Code/checkFailed`` when the file computes something else.
  func run(on written: WrittenModel) throws {
    let (first, second) = (try expected(), try readBack(written))
    let pairs = try InputPairs(first, second, names: names, seed: 1)
    let differences = try pairs.differences(tolerance, threads: 0)  // All cores.
    guard let worst = differences.first(where: { !$0.isWithin }) else { return }
    throw Failure(
      "\(names.file): the file computes something else than \(names.model): output \"\(worst.name)\": expected at most "
        + "\(tolerance), found \(Compare.text(worst.absolute)) absolute, \(Compare.text(worst.relative)) relative",
      .checkFailed, hint: "nothing was written; --tolerance accepts a larger difference")
  }

  /// The graph with its images laid out as they are in the file.
  private func expected() throws -> Graph {
    guard let layout = writer.layout else { return graph }
    return try Pipeline([InterfaceLayout(layout)]).run(on: graph)
  }

  private func readBack(_ written: WrittenModel) throws -> Graph {
    do {
      return try ONNXFile(written.content()) { name throws(ONNXImportError) in
        do {
          if let file = try written.sideFile(name) { return file }
        } catch { throw .cannotOpen(file: name, message: "\(error)") }
        throw .cannotOpen(file: name, message: "it was not written")
      }.makeGraph()
    } catch let error as ONNXImportError {
      throw Failure(error, in: names.file)
    }
  }
}
