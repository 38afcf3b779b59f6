/// A product with constant weights that affine functions can be folded into: a convolution, a transposed convolution, a
/// product with a matrix.
struct FoldableProduct {
  private enum Kind {
    case conv(ConvAttributes)
    case convTranspose(ConvTransposeAttributes)
    case matrix
  }

  private let kind: Kind
  let x: Value
  private let kernel: Value
  private let bias: Value?
  private let filters: Dimension
  /// The axis of the result, and of the operand, that the weights' factors lie along.
  let resultAxis, operandAxis: Int

  /// Nil for other nodes, for weights that are no constants, and for products with an epilogue.
  init?(_ node: Node, in graph: GraphRewriter) {
    guard node.inputs.count >= 2, graph.constant(node.inputs[1]) != nil else { return nil }
    (x, kernel) = (node.inputs[0], node.inputs[1])
    let rank = graph.shape(of: node.inputs[0]).rank
    let sizes = graph.shape(of: kernel)
    bias = node.inputs.count > 2 ? node.inputs[2] : nil
    if case .conv(let attributes) = node.op, attributes.epilogue.isEmpty,
      attributes.kernelOrder == .spatialFirst
    {
      kind = .conv(attributes)
      resultAxis = attributes.layout.channelAxis(rank: rank)
      filters = sizes[sizes.rank - 1]
    } else if case .convTranspose(let attributes) = node.op, attributes.kernelOrder == .spatialFirst {
      kind = .convTranspose(attributes)
      resultAxis = attributes.layout.channelAxis(rank: rank)
      filters = sizes[sizes.rank - 2]
    } else if node.op.isMatrixProduct, sizes.rank == 2 {
      kind = .matrix
      resultAxis = rank - 1
      filters = sizes[1]
    } else {
      return nil
    }
    operandAxis = resultAxis
    if let bias, graph.constant(bias) == nil { return nil }
  }

  /// Whether factors along the operand's channels can go into the weights.
  var takesOperandAffine: Bool {
    switch kind {
    case .conv(let attributes): attributes.groups == 1
    case .convTranspose: false
    case .matrix: true
    }
  }

  /// Whether every element that the product reads is one of its operand.
  var hasNoPadding: Bool {
    switch kind {
    case .conv(let attributes):
      if case .explicit(let pairs) = attributes.padding {
        pairs.allSatisfy { $0 == PadPair(0, 0) }
      } else {
        false
      }
    case .convTranspose: false
    case .matrix: true
    }
  }

  /// The product of `x` with an affine function of the result inside.
  func followed(by affine: ChannelAffine, in graph: inout GraphRewriter) throws(GraphError) -> (Op, [Value]) {
    var (weights, offset) = (kernel, bias)
    if let scale = affine.scale {
      weights = try graph.computed(.binary(.multiply), kernel, alongFilters(scale, &graph))
      if let bias = offset { offset = try graph.computed(.binary(.multiply), bias, scale) }
    }
    if let shift = affine.offset {
      offset =
        try offset.map { bias throws(GraphError) in try graph.computed(.binary(.add), bias, shift) } ?? shift
    }
    return try assembled(weights, offset, &graph)
  }

  /// The product of the affine function's operand; nil when the constants are not of a kind that can be folded.
  func preceded(by affine: ChannelAffine, in graph: inout GraphRewriter) throws(GraphError) -> (Op, [Value])?
  {
    var offset = bias
    let rank = graph.shape(of: kernel).rank
    if let shift = affine.offset {
      guard let moved = try shifted(shift, rank: rank, &graph) else { return nil }
      offset =
        try bias.map { bias throws(GraphError) in try graph.computed(.binary(.add), moved, bias) } ?? moved
    }
    var weights = kernel
    if let scale = affine.scale {
      weights = try graph.computed(.binary(.multiply), kernel, graph.along(scale, axis: rank - 2, rank: rank))
    }
    let (op, operands) = try assembled(weights, offset, &graph)
    return (op, [affine.x] + operands.dropFirst())
  }

  /// What a shift of every channel adds to each filter: the sum of `kernel * shift` over all but the last axis.
  private func shifted(_ shift: Value, rank: Int, _ graph: inout GraphRewriter) throws(GraphError) -> Value? {
    guard let tensor = graph.constant(kernel), tensor.elementCount <= 1 << 22 else { return nil }
    let products = try graph.computed(
      .binary(.multiply), kernel, graph.along(shift, axis: rank - 2, rank: rank))
    let sum = try graph.computed(.reduce(.sum, axes: Array(0..<(rank - 1)), keepDims: false), products)
    return graph.constant(sum) == nil ? nil : sum
  }

  private func alongFilters(_ scale: Value, _ graph: inout GraphRewriter) throws(GraphError) -> Value {
    guard case .convTranspose = kind else { return scale }
    let rank = graph.shape(of: kernel).rank
    return try graph.along(scale, axis: rank - 2, rank: rank)
  }

  /// A bias of rank 1 whatever was added to it.
  private func assembled(
    _ weights: Value, _ offset: Value?, _ graph: inout GraphRewriter
  ) throws(GraphError) -> (Op, [Value]) {
    var operands = [x, weights]
    if var offset {
      if graph.shape(of: offset).rank == 0 { offset = try graph.computed(.expand([filters]), offset) }
      operands.append(offset)
    }
    switch kind {
    case .conv(let attributes): return (.conv(attributes), operands)
    case .convTranspose(let attributes): return (.convTranspose(attributes), operands)
    case .matrix: return (operands.count == 2 ? .matMul : .dense(Epilogue()), operands)
    }
  }
}

extension Op {
  /// A product with a matrix and nothing behind it.
  fileprivate var isMatrixProduct: Bool { self == .matMul || self == .dense(Epilogue()) }
}
