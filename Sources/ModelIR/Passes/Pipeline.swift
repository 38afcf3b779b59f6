/// The passes between a graph and one consumer, in order.
package struct Pipeline: Sendable {
  package let passes: [any Pass]

  package init(_ passes: [any Pass]) { self.passes = passes }

  /// The graph after all passes; in debug builds verified after each.
  /// - Throws: ``GraphError`` when the graph is not well formed, or the consumer cannot take it.
  package func run(on graph: Graph) throws(GraphError) -> Graph {
    var rewriter = GraphRewriter(graph)
    for pass in passes {
      try Pipeline.run(pass, on: &rewriter)
      #if DEBUG
        do { _ = try rewriter.finished() } catch {
          throw GraphError("after \(pass.name): \(error.message)", op: error.op, node: error.node)
        }
      #endif
    }
    return try rewriter.finished()
  }

  /// A pass on a graph and on the bodies of its loops.
  private static func run(_ pass: any Pass, on graph: inout GraphRewriter) throws(GraphError) {
    try pass.run(on: &graph)
    guard pass.appliesToBodies else { return }
    for id in graph.nodes where !graph[id].op.subgraphs.isEmpty {
      let op = try graph[id].op.mapSubgraphs { (body) throws(GraphError) -> Graph in
        var inner = GraphRewriter(body)
        try run(pass, on: &inner)
        return try inner.finished()
      }
      try graph.replace(id, with: op, graph[id].inputs)
    }
  }
}

extension Pipeline {
  /// What every consumer wants: fewer nodes that compute the same.
  static var common: [any Pass] {
    [
      ConstantFolding(),  // weights in another type or shape are constants for all that follows
      Simplification(),  // chains that do nothing are in the way of every pattern
      CommonSubexpressions(),  // equal nodes look like two readers, which patterns stop at
      DeadNodes(),  // so do nodes that nothing needs
      EinsumProducts(),  // products that the next passes know
      QuantizedMovement(),  // kernels of products have two axes
      PadFolding(),  // before affine folding, which stops at padding
      EarlyArithmetic(),  // a bias behind the split into heads belongs to the product before it
      DenseFusion(),  // a bias is part of the product that a normalization is folded into
      AffineFolding(),
    ]
  }

  /// For a writer of files: everything in the target's terms, channels first.
  /// - Parameters:
  ///   - layout: the order of axes of image inputs and outputs; nil: as the model has it.
  ///   - float16: compute in half precision where it can hold the numbers.
  package static func exchange(_ target: Target, layout: DataLayout? = nil, float16: Bool = false) -> Pipeline
  {
    var first: [any Pass] = [BFloat16Emulation()]  // nothing after it knows the type
    if let layout { first.append(InterfaceLayout(layout)) }  // its transposes are carried by ChannelsFirst
    return Pipeline(
      first + common
        // A mask that float16 holds is a choice, which attention's one node has not.
        + (float16 ? [MaskFills()] : [])
        // Projections have their biases and scales; transposes are still as they were made.
        + [AttentionFusion(target)]
        // After folding, which is exact to the bit only in the model's own type.
        + (float16 ? [Float16Narrowing()] : [])
        + [
          LoopOrder(), Simplification(),  // what comes out of loops is carried with the rest
          ChannelsFirst(),  // once nodes are as few as they get; carries every transpose that is left
          EarlyTransposes(),  // what ChannelsFirst puts before the first convolution goes to the input
          RowsOfProducts(),  // products have their biases; normalizations are still one node
          RecurrentSequences(target),  // pairs are looked for before their parts are taken apart
          LookupMovement(),  // the transposes that recurrent nodes want
          Legalise(target),
          // What legalising made of constants, and the transposes that meet between stacked recurrent nodes.
          ConstantFolding(), Simplification(), CommonSubexpressions(), DeadNodes(),
        ])
  }

  /// For the native runtime: nodes that a kernel does in one go.
  /// - Parameter roundsToDTypes: whether what is float16 or bfloat16 in the graph is computed so.
  package static func runtime(roundsToDTypes: Bool) -> Pipeline {
    Pipeline(
      // Before folding, which would round constants.
      (roundsToDTypes ? [] : [Float32Computation()]) + common + [
        // After affine folding: an epilogue ends what can be folded into a product.
        EpilogueFusion(takes: \.endsProducts),
        DeadNodes(),
      ])
  }
}
