extension Op {
  func inferReshape(_ x: TensorType, _ shape: Shape) throws(GraphError) -> TensorType {
    let difference = x.shape.elementCount - shape.elementCount
    if let difference = difference.fixedSize, difference != 0 {
      throw GraphError("cannot reshape \(x.shape) to \(shape): the numbers of elements differ", operand: 0)
    }
    return TensorType(x.dtype, shape)
  }

  func inferTranspose(_ x: TensorType, _ permutation: [Int]) throws(GraphError) -> TensorType {
    guard permutation.sorted() == Array(0..<x.shape.rank) else {
      throw GraphError("expected a permutation of \(x.shape.rank) axes, found \(permutation)", operand: 0)
    }
    return TensorType(x.dtype, Shape(permutation.map { x.shape[$0] }))
  }

  func inferExpand(_ x: TensorType, _ shape: Shape) throws(GraphError) -> TensorType {
    let result = try Shape.broadcasting(x.shape, shape)
    guard result.fits(shape) else { throw GraphError("cannot broadcast \(x.shape) to \(shape)", operand: 0) }
    return TensorType(x.dtype, shape)
  }

  func inferTile(_ x: TensorType, _ repeats: [Int]) throws(GraphError) -> TensorType {
    guard repeats.count == x.shape.rank, repeats.allSatisfy({ $0 >= 0 }) else {
      throw GraphError("expected \(x.shape.rank) repeat counts, found \(repeats)", operand: 0)
    }
    return TensorType(x.dtype, Shape(zip(x.shape.dimensions, repeats).map { $0 * .fixed($1) }))
  }

  func inferConcat(_ operands: [TensorType], axis: Int) throws(GraphError) -> TensorType {
    try expectEqualDTypes(operands)
    var shape = operands[0].shape
    try operands[0].expectAxis(axis)
    for (index, operand) in operands.enumerated().dropFirst() {
      var expected = shape
      guard operand.shape.rank == shape.rank else {
        throw GraphError("expected rank \(shape.rank), found shape \(operand.shape)", operand: index)
      }
      expected[axis] = operand.shape[axis]
      try operand.expectShape(expected, operand: index)
      for other in 0..<shape.rank
      where other != axis && shape[other].fixedSize == nil && operand.shape[other].fixedSize != nil {
        shape[other] = operand.shape[other]
      }
      shape[axis] = shape[axis] + operand.shape[axis]
    }
    return TensorType(operands[0].dtype, shape)
  }

  func inferSplit(_ x: TensorType, axis: Int, sizes: [Dimension]) throws(GraphError) -> [TensorType] {
    try x.expectAxis(axis)
    guard sizes.count <= 1 << 16 else {
      throw GraphError("expected at most \(1 << 16) parts, found \(sizes.count)")
    }
    let total = sizes.reduce(0, +)
    guard x.shape[axis].fits(total) else {
      throw GraphError("expected \(total) elements along axis \(axis), found \(x.shape[axis])", operand: 0)
    }
    return sizes.map { size in
      var shape = x.shape
      shape[axis] = size
      return TensorType(x.dtype, shape)
    }
  }

  func inferSlice(_ x: TensorType, _ ranges: [SliceRange]) throws(GraphError) -> TensorType {
    var shape = x.shape
    for range in ranges {
      try x.expectAxis(range.axis)
      guard range.step != 0 else { throw GraphError("slice step cannot be 0") }
      shape[range.axis] = range.resultSize(of: x.shape[range.axis])
    }
    return TensorType(x.dtype, shape)
  }

  func inferPad(_ x: TensorType, _ attributes: PadAttributes) throws(GraphError) -> TensorType {
    guard attributes.pads.count == x.shape.rank,
      attributes.pads.allSatisfy({ $0.before >= 0 && $0.after >= 0 })
    else {
      throw GraphError(
        "expected \(x.shape.rank) pairs of padding, none negative, found \(attributes.pads.count)", operand: 0
      )
    }
    guard x.dtype != .string else { throw GraphError("strings cannot be padded", operand: 0) }
    let sizes = zip(x.shape.dimensions, attributes.pads).map {
      $0 + .fixed(Dimension.saturatingAdd($1.before, $1.after))
    }
    return TensorType(x.dtype, Shape(sizes))
  }
}

extension SliceRange {
  /// The range on an axis of known size as the first index, the number of elements and the step.
  public func resolved(size: Int) -> (start: Int, count: Int, step: Int) {
    func clamp(_ index: Int?, _ missing: Int) -> Int {
      guard var index else { return missing }
      if index < 0 { index = Dimension.saturatingAdd(index, size) }
      return step > 0 ? min(max(index, 0), size) : min(max(index, -1), size - 1)
    }
    let first = clamp(start, step > 0 ? 0 : size - 1)
    let last = clamp(stop, step > 0 ? size : -1)
    let span = step > 0 ? last - first : first - last
    let stride = Int(clamping: step.magnitude)
    return (first, span > 0 ? (span - 1) / stride + 1 : 0, step)
  }

  /// The number of elements the range takes of an axis.
  func resultSize(of size: Dimension) -> Dimension {
    if let size = size.fixedSize { return .fixed(resolved(size: size).count) }
    guard step > 0 else {
      if start == nil, stop == nil { return size.dividedRoundingUp(by: Int(clamping: step.magnitude)) }
      let last: Dimension = stop.map { position($0, in: size) } ?? -1
      let first: Dimension = start.map { .minimum(position($0, in: size), size - 1) } ?? size - 1
      return Dimension.maximum(first - last, 0).dividedRoundingUp(by: Int(clamping: step.magnitude))
    }
    let first = bound(start ?? 0, in: size)  // No start: the first element.
    let last = stop.map { bound($0, in: size) } ?? size
    var span = last - first
    if span.fixedSize == nil || span.fixedSize.map({ $0 < 0 }) == true {
      // Without knowing the size a plain trim of the ends is taken to leave something.
      let isTrim = start.map { $0 >= 0 } != false && stop.map { $0 < 0 } != false
      if !isTrim { span = .maximum(span, 0) }
    }
    return span.dividedRoundingUp(by: step)
  }

  private func position(_ index: Int, in size: Dimension) -> Dimension {
    index < 0 ? size + .fixed(index) : .fixed(index)
  }

  private func bound(_ index: Int, in size: Dimension) -> Dimension {
    if index < 0 { return size + .fixed(index) }
    return index == 0 ? 0 : stop == index ? .minimum(.fixed(index), size) : .fixed(index)
  }
}
