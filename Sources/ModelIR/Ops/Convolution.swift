extension ConvAttributes {
  func inferType(_ operands: [TensorType]) throws(GraphError) -> TensorType {
    try expectEqualDTypes(operands)
    let x = operands[0].shape
    try checkWindow(x: operands[0], kernel: operands[1], spatialCount: strides.count)
    let kernel = kernelOrder.spatialFirst(operands[1].shape)
    let spatial = layout.spatialAxes(rank: x.rank)
    let channels = x[layout.channelAxis(rank: x.rank)]
    let filters = kernel[kernel.rank - 1]
    guard groups > 0, channels.fits(kernel[kernel.rank - 2] * .fixed(groups)) else {
      throw GraphError(
        "expected \(kernel[kernel.rank - 2] * .fixed(max(groups, 0))) channels, found \(channels) in shape \(x)",
        operand: 0)
    }
    if let filters = filters.fixedSize, filters % groups != 0 {
      throw GraphError("\(filters) filters do not divide into \(groups) groups", operand: 1)
    }
    var shape = x
    shape[layout.channelAxis(rank: x.rank)] = filters
    for (index, axis) in spatial.enumerated() {
      shape[axis] = try padding.outputSize(
        x[axis], window: Dimension.windowExtent(kernel[index], dilation: dilations[index]),
        stride: strides[index], index: index, axis: axis)
    }
    for (index, role) in epilogue.operandRoles(count: operands.count).enumerated().dropFirst(2) {
      try operands[index].expectShape(role == .bias ? [filters] : shape, operand: index)
    }
    return TensorType(operands[0].dtype, shape)
  }

  private func checkWindow(x: TensorType, kernel: TensorType, spatialCount: Int) throws(GraphError) {
    guard (1...3).contains(spatialCount) else {
      throw GraphError("expected 1 to 3 spatial axes, found \(spatialCount)")
    }
    try x.expectRank((spatialCount + 2)...(spatialCount + 2))
    try kernel.expectRank((spatialCount + 2)...(spatialCount + 2), operand: 1)
    guard strides.areWindowSizes, dilations.areWindowSizes, dilations.count == spatialCount, padding.isBounded
    else {
      throw GraphError("expected positive strides and dilations, found \(strides) and \(dilations)")
    }
  }
}

extension ConvTransposeAttributes {
  func inferType(_ operands: [TensorType]) throws(GraphError) -> TensorType {
    try expectEqualDTypes(operands)
    let x = operands[0].shape
    let count = strides.count
    guard (1...3).contains(count) else { throw GraphError("expected 1 to 3 spatial axes, found \(count)") }
    try operands[0].expectRank((count + 2)...(count + 2))
    try operands[1].expectRank((count + 2)...(count + 2), operand: 1)
    let kernel = kernelOrder.spatialFirst(operands[1].shape)
    guard strides.areWindowSizes, dilations.areWindowSizes, dilations.count == count,
      pads.count == count, outputPadding.count == count, Padding.explicit(pads).isBounded,
      outputPadding.allSatisfy({ (0..<Dimension.windowLimit).contains($0) })
    else { throw GraphError("expected positive strides and dilations, found \(strides) and \(dilations)") }
    let channels = x[layout.channelAxis(rank: x.rank)]
    guard channels.fits(kernel[kernel.rank - 1]) else {
      throw GraphError(
        "expected \(kernel[kernel.rank - 1]) channels, found \(channels) in shape \(x)", operand: 0)
    }
    let filters = kernel[kernel.rank - 2]
    if operands.count > 2 { try operands[2].expectShape([filters], operand: 2) }
    var shape = x
    shape[layout.channelAxis(rank: x.rank)] = filters
    for (index, axis) in layout.spatialAxes(rank: x.rank).enumerated() {
      let full =
        (x[axis] - 1) * .fixed(strides[index])
        + Dimension.windowExtent(kernel[index], dilation: dilations[index])
      shape[axis] = full + .fixed(outputPadding[index] - pads[index].before - pads[index].after)
    }
    return TensorType(operands[0].dtype, shape)
  }
}

