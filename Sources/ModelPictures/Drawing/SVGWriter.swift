import ModelIR

/// Draws a picture whose layout is known as SVG.
struct SVGWriter {
  let graph: PictureGraph
  let layout: PictureLayout
  private let attributes: (Int) -> String
  private var text = ""

  /// The whole picture, a file of its own.
  static func document(_ graph: PictureGraph, _ layout: PictureLayout, title: String) -> String {
    let size = "\(NumberText.pixels(layout.width)) \(NumberText.pixels(layout.height))"
    return """
      <?xml version="1.0" encoding="UTF-8"?>
      <svg xmlns="http://www.w3.org/2000/svg" class="model" viewBox="0 0 \(size)" \
      width="\(NumberText.pixels(layout.width))" height="\(NumberText.pixels(layout.height))" role="img" aria-label="\(title.markup)">
      <title>\(title.markup)</title>
      <style>\(PictureStyle.rules("svg.model"))</style>
      <rect width="100%" height="100%" style="fill: var(--paper)"/>
      \(content(graph, layout))</svg>

      """
  }

  /// Frames, edges and boxes.
  /// - Parameter attributes: further attributes of a box, as markup.
  static func content(
    _ graph: PictureGraph, _ layout: PictureLayout, attributes: @escaping (Int) -> String = { _ in "" }
  ) -> String {
    var writer = SVGWriter(graph, layout, attributes)
    for index in graph.clusters.indices { writer.addFrame(index) }
    for path in layout.edges { writer.addEdge(path) }
    for index in graph.boxes.indices { writer.addBox(index) }
    for index in graph.clusters.indices { writer.addFrameTitle(index) }
    return writer.text
  }

  private init(_ graph: PictureGraph, _ layout: PictureLayout, _ attributes: @escaping (Int) -> String) {
    self.graph = graph
    self.layout = layout
    self.attributes = attributes
  }

  private mutating func addFrame(_ index: Int) {
    let lines = BoxText(graph.clusters[index].layer)
    text += """
      <g class="cluster"><title>\(SVGWriter.lines(lines.title))</title>\
      \(SVGWriter.rectangle(layout.clusters[index], "frame", radius: 8))</g>

      """
  }

  /// Above the edges, which may come in through it.
  private mutating func addFrameTitle(_ index: Int) {
    let place = layout.clusters[index]
    let lines = BoxText(graph.clusters[index].layer)
    text += """
      <text class="frame-title" x="\(SVGWriter.number(place.x + 10))" y="\(SVGWriter.number(place.y + 16))">\
      <tspan class="name">\(lines.name.markup)</tspan><tspan class="class" dx="10">\(lines.className.markup)</tspan></text>

      """
  }

  private mutating func addBox(_ index: Int) {
    let box = graph.boxes[index]
    let place = layout.boxes[index]
    let (left, right) = (SVGWriter.number(place.x + 10), SVGWriter.number(place.maxX - 10))
    func line(_ number: Double) -> String {
      SVGWriter.number(place.y + 1 + BoxText.lineHeight * number + (number > 1 ? 6 : 0))
    }
    let head = Rectangle(x: place.x, y: place.y, width: place.width, height: BoxText.lineHeight + 6)
    text += """
      <g class="layer \(box.layer.family.rawValue)"\(attributes(index))><title>\(SVGWriter.lines(box.lines.title))</title>\
      \(SVGWriter.rectangle(place, "box", radius: 5))<path class="head" d="\(SVGWriter.cap(head, radius: 4.5))"/>\
      <text class="name" x="\(left)" y="\(line(1))">\(box.lines.name.markup)</text>\
      <text class="class" x="\(right)" y="\(line(1))" text-anchor="end">\(box.lines.className.markup)</text>\
      <text x="\(left)" y="\(line(2))">\(box.lines.shapes.markup)</text>\
      <text class="more" x="\(left)" y="\(line(3))">\(box.lines.details.markup)</text></g>

      """
  }

  private mutating func addEdge(_ path: Path) {
    // The line ends inside the tip, which points where its last part leads.
    let (end, toward) = (path.end, path.arrival)
    func corner(_ side: Double) -> String {
      let x = end.x - 6 * toward.x - side * toward.y
      let y = end.y - 6 * toward.y + side * toward.x
      return "\(SVGWriter.number(x)) \(SVGWriter.number(y))"
    }
    text += """
      <path class="edge" d="\(SVGWriter.data(path))"/><path class="tip" d="M\(SVGWriter.number(end.x)) \
      \(SVGWriter.number(end.y))L\(corner(3.5))L\(corner(-3.5))z"/>

      """
  }

  private static func lines(_ title: String) -> String {
    title.split(separator: "\n").map { String($0).markup }.joined(separator: "\n")
  }

  private static func number(_ value: Double) -> String { NumberText.pixels(value) }

  private static func rectangle(_ place: Rectangle, _ name: String, radius: Int) -> String {
    "<rect class=\"\(name)\" x=\"\(number(place.x))\" y=\"\(number(place.y))\" width=\"\(number(place.width))\" height=\"\(number(place.height))\" rx=\"\(radius)\"/>"
  }

  /// A rectangle with round corners at its upper side, inside the frame's line.
  private static func cap(_ place: Rectangle, radius: Double) -> String {
    let r = number(radius)
    return
      "M\(number(place.x + 0.5)) \(number(place.maxY))v\(number(radius + 0.5 - place.height))a\(r) \(r) 0 0 1 \(r) -\(r)h\(number(place.width - 1 - 2 * radius))a\(r) \(r) 0 0 1 \(r) \(r)v\(number(place.height - radius - 0.5))z"
  }

  static func data(_ path: Path) -> String {
    func pair(_ point: Point) -> String { "\(number(point.x)) \(number(point.y))" }
    var data = "M\(pair(path.start))"
    for part in path.parts {
      switch part {
      case .line(let point): data += "L\(pair(point))"
      case .curve(let a, let b, let end): data += "C\(pair(a)) \(pair(b)) \(pair(end))"
      }
    }
    return data
  }
}
