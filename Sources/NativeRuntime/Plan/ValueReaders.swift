import ModelIR

/// Who reads each value of a graph.
struct ValueReaders {
  private let graph: Graph
  /// For each value the live nodes that read it, in order, `Int.max` for an output.
  private let readers: [Int: [Int]]

  init(_ graph: Graph) {
    self.graph = graph
    var readers: [Int: [Int]] = [:]
    for (index, isLive) in graph.liveNodes().enumerated() where isLive {
      for value in graph.nodes[index].inputs { readers[value.index, default: []].append(index) }
    }
    for output in graph.outputs { readers[output.value.index, default: []].append(.max) }
    self.readers = readers
  }

  /// The last live node that reads a value, `Int.max` for outputs; nil when nothing does.
  func last(of value: Value) -> Int? { readers[value.index]?.last }

  /// The live node that alone reads a value, as one operand; nil for outputs.
  func only(of value: Value) -> Int? {
    guard let found = readers[value.index], found.count == 1, found[0] != .max else { return nil }
    return found[0]
  }

  /// Whether only products of values read a value, which do not pack what they read.
  func areProducts(of value: Value) -> Bool {
    (readers[value.index] ?? [.max]).allSatisfy { reader in
      guard reader != .max, case .matMul = graph.nodes[reader].op else { return false }
      return graph.nodes[reader].inputs.allSatisfy { graph.constant($0) == nil }
    }
  }

  /// How a transpose permutes a value's axes, if that is all that reads it.
  func permutation(of value: Value) -> [Int]? {
    guard let reader = only(of: value), case .transpose(let permutation) = graph.nodes[reader].op
    else { return nil }
    return permutation
  }
}
