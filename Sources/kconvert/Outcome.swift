import Dispatch
import KerasImport
import ModelIR

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The line at the end of a conversion, on standard error: what was written, how large, how long it took.
struct Outcome {
  private let start = DispatchTime.now().uptimeNanoseconds

  /// `kconvert: wrote cnn.onnx (139.10 KB, 0.04 s): 8 nodes, opset 18, outputs dense [batch, 10]`
  func tell(_ path: String, _ details: [String]) {
    var status = stat()
    let size = stat(path, &status) == 0 ? ByteText.text(Int(status.st_size)) + ", " : ""
    let hundredths = Int((Double(DispatchTime.now().uptimeNanoseconds - start) / 1e7).rounded())
    let seconds = "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
    let rest = details.isEmpty ? "" : ": " + details.joined(separator: ", ")
    StandardError.write(
      "kconvert: wrote \(path.printable) (\(size)\(seconds) s)\(rest.printable.shortened(to: 600))\n")
  }

  /// The outputs of a graph with their shapes.
  static func outputs(of graph: Graph) -> String {
    let texts = graph.outputs.map { "\($0.name) \(graph.shape(of: $0.value))" }
    return "output\(texts.count == 1 ? "" : "s") " + texts.joined(separator: ", ")
  }
}

/// Numbers of bytes for people.
enum ByteText {
  /// `4.82 KB`
  static func text(_ byteCount: Int) -> String { ModelSummary.Count(bytes: byteCount).sizeText }
}
