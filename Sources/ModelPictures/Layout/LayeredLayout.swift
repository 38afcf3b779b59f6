/// A layered drawing of one level (Sugiyama's method): items in ranks, edges that bend only between ranks, so that they
/// cross no item.
struct LayeredLayout {
  private(set) var items: [Rectangle]
  /// The way of each edge, from the lower side of its source to the upper side of its target.
  private(set) var edges: [Path] = []
  private(set) var width = 0.0
  private(set) var height = 0.0

  /// The space between two ranks at least, and at most where edges go far to the side.
  static let rankGap = 30.0...110.0
  private static let laneGap = 9.0

  init(_ graph: LayeredGraph) {
    let ranking = Ranking(graph)
    var ranked = RankedNodes(graph, ranking)
    ranked.ranks = RankOrder.ordered(ranked)
    let middles = HorizontalPlacement.middles(ranked.nodes, ranked.ranks)
    // None: nothing to move.
    let left = ranked.nodes.indices.map { middles[$0] - ranked.nodes[$0].width / 2 }.min() ?? 0
    let places = middles.map { $0 - left }
    let bands = RankBands(graph, ranked, places)
    items = graph.items.indices.map { index in
      let item = graph.items[index]
      let band = bands.bands[ranked.nodes[index].rank]
      let y = item.pin == .top ? band.top : (band.top + band.bottom - item.height) / 2
      return Rectangle(x: places[index] - item.width / 2, y: y, width: item.width, height: item.height)
    }
    // An empty picture.
    width = ranked.nodes.indices.map { places[$0] + ranked.nodes[$0].width / 2 }.max() ?? 0
    height = bands.bands.last?.bottom ?? 0  // An empty picture.
    route(graph, ranked, places, bands)
  }

  private mutating func route(
    _ graph: LayeredGraph, _ ranked: RankedNodes, _ places: [Double], _ bands: RankBands
  ) {
    let arrivals = Arrivals(graph, ranked, places, items)
    var laneCount = 0
    for (index, edge) in graph.edges.enumerated() {
      let start = Point(
        x: edge.sourceX.map { items[edge.source].x + items[edge.source].width / 2 + $0 }
          ?? places[edge.source],
        y: items[edge.source].maxY)
      let end = Point(x: arrivals.places[index], y: items[edge.target].y)
      if let way = ranked.ways[index] {
        edges.append(LayeredLayout.path(from: start, along: way, to: end, ranked, places, bands))
      } else {
        laneCount += 1
        let lane = width + Double(laneCount) * LayeredLayout.laneGap
        let (lower, upper) = (ranked.nodes[edge.source].rank, ranked.nodes[edge.target].rank)
        edges.append(
          LayeredLayout.detour(
            from: start, to: end, lane, below: bands.bands[lower], above: bands.bands[upper]))
      }
    }
    if laneCount > 0 {
      width += Double(laneCount + 1) * LayeredLayout.laneGap
      height += LayeredLayout.rankGap.lowerBound / 2
    }
  }

  /// Straight beside the items of a rank, bent from one rank to the next.
  private static func path(
    from start: Point, along way: [Int], to end: Point, _ ranked: RankedNodes, _ places: [Double],
    _ bands: RankBands
  ) -> Path {
    var path = Path(start)
    path.line(to: Point(x: start.x, y: bands.bands[ranked.nodes[way[0]].rank].bottom))
    for node in way.dropFirst().dropLast() {
      let band = bands.bands[ranked.nodes[node].rank]
      path.bend(to: Point(x: places[node], y: band.top))
      path.line(to: Point(x: places[node], y: band.bottom))
    }
    path.bend(to: Point(x: end.x, y: bands.bands[ranked.nodes[way[way.count - 1]].rank].top))
    path.line(to: end)
    return path
  }

  /// Round the right side of everything, through the space between ranks.
  private static func detour(
    from start: Point, to end: Point, _ lane: Double, below: RankBands.Band, above: RankBands.Band
  ) -> Path {
    let step = rankGap.lowerBound / 3
    var path = Path(start)
    path.line(to: Point(x: start.x, y: below.bottom + step))
    path.line(to: Point(x: lane, y: below.bottom + step))
    path.line(to: Point(x: lane, y: above.top - step))
    path.line(to: Point(x: end.x, y: above.top - step))
    path.line(to: end)
    return path
  }
}

/// How high the ranks lie.
struct RankBands {
  struct Band {
    var top: Double
    var bottom: Double
  }

  private(set) var bands: [Band] = []

  /// The space below a rank grows with how far its edges go to the side.
  init(_ graph: LayeredGraph, _ ranked: RankedNodes, _ places: [Double]) {
    var y = ranked.ways.contains { $0 == nil } ? LayeredLayout.rankGap.lowerBound / 2 : 0
    for rank in ranked.ranks {
      let heights = rank.compactMap { ranked.nodes[$0].item.map { graph.items[$0].height } }
      // A rank that is only passed has no height.
      bands.append(Band(top: y, bottom: y + (heights.max() ?? 0)))
      let reach = rank.flatMap { node in ranked.nodes[node].below.map { abs(places[$0] - places[node]) } }
        .max()
      // Below the last rank there are no edges.
      let gap = LayeredLayout.rankGap.lowerBound + (reach ?? 0) * 0.06
      y = bands[bands.count - 1].bottom + min(gap, LayeredLayout.rankGap.upperBound)
    }
  }
}

/// Where edges arrive at the upper side of their targets: side by side, in the order in which they come.
private struct Arrivals {
  private(set) var places: [Double]

  private static let spacing = 14.0
  private static let margin = 12.0

  init(_ graph: LayeredGraph, _ ranked: RankedNodes, _ middles: [Double], _ items: [Rectangle]) {
    places = graph.edges.map { edge in
      // The middle unless it is given.
      items[edge.target].x + items[edge.target].width / 2 + (edge.targetX ?? 0)
    }
    var arriving: [[Int]] = Array(repeating: [], count: graph.items.count)
    for (index, edge) in graph.edges.enumerated() where edge.targetX == nil {
      arriving[edge.target].append(index)
    }
    for (item, edges) in arriving.enumerated() where edges.count > 1 {
      func origin(_ edge: Int) -> Double {
        // What goes round comes from the right.
        ranked.ways[edge].map { middles[$0[$0.count - 2]] } ?? .infinity
      }
      let ordered = edges.sorted { (origin($0), $0) < (origin($1), $1) }
      let room = max(0, items[item].width - 2 * Arrivals.margin)
      let step = min(Arrivals.spacing, room / Double(edges.count - 1))
      let first = places[edges[0]] - step * Double(edges.count - 1) / 2
      for (position, edge) in ordered.enumerated() { places[edge] = first + Double(position) * step }
    }
  }
}
