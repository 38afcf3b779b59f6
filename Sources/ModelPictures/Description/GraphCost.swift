import KerasImport
import ModelIR

/// What the layers of a lowered model cost for one sample.
struct GraphCost {
  private var operations: [String: Int?] = [:]
  private let lowered: LoweredModel

  init(_ lowered: LoweredModel) {
    self.lowered = lowered
    for node in lowered.graph.nodes {
      let cost = OperationCost.operations(node, in: lowered.graph)
      for path in GraphCost.prefixes(of: node.origin) {
        operations[path] = .some(LayerCost.adding(operations[path, default: 0], cost))
      }
    }
  }

  /// `a`, `a/b` and `a/b/c` of `a/b/c`: what a layer costs, those around it cost too.
  private static func prefixes(of path: String) -> [String] {
    var prefixes = path.indices.filter { path[$0] == "/" }.map { String(path[..<$0]) }
    prefixes.append(path)
    return prefixes
  }

  /// The cost of a layer; one that emits no operation costs none.
  /// - Parameter index: where it stands on its level, for layers of the outermost model.
  func cost(of path: String, index: Int) -> LayerCost {
    LayerCost(operations: operations[path, default: 0], outputByteCount: outputByteCount(path, index))
  }

  private func outputByteCount(_ path: String, _ index: Int) -> Int? {
    // A layer of the outermost model is in no nested one.
    var values = lowered.nestedResults[path]?.first ?? []
    while !path.contains("/"),
      let value = lowered.values[KerasTensor(layer: index, call: 0, output: values.count)]
    {
      values.append(value)
    }
    if values.isEmpty { return nil }
    return values.reduce(.some(0)) { sum, value in
      let type = lowered.graph.type(of: value)
      let bytes = OperationCost.count(type.shape)?.multipliedReportingOverflow(by: type.dtype.byteCount)
      return LayerCost.adding(sum, bytes.flatMap { $0.overflow ? nil : $0.partialValue })
    }
  }
}

extension LayerCost {
  /// The sum; not known where a part is not.
  static func adding(_ a: Int?, _ b: Int?) -> Int? {
    guard let a, let b else { return nil }
    let (sum, overflow) = a.addingReportingOverflow(b)
    return overflow ? nil : sum
  }

  /// The cost of layers together.
  static func sum(_ costs: [LayerCost]) -> LayerCost {
    costs.reduce(LayerCost()) {
      LayerCost(
        operations: adding($0.operations, $1.operations),
        outputByteCount: adding($0.outputByteCount, $1.outputByteCount))
    }
  }
}
