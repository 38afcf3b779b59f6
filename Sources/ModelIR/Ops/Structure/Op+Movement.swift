extension Op {
  /// True for operations that only move elements of their data, whatever the type.
  package var isMovement: Bool {
    switch self {
    case .reshape, .transpose, .concat, .split, .slice, .pad, .expand, .tile, .reverse, .gather,
      .gatherElements,
      .gatherND, .triangle:
      true
    case .unary, .binary, .compare, .select, .cast, .matMul, .dense, .dequantize, .einsum, .attention, .conv,
      .convTranspose, .pool,
      .reduce,
      .argReduce,
      .cumulative, .topK, .batchNormalization, .normalization, .softmax, .logSoftmax, .scatterND, .range,
      .count,
      .sizes,
      .recurrent, .sequenceRecurrent, .scan, .resize, .lookup, .hash, .vectorize:
      false
    }
  }

  /// True for operations whose results are among the elements of their operands (or zeros): they need no rounding.
  package var onlyChooses: Bool {
    if case .select = self { return true }
    return isMovement
  }

  /// The operation with the order of channels and space that it knows replaced; itself where it knows none.
  package func mapLayout(_ transform: (DataLayout) -> DataLayout) -> Op {
    switch self {
    case .conv(var attributes):
      attributes.layout = transform(attributes.layout)
      return .conv(attributes)
    case .convTranspose(var attributes):
      attributes.layout = transform(attributes.layout)
      return .convTranspose(attributes)
    case .pool(var attributes):
      attributes.layout = transform(attributes.layout)
      return .pool(attributes)
    case .unary, .binary, .compare, .select, .cast, .matMul, .dense, .dequantize, .einsum, .attention,
      .reduce,
      .argReduce,
      .cumulative, .topK,
      .batchNormalization, .normalization, .softmax, .logSoftmax, .reshape, .transpose, .concat, .split,
      .slice,
      .pad, .expand, .tile, .reverse, .gather, .gatherElements, .gatherND, .scatterND, .triangle, .range,
      .count,
      .sizes,
      .recurrent, .sequenceRecurrent, .scan, .resize, .lookup, .hash, .vectorize:
      return self
    }
  }

  /// The order of channels and space that the operation knows, if it does.
  package var dataLayout: DataLayout? {
    var found: DataLayout?
    _ = mapLayout { layout in
      found = layout
      return layout
    }
    return found
  }
}