extension PoolAttributes {
  func inferType(_ x: TensorType) throws(GraphError) -> TensorType {
    let count = kernelSize.count
    guard (1...3).contains(count) else { throw GraphError("expected 1 to 3 spatial axes, found \(count)") }
    try x.expectRank((count + 2)...(count + 2))
    guard kernelSize.areWindowSizes, strides.areWindowSizes, strides.count == count, padding.isBounded else {
      throw GraphError("expected a positive window and strides, found \(kernelSize) and \(strides)")
    }
    var shape = x.shape
    for (index, axis) in layout.spatialAxes(rank: x.shape.rank).enumerated() {
      shape[axis] = try padding.outputSize(
        x.shape[axis], window: .fixed(kernelSize[index]), stride: strides[index], index: index, axis: axis)
    }
    return TensorType(x.dtype, shape)
  }
}

extension Dimension {
  /// The largest step, window or padding: the product of two fits an integer, and so does the sum of a few of them.
  static let windowLimit = 1 << 30

  /// `(k - 1) * dilation + 1`.
  static func windowExtent(_ kernel: Dimension, dilation: Int) -> Dimension {
    (kernel - 1) * .fixed(dilation) + 1
  }
}

extension [Int] {
  fileprivate var areWindowSizes: Bool { allSatisfy { (1...Dimension.windowLimit).contains($0) } }
}

extension Padding {
  /// Whether arithmetic with the padding fits an integer.
  fileprivate var isBounded: Bool {
    switch self {
    case .sameUpper: true
    case .explicit(let pairs):
      pairs.allSatisfy {
        $0.before.magnitude <= Dimension.windowLimit && $0.after.magnitude <= Dimension.windowLimit
      }
    }
  }

  /// The number of window positions along one axis.
  func outputSize(
    _ size: Dimension, window: Dimension, stride: Int, index: Int, axis: Int
  ) throws(GraphError) -> Dimension {
    switch self {
    case .sameUpper: return size.dividedRoundingUp(by: stride)
    case .explicit(let pairs):
      guard index < pairs.count else {
        throw GraphError("expected padding for \(index + 1) axes, found \(pairs.count)")
      }
      let room = size + .fixed(pairs[index].before + pairs[index].after) - window
      if let room = room.fixedSize, room < 0 {
        throw GraphError(
          "expected at least \(window) elements along axis \(axis) with padding, found \(size)", operand: 0)
      }
      return room / .fixed(stride) + 1
    }
  }
}

extension PadPair {
  /// Keras's `padding="same"` along one axis of known size: the output has `ceil(size / stride)` elements, and of
  /// an odd number of padding elements the last goes after the data.
  package static func same(size: Int, window: Int, stride: Int, dilation: Int = 1) -> PadPair {
    let extent = Dimension.saturatingAdd(Dimension.saturatingMultiply(window - 1, dilation), 1)
    // A step of 0 is refused where the operation's types are inferred.
    let stride = max(stride, 1)
    let count = size > 0 ? (size - 1) / stride + 1 : 0
    let covered = Dimension.saturatingAdd((count - 1) * stride, extent)
    let total = max(Dimension.saturatingAdd(covered, -size), 0)
    return PadPair(total / 2, total - total / 2)
  }
}

extension KernelOrder {
  /// A kernel's sizes in Keras's order.
  package func spatialFirst(_ kernel: Shape) -> Shape {
    switch self {
    case .spatialFirst: kernel
    case .spatialLast: Shape(Array(kernel.dimensions[2...]) + [kernel[1], kernel[0]])
    }
  }

  /// The permutation that brings a kernel from Keras's order into ONNX's.
  package static func toSpatialLast(rank: Int) -> [Int] { [rank - 1, rank - 2] + Array(0..<(rank - 2)) }
}
