/// A place in a picture, in pixels; y grows downward.
struct Point: Hashable, Sendable {
  var x: Double
  var y: Double

  static func + (a: Point, b: Point) -> Point { Point(x: a.x + b.x, y: a.y + b.y) }

  func distance(to other: Point) -> Double {
    let (x, y) = (other.x - x, other.y - y)
    return (x * x + y * y).squareRoot()
  }
}

/// An upright rectangle.
struct Rectangle: Hashable, Sendable {
  var x: Double
  var y: Double
  var width: Double
  var height: Double
  var maxX: Double { x + width }
  var maxY: Double { y + height }

  func moved(by offset: Point) -> Rectangle {
    Rectangle(x: x + offset.x, y: y + offset.y, width: width, height: height)
  }
}

/// A line from a start through straight and curved parts.
struct Path: Hashable, Sendable {
  enum Part: Hashable, Sendable {
    case line(Point)
    /// A cubic Bézier curve: two control points and its end.
    case curve(Point, Point, Point)

    var end: Point {
      switch self {
      case .line(let point), .curve(_, _, let point): point
      }
    }
  }

  var start: Point
  var parts: [Part] = []
  var end: Point { parts.last?.end ?? start }

  init(_ start: Point) { self.start = start }

  /// Adds a straight part; one of no length is left out.
  mutating func line(to point: Point) {
    if point != end { parts.append(.line(point)) }
  }

  /// Adds a part that leaves and arrives vertically, and stays between the two heights.
  mutating func bend(to point: Point) {
    if point.x == end.x { return line(to: point) }
    let middle = (end.y + point.y) / 2
    parts.append(.curve(Point(x: end.x, y: middle), Point(x: point.x, y: middle), point))
  }

  /// The direction in which the end is reached, of length 1; downward for a path without one.
  var arrival: Point {
    var points = [start]
    for part in parts {
      if case .curve(let a, let b, _) = part { points += [a, b] }
      points.append(part.end)
    }
    // Sums of heights may differ in their last bits: what is as near as that says nothing of a direction.
    guard let before = points.last(where: { $0.distance(to: end) > 0.01 }) else { return Point(x: 0, y: 1) }
    let length = before.distance(to: end)
    return Point(x: (end.x - before.x) / length, y: (end.y - before.y) / length)
  }

  /// This path and another behind it.
  func followed(by other: Path) -> Path {
    var path = self
    path.line(to: other.start)
    path.parts += other.parts
    return path
  }

  func moved(by offset: Point) -> Path {
    var path = Path(start + offset)
    path.parts = parts.map { part in
      switch part {
      case .line(let point): .line(point + offset)
      case .curve(let a, let b, let c): .curve(a + offset, b + offset, c + offset)
      }
    }
    return path
  }
}

/// Where everything of a picture lies.
struct PictureLayout: Sendable {
  var width: Double
  var height: Double
  /// One for each box.
  var boxes: [Rectangle]
  /// One for each cluster.
  var clusters: [Rectangle]
  /// One for each edge.
  var edges: [Path]
}
