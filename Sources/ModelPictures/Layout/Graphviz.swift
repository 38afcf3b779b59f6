import ModelIR
import NativeFormat

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Layouts by Graphviz's program `dot`, where it is installed.
enum Graphviz {
  /// How long it may take, in seconds.
  static let timeLimit = 4.0
  /// The most boxes and edges it is asked for: beyond, its time grows out of bounds.
  static let sizeLimit = 1500

  /// The layout; nil when the program is not there, takes too long, or answers what cannot be read.
  static func layout(_ graph: PictureGraph) -> PictureLayout? {
    guard graph.boxes.count + graph.edges.count <= sizeLimit,
      let answer = ChildProcess.output(
        of: ["dot", "-Tjson0", "-y"], input: Array(DotWriter.skeleton(graph).utf8), seconds: timeLimit),
      let json = try? JSONValue(parsing: answer)  // An answer of another form is none.
    else { return nil }
    return GraphvizAnswer(json)?.layout(graph)
  }
}

/// What `dot -Tjson0 -y` answers: points, y downward.
private struct GraphvizAnswer {
  private let json: JSONValue
  private let corner: Point
  private let size: Point

  init?(_ json: JSONValue) {
    guard let bounds = json["bb"]?.string.map(GraphvizAnswer.numbers), bounds.count == 4 else { return nil }
    self.json = json
    corner = Point(x: min(bounds[0], bounds[2]), y: min(bounds[1], bounds[3]))
    size = Point(x: abs(bounds[2] - bounds[0]), y: abs(bounds[3] - bounds[1]))
  }

  private static let margin = 16.0

  func layout(_ graph: PictureGraph) -> PictureLayout? {
    var boxes: [Int: Rectangle] = [:]
    var clusters: [Int: Rectangle] = [:]
    for object in json["objects"]?.array ?? [] {  // A picture without boxes has none.
      guard let name = object["name"]?.string else { return nil }
      if name.hasPrefix("n"), let index = Int(name.dropFirst()), graph.boxes.indices.contains(index) {
        // An empty text is no point.
        guard let middle = point(object["pos"]?.string ?? "") else { return nil }
        let box = graph.boxes[index]
        boxes[index] = Rectangle(
          x: middle.x - box.width / 2, y: middle.y - box.height / 2, width: box.width, height: box.height)
      } else if name.hasPrefix("cluster_"), let index = Int(name.dropFirst(8)) {
        // An empty text is no rectangle.
        clusters[index] = rectangle(object["bb"]?.string ?? "")
      }
    }
    var edges: [Int: Path] = [:]
    for edge in json["edges"]?.array ?? [] {  // A picture of one box has none.
      guard let index = edge["id"]?.string.flatMap({ Int($0.dropFirst()) }) else { return nil }
      // An empty text is no path.
      edges[index] = path(edge["pos"]?.string ?? "")
    }
    let found = PictureLayout(
      width: size.x + 2 * GraphvizAnswer.margin, height: size.y + 2 * GraphvizAnswer.margin,
      boxes: graph.boxes.indices.compactMap { boxes[$0] },
      clusters: graph.clusters.indices.compactMap { clusters[$0] },
      edges: graph.edges.indices.compactMap { edges[$0] })
    let isWhole =
      found.boxes.count == graph.boxes.count && found.clusters.count == graph.clusters.count
      && found.edges.count == graph.edges.count
    return isWhole ? found : nil
  }

  private static func numbers(_ text: String) -> [Double] {
    text.split { $0 == "," || $0 == " " }.compactMap { Double($0) }.filter(\.isFinite)
  }

  private func placed(_ x: Double, _ y: Double) -> Point {
    Point(x: x - corner.x + GraphvizAnswer.margin, y: y - corner.y + GraphvizAnswer.margin)
  }

  private func point(_ text: String) -> Point? {
    let numbers = GraphvizAnswer.numbers(text)
    return numbers.count == 2 ? placed(numbers[0], numbers[1]) : nil
  }

  private func rectangle(_ text: String) -> Rectangle? {
    let numbers = GraphvizAnswer.numbers(text)
    guard numbers.count == 4 else { return nil }
    let (a, b) = (placed(numbers[0], numbers[1]), placed(numbers[2], numbers[3]))
    return Rectangle(x: min(a.x, b.x), y: min(a.y, b.y), width: abs(a.x - b.x), height: abs(a.y - b.y))
  }

  /// `e,X,Y x,y x,y ...`: where the tip is, then a start and triples of a curve.
  private func path(_ text: String) -> Path? {
    var tip: Point?
    var points: [Point] = []
    for part in text.split(separator: " ") {
      if part.hasPrefix("e,") { tip = point(String(part.dropFirst(2))); continue }
      guard !part.hasPrefix("s,"), let point = point(String(part)) else { return nil }
      points.append(point)
    }
    guard points.count >= 4, points.count % 3 == 1 else { return nil }
    var path = Path(points[0])
    for index in stride(from: 1, to: points.count, by: 3) {
      path.parts.append(.curve(points[index], points[index + 1], points[index + 2]))
    }
    if let tip { path.line(to: tip) }
    return path
  }
}
