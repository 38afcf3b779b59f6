/// The layout of a picture with clusters: each is laid out by itself and then stands in the one around it as an item.
///
/// An edge into a cluster is cut at its frame; both pieces meet in a port there.
struct NestedLayout {
  private let graph: PictureGraph
  /// What lies directly in each cluster; the last entry is the picture's.
  private let members: [Members]
  private var levels: [Level?]

  static let margin = 16.0
  static let titleHeight = 24.0

  private struct Members {
    var boxes: [Int] = []
    var clusters: [Int] = []
    var edges: [Int] = []
  }

  /// A part of the picture.
  private enum Item: Hashable {
    case box(Int)
    case cluster(Int)
    /// Where edges from this box come into the cluster, or leave it.
    case entry(Int)
    case exit(Int)
  }

  /// A cluster that is laid out, measured from its upper left corner.
  private struct Level {
    var width = 0.0
    var height = 0.0
    var boxes: [(index: Int, place: Rectangle)] = []
    var clusters: [(index: Int, place: Rectangle)] = []
    /// The pieces of edges, as far as they are in here.
    var pieces: [Int: Path] = [:]
    /// The ports by the box that the edges come from, measured from the left.
    var entries: [Int: Double] = [:]
    var exits: [Int: Double] = [:]
  }

  /// Lays a picture out.
  static func layout(_ graph: PictureGraph) -> PictureLayout {
    var nested = NestedLayout(graph)
    // A cluster comes after the one around it.
    for cluster in graph.clusters.indices.reversed() { nested.levels[cluster] = nested.level(cluster) }
    return nested.picture(nested.level(nil))
  }

  private init(_ graph: PictureGraph) {
    self.graph = graph
    levels = Array(repeating: nil, count: graph.clusters.count)
    var members = Array(repeating: Members(), count: graph.clusters.count + 1)
    let outermost = graph.clusters.count
    for (index, box) in graph.boxes.enumerated() { members[box.cluster ?? outermost].boxes.append(index) }
    for (index, cluster) in graph.clusters.enumerated() {
      members[cluster.parent ?? outermost].clusters.append(index)
    }
    for (index, edge) in graph.edges.enumerated() {
      let (source, target) = (graph.chain(of: edge.source), graph.chain(of: edge.target))
      let shared = zip(source.reversed(), target.reversed()).prefix { $0 == $1 }.count
      members[shared == 0 ? outermost : source[source.count - shared]].edges.append(index)
      for cluster in source.dropLast(shared) + target.dropLast(shared) {
        members[cluster].edges.append(index)
      }
    }
    self.members = members
  }

  private func level(_ cluster: Int?) -> Level {
    let inside = members[cluster ?? graph.clusters.count]
    var layered = LayeredGraph()
    var indices: [Item: Int] = [:]
    func add(_ item: Item, _ width: Double, _ height: Double, _ pin: LayeredGraph.Pin = .none) {
      guard indices[item] == nil else { return }
      indices[item] = layered.items.count
      layered.items.append(LayeredGraph.Item(width: width, height: height, pin: pin))
    }
    for box in inside.boxes { add(.box(box), graph.boxes[box].width, graph.boxes[box].height) }
    for inner in inside.clusters {
      if let level = levels[inner] { add(.cluster(inner), level.width, level.height) }
    }
    for edge in inside.edges {
      let (source, target) = ends(edge, in: cluster)
      if case .entry = source { add(source, 2, 0, .top) }
      if case .exit = target { add(target, 2, 0, .bottom) }
      guard let from = indices[source], let to = indices[target] else { continue }  // All are there.
      layered.edges.append(
        .init(
          source: from, target: to, sourceX: port(source, edge, \.exits),
          targetX: port(target, edge, \.entries)))
    }
    return assembled(cluster, inside, indices, LayeredLayout(layered))
  }

  /// What an edge leads from and to on a level.
  private func ends(_ edge: Int, in cluster: Int?) -> (source: Item, target: Item) {
    let box = graph.edges[edge].source
    return (
      item(of: box, in: cluster) ?? .entry(box), item(of: graph.edges[edge].target, in: cluster) ?? .exit(box)
    )
  }

