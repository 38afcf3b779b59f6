/// A change of a graph that keeps what it computes.
package protocol Pass: Sendable {
  /// - Throws: ``GraphError`` when the given graph is not well formed, or a target cannot take it.
  func run(on graph: inout GraphRewriter) throws(GraphError)
  /// Whether the bodies of loops are rewritten, too; false where a pass looks at the model's own inputs and outputs.
  var appliesToBodies: Bool { get }
}

extension Pass {
  package var appliesToBodies: Bool { true }
  /// The name, for messages.
  package var name: String { "\(Self.self)" }
}

/// A pass that looks at one node after the other.
package protocol NodePass: Pass {
  /// Rewrites the graph around a node, if there is something to rewrite; ``GraphRewriter/cursor`` is the node.
  func rewrite(_ id: NodeID, in graph: inout GraphRewriter) throws(GraphError)
}

extension NodePass {
  package func run(on graph: inout GraphRewriter) throws(GraphError) {
    var current = graph.first
    while let id = current {
      let before = graph.node(before: id)
      graph.cursor = id
      try rewrite(id, in: &graph)
      // What came in the place of a node is looked at, too.
      current = graph.isAlive(id) ? graph.node(after: id) : graph.firstAlive(after: before)
    }
    graph.cursor = nil
  }
}

/// A pass that builds the graph anew.
package protocol RebuildingPass: Pass {
  /// False where the pass would change nothing: building a graph anew costs more than looking.
  func isNeeded(in graph: GraphRewriter) -> Bool
  func rebuilt(_ graph: Graph) throws(GraphError) -> Graph
}

extension RebuildingPass {
  package func isNeeded(in graph: GraphRewriter) -> Bool { true }

  package func run(on graph: inout GraphRewriter) throws(GraphError) {
    guard isNeeded(in: graph) else { return }
    graph = GraphRewriter(try rebuilt(graph.finished()))
  }
}
