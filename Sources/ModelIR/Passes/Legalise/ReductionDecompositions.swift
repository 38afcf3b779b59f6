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

  /// Step by step over a short axis of known size, else in a loop.
  mutating func decomposed(
    _ function: CumulativeFunction, _ axis: Int, isReverse: Bool, isExclusive: Bool, _ x: Value
  ) throws(GraphError) -> Value? {
    guard !isExclusive || function == .product else { return nil }
    let (step, start) = function.step
    guard let size = shape(of: x)[axis].fixedSize, size > 0, size <= 1024 else {
      return try looped(step, from: start, axis, isReverse: isReverse, isExclusive: isExclusive, x)
    }
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

  /// A loop whose state is what has come of the elements so far. It walks axis 1; axis 0 is one of size 1.
  private mutating func looped(
    _ step: BinaryFunction, from start: Double, _ axis: Int, isReverse: Bool, isExclusive: Bool, _ x: Value
  ) throws(GraphError) -> Value {
    let rank = shape(of: x).rank
    let order = [axis] + (0..<rank).filter { $0 != axis }
    let walked = try emit(.transpose(order), x)
    let lines = shape(of: walked)
    let slice = TensorType(dtype(of: x), Shape([1] + lines.dimensions.dropFirst()))
    var body = Graph()
    let (state, element) = (body.input(name: "state", type: slice), body.input(name: "element", type: slice))
    let next = try body.append(.binary(step), [state, element], name: "next")[0]
    body.outputs = [next, isExclusive ? state : next].enumerated().map {
      Graph.Output(name: "result\($0)", value: $1)
    }
    let first = try emit(.expand(slice.shape), scalar(start, like: x))
    let attributes = ScanAttributes(body: Subgraph(body), stateCount: 1, reverse: isReverse)
    let running = try emitAll(.scan(attributes), [first, reshape(walked, Shape([1] + lines.dimensions))])[1]
    let back = (0..<rank).map { place in order.firstIndex(of: place) ?? place }
    return try emit(.transpose(back), reshape(running, lines))
  }
}

extension CumulativeFunction {
  /// How an element comes to what is there, and what is there before the first.
  fileprivate var step: (function: BinaryFunction, start: Double) {
    switch self {
    case .sum: (.add, 0)
    case .product: (.multiply, 1)
    case .maximum: (.maximum, -.infinity)
    case .minimum: (.minimum, .infinity)
    }
  }
}
