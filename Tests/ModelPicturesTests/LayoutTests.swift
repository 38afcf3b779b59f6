import Testing

@testable import ModelPictures

/// The library's own layouts: nothing overlaps, and edges cross no box.
@Suite struct LayoutTests {
  @Test(arguments: PictureModel.graphs, [false, true])
  func `edges cross no box and boxes stand apart`(_ name: String, _ expandsNested: Bool) throws {
    let description = try ModelDescription(PictureModel.fixture(name))
    check(PictureGraph(description, expandsNested: expandsNested))
  }

  @Test(arguments: ["nested_reused", "nested_multi_out", "nested_sequential"])
  func `a frame ends close below what it holds`(_ name: String) throws {
    let description = try ModelDescription(PictureModel.fixture("graph/\(name)"))
    let graph = PictureGraph(description, expandsNested: true)
    let layout = NestedLayout.layout(graph)
    for (cluster, frame) in layout.clusters.enumerated() {
      let held = graph.boxes.indices.filter { graph.chain(of: $0).contains(cluster) }
      let lowest = try #require(held.map { layout.boxes[$0].maxY }.max())
      #expect(frame.maxY - lowest < 60)
    }
  }

  @Test func `a layer that feeds itself is drawn round the side`() throws {
    let description = try ModelDescription(PictureModel.fixture("graph/layer_twice_in_chain"))
    let graph = PictureGraph(description, expandsNested: false)
    let layout = NestedLayout.layout(graph)
    let loop = try #require(graph.edges.firstIndex { $0.source == $0.target })
    let box = layout.boxes[graph.edges[loop].source]
    #expect(layout.edges[loop].parts.contains { $0.end.x > box.maxX })
  }

  @Test func `a thousand layers with long edges take moments`() throws {
    var layers: [(name: String, className: String, sources: [String])] = [("l0", "InputLayer", [])]
    for index in 1..<1200 {
      let sources = index % 7 == 0 ? ["l\(index - 1)", "l\(index - 7)"] : ["l\(index - 1)"]
      layers.append(
        ("l\(index)", index % 7 == 0 ? "Add" : "Dense", index % 97 == 0 ? sources + ["l1"] : sources))
    }
    let graph = PictureGraph(try ModelDescription(PictureModel.json(layers)), expandsNested: false)
    let start = ContinuousClock.now
    let layout = NestedLayout.layout(graph)
    #expect(ContinuousClock.now - start < .seconds(5))  // 0.2 s in a debug build; room for a busy machine.
    #expect(layout.boxes.count == 1200)
  }

  @Test func `what would take too many places goes round`() {
    var graph = LayeredGraph()
    graph.items = (0..<600).map { _ in LayeredGraph.Item(width: 10, height: 10) }
    for source in 0..<599 {
      graph.edges.append(.init(source: source, target: source + 1))
      graph.edges.append(.init(source: source, target: 599))
    }
    let ranked = RankedNodes(graph, Ranking(graph))
    #expect(ranked.nodes.count <= 600 + RankedNodes.passingLimit)
    #expect(ranked.ways.contains { $0 == nil })
    #expect(LayeredLayout(graph).edges.count == graph.edges.count)
  }

  private func check(_ graph: PictureGraph) {
    let layout = NestedLayout.layout(graph)
    for (index, place) in layout.boxes.enumerated() {
      #expect(place.x >= 0 && place.y >= 0 && place.maxX <= layout.width && place.maxY <= layout.height)
      for other in layout.boxes[..<index] { #expect(!place.overlaps(other)) }
      for cluster in graph.clusters.indices {
        let frame = layout.clusters[cluster]
        #expect(graph.chain(of: index).contains(cluster) ? frame.holds(place) : !frame.overlaps(place))
      }
    }
    for (edge, path) in zip(graph.edges, layout.edges) {
      #expect(layout.boxes[edge.source].touches(path.start) && layout.boxes[edge.target].touches(path.end))
      // An arrow that points upward would lie below its box.
      #expect(edge.source == edge.target || path.arrival.y > 0, "edge \(edge) arrives from below")
      for (index, place) in layout.boxes.enumerated() {
        let inner = Rectangle(
          x: place.x + 1, y: place.y + 1, width: place.width - 2, height: place.height - 2)
        #expect(!path.samples.contains { inner.touches($0) }, "edge \(edge) crosses box \(index)")
      }
    }
  }
}

extension Rectangle {
  func overlaps(_ other: Rectangle) -> Bool {
    x < other.maxX && other.x < maxX && y < other.maxY && other.y < maxY
  }
  func holds(_ other: Rectangle) -> Bool {
    x <= other.x && other.maxX <= maxX && y <= other.y && other.maxY <= maxY
  }
  func touches(_ point: Point) -> Bool {
    point.x >= x - 0.01 && point.x <= maxX + 0.01 && point.y >= y - 0.01 && point.y <= maxY + 0.01
  }
}

extension Path {
  /// Points along the path, close to each other.
  var samples: [Point] {
    var points: [Point] = []
    var from = start
    for part in parts {
      for step in 0...40 {
        let t = Double(step) / 40
        points.append(part.point(from, t))
      }
      from = part.end
    }
    return points
  }
}

extension Path.Part {
  fileprivate func point(_ from: Point, _ t: Double) -> Point {
    func mixed(_ weights: [Double], _ points: [Point]) -> Point {
      Point(
        x: zip(weights, points).reduce(0) { $0 + $1.0 * $1.1.x },
        y: zip(weights, points).reduce(0) { $0 + $1.0 * $1.1.y })
    }
    switch self {
    case .line(let end): return mixed([1 - t, t], [from, end])
    case .curve(let a, let b, let end):
      let s = 1 - t
      return mixed([s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t], [from, a, b, end])
    }
  }
}
