extension ReduceFunction {
  /// The reduction's name: that of the case behind Reduce.
  public var name: String { "Reduce" + caseName("\(self)") }
}

extension Op {
  func inferReduce(
    _ function: ReduceFunction, _ x: TensorType, axes: [Int], keepDims: Bool
  ) throws(GraphError) -> TensorType {
    for axis in axes { try x.expectAxis(axis) }
    guard Set(axes).count == axes.count else { throw GraphError("expected different axes, found \(axes)") }
    switch function {
    case .any, .all: try x.expectDType(.bool, operand: 0)
    case .sum, .mean, .maximum, .minimum, .product, .logSumExp:
      guard x.dtype != .bool, x.dtype != .string else {
        throw GraphError("expected numbers, found \(x.dtype.rawValue)", operand: 0)
      }
    }
    var result: [Dimension] = []
    for (axis, size) in x.shape.dimensions.enumerated() {
      if !axes.contains(axis) { result.append(size) } else if keepDims { result.append(1) }
    }
    return TensorType(x.dtype, Shape(result))
  }

  func inferBatchNormalization(_ operands: [TensorType], axis: Int) throws(GraphError) -> TensorType {
    try expectEqualDTypes(operands)
    try operands[0].expectAxis(axis)
    let channels: Shape = [operands[0].shape[axis]]
    for index in 1...4 { try operands[index].expectShape(channels, operand: index) }
    return operands[0]
  }

  func infer(_ normalization: Normalization, _ operands: [TensorType]) throws(GraphError) -> TensorType {
    try expectEqualDTypes(operands)
    let shape = operands[0].shape
    let parameters: Shape
    switch normalization {
    case .layer(let axis), .rootMeanSquare(let axis):
      try operands[0].expectAxis(axis)
      parameters = Shape(Array(shape.dimensions[axis...]))
    case .groups(let count, let axis):
      try operands[0].expectAxis(axis)
      guard axis > 0, let channels = shape[axis].fixedSize, count > 0, channels % count == 0 else {
        throw GraphError("expected channels in \(count) groups, found \(shape) with axis \(axis)", operand: 0)
      }
      parameters = [shape[axis]]
    }
    for index in operands.indices.dropFirst() { try operands[index].expectShape(parameters, operand: index) }
    return operands[0]
  }
}

/// What a normalization takes its mean and variance over. More may come: switch over it with a `default`.
public enum Normalization: Hashable, Sendable {
  /// The axes from `axis` on; gamma and beta have their shape. `[x, gamma, beta] -> [y]`. ONNX LayerNormalization 17.
  case layer(axis: Int)
  /// The same axes by the root of the mean square, without a mean. `[x, gamma] -> [y]`. ONNX RMSNormalization 23.
  case rootMeanSquare(axis: Int)
  /// Everything but the batch in groups of neighbouring channels; gamma and beta are `[C]`, C the size of `axis`.
  /// `[x, gamma, beta] -> [y]`. ONNX GroupNormalization 21 (axis 1).
  case groups(Int, axis: Int)

  /// The operator's name in ONNX.
  package var name: String {
    switch self {
    case .layer: "LayerNormalization"
    case .rootMeanSquare: "RMSNormalization"
    case .groups: "GroupNormalization"
    }
  }

  /// The number of operands.
  var operandCount: Int {
    switch self {
    case .layer, .groups: 3
    case .rootMeanSquare: 2
    }
  }
}
