public import KerasImport
import ModelIR

/// A page about a model in one HTML file: the graph to move about in, the layers and the weights as tables that are
/// filtered and sorted. It fetches nothing, and runs no script but its own.
public struct ModelPage: Sendable {
  private let description: ModelDescription
  private let picture: ModelPicture
  private let weights: [Weight]
  /// What is amiss, a sentence each.
  public let findings: [String]

  private struct Weight: Sendable {
    let weight: KerasWeight
    let statistics: TensorStatistics
  }

  /// Reads all weights of a model, one after the other.
  /// - Parameter model: the model.
  /// - Parameter description: what is shown.
  /// - Parameter picture: the picture of its layers.
  /// - Parameter progress: called with how many bytes were read, and how many there are.
  /// - Throws: `KerasImportError` when a weight's bytes are damaged.
  public init(
    _ model: KerasModel, _ description: ModelDescription, picture: ModelPicture,
    progress: ((_ byteCount: Int, _ of: Int) -> Void)? = nil
  ) throws(KerasImportError) {
    self.description = description
    self.picture = picture
    var findings = description.notes
    do { try model.verifyChecksums() } catch { findings.append("\(error)") }
    let total = model.weights.reduce(0) { $0 + $1.tensor.byteCount }
    var weights: [Weight] = []
    var done = 0
    for weight in model.weights {
      let statistics: TensorStatistics
      do { statistics = try TensorStatistics(weight.tensor) } catch {
        throw KerasImportError(reading: error).at(.weight(weight.name))
      }
      weights.append(Weight(weight: weight, statistics: statistics))
      if statistics.nonFiniteCount > 0 {
        findings.append(Finding.notFinite("weight", weight.name, count: statistics.nonFiniteCount))
      }
      done += weight.tensor.byteCount
      progress?(done, total)
    }
    self.weights = weights
    self.findings = findings
  }

  /// The page.
  public var html: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
    script-src 'sha256-\(PageScript.hash)'">
    <title>\(description.name.markup)</title>
    <style>
    \(PictureStyle.rules("#stage"))
    \(PageStyle.text)
    </style>
    </head>
    <body>
    \(header)<main>
    \(findingList)\(graph)\(layerTable.markup)\(weights.isEmpty ? "" : weightTable.markup)</main>
    <script>\(PageScript.text)</script>
    </body>
    </html>

    """
  }

  private var header: String {
    func fact(_ title: String, _ text: String) -> String {
      "<div><dt>\(title)</dt><dd>\(text.markup)</dd></div>"
    }
    let parameters = description.parameters
    let shown = description.cost
    return """
      <header>
      <h1>\(description.name.markup)</h1>
      <p>\(description.className.markup) · \(description.format.markup)</p>
      <dl class="facts">\(fact("Layers", NumberText.grouped(description.layers.layers.count)))\
      \(fact("Parameters", NumberText.grouped(parameters.total)))\
      \(fact("Trainable", NumberText.grouped(parameters.trainable)))\
      \(fact("Weights", NumberText.bytes(parameters.byteCount)))\
      \(fact("FLOPs per sample", shown.operations.map(NumberText.scaled) ?? "?"))\
      \(fact("Outputs of layers", shown.outputByteCount.map(NumberText.bytes) ?? "?"))\
      \(description.inputs.map { fact("Input \($0.name.markup)", "\($0.type)") }.joined())\
      \(description.outputs.map { fact("Output \($0.name.markup)", "\($0.type)") }.joined())</dl>
      </header>

      """
  }

  private var findingList: String {
    guard !findings.isEmpty else {
      return "<p class=\"sound\">No findings: shapes fit, checksums agree, weights are finite.</p>\n"
    }
    let items = findings.map { "<li>\($0.markup)</li>" }.joined()
    return
      "<section class=\"findings\" aria-labelledby=\"findings-title\"><h2 id=\"findings-title\">Findings</h2><ul>\(items)</ul></section>\n"
  }
}

// MARK: - Parts

extension ModelPage {
  private var graph: String {
    let layout = picture.layout
    var keys: [String: Int] = [:]
    for (index, row) in rows.enumerated() { keys[row.layer.path] = index }
    let content = SVGWriter.content(picture.graph, layout) { index in
      let box = picture.graph.boxes[index]
      let label = box.lines.title.split(separator: "\n").joined(separator: ", ").markup
      // A layer that is drawn is in the table.
      return
        " data-layer=\"\(keys[box.layer.path] ?? -1)\" role=\"button\" tabindex=\"\(index == 0 ? 0 : -1)\" aria-label=\"\(label)\""
    }
    return """
      <section aria-labelledby="graph-title">
      <div class="bar"><h2 id="graph-title">Graph</h2><span class="hint">drag to move · Ctrl and wheel, + and − zoom · \
      arrows go from layer to layer · Enter shows the row</span>
      <button type="button" data-action="in" aria-label="Zoom in">+</button>\
      <button type="button" data-action="out" aria-label="Zoom out">−</button>\
      <button type="button" data-action="fit">Fit</button>\
      <button type="button" data-action="start">Start</button></div>
      <svg id="stage" role="group" aria-labelledby="graph-title" data-width="\(NumberText.pixels(layout.width))" \
      data-height="\(NumberText.pixels(layout.height))"><g id="scene">
      \(content)</g></svg>
      </section>

