/// A graph on one level, to be laid out in ranks from top to bottom.
struct LayeredGraph {
  struct Item {
    var width: Double
    var height: Double
    /// Where it must lie, if anywhere.
    var pin = Pin.none
  }

  enum Pin { case none, top, bottom }

  /// An edge; what leaves an item at the same place shares its way.
  struct Edge {
    var source: Int
    var target: Int
    /// Where it leaves and arrives, measured from the item's middle; nil: wherever it looks best.
    var sourceX: Double?
    var targetX: Double?
  }

  var items: [Item] = []
  var edges: [Edge] = []
}

/// The ranks of the items, and which edges go downward.
struct Ranking {
  private(set) var ranks: [Int]
  private(set) var rankCount = 0
  /// False for edges that would close a circle, and for those from an item to itself.
  private(set) var isDownward: [Bool]

  init(_ graph: LayeredGraph) {
    ranks = Array(repeating: 0, count: graph.items.count)
    isDownward = graph.edges.map { $0.source != $0.target }
    var leaving: [[Int]] = Array(repeating: [], count: graph.items.count)
    for (index, edge) in graph.edges.enumerated() where isDownward[index] {
      leaving[edge.source].append(index)
    }
    let order = depthFirst(graph, leaving)
    rank(graph, order, leaving)
  }

  /// Turns edges off that lead back to an item on the way to them.
  /// - Returns: the items in an order in which every edge that is left goes forward.
  private mutating func depthFirst(_ graph: LayeredGraph, _ leaving: [[Int]]) -> [Int] {
    enum State { case unseen, open, done }
    var states = Array(repeating: State.unseen, count: graph.items.count)
    var finished: [Int] = []
    for start in graph.items.indices where states[start] == .unseen {
      var stack = [(item: start, next: 0)]
      states[start] = .open
      while let (item, next) = stack.last {
        guard next < leaving[item].count else {
          states[item] = .done
          finished.append(item)
          stack.removeLast()
          continue
        }
        stack[stack.count - 1].next += 1
        let edge = leaving[item][next]
        let target = graph.edges[edge].target
        switch states[target] {
        case .open: isDownward[edge] = false
        case .unseen:
          states[target] = .open
          stack.append((target, 0))
        case .done: break
        }
      }
    }
    return finished.reversed()
  }

  /// Ranks by the longest path; what nothing comes before moves down to what it leads to.
  private mutating func rank(_ graph: LayeredGraph, _ order: [Int], _ leaving: [[Int]]) {
    var hasSource = Array(repeating: false, count: graph.items.count)
    let hasTop = graph.items.contains { $0.pin == .top }
    for item in order {
      if hasTop, graph.items[item].pin != .top { ranks[item] = max(ranks[item], 1) }
      for edge in leaving[item] where isDownward[edge] {
        let target = graph.edges[edge].target
        hasSource[target] = true
        ranks[target] = max(ranks[target], ranks[item] + 1)
      }
    }
    // Empty.
    let last = graph.items.indices.filter { graph.items[$0].pin != .bottom }.map { ranks[$0] }.max() ?? -1
    let bottom = last + (graph.items.contains { $0.pin == .bottom } ? 1 : 0)
    rankCount = bottom + 1
    for item in order.reversed() {
      if graph.items[item].pin == .bottom { ranks[item] = bottom; continue }
      guard !hasSource[item], graph.items[item].pin == .none else { continue }
      let next = leaving[item].filter { isDownward[$0] }.map { ranks[graph.edges[$0].target] }.min()
      if let next { ranks[item] = next - 1 }
    }
  }
}
