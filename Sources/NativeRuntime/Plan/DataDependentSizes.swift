import ModelIR

/// The dimensions of a graph that depend on the data (``Op/count(_:)``), each with the plans of the part of the graph that
/// its number comes from. They are found one after the other, then everything is planned with all of them known.
struct DataDependentSizes: Sendable {
  private let counts: [(symbol: String, plans: PlanCache)]

  init(_ graph: Graph, options: RuntimeOptions) {
    var counts: [(symbol: String, plans: PlanCache)] = []
    for (node, isLive) in zip(graph.nodes, graph.liveNodes()) where isLive {
      guard case .count(let dimension) = node.op, let symbol = dimension.symbolName else { continue }
      var part = graph
      part.outputs = [Graph.Output(name: symbol, value: node.inputs[0])]
      counts.append((symbol, PlanCache(part, options: options)))
    }
    self.counts = counts
  }

  /// The numbers for these inputs; those known already are not computed again.
  func found(
    _ inputs: [Tensor], known: [String: Dimension]
  ) throws(RuntimeError) -> [String: Dimension] {
    var sizes = known
    for count in counts where sizes[count.symbol] == nil {
      let limit = try count.plans.plan(for: inputs, known: sizes).run(inputs)
      do {
        guard let number = try limit.first?.elements(as: Int64.self).first else {
          throw KernelError("the number of \"\(count.symbol)\" is not computed")
        }
        sizes[count.symbol] = .fixed(Int(clamping: max(number, 0)))
      } catch {
        throw RuntimeError.operation(node: count.symbol, message: "\(error)")
      }
    }
    return sizes
  }
}