      """
  }

  /// Every layer with its depth, nested ones below theirs.
  private var rows: [(layer: LayerDescription, depth: Int)] {
    func flattened(_ group: LayerGroup, _ depth: Int) -> [(layer: LayerDescription, depth: Int)] {
      group.layers.flatMap { [($0, depth)] + flattened($0.nested, depth + 1) }
    }
    return flattened(description.layers, 0)
  }

  private var layerTable: PageTable {
    var table = PageTable(
      id: "layers", title: "Layers",
      heads: [
        ("Layer", false), ("Class", false), ("Output shape", false), ("Activation", false), ("Type", false),
        ("Parameters", true), ("Weights", true), ("Outputs", true), ("FLOPs", true),
      ])
    for (index, row) in rows.enumerated() {
      let layer = row.layer
      let indent = String(repeating: "&emsp;", count: row.depth)
      table.rows.append(
        (
          " data-layer=\"\(index)\"" + (layer.isSupported ? "" : " class=\"alarm\""),
          [
            .init(markup: "\(indent)<button type=\"button\">\(layer.name.markup)</button>"),
            .text(layer.isSupported ? layer.className : "\(layer.className) (not supported)"),
            // None: an empty cell.
            .text(BoxText.text(layer.outputShapes)), .text(layer.activation ?? ""), .text(layer.dtype),
            .count(layer.parameters?.total), .count(layer.parameters?.byteCount, NumberText.bytes),
            .count(layer.cost.outputByteCount, NumberText.bytes),
            .count(layer.cost.operations, NumberText.scaled),
          ]
        ))
    }
    return table
  }

  private var weightTable: PageTable {
    var table = PageTable(
      id: "weights", title: "Weights",
      heads: [
        ("Weight", false), ("Shape", false), ("Type", false), ("Numbers", true), ("Minimum", true),
        ("Maximum", true),
        ("Mean", true), ("Deviation", true), ("Zeros", true), ("Not finite", true), ("Histogram", false),
      ])
    for entry in weights {
      let (tensor, found) = (entry.weight.tensor, entry.statistics)
      func real(_ value: Double?) -> PageTable.Cell { .number(value.map(NumberText.real) ?? "–", value) }
      table.rows.append(
        (
          found.nonFiniteCount > 0 ? " class=\"alarm\"" : "",
          [
            .text(entry.weight.name), .text("(\(tensor.sizes.map(String.init).joined(separator: ", ")))"),
            .text(tensor.dtype.rawValue + (entry.weight.isTrainable ? "" : ", frozen")),
            .count(tensor.elementCount),
            real(found.minimum), real(found.maximum), real(found.mean), real(found.deviation),
            .count(found.zeroCount),
            .count(found.nonFiniteCount), .init(markup: Histogram.markup(found)),
          ]
        ))
    }
    return table
  }
}

/// A histogram as a small picture.
enum Histogram {
  static func markup(_ statistics: TensorStatistics) -> String {
    guard let highest = statistics.histogram.max(), highest > 0 else { return "" }
    var data = ""
    for (index, count) in statistics.histogram.enumerated() where count > 0 {
      // What is there is seen, however little it is.
      let height = max(0.5, Double(count) / Double(highest) * 26)
      data += "M\(index * 4) 26v-\(NumberText.pixels(height))h3v\(NumberText.pixels(height))z"
    }
    let label =
      "from \(statistics.minimum.map(NumberText.real) ?? "–") to \(statistics.maximum.map(NumberText.real) ?? "–")"
    return
      "<svg class=\"histogram\" viewBox=\"0 0 128 26\" role=\"img\" aria-label=\"Histogram \(label)\"><path d=\"\(data)\"/></svg>"
  }
}
