extension Op {
  /// The graphs inside the operation: a loop's body.
  package var subgraphs: [Graph] {
    var found: [Graph] = []
    _ = mapSubgraphs { (graph) throws(Never) -> Graph in
      found.append(graph)
      return graph
    }
    return found
  }

  /// The operation with every graph inside it replaced; a graph must keep its inputs' and outputs' types.
  package func mapSubgraphs<E: Error>(_ transform: (Graph) throws(E) -> Graph) throws(E) -> Op {
    switch self {
    case .scan(var attributes):
      attributes.body = Subgraph(try transform(attributes.body.graph))
      return .scan(attributes)
    case .unary, .binary, .compare, .select, .cast, .matMul, .dense, .dequantize, .einsum, .attention, .conv,
      .convTranspose, .pool,
      .reduce,
      .argReduce,
      .cumulative, .topK, .batchNormalization, .normalization, .softmax, .logSoftmax, .reshape,
      .transpose, .concat,
      .split, .slice, .pad, .expand, .tile, .reverse, .gather, .gatherElements, .gatherND, .scatterND,
      .triangle, .range,
      .count, .sizes, .resize, .lookup, .hash, .vectorize, .recurrent, .sequenceRecurrent:
      return self
    }
  }
}
