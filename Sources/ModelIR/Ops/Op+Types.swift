extension Op {
  /// The types of the results for operands of these types.
  /// - Throws: ``GraphError`` when the operands do not fit, with expected before found.
  package func inferTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try checkCount(operands.count)
    switch self {
    case .unary(let function): return [try function.inferType(operands[0])]
    case .binary(let function): return [try function.inferType(operands[0], operands[1])]
    case .compare: return [try inferComparison(operands)]
    case .select: return [try inferSelect(operands)]
    case .cast(let dtype): return [TensorType(dtype, operands[0].shape)]
    case .matMul: return [try inferMatMul(operands)]
    case .dense(let epilogue): return [try inferDense(operands, epilogue)]
    case .einsum(let equation): return [try inferEinsum(operands, equation)]
    case .dequantize(let attributes): return [try attributes.inferType(operands)]
    case .attention(let attributes): return [try attributes.inferType(operands)]
    case .conv(let attributes): return [try attributes.inferType(operands)]
    case .convTranspose(let attributes): return [try attributes.inferType(operands)]
    case .pool(let attributes): return [try attributes.inferType(operands[0])]
    case .reduce(let function, let axes, let keepDims):
      return [try inferReduce(function, operands[0], axes: axes, keepDims: keepDims)]
    case .argReduce(_, let axis, let keepDims):
      return [try inferReduce(.sum, TensorType(.int64, operands[0].shape), axes: [axis], keepDims: keepDims)]
    case .cumulative(_, let axis, _, _), .softmax(let axis), .logSoftmax(let axis):
      try operands[0].expectAxis(axis)
      return [operands[0]]
    case .topK(let k, let axis, _): return try inferTopK(operands[0], k, axis: axis)
    case .batchNormalization(let axis, _): return [try inferBatchNormalization(operands, axis: axis)]
    case .normalization(let normalization, _): return [try infer(normalization, operands)]
    case .reshape(let shape): return [try inferReshape(operands[0], shape)]
    case .transpose(let permutation): return [try inferTranspose(operands[0], permutation)]
    case .concat(let axis): return [try inferConcat(operands, axis: axis)]
    case .split(let axis, let sizes): return try inferSplit(operands[0], axis: axis, sizes: sizes)
    case .slice(let ranges): return [try inferSlice(operands[0], ranges)]
    case .pad(let attributes): return [try inferPad(operands[0], attributes)]
    case .expand(let shape): return [try inferExpand(operands[0], shape)]
    case .tile(let repeats): return [try inferTile(operands[0], repeats)]
    case .reverse(let axes):
      for axis in axes { try operands[0].expectAxis(axis) }
      return [operands[0]]
    case .gather(let axis): return [try inferGather(operands[0], operands[1], axis: axis)]
    case .gatherElements(let axis): return [try inferGatherElements(operands[0], operands[1], axis: axis)]
    case .gatherND(let batchDims): return [try inferGatherND(operands[0], operands[1], batchDims: batchDims)]
    case .scatterND: return [try inferScatterND(operands[0], operands[1], operands[2])]
    case .triangle: return [try inferTriangle(operands[0])]
    case .vectorize(let attributes): return [try attributes.inferType(operands[0])]
    case .range(let size): return [TensorType(.int64, [size])]
    case .count(let size):
      try operands[0].expectDType(.int64, operand: 0)
      try operands[0].expectShape([], operand: 0)
      return [TensorType(.int64, [size])]
    case .sizes(let sizes): return [TensorType(.int64, [.fixed(sizes.count)])]
    case .recurrent(let attributes): return try attributes.inferTypes(operands)
    case .sequenceRecurrent(let attributes): return try attributes.inferTypes(operands)
    case .scan(let attributes): return try attributes.inferTypes(operands)
    case .resize(let attributes): return [try attributes.inferType(operands[0])]
    case .lookup(let table): return [try table.inferType(operands[0])]
    case .hash(let attributes): return [try inferHash(operands, attributes)]
    }
  }

  private func inferComparison(_ operands: [TensorType]) throws(GraphError) -> TensorType {
    try expectEqualDTypes(operands)
    return TensorType(.bool, try Shape.broadcasting(operands[0].shape, operands[1].shape))
  }

  private func inferEinsum(_ operands: [TensorType], _ equation: String) throws(GraphError) -> TensorType {
    try expectEqualDTypes(operands)
    return TensorType(operands[0].dtype, try EinsumEquation(equation).inferShape(operands.map(\.shape)))
  }

  private func inferTopK(_ x: TensorType, _ k: Dimension, axis: Int) throws(GraphError) -> [TensorType] {
    try x.expectAxis(axis)
    var shape = x.shape
    if let size = shape[axis].fixedSize, let count = k.fixedSize, count > size {
      throw GraphError("expected at least \(count) elements along axis \(axis), found \(size)", operand: 0)
    }
    shape[axis] = k
    return [TensorType(x.dtype, shape), TensorType(.int64, shape)]
  }

  private func inferHash(
    _ operands: [TensorType], _ attributes: HashAttributes
  ) throws(GraphError) -> TensorType {
    // FarmHash has no key.
    guard attributes.binCount > 0, attributes.key.map({ $0.count == 2 }) ?? true else {
      throw GraphError("expected a positive number of bins and a key of two words")
    }
    for (index, operand) in operands.enumerated() {
      try operand.expectShape(operands[0].shape, operand: index)
    }
    return TensorType(.int64, operands[0].shape)
  }

  /// The operation's name, for messages and pictures; what formats call it is theirs.
  package var name: String {
    switch self {
    case .unary(let function): function.name
    case .binary(let function): function.name
    case .compare(let comparison): comparison.name
    case .select: "Select"
    case .cast: "Cast"
    case .matMul: "MatMul"
    case .dense: "Dense"
    case .einsum: "Einsum"
    case .dequantize: "Dequantize"
    case .conv: "Conv"
    case .convTranspose: "ConvTranspose"
    case .attention: "Attention"
    case .pool(let attributes): attributes.function == .maximum ? "MaximumPool" : "AveragePool"
    case .reduce(let function, _, _): function.name
    case .argReduce(let function, _, _): function == .maximum ? "ArgMaximum" : "ArgMinimum"
    case .cumulative(let function, _, _, _): function == .sum ? "CumulativeSum" : "Cumulative"
    case .topK: "TopK"
    case .batchNormalization: "BatchNormalization"
    case .normalization(let normalization, _): normalization.name
    case .softmax: "Softmax"
    case .logSoftmax: "LogSoftmax"
    case .reshape: "Reshape"
    case .transpose: "Transpose"
    case .concat: "Concat"
    case .split: "Split"
    case .slice: "Slice"
    case .pad: "Pad"
    case .expand: "Expand"
    case .tile: "Tile"
    case .reverse: "Reverse"
    case .gather: "Gather"
    case .gatherElements: "GatherElements"
    case .gatherND: "GatherND"
    case .scatterND: "ScatterND"
    case .triangle: "Triangle"
    case .range: "Range"
    case .count: "Count"
    case .sizes: "Sizes"
    case .recurrent(let attributes): attributes.name
    case .sequenceRecurrent(let attributes): attributes.name
    case .scan: "Scan"
    case .resize: "Resize"
    case .lookup: "Lookup"
    case .hash: "Hash"
    case .vectorize: "Vectorize"
    }
  }

  /// How many operands the operation takes.
  private var operandCount: ClosedRange<Int> {
    switch self {
    case .range, .sizes: 0...0
    case .unary, .cast, .pool, .reduce, .argReduce, .cumulative, .topK, .softmax, .logSoftmax, .reshape,
      .transpose,
      .split, .slice, .pad, .expand, .tile, .reverse, .triangle, .resize, .lookup, .vectorize, .count:
      1...1
    case .binary, .compare, .matMul, .gather, .gatherElements, .gatherND: 2...2
    case .convTranspose, .dequantize: 2...3
    case .conv(let attributes): attributes.epilogue.addsOperand ? 3...4 : 2...3
    case .dense(let epilogue): epilogue.addsOperand ? 4...4 : 3...3
    case .attention: 3...4
    case .select, .scatterND: 3...3
    case .normalization(let normalization, _): normalization.operandCount...normalization.operandCount
    case .batchNormalization: 5...5
    case .einsum, .concat, .hash: 1...Int.max
    case .recurrent(let attributes): attributes.operandRoles.count...attributes.operandRoles.count
    case .sequenceRecurrent(let attributes): attributes.operandRoles.count...attributes.operandRoles.count
    case .scan(let attributes): max(attributes.stateCount, 1)...Int.max
    }
  }

  private func checkCount(_ count: Int) throws(GraphError) {
    let expected = operandCount
    guard !expected.contains(count) else { return }
    let text =
      expected.upperBound == Int.max
      ? "at least \(expected.lowerBound)"
      : expected.count == 1 ? "\(expected.lowerBound)" : "\(expected.lowerBound) to \(expected.upperBound)"
    throw GraphError("expected \(text) operands, found \(count)")
  }
}

