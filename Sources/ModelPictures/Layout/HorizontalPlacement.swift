/// Where the nodes of ordered ranks lie from left to right: chains straight, nothing overlapping.
///
/// Source: U. Brandes, B. Köpf, "Fast and simple horizontal coordinate assignment" (2001), with blocks compacted by
/// longest paths: four placements, each pressed to a side and aligned upward or downward; the middle of them counts.
struct HorizontalPlacement {
  private let nodes: [RankedNodes.Node]
  private let ranks: [[Int]]
  private let positions: [Int]
  private let conflicts: Set<[Int]>

  static let boxGap = 26.0
  static let passingGap = 14.0

  /// How much wider a picture may be for its chains to be straight.
  private static let widthFactor = 1.4

  /// The middles of all nodes.
  static func middles(_ nodes: [RankedNodes.Node], _ ranks: [[Int]]) -> [Double] {
    let placement = HorizontalPlacement(nodes, ranks)
    var found: [[Double]] = []
    for isUpward in [false, true] {
      for isRight in [false, true] { found.append(placement.place(isUpward: isUpward, isRight: isRight)) }
    }
    let straight = placement.balanced(found)
    let settled = SettledPlacement(nodes, ranks).middles
    return placement.width(straight) <= widthFactor * placement.width(settled) ? straight : settled
  }

  private func width(_ middles: [Double]) -> Double {
    let sides = nodes.indices.map { (middles[$0] - nodes[$0].width / 2, middles[$0] + nodes[$0].width / 2) }
    return (sides.map(\.1).max() ?? 0) - (sides.map(\.0).min() ?? 0)  // Without nodes there is no width.
  }

  private init(_ nodes: [RankedNodes.Node], _ ranks: [[Int]]) {
    self.nodes = nodes
    self.ranks = ranks
    var positions = Array(repeating: 0, count: nodes.count)
    for rank in ranks { for (position, node) in rank.enumerated() { positions[node] = position } }
    self.positions = positions
    conflicts = HorizontalPlacement.conflicts(nodes, ranks, positions)
  }

  /// Links that cross one between two passing nodes; the latter stays straight.
  private static func conflicts(_ nodes: [RankedNodes.Node], _ ranks: [[Int]], _ positions: [Int]) -> Set<
    [Int]
  > {
    var found: Set<[Int]> = []
    for (upper, lower) in zip(ranks, ranks.dropFirst()) {
      var start = 0
      var left = 0
      for (index, node) in lower.enumerated() {
        let inner = nodes[node].isPassing ? nodes[node].above.first { nodes[$0].isPassing } : nil
        guard inner != nil || index == lower.count - 1 else { continue }
        let right = inner.map { positions[$0] } ?? upper.count
        for other in lower[start...index] {
          for above in nodes[other].above where !(nodes[above].isPassing && nodes[other].isPassing) {
            if positions[above] < left || positions[above] > right { found.insert([above, other]) }
          }
        }
        start = index + 1
        left = right
      }
    }
    return found
  }

  /// One placement: blocks of aligned nodes, pressed to a side.
  private func place(isUpward: Bool, isRight: Bool) -> [Double] {
    let order = (isUpward ? ranks.reversed() : ranks).map { isRight ? Array($0.reversed()) : $0 }
    let roots = aligned(order, isUpward: isUpward)
    let middles = compacted(order, roots)
    return isRight ? middles.map { -$0 } : middles
  }

  /// The block of each node, named by its first: each node joins the median of its neighbours if that is free.
  private func aligned(_ order: [[Int]], isUpward: Bool) -> [Int] {
    var roots = Array(nodes.indices)
    var isAligned = Array(repeating: false, count: nodes.count)
    var places = positions
    for rank in order { for (position, node) in rank.enumerated() { places[node] = position } }
    for rank in order {
      var last = -1
      for node in rank {
        let neighbours = (isUpward ? nodes[node].below : nodes[node].above).sorted { places[$0] < places[$1] }
        guard !neighbours.isEmpty else { continue }
        for median in Set([(neighbours.count - 1) / 2, neighbours.count / 2]).sorted() {
          let other = neighbours[median]
          let link = isUpward ? [node, other] : [other, node]
          guard roots[node] == node, !isAligned[other], places[other] > last, !conflicts.contains(link) else {
            continue
          }
          roots[node] = roots[other]
          isAligned[other] = true
          last = places[other]
        }
      }
    }
    return roots
  }

  /// The middles of all nodes, each block as far left as its left neighbours let it, then drawn to the right ones.
  private func compacted(_ order: [[Int]], _ roots: [Int]) -> [Double] {
    var following: [[(block: Int, distance: Double)]] = Array(repeating: [], count: nodes.count)
    var waiting = Array(repeating: 0, count: nodes.count)
    for rank in order {
      for (left, right) in zip(rank, rank.dropFirst()) {
        following[roots[left]].append((roots[right], distance(left, right)))
        waiting[roots[right]] += 1
      }
    }
    var ready = nodes.indices.filter { roots[$0] == $0 && waiting[$0] == 0 }
    var sequence: [Int] = []
    var middles = Array(repeating: 0.0, count: nodes.count)
    while let block = ready.popLast() {
      sequence.append(block)
      for next in following[block] {
        middles[next.block] = max(middles[next.block], middles[block] + next.distance)
        waiting[next.block] -= 1
        if waiting[next.block] == 0 { ready.append(next.block) }
      }
    }
    for block in sequence.reversed() {
      let room = following[block].map { middles[$0.block] - $0.distance }.min()
      if let room { middles[block] = max(middles[block], room) }
    }
    return nodes.indices.map { middles[roots[$0]] }
  }

  private func distance(_ left: Int, _ right: Int) -> Double { nodes[left].distance(to: nodes[right]) }

  /// The placements brought over the narrowest, and of each node the mean of the middle two.
  private func balanced(_ placements: [[Double]]) -> [Double] {
    let extents = placements.map { middles in
      nodes.indices.reduce(into: (left: Double.infinity, right: -Double.infinity)) { extent, node in
        extent.left = min(extent.left, middles[node] - nodes[node].width / 2)
        extent.right = max(extent.right, middles[node] + nodes[node].width / 2)
      }
    }
    guard let narrowest = extents.min(by: { $0.right - $0.left < $1.right - $1.left }) else { return [] }
    let shifts = extents.enumerated().map { index, extent in
      index % 2 == 0 ? narrowest.left - extent.left : narrowest.right - extent.right
    }
    return nodes.indices.map { node in
      let places = placements.indices.map { placements[$0][node] + shifts[$0] }.sorted()
      return (places[1] + places[2]) / 2
    }
  }
}
