extension ReduceFunction {
  /// The reduction's name as ONNX has it.
  public var name: String {
    switch self {
    case .sum: "ReduceSum"
    case .mean: "ReduceMean"
    case .maximum: "ReduceMax"
    case .minimum: "ReduceMin"
    case .product: "ReduceProd"
    case .logSumExp: "ReduceLogSumExp"
    case .any: "ReduceAny"
    case .all: "ReduceAll"
    }
  }
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

  func inferLayerNormalization(_ operands: [TensorType], axis: Int) throws(GraphError) -> TensorType {
    try expectEqualDTypes(operands)
    try operands[0].expectAxis(axis)
    let normalized = Shape(Array(operands[0].shape.dimensions[axis...]))
    for index in 1...2 { try operands[index].expectShape(normalized, operand: index) }
    return operands[0]
  }
}
