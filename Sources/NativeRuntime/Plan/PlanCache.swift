import ModelIR

/// The plans of one graph by the sizes of its inputs. Safe from several threads.
final class PlanCache: Sendable {
  let graph: Graph
  let options: RuntimeOptions
  private let store = ConstantStore()
  private let plans = Locked<[(sizes: [[Int]], plan: Plan)]>([])

  /// The plans kept; the one that was not used for longest goes first.
  private static let capacity = 8

  init(_ graph: Graph, options: RuntimeOptions) {
    self.graph = graph
    self.options = options
  }

  /// The plan for inputs of these sizes, made if there is none.
  /// - Throws: ``RuntimeError`` when operands do not fit at these sizes, or a constant cannot be read.
  func plan(_ sizes: [[Int]]) throws(RuntimeError) -> Plan {
    let known = plans.withLock { plans -> Plan? in
      guard let index = plans.lastIndex(where: { $0.sizes == sizes }) else { return nil }
      let entry = plans.remove(at: index)
      plans.append(entry)
      return entry.plan
    }
    if let known { return known }
    let plan = try Planner.plan(graph, sizes: sizes, options: options, store: store)
    plans.withLock { plans in
      if plans.count >= PlanCache.capacity { plans.removeFirst() }
      plans.append((sizes, plan))
    }
    return plan
  }

  func run(_ inputs: [Tensor]) throws(RuntimeError) -> [Tensor] {
    try plan(inputs.map(\.sizes)).run(inputs)
  }
}
