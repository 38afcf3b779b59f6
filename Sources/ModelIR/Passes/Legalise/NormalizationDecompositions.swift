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

  /// In the form that onnxruntime and OpenVINO know as layer normalization; not where the result is rounded to bfloat16,
  /// since onnxruntime takes that cast into its fused node, for which it has no kernel then.
  mutating func decomposedLayerNormalization(
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
