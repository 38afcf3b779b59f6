import ModelIR

/// What is drawn: boxes, the clusters around them, and edges.
struct PictureGraph: Sendable {
  /// A layer as a box of text.
  struct Box: Sendable {
    let layer: LayerDescription
    let lines: BoxText
    /// The innermost cluster that holds it; nil for none.
    let cluster: Int?
    var width: Double { lines.width }
    var height: Double { lines.height }
  }

  /// A nested model that is opened up.
  struct Cluster: Sendable {
    let layer: LayerDescription
    /// The cluster around it, which comes earlier.
    let parent: Int?
  }

  struct Edge: Hashable, Sendable {
    let source: Int
    let target: Int
  }

  private(set) var boxes: [Box] = []
  private(set) var clusters: [Cluster] = []
  /// Each once, however many tensors take it.
  private(set) var edges: [Edge] = []
  private var known: Set<Edge> = []

  /// - Parameter expandsNested: nested models become clusters instead of boxes.
  init(_ description: ModelDescription, expandsNested: Bool) {
    _ = add(description.layers, cluster: nil, expandsNested: expandsNested)
  }

  /// Where the tensors of a layer come in and go out: boxes.
  private struct Ends {
    var inputs: [Int]
    var outputs: [Int]
  }

  private mutating func add(_ group: LayerGroup, cluster: Int?, expandsNested: Bool) -> [Ends] {
    var ends: [Ends] = []
    for layer in group.layers { ends.append(add(layer, cluster: cluster, expandsNested: expandsNested)) }
    for connection in group.connections {
      // A tensor of a layer whose ends are not known comes from its first, or from the layer as a whole.
      guard let source = PictureGraph.pick(connection.output, of: ends[connection.source].outputs),
        let target = PictureGraph.pick(connection.input, of: ends[connection.target].inputs)
      else { continue }
      let edge = Edge(source: source, target: target)
      if known.insert(edge).inserted { edges.append(edge) }
    }
    return ends
  }

  private static func pick(_ index: Int, of boxes: [Int]) -> Int? {
    boxes.indices.contains(index) ? boxes[index] : boxes.first
  }

  /// The clusters around a box, the innermost first.
  func chain(of box: Int) -> [Int] {
    var chain: [Int] = []
    var next = boxes[box].cluster
    while let cluster = next {
      chain.append(cluster)
      next = clusters[cluster].parent
    }
    return chain
  }

  private mutating func add(_ layer: LayerDescription, cluster: Int?, expandsNested: Bool) -> Ends {
    guard expandsNested, !layer.nested.layers.isEmpty else {
      boxes.append(Box(layer: layer, lines: BoxText(layer), cluster: cluster))
      return Ends(inputs: [boxes.count - 1], outputs: [boxes.count - 1])
    }
    clusters.append(Cluster(layer: layer, parent: cluster))
    let inner = add(layer.nested, cluster: clusters.count - 1, expandsNested: true)
    func ends(_ layers: [Int], _ boxes: (Ends) -> [Int], otherwise: Int) -> [Int] {
      let found = layers.flatMap { boxes(inner[$0]).prefix(1) }
      return found.isEmpty ? boxes(inner[otherwise]) : found
    }
    return Ends(
      inputs: ends(layer.nested.inputs, \.inputs, otherwise: 0),
      outputs: ends(layer.nested.outputs, \.outputs, otherwise: inner.count - 1))
  }
}

/// The text of a box and the room it takes.
struct BoxText: Sendable {
  let name: String
  let className: String
  let shapes: String
  let details: String
  /// Everything, uncut, a line each.
  let title: String

  static let nameLimit = 44
  static let shapeLimit = 64
  static let lineHeight = 16.0
  /// An upper bound of the advance of common monospaced fonts at 12 px.
  static let advance = 7.3

  init(_ layer: LayerDescription) {
    name = layer.name.printable.shortened(to: BoxText.nameLimit)
    className = layer.className.printable.shortened(to: BoxText.nameLimit)
    let shapeText = BoxText.flow(layer)
    shapes = shapeText.shortened(to: BoxText.shapeLimit)
    let parameters = layer.parameters.map { NumberText.grouped($0.total) } ?? "?"
    var parts = [layer.dtype.printable.shortened(to: 24)]
    if let activation = layer.activation, activation != "linear" {
      parts.insert(activation.printable.shortened(to: 24), at: 0)
    }
    if layer.parameters?.total != 0 { parts.append("\(parameters) params") }
    if !layer.isSupported { parts.append("not supported") }
    details = parts.joined(separator: " · ")
    title = "\(layer.path.printable)\n\(layer.className.printable)\n\(shapeText)\n\(details)"
  }

  /// `name  ClassName`
  var heading: String { "\(name)   \(className)" }

  /// `in → out`; one of them where they are equal or the other is nothing.
  private static func flow(_ layer: LayerDescription) -> String {
    let (inputs, outputs) = (text(layer.inputShapes), text(layer.outputShapes))
    return inputs == outputs || inputs.isEmpty ? outputs : "\(inputs) → \(outputs)"
  }

  static func text(_ shapes: [Shape?]) -> String {
    let texts = shapes.map { $0?.pictureText ?? "?" }
    if texts.count > 1, Set(texts).count == 1 { return "\(texts.count) × \(texts[0])" }
    return texts.joined(separator: ", ")
  }

  var width: Double {
    let characters = max(name.columns + className.columns + 3, shapes.columns, details.columns, 12)
    return (Double(characters) * BoxText.advance + 20).rounded(.up)
  }

  var height: Double { BoxText.lineHeight * 3 + 14 }
}

extension Shape {
  /// `(None, 28, 28, 1)`, as Keras shows it.
  var pictureText: String {
    "(" + dimensions.map { $0.fixedSize.map(String.init) ?? "None" }.joined(separator: ", ") + ")"
  }
}

extension String {
  /// How many columns of a monospaced font the text takes: two for each character beyond Latin, Greek and Cyrillic.
  var columns: Int {
    unicodeScalars.reduce(0) { $0 + ($1.value < 0x1100 || (0x2000..<0x2E00).contains($1.value) ? 1 : 2) }
  }
}
