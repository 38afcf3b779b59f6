/// Something that a runtime or a writer can take a graph from: a graph itself, or a model that lowers to one.
public protocol GraphSource {
  /// The graph of primitive operations.
  /// - Throws: why there is none, by the model's layer.
  func makeGraph() throws -> Graph
}

extension Graph: GraphSource {
  /// Itself.
  public func makeGraph() -> Graph { self }
}
