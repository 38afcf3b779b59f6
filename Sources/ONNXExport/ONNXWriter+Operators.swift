package import ModelIR
import ONNXFormat

extension ONNXWriter {
  /// The operators that a model is written with, each beside the layer or operation that it comes from.
  /// - Throws: what ``write(_:to:)`` throws.
  package func operators(of source: some GraphSource) throws -> [(layer: String, operatorName: String)] {
    try emitter(for: source.makeGraph()).result.operators
  }
}

extension ONNXGraph {
  /// The operators of the graph and of the bodies of its loops.
  fileprivate var operators: [(layer: String, operatorName: String)] {
    nodes.flatMap { node in
      var found = [(layer: node.origin, operatorName: node.op)]
      for attribute in node.attributes {
        if case .graph(let inner) = attribute.value {
          found += inner.operators.map { ($0.layer.isEmpty ? node.origin : $0.layer, $0.operatorName) }
        }
      }
      return found
    }
  }
}
