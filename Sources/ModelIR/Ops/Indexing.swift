extension Op {
  func inferTriangle(_ x: TensorType) throws(GraphError) -> TensorType {
    try x.expectRank(2...Int.max)
    return x
  }

  func inferGather(_ x: TensorType, _ indices: TensorType, axis: Int) throws(GraphError) -> TensorType {
    try indices.expectIndices()
    try x.expectAxis(axis)
    let dimensions = x.shape.dimensions
    return TensorType(
      x.dtype, Shape(Array(dimensions[..<axis]) + indices.shape.dimensions + Array(dimensions[(axis + 1)...]))
    )
  }

  func inferGatherElements(_ x: TensorType, _ indices: TensorType, axis: Int) throws(GraphError) -> TensorType
  {
    try indices.expectIndices()
    try x.expectAxis(axis)
    try indices.expectRank(x.shape.rank...x.shape.rank, operand: 1)
    for other in 0..<x.shape.rank where other != axis {
      guard let size = indices.shape[other].fixedSize, let room = x.shape[other].fixedSize, size > room else {
        continue
      }
      throw GraphError(
        "expected indices of at most \(room) along axis \(other), found shape \(indices.shape)", operand: 1)
    }
    return TensorType(x.dtype, indices.shape)
  }

  func inferGatherND(_ x: TensorType, _ indices: TensorType, batchDims: Int) throws(GraphError) -> TensorType
  {
    try indices.expectIndices()
    let tuple = try tupleSize(x, indices, batchDims: batchDims)
    let kept = x.shape.dimensions[(batchDims + tuple)...]
    return TensorType(x.dtype, Shape(Array(indices.shape.dimensions.dropLast()) + Array(kept)))
  }

  func inferScatterND(_ x: TensorType, _ indices: TensorType, _ updates: TensorType) throws(GraphError)
    -> TensorType
  {
    try indices.expectIndices()
    try expectEqualDTypes([x, x, updates])
    let tuple = try tupleSize(x, indices, batchDims: 0)
    let expected = Shape(Array(indices.shape.dimensions.dropLast()) + Array(x.shape.dimensions[tuple...]))
    try updates.expectShape(expected, operand: 2)
    return x
  }

  private func tupleSize(_ x: TensorType, _ indices: TensorType, batchDims: Int) throws(GraphError) -> Int {
    try indices.expectRank(1...Int.max, operand: 1)
    guard let tuple = indices.shape[indices.shape.rank - 1].fixedSize, batchDims >= 0,
      batchDims < indices.shape.rank, batchDims <= x.shape.rank, tuple >= 0,
      tuple <= x.shape.rank - batchDims,
      (0..<batchDims).allSatisfy({ indices.shape[$0].fits(x.shape[$0]) })
    else {
      throw GraphError(
        "expected coordinate tuples of at most \(x.shape.rank) elements, found shape \(indices.shape)",
        operand: 1)
    }
    return tuple
  }
}

extension LookupTable {
  /// - Throws: ``GraphError`` unless each key has its value.
  func check() throws(GraphError) {
    guard keys.count == values.count else {
      throw GraphError("expected as many values as keys, found \(values.count) for \(keys.count)")
    }
  }

  func inferType(_ x: TensorType) throws(GraphError) -> TensorType {
    try check()
    switch keys {
    case .integers: try x.expectDType(.int64, operand: 0)
    case .strings: try x.expectDType(.string, operand: 0)
    }
    switch values {
    case .integers: return TensorType(.int64, x.shape)
    case .strings: return TensorType(.string, x.shape)
    }
  }
}

extension TensorType {
  fileprivate func expectIndices() throws(GraphError) {
    guard dtype.isInteger else {
      throw GraphError("expected integer indices, found \(dtype.rawValue)", operand: 1)
    }
  }
}
