/// Something that a runtime or a writer can take a graph from: a graph itself, or a model that lowers to one.
public protocol GraphSource {
  /// The graph of primitive operations.
  /// - Throws: why there is none, by the model's layer.
  func makeGraph() throws -> Graph
  /// What is known of where the graph comes from, for the properties of a file that is made of it.
  var provenance: [String: String] { get }
}

extension GraphSource {
  /// Nothing.
  public var provenance: [String: String] { [:] }
}

extension Graph: GraphSource {
  /// Itself.
  public func makeGraph() -> Graph { self }
}
