extension Op {
  /// The operation with every dimension that it holds replaced.
  package func mapDimensions(_ transform: (Dimension) -> Dimension) -> Op {
    func mapped(_ shape: Shape) -> Shape { Shape(shape.dimensions.map(transform)) }
    switch self {
    case .reshape(let shape): return .reshape(mapped(shape))
    case .expand(let shape): return .expand(mapped(shape))
    case .range(let size): return .range(transform(size))
    case .count(let size): return .count(transform(size))
    case .sizes(let sizes): return .sizes(sizes.map(transform))
    case .split(let axis, let sizes): return .split(axis: axis, sizes: sizes.map(transform))
    case .topK(let k, let axis, let largest): return .topK(k: transform(k), axis: axis, largest: largest)
    case .resize(var attributes):
      attributes.sizes = attributes.sizes.map(transform)
      return .resize(attributes)
    case .vectorize(var attributes):
      if case .sequence(let size) = attributes.result { attributes.result = .sequence(transform(size)) }
      return .vectorize(attributes)
    case .unary, .binary, .compare, .select, .cast, .matMul, .dense, .dequantize, .einsum, .attention, .conv,
      .convTranspose, .pool,
      .reduce,
      .argReduce,
      .cumulative, .batchNormalization, .normalization, .softmax, .logSoftmax, .transpose, .concat,
      .slice, .pad,
      .tile, .reverse, .gather, .gatherElements, .gatherND, .scatterND, .triangle, .recurrent,
      .sequenceRecurrent, .scan, .lookup,
      .hash:
      return self
    }
  }

  /// The operation with sizes put in place of names.
  package func substituting(_ sizes: [String: Dimension]) -> Op {
    sizes.isEmpty ? self : mapDimensions { $0.substituting(sizes) }
  }

  /// The dimensions that the operation holds.
  package var dimensions: [Dimension] {
    var found: [Dimension] = []
    _ = mapDimensions { dimension in
      found.append(dimension)
      return dimension
    }
    return found
  }
}
