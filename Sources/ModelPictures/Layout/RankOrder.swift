/// Orders the nodes of each rank so that few links cross: the barycentre method, swept down and up.
struct RankOrder {
  private let nodes: [RankedNodes.Node]
  private var ranks: [[Int]]
  private var positions: [Int]

  private static let sweepLimit = 16

  /// The ranks in their new order.
  static func ordered(_ ranked: RankedNodes) -> [[Int]] {
    var order = RankOrder(ranked)
    order.visitFromTop()
    var best = (ranks: order.ranks, crossings: order.crossingCount)
    var idle = 0
    for sweep in 0..<sweepLimit where best.crossings > 0 && idle < 4 {
      order.sweep(isDownward: sweep % 2 == 0)
      let crossings = order.crossingCount
      idle += 1
      if crossings < best.crossings { (best, idle) = ((order.ranks, crossings), 0) }
    }
    return best.ranks
  }

  private init(_ ranked: RankedNodes) {
    nodes = ranked.nodes
    ranks = ranked.ranks
    positions = Array(repeating: 0, count: nodes.count)
    for rank in ranks { for (position, node) in rank.enumerated() { positions[node] = position } }
  }

  /// The first order: as a walk down from the first rank meets the nodes.
  private mutating func visitFromTop() {
    var seen = Array(repeating: false, count: nodes.count)
    var met: [[Int]] = Array(repeating: [], count: ranks.count)
    for start in ranks.joined() where !seen[start] {
      var stack = [start]
      seen[start] = true
      while let node = stack.popLast() {
        met[nodes[node].rank].append(node)
        for next in nodes[node].below.reversed() where !seen[next] {
          seen[next] = true
          stack.append(next)
        }
      }
    }
    for rank in met.indices { set(rank, met[rank]) }
  }

  private mutating func set(_ rank: Int, _ order: [Int]) {
    ranks[rank] = order
    for (position, node) in order.enumerated() { positions[node] = position }
  }

  private mutating func sweep(isDownward: Bool) {
    for rank in isDownward ? Array(ranks.indices) : ranks.indices.reversed() {
      let keys = ranks[rank].map { node -> Double in
        let neighbours = isDownward ? nodes[node].above : nodes[node].below
        guard !neighbours.isEmpty else { return Double(positions[node]) }
        return Double(neighbours.reduce(0) { $0 + positions[$1] }) / Double(neighbours.count)
      }
      let order = ranks[rank].indices.sorted { (keys[$0], $0) < (keys[$1], $1) }
      set(rank, order.map { ranks[rank][$0] })
    }
  }

  /// How many pairs of links cross, all ranks together.
  private var crossingCount: Int {
    ranks.reduce(0) { $0 + crossings(below: $1) }
  }

  /// Counts inversions with a tree of sums (Barth, Jünger, Mutzel 2002).
  private func crossings(below rank: [Int]) -> Int {
    let ends = rank.flatMap { node in nodes[node].below.map { positions[$0] }.sorted() }
    guard let last = ends.max() else { return 0 }
    var sums = Array(repeating: 0, count: last + 2)
    var count = 0
    for (number, end) in ends.enumerated() {
      var index = end + 1
      var before = 0
      while index > 0 {
        before += sums[index]
        index -= index & -index
      }
      count += number - before
      index = end + 1
      while index < sums.count {
        sums[index] += 1
        index += index & -index
      }
    }
    return count
  }
}
