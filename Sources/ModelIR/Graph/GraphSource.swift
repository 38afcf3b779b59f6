/// Something that a runtime or a writer can take a graph from: a graph itself, or a model that lowers to one.
public protocol GraphSource {
  /// What is thrown where there is no graph, or where it cannot be prepared.
  associatedtype Failure: GraphFailure

  /// The graph of primitive operations.
  /// - Throws: why there is none, by the model's layer.
  func makeGraph() throws(Failure) -> Graph
  /// What is known of where the graph comes from, for the properties of a file that is made of it.
  var provenance: [String: String] { get }
}

/// An error of a ``GraphSource``, which can be a graph's own, too.
public protocol GraphFailure: Error {
  /// The error of a graph as one of this type.
  init(_ error: GraphError)
}

extension GraphError: GraphFailure {
  /// The error itself.
  public init(_ error: GraphError) { self = error }
}

extension GraphSource {
  /// Nothing.
  public var provenance: [String: String] { [:] }
}

extension Graph: GraphSource {
  /// A graph's own error.
  public typealias Failure = GraphError
  /// Itself.
  public func makeGraph() -> Graph { self }
}
