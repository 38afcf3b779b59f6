import ModelIR

/// The plans of one graph by the sizes of its inputs. Safe from several threads.
final class PlanCache: Sendable {
  let graph: Graph
  let options: RuntimeOptions
  private let store = ConstantStore()
  private let plans = Locked<[(key: Key, plan: Plan)]>([])
  private let dataDependent: DataDependentSizes

  /// What a plan is made for: the inputs' sizes, and those of dimensions that depend on the data.
  private struct Key: Equatable {
    var sizes: [[Int]]
    var known: [String: Dimension]
  }

  /// The plans kept; the one that was not used for longest goes first.
  private static let capacity = 8

  init(_ graph: Graph, options: RuntimeOptions) {
    self.graph = graph
    var options = options
    options.isExact = options.isExact || graph.winogradCandidateCount > PlanCache.largestWinogradCount
    self.options = options
    dataDependent = DataDependentSizes(graph, options: options)
  }

  /// In networks of more convolutions than these Winograd's errors add up to more than a softmax bears: of ResNet152 with
  /// 50 of them one probability in 20 is off by 4.5e-4 (2.3e-4 without), of ResNet50 with 16 none.
  private static let largestWinogradCount = 32

  /// The plan for inputs of these sizes, made if there is none.
  /// - Throws: ``RuntimeError`` when operands do not fit at these sizes, or a constant cannot be read.
  func plan(_ sizes: [[Int]], known: [String: Dimension] = [:]) throws(RuntimeError) -> Plan {
    let key = Key(sizes: sizes, known: known)
    let kept = plans.withLock { plans -> Plan? in
      guard let index = plans.lastIndex(where: { $0.key == key }) else { return nil }
      let entry = plans.remove(at: index)
      plans.append(entry)
      return entry.plan
    }
    if let kept { return kept }
    defer { store.releaseScratch() }
    let plan = try Planner.plan(graph, sizes: sizes, known: known, options: options, store: store)
    // Once together, so that no two of the pool's threads are on one processor when the first kernel waits for them.
    team(options.threads) { _, _ in }
    plans.withLock { plans in
      if plans.count >= PlanCache.capacity { plans.removeFirst() }
      plans.append((key, plan))
    }
    return plan
  }

  func run(_ inputs: [Tensor]) throws(RuntimeError) -> [Tensor] { try plan(for: inputs).run(inputs) }

  /// The plan for inputs, with the sizes of dimensions that depend on the data.
  /// - Parameter known: those that were found already.
  func plan(for inputs: [Tensor], known: [String: Dimension] = [:]) throws(RuntimeError) -> Plan {
    try plan(inputs.map(\.sizes), known: dataDependent.found(inputs, known: known))
  }
}

extension Graph {
  /// The convolutions that Winograd's algorithm is made for: 3×3 windows in steps of 1.
  fileprivate var winogradCandidateCount: Int {
    nodes.count { node in
      guard case .conv(let attributes) = node.op else { return false }
      return attributes.strides == [1, 1] && attributes.groups == 1
        && shape(of: node.inputs[1]).dimensions.prefix(2) == [3, 3]
    }
  }
}
