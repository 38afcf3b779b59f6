import ModelIR

/// Writes a picture in Graphviz's language.
///
/// Identifiers are `n0`, `n1`, ...; what comes from a file stands in quoted labels alone, with everything escaped that
/// means something there: quotes, backslashes, and the braces and bars of record labels, which are not used.
/// Source: https://graphviz.org/doc/info/lang.html
struct DotWriter {
  private let graph: PictureGraph
  private let isForLayout: Bool
  private var text = ""

  /// The picture with its texts, for people and for any tool that reads the language.
  static func document(_ graph: PictureGraph, title: String) -> String {
    var writer = DotWriter(graph, isForLayout: false)
    return writer.written(title: title)
  }

  /// Sizes and edges alone: what the program `dot` needs to place everything.
  static func skeleton(_ graph: PictureGraph) -> String {
    var writer = DotWriter(graph, isForLayout: true)
    return writer.written(title: "")
  }

  private init(_ graph: PictureGraph, isForLayout: Bool) {
    self.graph = graph
    self.isForLayout = isForLayout
  }

  private mutating func written(title: String) -> String {
    text = "digraph model {\n"
    if isForLayout {
      text += "  graph [nodesep=0.3, ranksep=0.42];\n  node [shape=box, fixedsize=true, label=\"\"];\n"
    } else {
      text += "  graph [label=\(DotWriter.quoted(title)), labelloc=t, fontname=\"Helvetica\"];\n"
      text +=
        "  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"Helvetica\", fontsize=11];\n"
      text += "  edge [arrowsize=0.7];\n"
    }
    addMembers(of: nil, indentation: "  ")
    for (index, edge) in graph.edges.enumerated() {
      text += "  n\(edge.source) -> n\(edge.target)" + (isForLayout ? " [id=\"e\(index)\"];\n" : ";\n")
    }
    return text + "}\n"
  }

  private mutating func addMembers(of cluster: Int?, indentation: String) {
    for (index, box) in graph.boxes.enumerated() where box.cluster == cluster {
      text += "\(indentation)n\(index) [\(attributes(box))];\n"
    }
    for (index, inner) in graph.clusters.enumerated() where inner.parent == cluster {
      text += "\(indentation)subgraph cluster_\(index) {\n"
      let lines = BoxText(inner.layer)
      let label = isForLayout ? "\" \"" : DotWriter.quoted("\(lines.name) (\(lines.className))")
      text += "\(indentation)  label=\(label); style=\"rounded,dashed\"; color=gray40; margin=14;\n"
      addMembers(of: index, indentation: indentation + "  ")
      text += "\(indentation)}\n"
    }
  }

  private func attributes(_ box: PictureGraph.Box) -> String {
    if isForLayout {
      return
        "width=\(NumberText.fixed(box.width / 72, places: 4)), height=\(NumberText.fixed(box.height / 72, places: 4))"
    }
    let lines = [box.lines.name + " (" + box.lines.className + ")", box.lines.shapes, box.lines.details]
    let label = lines.map { DotWriter.escaped($0) }.joined(separator: "\\n")
    var result = "label=\"\(label)\", tooltip=\(DotWriter.quoted(box.layer.path))"
    if let hue = PictureStyle.hue(box.layer.family) {
      // Hue, saturation and value, each up to 1.
      result += ", fillcolor=\"\(NumberText.fixed(Double(hue) / 360, places: 3)) 0.14 0.99\""
    }
    if !box.layer.isSupported { result += ", color=red, style=\"rounded,filled,dashed\"" }
    return result
  }

  private static func quoted(_ text: String) -> String { "\"\(escaped(text))\"" }

  /// Control characters made visible; `&` too, which begins an entity in labels.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in text.printable.unicodeScalars {
      switch character {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "&": result += "&amp;"
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }
}
