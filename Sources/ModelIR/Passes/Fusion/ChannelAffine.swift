/// `x * scale + offset` with constants of one number or of one for each channel.
struct ChannelAffine {
  let x: Value
  /// Rank 0 or `[C]`; nil: 1.
  var scale: Value?
  /// Rank 0 or `[C]`; nil: 0.
  var offset: Value?
}

extension GraphRewriter {
  /// Arithmetic on constants, done at once; an operation of the graph where it cannot be.
  mutating func computed(_ op: Op, _ operands: Value...) throws(GraphError) -> Value {
    let tensors = operands.compactMap { constant($0) }
    let types = try Graph.inferTypes(op, operands.map { type(of: $0) }, name: "constants")
    if tensors.count == operands.count,
      let results = try GraphError.wrapping(ConstantArithmetic.evaluate(op, tensors, types: types))
    {
      return constant(results[0], name: name(of: operands[0]))
    }
    return try insert(op, operands, before: cursor, name: "\(name(of: operands[0]))/\(op.name)")[0]
  }

  /// A node that is an affine function of its operand along an axis: a normalization with constants, or arithmetic with
  /// a constant. Nil for others.
  mutating func affine(_ node: Node, axis: Int) throws(GraphError) -> ChannelAffine? {
    let y = type(of: node.outputs[0])
    guard y.dtype.isFloatingPoint, node.outputs.count == 1 else { return nil }
    if case .batchNormalization(let normalized, let epsilon) = node.op {
      guard normalized == axis, node.inputs.dropFirst().allSatisfy({ constant($0) != nil }) else {
        return nil
      }
      return try normalization(node.inputs, epsilon)
    }
    guard case .binary(let function) = node.op else { return nil }
    for (data, other) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
      guard constant(data) == nil, type(of: data) == y,
        let number = try channelConstant(other, axis: axis, rank: y.shape.rank)
      else { continue }
      return try affine(function, data, number, isDataFirst: data == node.inputs[0])
    }
    return nil
  }

  private mutating func affine(
    _ function: BinaryFunction, _ data: Value, _ number: Value, isDataFirst: Bool
  ) throws(GraphError) -> ChannelAffine? {
    switch function {
    case .add: return ChannelAffine(x: data, offset: number)
    case .multiply: return ChannelAffine(x: data, scale: number)
    case .subtract where isDataFirst:
      return ChannelAffine(x: data, offset: try computed(.unary(.negate), number))
    case .subtract: return ChannelAffine(x: data, scale: scalar(-1, like: data), offset: number)
    case .divide where isDataFirst:
      return ChannelAffine(x: data, scale: try computed(.unary(.reciprocal), number))
    case .divide, .power, .maximum, .minimum, .modulo, .remainder, .floorDivide, .atan2, .logicalAnd,
      .logicalOr,
      .logicalXor, .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft, .shiftRight:
      return nil
    }
  }

  private mutating func normalization(_ operands: [Value], _ epsilon: Double) throws(GraphError)
    -> ChannelAffine
  {
    let (x, gamma, beta, mean, variance) = (operands[0], operands[1], operands[2], operands[3], operands[4])
    let spread = try computed(.binary(.add), variance, scalar(epsilon, like: variance))
    let scale = try computed(.binary(.divide), gamma, computed(.unary(.sqrt), spread))
    let offset = try computed(.binary(.subtract), beta, computed(.binary(.multiply), mean, scale))
    return ChannelAffine(x: x, scale: scale, offset: offset)
  }

  /// A constant that is one number, or one for each place along an axis, as a value of rank 0 or 1.
  private mutating func channelConstant(_ value: Value, axis: Int, rank: Int) throws(GraphError)
    -> Value?
  {
    guard let tensor = constant(value), tensor.rank <= rank else { return nil }
    if tensor.elementCount == 1 {
      return constant(try GraphError.wrapping(tensor.reshaped([])), name: name(of: value))
    }
    let axes = tensor.sizes.indices.filter { tensor.sizes[$0] != 1 }
    guard axes.count == 1, axes[0] + rank - tensor.rank == axis else { return nil }
    return constant(
      try GraphError.wrapping(tensor.reshaped([tensor.elementCount])), name: name(of: value))
  }

  /// `second` after `first`.
  mutating func composed(_ first: ChannelAffine, _ second: ChannelAffine) throws(GraphError) -> ChannelAffine
  {
    var result = ChannelAffine(x: first.x, scale: second.scale, offset: second.offset)
    if let scale = first.scale {
      result.scale =
        try second.scale.map { factor throws(GraphError) in try computed(.binary(.multiply), scale, factor) }
        ?? scale
    }
    guard var offset = first.offset else { return result }
    if let factor = second.scale { offset = try computed(.binary(.multiply), offset, factor) }
    if let more = second.offset { offset = try computed(.binary(.add), offset, more) }
    result.offset = offset
    return result
  }
}
