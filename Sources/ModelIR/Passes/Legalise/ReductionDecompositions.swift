extension GraphRewriter {
  mutating func decomposed(
    _ function: ReduceFunction, _ axes: [Int], _ keepDims: Bool, _ x: Value
  ) throws(GraphError) -> Value? {
    switch function {
    case .any, .all:
      let counts = try cast(x, to: .int32)
      let op = Op.reduce(function == .any ? .maximum : .minimum, axes: axes, keepDims: keepDims)
      return try cast(emit(op, counts), to: .bool)
    case .logSumExp: return try decomposedLogSumExp(axes, keepDims, x)
    case .sum, .mean, .maximum, .minimum, .product: return nil
    }
  }

  /// Stable with infinities too: the largest element is taken out first.
  private mutating func decomposedLogSumExp(_ axes: [Int], _ keepDims: Bool, _ x: Value) throws(GraphError)
    -> Value
  {
    let largest = try emit(.reduce(.maximum, axes: axes, keepDims: true), x)
    let shift = try select(unary(.isInfinite, largest), scalar(0, like: x), largest)
    let sum = try emit(.reduce(.sum, axes: axes, keepDims: true), unary(.exp, subtract(x, shift)))
    let result = try add(unary(.log, sum), shift)
    if keepDims { return result }
    let kept = shape(of: result).dimensions.enumerated().filter { !axes.contains($0.offset) }
    return try reshape(result, Shape(kept.map(\.element)))
  }

  /// Step by step, over an axis of known size.
  mutating func decomposed(
    _ function: CumulativeFunction, _ axis: Int, isReverse: Bool, isExclusive: Bool, _ x: Value
  ) throws(GraphError) -> Value? {
    guard let size = shape(of: x)[axis].fixedSize, size > 0, size <= 1024, let step = function.step,
      !isExclusive || function == .product
    else { return nil }
    let parts = try emitAll(.split(axis: axis, sizes: Array(repeating: 1, count: size)), [x])
    var running = isReverse ? parts.reversed() : parts
    for index in running.indices.dropFirst() {
      running[index] = try binary(step, running[index - 1], running[index])
    }
    if isExclusive {
      // Each place has what was before it; before the first that is 1.
      running = [try emit(.expand(shape(of: parts[0])), scalar(1, like: x))] + running.dropLast()
    }
    return try emitAll(.concat(axis: axis), isReverse ? running.reversed() : running)[0]
  }
}

extension CumulativeFunction {
  fileprivate var step: BinaryFunction? {
    switch self {
    case .sum: .add
    case .product: .multiply
    case .maximum: .maximum
    case .minimum: .minimum
    }
  }
}
