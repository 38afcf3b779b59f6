extension GraphRewriter {
  /// `x * factor + offset` along the axis, the two made of constants where they are.
  mutating func decomposedBatchNormalization(
    _ axis: Int, _ epsilon: Double, _ x: [Value]
  ) throws(GraphError) -> Value {
    let spread = try computed(.binary(.add), x[4], scalar(epsilon, like: x[4]))
    let factor = try computed(.binary(.divide), x[1], computed(.unary(.sqrt), spread))
    let offset = try computed(.binary(.subtract), x[2], computed(.binary(.multiply), x[3], factor))
    let rank = shape(of: x[0]).rank
    let scaled = try multiply(x[0], along(factor, axis: axis, rank: rank))
    return try add(scaled, along(offset, axis: axis, rank: rank))
  }

  mutating func decomposed(
    _ normalization: Normalization, _ epsilon: Double, _ node: Node
  ) throws(GraphError) -> Value {
    switch normalization {
    case .layer(let axis): try decomposedLayerNormalization(axis, epsilon, node)
    case .rootMeanSquare(let axis): try decomposedRootMeanSquare(axis, epsilon, node.inputs)
    case .groups(let count, let axis): try decomposedGroups(count, axis, epsilon, node.inputs)
    }
  }

  private mutating func decomposedRootMeanSquare(
    _ axis: Int, _ epsilon: Double, _ x: [Value]
  ) throws(GraphError) -> Value {
    let axes = Array(axis..<shape(of: x[0]).rank)
    let square = try emit(.reduce(.mean, axes: axes, keepDims: true), multiply(x[0], x[0]))
    return try multiply(divide(x[0], unary(.sqrt, add(square, epsilon))), x[1])
  }

  /// The channels split into groups, normalized over all but batch and groups, and put together again.
  private mutating func decomposedGroups(
    _ count: Int, _ axis: Int, _ epsilon: Double, _ x: [Value]
  ) throws(GraphError) -> Value {
    let shape = shape(of: x[0])
    var split = shape.dimensions
    guard let channels = split[axis].fixedSize else {
      throw GraphError("expected a number of channels, found \(shape)")
    }
    split[axis] = .fixed(channels / count)
    split.insert(.fixed(count), at: axis)
    let axes = (1...shape.rank).filter { $0 != axis }
    let grouped = try emit(.reshape(Shape(split)), x[0])
    let centered = try subtract(grouped, emit(.reduce(.mean, axes: axes, keepDims: true), grouped))
    let variance = try emit(.reduce(.mean, axes: axes, keepDims: true), multiply(centered, centered))
    let normal = try emit(.reshape(shape), divide(centered, unary(.sqrt, add(variance, epsilon))))
    let scaled = try multiply(normal, along(x[1], axis: axis, rank: shape.rank))
    return try add(scaled, along(x[2], axis: axis, rank: shape.rank))
  }

  /// In the form that onnxruntime and OpenVINO know as layer normalization; not where the result is rounded to bfloat16,
  /// since onnxruntime takes that cast into its fused node, for which it has no kernel then.
  private mutating func decomposedLayerNormalization(
    _ axis: Int, _ epsilon: Double, _ node: Node
  ) throws(GraphError) -> Value {
    let x = node.inputs
    let axes = Array(axis..<shape(of: x[0]).rank)
    let centered = try subtract(x[0], emit(.reduce(.mean, axes: axes, keepDims: true), x[0]))
    let squares = try isRounded(node.outputs[0]) ? multiply(centered, centered) : binary(.power, centered, 2)
    let variance = try emit(.reduce(.mean, axes: axes, keepDims: true), squares)
    let normal = try divide(centered, unary(.sqrt, add(variance, epsilon)))
    return try add(multiply(normal, x[1]), x[2])
  }

  private func isRounded(_ value: Value) -> Bool {
    users(of: value).contains { use in
      if case .operand(let id, _) = use { self[id].op == .cast(.bfloat16) } else { false }
    }
  }
}
