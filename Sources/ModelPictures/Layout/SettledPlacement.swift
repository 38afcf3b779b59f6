/// Where the nodes of ordered ranks lie from left to right when straight chains would take too much room: every node as
/// near to its neighbours as the order allows, rank after rank, down and up.
///
/// One rank is a problem of least squares with distances kept, which pooling adjacent violators solves exactly.
/// Source: R. E. Barlow et al., "Statistical inference under order restrictions" (1972), section 1.2.
struct SettledPlacement {
  private let nodes: [RankedNodes.Node]
  private let ranks: [[Int]]
  private(set) var middles: [Double]

  private static let sweepCount = 40

  init(_ nodes: [RankedNodes.Node], _ ranks: [[Int]]) {
    self.nodes = nodes
    self.ranks = ranks
    middles = Array(repeating: 0, count: nodes.count)
    for rank in ranks {
      settle(rank, wishes: rank.map { _ in (0, 1) })
    }
    for sweep in 0..<SettledPlacement.sweepCount {
      // The last sweeps look both ways.
      let isLast = sweep >= SettledPlacement.sweepCount * 3 / 4
      for rank in sweep % 2 == 0 ? ranks : ranks.reversed() {
        settle(
          rank,
          wishes: rank.map { wish($0, above: isLast || sweep % 2 == 0, below: isLast || sweep % 2 == 1) })
      }
    }
  }

  /// The mean of the neighbours' places; edges that pass pull more, so that they become straight.
  private func wish(_ node: Int, above: Bool, below: Bool) -> (place: Double, weight: Double) {
    var (sum, weight) = (middles[node] * 0.05, 0.05)
    for other in (above ? nodes[node].above : []) + (below ? nodes[node].below : []) {
      let pull = nodes[node].isPassing && nodes[other].isPassing ? 8.0 : nodes[other].isPassing ? 0.5 : 1.0
      sum += middles[other] * pull
      weight += pull
    }
    return (sum / weight, weight)
  }

  /// Places the nodes of a rank nearest to their wishes.
  private mutating func settle(_ rank: [Int], wishes: [(place: Double, weight: Double)]) {
    struct Pool {
      var sum: Double
      var weight: Double
      var count: Int
      var place: Double { sum / weight }
    }
    var pools: [Pool] = []
    var offsets: [Double] = []
    for (index, node) in rank.enumerated() {
      let offset = index == 0 ? 0 : offsets[index - 1] + nodes[rank[index - 1]].distance(to: nodes[node])
      offsets.append(offset)
      var pool = Pool(
        sum: (wishes[index].place - offset) * wishes[index].weight, weight: wishes[index].weight, count: 1)
      while let last = pools.last, last.place >= pool.place {
        pools.removeLast()
        pool = Pool(
          sum: last.sum + pool.sum, weight: last.weight + pool.weight, count: last.count + pool.count)
      }
      pools.append(pool)
    }
    let places = pools.flatMap { Array(repeating: $0.place, count: $0.count) }
    for (index, node) in rank.enumerated() { middles[node] = places[index] + offsets[index] }
  }
}

extension RankedNodes.Node {
  /// How far the middles of two neighbours must be apart.
  func distance(to other: RankedNodes.Node) -> Double {
    let gap = isPassing || other.isPassing ? HorizontalPlacement.passingGap : HorizontalPlacement.boxGap
    return (width + other.width) / 2 + gap
  }
}
