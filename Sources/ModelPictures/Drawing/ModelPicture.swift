import ModelIR

/// A picture of a model's layers: boxes with names, classes, shapes, activations and types, and what flows between them.
public struct ModelPicture: Sendable {
  /// Who places the boxes. More may come: switch over it with a `default`.
  public enum Layouter: String, Sendable, CaseIterable {
    /// Graphviz's program `dot` if it is installed and done in time; this library otherwise.
    case automatic
    /// This library.
    case own
  }

  let graph: PictureGraph
  private let title: String
  private let layouter: Layouter

  /// - Parameter description: what is shown.
  /// - Parameter layouter: who places the boxes.
  /// - Parameter expandsNested: nested models are opened up and stand in frames.
  public init(_ description: ModelDescription, expandsNested: Bool = false, layouter: Layouter = .automatic) {
    graph = PictureGraph(description, expandsNested: expandsNested)
    title = "\(description.name.printable) (\(description.format.printable))"
    self.layouter = layouter
  }

  /// The picture in Graphviz's language.
  public var dot: String { DotWriter.document(graph, title: title) }

  /// The picture as an SVG document with its own styles, light and dark.
  public var svg: String { SVGWriter.document(graph, layout, title: title) }

  /// Where everything lies.
  var layout: PictureLayout {
    if layouter == .automatic, let layout = Graphviz.layout(graph) { return layout }
    return NestedLayout.layout(graph)
  }
}
