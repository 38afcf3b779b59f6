/// The items in their ranks, with a node in every rank that an edge passes: each link leads from one rank to the next.
struct RankedNodes {
  /// An item, or a place that edges pass.
  struct Node {
    var width: Double
    var rank: Int
    var item: Int?
    var above: [Int] = []
    var below: [Int] = []
    var isPassing: Bool { item == nil }
  }

  private(set) var nodes: [Node]
  /// The nodes of each rank from left to right.
  var ranks: [[Int]]
  /// The way of each edge, source and target included; nil for edges that go round the picture.
  private(set) var ways: [[Int]?]

  /// The most places that edges pass; longer edges beyond go round the picture.
  static let passingLimit = 60_000

  /// What leaves an item at one place.
  private struct Origin: Hashable {
    let item: Int
    let x: Double?
  }

  init(_ graph: LayeredGraph, _ ranking: Ranking) {
    nodes = graph.items.enumerated().map { Node(width: $1.width, rank: ranking.ranks[$0], item: $0) }
    ranks = Array(repeating: [], count: ranking.rankCount)
    ways = Array(repeating: nil, count: graph.edges.count)
    for (index, node) in nodes.enumerated() { ranks[node.rank].append(index) }
    addWays(graph, ranking)
  }

  private mutating func addWays(_ graph: LayeredGraph, _ ranking: Ranking) {
    var chains: [Origin: [Int]] = [:]
    var links: Set<[Int]> = []
    func length(_ edge: Int) -> Int {
      ranking.ranks[graph.edges[edge].target] - ranking.ranks[graph.edges[edge].source]
    }
    let order = graph.edges.indices.filter { ranking.isDownward[$0] }
    // Short edges first: what exceeds the limit are long ones.
    for edge in order.sorted(by: { (length($0), $0) < (length($1), $1) }) {
      let (source, target) = (graph.edges[edge].source, graph.edges[edge].target)
      let origin = Origin(item: source, x: graph.edges[edge].sourceX)
      var chain = chains[origin] ?? [source]  // A first edge begins at its item.
      let needed = length(edge)
      guard nodes.count + needed - chain.count < graph.items.count + RankedNodes.passingLimit else {
        continue
      }
      while chain.count < needed { chain.append(pass(after: chain[chain.count - 1])) }
      chains[origin] = chain
      let way = Array(chain.prefix(needed)) + [target]
      ways[edge] = way
      let last = way[way.count - 2]
      if links.insert([last, target]).inserted { link(last, target) }
    }
  }

  private mutating func pass(after node: Int) -> Int {
    let rank = nodes[node].rank + 1
    nodes.append(Node(width: 2, rank: rank, item: nil))
    ranks[rank].append(nodes.count - 1)
    link(node, nodes.count - 1)
    return nodes.count - 1
  }

  private mutating func link(_ upper: Int, _ lower: Int) {
    nodes[upper].below.append(lower)
    nodes[lower].above.append(upper)
  }
}
