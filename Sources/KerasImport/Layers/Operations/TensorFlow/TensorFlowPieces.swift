import ModelIR

/// Pieces that TensorFlow's functions share.
extension LoweringScope {
  /// Elements of an axis from `start` on; sizes that are not known become indices.
  func part(_ x: Value, axis: Int, start: Dimension, size: Dimension) throws(KerasImportError) -> Value {
    if start == 0, size == shape(of: x)[axis] { return x }
    if let start = start.fixedSize, let size = size.fixedSize, start >= 0 {
      return try emit(.slice([SliceRange(axis: axis, start: start, stop: start + size)]), x)
    }
    let places = try add(emit(.range(size)), emit(.sizes([start])))
    return try emit(.gather(axis: axis), x, places)
  }

  /// The elements of an axis moved round by a number of places.
  func rolled(_ x: Value, axis: Int, by shift: Int) throws(KerasImportError) -> Value {
    if shift == 0 { return x }
    let size = shape(of: x)[axis]
    if let known = size.fixedSize {
      guard known > 0 else { return x }
      let cut = ((-(shift % known)) % known + known) % known
      if cut == 0 { return x }
      let tail = try emit(.slice([SliceRange(axis: axis, start: cut, stop: nil)]), x)
      return try emit(
        .concat(axis: axis), tail, emit(.slice([SliceRange(axis: axis, start: 0, stop: cut)]), x))
    }
    let places = try subtract(emit(.range(size)), scalar(Double(shift), .int64))
    return try emit(.gather(axis: axis), x, emit(.binary(.modulo), places, emit(.sizes([size]))))
  }

  /// Each element of an axis as often as `repeats` says, one number for all or one each.
  func repeated(_ x: Value, axis: Int, _ repeats: [Dimension]) throws(KerasImportError) -> Value {
    let shape = shape(of: x)
    if repeats.count == 1 {
      var wide = shape.dimensions
      wide.insert(repeats[0], at: axis + 1)
      var result = shape
      result[axis] = shape[axis] * repeats[0]
      return try reshape(emit(.expand(Shape(wide)), expandDims(x, axes: [axis + 1])), result)
    }
    let known = repeats.compactMap(\.fixedSize)
    guard known.count == repeats.count, known.allSatisfy({ (0...1 << 16).contains($0) }) else {
      throw KerasImportError(.unsupported("repeats that depend on the data"))
    }
    let picks = known.enumerated().flatMap { Array(repeating: Int64($0.offset), count: $0.element) }
    return try emit(.gather(axis: axis), x, constant(Tensor(vector: picks)))
  }

  /// `tf.gather`: slices along an axis, the first `batchDims` axes of both in step.
  func gathered(_ x: Value, _ indices: Value, axis: Int, batchDims: Int) throws(KerasImportError) -> Value {
    if batchDims == 0 { return try emit(.gather(axis: axis), x, indices) }
    let (rankX, rankI) = (rank(of: x), rank(of: indices))
    guard batchDims <= axis, batchDims <= rankI else {
      throw KerasImportError(.invalidGraph("batch_dims \(batchDims) beyond axis \(axis) or the indices"))
    }
    // The axis right behind the batch, then coordinate tuples of one element.
    let between = Array(batchDims..<axis)
    let after = Array((axis + 1)..<max(rankX, axis + 1))
    let moved = try transpose(x, Array(0..<batchDims) + [axis] + between + after)
    let tuples = try expandDims(cast(indices, to: .int64), axes: [rankI])
    let y = try emit(.gatherND(batchDims: batchDims), moved, tuples)
    let picked = Array(batchDims..<rankI)
    let order =
      Array(0..<batchDims) + between.indices.map { rankI + $0 } + picked
      + after.indices.map { rankI + between.count + $0 }
    return try transpose(y, order)
  }

  /// The last two axes exchanged.
  func matrixTransposed(_ x: Value) throws(KerasImportError) -> Value {
    let rank = rank(of: x)
    guard rank > 1 else {
      throw KerasImportError(.invalidGraph("a matrix has 2 axes or more, found shape \(shape(of: x))"))
    }
    return try transpose(x, Array(0..<(rank - 2)) + [rank - 1, rank - 2])
  }
}

extension [Dimension] {
  /// A shape whose size -1, if there is one, is what is left of `elementCount`.
  func completed(elementCount: Dimension) -> Shape {
    let known = filter { $0 != -1 }.reduce(1, *)
    return Shape(map { $0 == -1 ? (known == 0 ? 0 : elementCount / known) : $0 })
  }

  /// Sizes whose -1, if there is one, is what is left of a total.
  func completed(sum: Dimension) -> [Dimension] {
    let known = filter { $0 != -1 }.reduce(0, +)
    return map { $0 == -1 ? sum - known : $0 }
  }
}

extension CallArgument {
  /// Rows of integers.
  var integerRows: [[Int]]? {
    if case .array(let tensor) = self, tensor.rank == 2, tensor.dtype.isInteger,
      let values = try? tensor.doubles()
    {
      return stride(from: 0, to: values.count, by: Swift.max(tensor.sizes[1], 1)).map { row in
        values[row..<(row + tensor.sizes[1])].map { Int(clampingDouble: $0) }
      }
    }
    guard case .list(let items) = self else { return nil }
    var rows: [[Int]] = []
    for item in items {
      guard let row = item.integers else { return nil }
      rows.append(row)
    }
    return rows
  }
}

extension OperationCall {
  /// True when an argument is given by keyword.
  func hasArgument(_ name: String) -> Bool { call.keywords.contains { $0.key == name } }
}
