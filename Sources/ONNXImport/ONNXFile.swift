package import ModelFiles
public import ModelIR
import ONNXFormat
import ProtobufWire

/// An ONNX file that `ONNXWriter` wrote, read back as a graph.
///
///     let graph = try ONNXFile(contentsOfFile: "model.onnx").makeGraph()
///     let outputs = try Session(graph).run(inputs)
///
/// Weights stay in the file, which is mapped. What kconvert does not write (other operators, attributes, opsets outside of
/// 13 to 25) is refused by name.
public struct ONNXFile: GraphSource, Sendable {
  /// A graph's own error.
  public typealias Failure = GraphError
  /// The version of ONNX's operators that the file is written in.
  public let opset: Int
  private let graph: Graph

  /// Reads a file; weights beside it are looked for in its own folder alone.
  /// - Throws: ``ONNXImportError``.
  public init(contentsOfFile path: String) throws(ONNXImportError) {
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""  // No slash: the folder we are in.
    try self.init(ONNXFile.mapped(path)) { name throws(ONNXImportError) in
      try ONNXFile.mapped(folder + name, followsLinks: false)
    }
  }

  private static func mapped(_ path: String, followsLinks: Bool = true) throws(ONNXImportError) -> HeldBytes {
    do { return try MappedFile(path: path, followsLinks: followsLinks).content } catch {
      throw .cannotOpen(file: path, message: error.message)
    }
  }

  /// Reads a model from its bytes.
  /// - Parameter sideFile: the files with weights, by their name.
  package init(
    _ content: HeldBytes, sideFile: (String) throws(ONNXImportError) -> HeldBytes
  ) throws(ONNXImportError) {
    var known: [String: HeldBytes] = [:]
    let model = try withoutActuallyEscaping(sideFile) { sideFile throws(ONNXImportError) in
      let decoder = ModelDecoder { name throws(ONNXImportError) in
        if let file = known[name] { return file }
        guard ONNXFile.isPlainName(name) else {
          throw .unsupported("weights in \"\(name.printable)\", which is no file beside the model")
        }
        let file = try sideFile(name)
        known[name] = file
        return file
      }
      return try decoder.model(Message(content))
    }
    opset = model.opset
    graph = try GraphReader(opset: model.opset).read(model.graph)
  }

  /// The graph of primitive operations.
  public func makeGraph() -> Graph { graph }

  /// Whether a name leads nowhere but to a file of a folder.
  private static func isPlainName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".."
      && !name.utf8.contains { $0 == 0x2F || $0 == 0x5C || $0 == 0 }
  }

  /// Whether bytes begin as an ONNX model does: the format's version, then nothing but fields of a model.
  package static func recognises(_ content: HeldBytes) -> Bool {
    var hasVersion = false
    var hasGraph = false
    do throws(ONNXImportError) {
      try Message(content).forEachField { field, value throws(ONNXImportError) in
        if field == 1, case .varint = value { hasVersion = true }
        if field == 7, case .bytes = value { hasGraph = true }
        guard hasVersion, field <= 26 else { throw .damaged("no model") }
      }
    } catch {
      return false
    }
    return hasVersion && hasGraph
  }
}