func expectEqualDTypes(_ operands: [TensorType]) throws(GraphError) {
  for (index, operand) in operands.enumerated().dropFirst() where operand.dtype != operands[0].dtype {
    throw GraphError(
      "expected operands of one type, found \(operands[0].dtype.rawValue) and \(operand.dtype.rawValue)",
      operand: index)
  }
}

extension TensorType {
  func expectRank(_ ranks: ClosedRange<Int>, operand: Int = 0) throws(GraphError) {
    guard !ranks.contains(shape.rank) else { return }
    let text =
      ranks.count == 1
      ? "\(ranks.lowerBound)"
      : ranks.upperBound == Int.max
        ? "at least \(ranks.lowerBound)" : "\(ranks.lowerBound) to \(ranks.upperBound)"
    throw GraphError("expected rank \(text), found shape \(shape)", operand: operand)
  }

  func expectAxis(_ axis: Int, operand: Int = 0) throws(GraphError) {
    guard axis < 0 || axis >= shape.rank else { return }
    throw GraphError("axis \(axis) is out of range for shape \(shape)", operand: operand)
  }

  /// Sizes that are both known must be equal; a name fits any size.
  func expectShape(_ expected: Shape, operand: Int) throws(GraphError) {
    guard shape.fits(expected) else {
      throw GraphError("expected shape \(expected), found \(shape)", operand: operand)
    }
  }

