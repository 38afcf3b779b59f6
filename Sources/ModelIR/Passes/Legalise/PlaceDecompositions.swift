// Padding, indices and triangles.
extension GraphRewriter {
  /// Symmetric padding: the reversed ends joined to the data, axis by axis.
  mutating func decomposed(_ attributes: PadAttributes, _ x: Value) throws(GraphError) -> Value? {
    guard case .symmetric = attributes.mode else { return nil }
    var current = x
    for (axis, pair) in attributes.pads.enumerated() where pair.before + pair.after > 0 {
      var parts = [current]
      if pair.before > 0 { parts.insert(try reversed(current, axis, from: pair.before - 1, to: nil), at: 0) }
      if pair.after > 0 { parts.append(try reversed(current, axis, from: -1, to: -pair.after - 1)) }
      current = try emitAll(.concat(axis: axis), parts)[0]
    }
    return current
  }

  private mutating func reversed(_ x: Value, _ axis: Int, from start: Int, to stop: Int?) throws(GraphError)
    -> Value
  {
    try emit(.slice([SliceRange(axis: axis, start: start, stop: stop, step: -1)]), x)
  }

  /// The indices in int64; nil when they are.
  mutating func decomposedIndices(_ node: Node) throws(GraphError) -> Value? {
    guard dtype(of: node.inputs[1]) != .int64 else { return nil }
    var operands = node.inputs
    operands[1] = try cast(operands[1], to: .int64)
    return try emitAll(node.op, operands)[0]
  }

  /// The most elements that are compared for it: every place of the data with every update.
  private static let scatterLimit = 1 << 24

  /// Every place of the data with each update that is for it, reduced: `[P, 1 + M, R]`, the data first. nil where that is
  /// too much.
  mutating func decomposedScatter(
    _ reduction: ScatterReduction, _ node: Node
  ) throws(GraphError) -> Value? {
    let function: ReduceFunction
    switch reduction {
    case .none: return nil
    case .add: function = .sum
    case .multiply: function = .product
    case .maximum: function = .maximum
    case .minimum: function = .minimum
    }
    let (x, indices) = (node.inputs[0], node.inputs[1])
    let (sizes, tuples) = (shape(of: x).dimensions, shape(of: indices).dimensions)
    guard let depth = tuples.last?.fixedSize, depth > 0, depth <= sizes.count else { return nil }
    let places = Shape(Array(sizes.prefix(depth))).elementCount
    let rest = Shape(Array(sizes.dropFirst(depth))).elementCount
    let count = Shape(Array(tuples.dropLast())).elementCount
    if let known = Shape([places, count, rest]).elementCount.fixedSize, known > GraphRewriter.scatterLimit {
      return nil
    }
    let place = try flatPlaces(reshape(indices, [count, .fixed(depth)]), Array(sizes.prefix(depth)))
    let isMeant = try compare(.equal, expandDims(emit(.range(places)), 1), reshape(place, [1, count]))
    let data = try reshape(x, [places, 1, rest])
    let updates = try reshape(node.inputs[2], [1, count, rest])
    // What is not meant changes nothing; the largest and the smallest one have no number for that but the data's own.
    let neutral = function == .sum ? scalar(0, like: x) : function == .product ? scalar(1, like: x) : data
    let picked = try select(expandDims(isMeant, 2), updates, neutral)
    let together = try emitAll(.concat(axis: 1), [data, picked])[0]
    return try reshape(emit(.reduce(function, axes: [1], keepDims: false), together), shape(of: x))
  }

  /// The numbers `[M]` of places given by coordinates `[M, k]` in axes of these sizes; coordinates below 0 count from the
  /// end.
  private mutating func flatPlaces(_ coordinates: Value, _ sizes: [Dimension]) throws(GraphError) -> Value {
    let limits = try emit(.sizes(sizes))
    let fromEnd = try add(coordinates, limits)
    let inside = try select(compare(.less, coordinates, 0), fromEnd, coordinates)
    let strides = sizes.indices.map { Shape(Array(sizes[($0 + 1)...])).elementCount }
    let weighted = try multiply(inside, emit(.sizes(strides)))
    return try emit(.reduce(.sum, axes: [1], keepDims: false), weighted)
  }

  /// Rows and columns compared.
  mutating func decomposedTriangle(isUpper: Bool, _ k: Int, _ x: Value) throws(GraphError) -> Value {
    let sizes = shape(of: x).dimensions.suffix(2).map { $0 }
    let rows = try expandDims(add(emit(.range(sizes[0])), Double(k)), 1)
    let columns = try emit(.range(sizes[1]))
    let isKept = try compare(isUpper ? .lessOrEqual : .greaterOrEqual, rows, columns)
    return try select(isKept, x, scalar(0, like: x))
  }
}
