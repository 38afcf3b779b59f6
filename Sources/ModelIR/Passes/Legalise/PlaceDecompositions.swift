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

  /// Rows and columns compared.
  mutating func decomposedTriangle(isUpper: Bool, _ k: Int, _ x: Value) throws(GraphError) -> Value {
    let sizes = shape(of: x).dimensions.suffix(2).map { $0 }
    let rows = try expandDims(add(emit(.range(sizes[0])), Double(k)), 1)
    let columns = try emit(.range(sizes[1]))
    let isKept = try compare(isUpper ? .lessOrEqual : .greaterOrEqual, rows, columns)
    return try select(isKept, x, scalar(0, like: x))
  }
}