  func expectDType(_ expected: DType, operand: Int) throws(GraphError) {
    guard dtype == expected else {
      throw GraphError("expected type \(expected.rawValue), found \(dtype.rawValue)", operand: operand)
    }
  }
}

extension Shape {
  /// False only when the ranks differ or two known sizes do.
  package func fits(_ other: Shape) -> Bool {
    guard rank == other.rank else { return false }
    return zip(dimensions, other.dimensions).allSatisfy { $0.fits($1) }
  }

  /// NumPy's broadcast of two shapes.
  /// - Throws: ``GraphError`` when two known sizes differ and neither is 1.
  package static func broadcasting(_ a: Shape, _ b: Shape) throws(GraphError) -> Shape {
    var result: [Dimension] = []
    for index in 0..<Swift.max(a.rank, b.rank) {
      let i = a.rank - 1 - index
      let j = b.rank - 1 - index
      guard i >= 0 else { result.append(b[j]); continue }
      guard j >= 0 else { result.append(a[i]); continue }
      guard let size = Dimension.broadcasting(a[i], b[j]) else {
        throw GraphError("shapes \(a) and \(b) do not broadcast: \(a[i]) against \(b[j])", operand: 1)
      }
      result.append(size)
    }
    return Shape(result.reversed())
  }
}

extension Dimension {
  /// False only when both sizes are known and differ.
  package func fits(_ other: Dimension) -> Bool { (self - other).fixedSize.map { $0 == 0 } ?? true }

  /// The common size of two broadcast axes; a name against a number above 1 must turn out to be that number (or 1).
  static func broadcasting(_ a: Dimension, _ b: Dimension) -> Dimension? {
    if a == b || b == 1 { return a }
    if a == 1 { return b }
    switch (a.fixedSize, b.fixedSize) {
    case (.some, .some): return nil
    case (.some, nil): return a
    case (nil, .some): return b
    case (nil, nil): return a.fits(b) ? a : nil
    }
  }
}
