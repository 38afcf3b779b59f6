extension Op {
  /// The graphs inside the operation: a loop's body, a cell's own functions.
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
    case .recurrent(var attributes):
      try attributes.mapSubgraphs(transform)
      return .recurrent(attributes)
    case .sequenceRecurrent(var attributes):
      for index in attributes.directions.indices { try attributes.directions[index].mapSubgraphs(transform) }
      return .sequenceRecurrent(attributes)
    case .unary, .binary, .compare, .select, .cast, .matMul, .dense, .dequantize, .einsum, .attention, .conv,
      .convTranspose, .pool,
      .reduce,
      .argReduce,
      .cumulative, .topK, .batchNormalization, .normalization, .softmax, .logSoftmax, .reshape,
      .transpose, .concat,
      .split, .slice, .pad, .expand, .tile, .reverse, .gather, .gatherElements, .gatherND, .scatterND,
      .triangle, .range,
      .count, .sizes, .resize, .lookup, .hash, .vectorize:
      return self
    }
  }
}

extension RecurrentAttributes {
  fileprivate mutating func mapSubgraphs<E: Error>(_ transform: (Graph) throws(E) -> Graph) throws(E) {
    activation = try activation.mapSubgraph(transform)
    recurrentActivation = try recurrentActivation.mapSubgraph(transform)
  }
}

extension RecurrentAttributes.Activation {
  func mapSubgraph<E: Error>(_ transform: (Graph) throws(E) -> Graph) throws(E) -> Self {
    switch self {
    case .graph(let subgraph): .graph(Subgraph(try transform(subgraph.graph)))
    case .linear, .tanh, .sigmoid, .relu, .softplus, .softsign, .hardSigmoid, .elu, .leakyRelu: self
    }
  }
}
