import ModelIR

/// Parts of tensors, moved and picked: what layers, `keras.ops` and TensorFlow's functions share.
extension LoweringScope {
  /// Python's `start:stop:step` of one axis.
  func slice(
    _ x: Value, axis: Int, from start: Int?, to stop: Int?, step: Int = 1
  ) throws(KerasImportError) -> Value {
    if start == nil, stop == nil, step == 1 { return x }
    return try emit(.slice([SliceRange(axis: axis, start: start, stop: stop, step: step)]), x)
  }

  /// One element of an axis, which goes away.
  func element(_ index: Int, of x: Value, axis: Int) throws(KerasImportError) -> Value {
    try squeeze(slice(x, axis: axis, from: index, to: index == -1 ? nil : index + 1), axes: [axis])
  }

  /// Values of one type joined along an axis.
  func concat(_ parts: [Value], axis: Int) throws(KerasImportError) -> Value {
    parts.count == 1 ? parts[0] : try emitAll(.concat(axis: axis), parts)[0]
  }

  /// Values of one type and shape joined along a new axis.
  func stack(_ parts: [Value], axis: Int) throws(KerasImportError) -> Value {
    try concat(parts.map { part throws(KerasImportError) in try expandDims(part, axes: [axis]) }, axis: axis)
  }

  /// All elements in one axis.
  func flattened(_ x: Value) throws(KerasImportError) -> Value { try reshape(x, [shape(of: x).elementCount]) }

  /// Axes moved to other places, the rest in order.
  func moveAxes(_ x: Value, from sources: [Int], to destinations: [Int]) throws(KerasImportError) -> Value {
    let rank = rank(of: x)
    guard sources.count == destinations.count else {
      throw KerasImportError(.invalidGraph("\(sources.count) axes to \(destinations.count) places"))
    }
    var order: [Int?] = Array(repeating: nil, count: rank)
    var rest = Array(0..<rank)
    for (from, to) in zip(sources, destinations) {
      let axis = try axis(from, rank: rank)
      order[try self.axis(to, rank: rank)] = axis
      rest.removeAll { $0 == axis }
    }
    guard order.count(where: { $0 == nil }) == rest.count else {
      throw KerasImportError(.invalidGraph("axes \(sources) to places \(destinations)"))
    }
    var remaining = rest[...]
    return try transpose(x, order.compactMap { $0 ?? remaining.popFirst() })
  }

  /// A shape filled with one number.
  func filled(_ shape: Shape, _ number: Double, _ dtype: DType) throws(KerasImportError) -> Value {
    try emit(.expand(shape), scalar(number, dtype))
  }

  /// A value with axes of size 1 in front until it has a rank.
  func leading(_ x: Value, rank target: Int) throws(KerasImportError) -> Value {
    try expandDims(x, axes: Array(0..<max(0, target - rank(of: x))))
  }

  /// True on the diagonal `k` of a matrix of so many rows and columns: `column - row = k`.
  func isDiagonal(rows: Dimension, columns: Dimension, k: Int = 0) throws(KerasImportError) -> Value {
    let row = try add(expandDims(emit(.range(rows)), axes: [1]), Double(k))
    return try compare(.equal, row, expandDims(emit(.range(columns)), axes: [0]))
  }

  /// Diagonal `k` of the last two axes, as the last axis.
  func diagonal(_ x: Value, k: Int = 0) throws(KerasImportError) -> Value {
    let rank = rank(of: x)
    guard rank > 1 else {
      throw KerasImportError(.invalidGraph("a matrix has 2 axes or more, found shape \(shape(of: x))"))
    }
    let (rows, columns) = (shape(of: x)[rank - 2], shape(of: x)[rank - 1])
    let (down, right) = (Dimension.fixed(max(0, 0 - max(k, -Dimension.limit))), Dimension.fixed(max(k, 0)))
    let size = Dimension.maximum(.minimum(rows - down, columns - right), 0)
    let band = try part(
      part(x, axis: rank - 2, start: down, size: size), axis: rank - 1, start: right, size: size)
    let picked = try select(isDiagonal(rows: size, columns: size), band, scalar(0, like: x))
    return try reduceAny(picked, axes: [rank - 1])
  }

  /// The sum over axes of values of which all but one are 0 (or false).
  private func reduceAny(_ x: Value, axes: [Int]) throws(KerasImportError) -> Value {
    try reduce(dtype(of: x) == .bool ? .any : .sum, x, axes: axes)
  }

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