  /// The box itself, the cluster that holds it, or nil where it is outside.
  private func item(of box: Int, in cluster: Int?) -> Item? {
    let chain = graph.chain(of: box)
    if graph.boxes[box].cluster == cluster { return .box(box) }
    guard let cluster else { return chain.last.map { .cluster($0) } }
    guard let depth = chain.firstIndex(of: cluster) else { return nil }
    return .cluster(chain[depth - 1])
  }

  /// Where an edge meets the frame of a cluster, measured from its middle.
  private func port(_ item: Item, _ edge: Int, _ ports: KeyPath<Level, [Int: Double]>) -> Double? {
    guard case .cluster(let index) = item, let level = levels[index] else { return nil }
    return level[keyPath: ports][graph.edges[edge].source].map { $0 - level.width / 2 }
  }

  private func assembled(
    _ cluster: Int?, _ inside: Members, _ indices: [Item: Int], _ layout: LayeredLayout
  ) -> Level {
    var level = Level()
    let offset = Point(
      x: NestedLayout.margin, y: cluster == nil ? NestedLayout.margin : NestedLayout.titleHeight)
    let titleWidth = cluster.map {
      Double(BoxText(graph.clusters[$0].layer).heading.columns) * BoxText.advance
    }
    // The picture itself has no title.
    level.width = max(layout.width, titleWidth ?? 0) + 2 * NestedLayout.margin
    // Edges that leave have their room below the last boxes.
    let hasExits = indices.keys.contains { if case .exit = $0 { true } else { false } }
    level.height = layout.height + offset.y + (hasExits ? 0 : NestedLayout.margin)
    var contents: [Int: [Int: Path]] = [:]
    for (item, index) in indices {
      let place = layout.items[index].moved(by: offset)
      switch item {
      case .box(let box): level.boxes.append((box, place))
      case .entry(let box): level.entries[box] = place.x + place.width / 2
      case .exit(let box): level.exits[box] = place.x + place.width / 2
      case .cluster(let inner):
        level.clusters.append((inner, place))
        contents[inner] = take(inner, at: Point(x: place.x, y: place.y), into: &level)
      }
    }
    for (number, edge) in inside.edges.enumerated() {
      let (source, target) = ends(edge, in: cluster)
      var path = layout.edges[number].moved(by: offset)
      if case .entry = source { path = Path(Point(x: path.start.x, y: 0)).followed(by: path) }
      if case .exit = target { path.line(to: Point(x: path.end.x, y: level.height)) }
      if case .cluster(let inner) = source, let before = contents[inner]?[edge] {
        path = before.followed(by: path)
      }
      if case .cluster(let inner) = target, let after = contents[inner]?[edge] {
        path = path.followed(by: after)
      }
      level.pieces[edge] = path
    }
    return level
  }

  /// Puts what a cluster holds at its place.
  /// - Returns: its pieces of edges, those that leave it included.
  private func take(_ cluster: Int, at corner: Point, into level: inout Level) -> [Int: Path] {
    guard let content = levels[cluster] else { return [:] }
    level.boxes += content.boxes.map { ($0.index, $0.place.moved(by: corner)) }
    level.clusters += content.clusters.map { ($0.index, $0.place.moved(by: corner)) }
    let pieces = content.pieces.mapValues { $0.moved(by: corner) }
    level.pieces.merge(pieces) { known, _ in known }  // Those that leave it are joined afterwards.
    return pieces
  }

  private func picture(_ level: Level) -> PictureLayout {
    let nothing = Rectangle(x: 0, y: 0, width: 0, height: 0)
    var picture = PictureLayout(
      width: level.width, height: level.height, boxes: graph.boxes.map { _ in nothing },
      clusters: graph.clusters.map { _ in nothing }, edges: [])
    for (index, place) in level.boxes { picture.boxes[index] = place }
    for (index, place) in level.clusters { picture.clusters[index] = place }
    picture.edges = graph.edges.indices.map { level.pieces[$0] ?? Path(Point(x: 0, y: 0)) }  // All have one.
    return picture
  }
}
