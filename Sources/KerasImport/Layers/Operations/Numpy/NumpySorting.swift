import ModelIR

/// Sorting, counting and order statistics of `keras/src/ops/numpy.py`.
extension OperationCall {
  /// The elements along an axis in ascending order; without `axis` of the flattened operand.
  func sort() throws(KerasImportError) -> Value {
    let given = try tensor("x", at: 0)
    let (x, axis, _) = try alongAxis(scope.numeric(given), default: -1)
    return try scope.cast(scope.sorted(x, axis: axis).values, to: scope.dtype(of: given))
  }

  /// The int32 places that sort an axis, equal elements in order.
  func argsort() throws(KerasImportError) -> Value {
    let given = try numeric("x", at: 0)
    if scope.rank(of: given) == 0 { return scope.constant(Tensor(vector: [Int32(0)])) }
    let (x, axis, _) = try alongAxis(given, default: -1)
    return try scope.cast(scope.sorted(x, axis: axis).places, to: .int32)
  }

  /// The places of the `kth + 1` smallest elements of an axis in order, then those of the others from the largest down,
  /// int32. Keras on TensorFlow tells which are taken by one row of places for all rows, and reads the elements as int32.
  /// Source: `argpartition` of `keras/src/backend/tensorflow/numpy.py`.
  func argpartition() throws(KerasImportError) -> Value {
    let (given, axis, _) = try alongAxis(scope.cast(tensor("x", at: 0), to: .int32), default: -1)
    let last = scope.rank(of: given) - 1
    let x = try scope.moveAxes(given, from: [axis, last], to: [last, axis])
    let size = scope.shape(of: x)[last]
    let kth = try required("kth", int("kth"))
    let count = Dimension.minimum(.fixed(max(kth, 0) + 1), size)
    let low = try scope.emitAll(.topK(k: count, axis: last, largest: true), [scope.unary(.negate, x)])[1]
    let places = try scope.emit(.range(size))
    let isPlace = try scope.compare(.equal, scope.expandDims(low, axes: [last + 1]), places)
    var isTaken = try scope.reduce(.any, isPlace, axes: [0])
    for index in 0..<last {
      var missing = scope.shape(of: isTaken)
      missing[index] = scope.shape(of: x)[index] - missing[index]
      if missing[index] == 0 { continue }
      isTaken = try scope.concat([isTaken, scope.filled(missing, 0, .bool)], axis: index)
    }
    let rest = try scope.select(isTaken, scope.scalar(0, .int32), x)
    let high = try scope.emitAll(.topK(k: size - count, axis: last, largest: true), [rest])[1]
    let y = try scope.cast(scope.concat([low, high], axis: last), to: .int32)
    return try scope.moveAxes(y, from: [axis, last], to: [last, axis])
  }

  /// Where values belong in a sorted vector: the number of elements below them (`right`: not above), int32.
  func searchSorted() throws(KerasImportError) -> Value {
    let x = try tensorOperands("sorted_sequence", "values")
    let side = try string("side") ?? "left"
    guard side == "left" || side == "right" else { throw KerasImportError(.unsupported("side \"\(side)\"")) }
    return try scope.countBelow(x[0], x[1], orEqual: side == "right")
  }

  /// The number of bins whose edge is not above an element, int32.
  func digitize() throws(KerasImportError) -> Value {
    let x = try scope.numeric(tensor("x", at: 0))
    guard let bins = argument("bins", at: 1) else { throw KerasImportError(.missingKey("bins")) }
    let edges = try scope.cast(value(bins, like: nil), to: .float32)
    let wide = try scope.cast(x, to: scope.dtype(of: x) == .float64 ? .float64 : .float32)
    return try scope.countBelow(scope.cast(edges, to: scope.dtype(of: wide)), wide, orEqual: true)
  }

  /// Whether each element is among those of a second tensor.
  func isIn() throws(KerasImportError) -> Value {
    ignore("assume_unique")
    let x = try tensorOperands("x1", "x2")
    let wide = try scope.expandDims(x[0], axes: [scope.rank(of: x[0])])
    let equal = try scope.compare(.equal, wide, scope.flattened(x[1]))
    let found = try scope.reduce(.any, equal, axes: [scope.rank(of: x[0])])
    return try bool("invert", default: false) ? scope.not(found) : found
  }

  /// How often each number from 0 on occurs in the last axis: `minlength` numbers, or as many as the largest needs;
  /// int32, or the sums of the weights in the common type.
  func bincount() throws(KerasImportError) -> Value {
    _ = try bool("sparse", default: false)  // Given dense, which is what a sparse result means.
    let x = try scope.cast(tensor("x", at: 0), to: .int64)
    let weights = try array("weights").map { scope.constant($0) }
    let least = try int("minlength", default: 0)
    guard (0...1 << 24).contains(least) else { throw KerasImportError(.unsupported("minlength \(least)")) }
    let rank = scope.rank(of: x)
    let largest = try scope.reduce(.maximum, x, axes: Array(0..<rank))
    let count = try scope.maximum(scope.add(largest, 1), scope.scalar(Double(least), .int64))
    let numbers = try scope.numbers(below: count, named: "bins")
    let hits = try scope.compare(.equal, scope.expandDims(x, axes: [rank]), numbers)
    guard let weights else { return try scope.reduce(.sum, scope.cast(hits, to: .int32), axes: [rank - 1]) }
    let target = scope.dtype(of: weights).promoted(with: scope.dtype(of: try tensor("x", at: 0)))
    let spread = try scope.expandDims(scope.cast(weights, to: target), axes: [scope.rank(of: weights)])
    return try scope.reduce(.sum, scope.select(hits, spread, scope.scalar(0, target)), axes: [rank - 1])
  }

  /// How many elements lie in each of `bins` equal parts of a range (of the elements' own without `range`), the last part
  /// with its upper edge; and the edges. Both in the operand's type.
  func histogram() throws(KerasImportError) -> [Value] {
    let x = try scope.flattened(tensor("x", at: 0))
    let bins = try int("bins", default: 10)
    guard (1...1 << 16).contains(bins) else { throw KerasImportError(.unsupported("\(bins) bins")) }
    let (low, high): (Value, Value)
    if let range = try array("range"), range.elementCount == 2 {
      let bounds = try range.numbers()
      (low, high) = (scope.scalar(bounds[0], like: x), scope.scalar(bounds[1], like: x))
    } else {
      (low, high) = (try scope.reduce(.minimum, x, axes: [0]), try scope.reduce(.maximum, x, axes: [0]))
    }
    let floor = try scope.floating(low)
    let edges = try scope.cast(
      scope.spaced(from: floor, to: scope.cast(high, to: scope.dtype(of: floor)), count: bins + 1),
      to: scope.dtype(of: x))
    let inside = try scope.and(scope.compare(.greaterOrEqual, x, low), scope.compare(.lessOrEqual, x, high))
    let inner = try scope.slice(edges, axis: 0, from: 1, to: -1)
    let bin = try scope.countBelow(inner, x, orEqual: true)
    let hits = try scope.oneHot(scope.cast(bin, to: .int64), classes: bins, dtype: .bool)
    let counted = try scope.and(hits, scope.expandDims(inside, axes: [1]))
    return [try scope.reduce(.sum, scope.cast(counted, to: scope.dtype(of: x)), axes: [0]), edges]
  }

  // MARK: Quantiles

  /// The quantile 0.5; NaN wins.
  func median() throws(KerasImportError) -> Value {
    try quantile(scope.scalar(0.5, .float32))
  }

  /// Quantiles `q` of the elements along axes: positions `q (n - 1)` in sorted order, linear between elements. The axes of
  /// `q` come first; NaN wins. Keras's class does not pass its `method` on, so that a saved model never follows it.
  func quantile() throws(KerasImportError) -> Value {
    ignore("method")
    return try quantile(scope.cast(tensor("q", at: 1), to: .float32))
  }

  /// Quantiles at hundredths of `q`.
  func percentile() throws(KerasImportError) -> Value {
    let q = try scope.cast(tensor("q", at: 1), to: .float32)
    return try quantile(scope.divide(q, scope.scalar(100, like: q)), method: string("method") ?? "linear")
  }

  /// ``median()`` of the elements that are numbers.
  func medianOfNumbers() throws(KerasImportError) -> Value {
    ignore("keepdims")  // Read below where there are axes to keep.
    if try ints("axis")?.isEmpty == true { return try tensor("x", at: 0) }
    return try quantileOfNumbers(scope.scalar(0.5, .float32))
  }

  /// ``quantile()`` of the elements that are numbers.
  func quantileOfNumbers() throws(KerasImportError) -> Value {
    try quantileOfNumbers(scope.cast(tensor("q", at: 1), to: .float32))
  }

  /// ``percentile()`` of the elements that are numbers.
  func percentileOfNumbers() throws(KerasImportError) -> Value {
    let q = try scope.cast(tensor("q", at: 1), to: .float32)
    return try quantileOfNumbers(scope.divide(q, scope.scalar(100, like: q)))
  }

  private func quantile(_ q: Value, method: String = "linear") throws(KerasImportError) -> Value {
    let x = try floating("x", at: 0)
    let lanes = try scope.lanes(x, axes: axes(rank: scope.rank(of: x)))
    let last = scope.rank(of: lanes) - 1
    let sorted = try scope.sorted(lanes, axis: last).values
    let count = try scope.emit(.sizes([scope.shape(of: lanes)[last]]))
    let picked = try scope.quantiles(count: count, q: scope.flattened(q), method: method, like: x) {
      places throws(KerasImportError) in try scope.emit(.gather(axis: last), sorted, places)
    }
    let hasNaN = try scope.reduce(.any, scope.isNaN(lanes), axes: [last], keepDims: true)
    return try placed(scope.select(hasNaN, scope.scalar(.nan, like: x), picked), q, of: x)
  }

  private func quantileOfNumbers(_ q: Value) throws(KerasImportError) -> Value {
    let x = try floating("x", at: 0)
    let lanes = try scope.lanes(x, axes: axes(rank: scope.rank(of: x)))
    let last = scope.rank(of: lanes) - 1
    let isNaN = try scope.isNaN(lanes)
    let sorted = try scope.sorted(scope.select(isNaN, scope.scalar(.infinity, like: x), lanes), axis: last)
      .values
    let count = try scope.reduce(.sum, scope.cast(scope.not(isNaN), to: .int64), axes: [last], keepDims: true)
    let picked = try scope.quantiles(
      count: count, q: scope.flattened(q), method: string("method") ?? "linear", like: x
    ) {
      places throws(KerasImportError) in try scope.emit(.gatherElements(axis: last), sorted, places)
    }
    let isEmpty = try scope.compare(.equal, count, 0)
    return try placed(scope.select(isEmpty, scope.scalar(.nan, like: x), picked), q, of: x)
  }

  /// Quantiles `[kept..., Q]` brought into Keras's order: the axes of `q`, then the operand's.
  private func placed(_ y: Value, _ q: Value, of x: Value) throws(KerasImportError) -> Value {
    let axes = try axes(rank: scope.rank(of: x))
    let keeps = try bool("keepdims", default: false)
    var sizes: [Dimension] = []
    for (axis, size) in scope.shape(of: x).dimensions.enumerated() {
      if !axes.contains(axis) { sizes.append(size) } else if keeps { sizes.append(1) }
    }
    let first = try scope.moveAxes(y, from: [scope.rank(of: y) - 1], to: [0])
    return try scope.reshape(first, Shape(scope.shape(of: q).dimensions + sizes))
  }

  // MARK: Places and sets

  /// The places of the elements that are not 0, one int32 vector for each axis; their number is a named dimension.
  func nonzero() throws(KerasImportError) -> [Value] {
    try scope.places(scope.cast(tensor("x", at: 0), to: .bool))
  }

  /// Coordinates of flat places in a shape, one tensor for each axis, in the places' type. Of places that are no vector
  /// Keras on TensorFlow takes the sizes in the opposite order.
  func unravelIndex() throws(KerasImportError) -> [Value] {
    var rest = try tensor("indices", at: 0)
    let shape = try required("shape", ints("shape"))
    var coordinates: [Value] = []
    for size in scope.rank(of: rest) == 1 ? shape.reversed() : shape {
      guard size > 0 else { throw KerasImportError(.invalidGraph("a shape of \(shape)")) }
      coordinates.append(try scope.emit(.binary(.modulo), rest, scope.scalar(Double(size), like: rest)))
      rest = try scope.emit(.binary(.floorDivide), rest, scope.scalar(Double(size), like: rest))
    }
    return coordinates.reversed()
  }
}

extension LoweringScope {
  /// An axis in ascending order (or descending), with the places the elements had; equal elements in order.
  func sorted(
    _ x: Value, axis: Int, largest: Bool = false
  ) throws(KerasImportError) -> (values: Value, places: Value) {
    let results = try emitAll(.topK(k: shape(of: x)[axis], axis: axis, largest: largest), [x])
    return (results[0], results[1])
  }

  /// For each value the number of elements of a vector below it (or not above it), int32.
  func countBelow(_ vector: Value, _ values: Value, orEqual: Bool) throws(KerasImportError) -> Value {
    try expectRank(1, of: vector)
    let wide = try expandDims(values, axes: [rank(of: values)])
    let isBelow = try compare(orEqual ? .lessOrEqual : .less, vector, wide)
    return try reduce(.sum, cast(isBelow, to: .int32), axes: [rank(of: values)])
  }

  /// The int64 numbers from 0 up to a number that depends on the data: their count is a dimension of its own name.
  func numbers(below count: Value, named name: String) throws(KerasImportError) -> Value {
    let wide = try cast(count, to: .int64)
    if let known = sizes(in: wide)?.first { return try emit(.range(known)) }
    return try emit(.count(.symbol(state.freshSymbol("\(path)/\(name)"))), wide)
  }

  /// The places of the elements that are true in row-major order, one int32 vector for each axis.
  func places(_ condition: Value) throws(KerasImportError) -> [Value] {
    let flat = try flattened(condition)
    var rest = try truePlaces(flat)
    var coordinates: [Value] = []
    for size in shape(of: condition).dimensions.reversed() {
      let divisor = try emit(.sizes([size]))
      coordinates.append(try cast(emit(.binary(.modulo), rest, divisor), to: .int32))
      rest = try emit(.binary(.floorDivide), rest, divisor)
    }
    return coordinates.reversed()
  }

  /// The int64 places of the true elements of a vector, in order.
  func truePlaces(_ condition: Value) throws(KerasImportError) -> Value {
    let count = try reduce(.sum, cast(condition, to: .int64), axes: [0])
    return try emit(.gather(axis: 0), placesTrueFirst(condition), numbers(below: count, named: "nonzero"))
  }

  /// The int64 places of the elements along the last axis, those of true ones in order before the others. Every element
  /// has a key of its own, since not every engine keeps equal ones in order: `n - i` where it is true, `-i` where not.
  func placesTrueFirst(_ condition: Value) throws(KerasImportError) -> Value {
    let axis = rank(of: condition) - 1
    let size = shape(of: condition)[axis]
    let falseKeys = try unary(.negate, emit(.range(size)))
    let trueKeys = try add(falseKeys, emit(.sizes([size])))
    return try sorted(select(condition, trueKeys, falseKeys), axis: axis, largest: true).places
  }

  /// The axes reduced as one last axis, the others in front.
  func lanes(_ x: Value, axes: [Int]) throws(KerasImportError) -> Value {
    let kept = Array(0..<rank(of: x)).filter { !axes.contains($0) }
    let shape = shape(of: x)
    let size = Shape(axes.map { shape[$0] }).elementCount
    return try reshape(transpose(x, kept + axes), Shape(kept.map { shape[$0] } + [size]))
  }

  /// Quantiles of sorted lanes: `q (n - 1)` in float64, then by method the element below, above, nearest (halves to
  /// even), the mean of both, or the point between them.
  func quantiles(
    count: Value, q: Value, method: String, like x: Value, at: (Value) throws(KerasImportError) -> Value
  ) throws(KerasImportError) -> Value {
    let last = try add(cast(count, to: .float64), -1)
    let exact = try multiply(last, cast(q, to: .float64))
    func place(_ function: UnaryFunction) throws(KerasImportError) -> Value {
      let whole = try minimum(unary(function, exact), last)
      return try cast(maximum(whole, scalar(0, .float64)), to: .int64)
    }
    switch method {
    case "lower": return try at(place(.floor))
    case "higher": return try at(place(.ceil))
    case "nearest": return try at(place(.round))
    case "midpoint": return try multiply(add(at(place(.floor)), at(place(.ceil))), 0.5)
    case "linear":
      let low = try maximum(add(place(.ceil), -1), scalar(0, .int64))
      let top = try maximum(cast(last, to: .int64), scalar(0, .int64))
      let high = try minimum(add(low, 1), top)
      let fraction = try cast(subtract(cast(high, to: .float64), exact), to: dtype(of: x))
      let rest = try subtract(scalar(1, like: fraction), fraction)
      return try add(multiply(at(high), rest), multiply(at(low), fraction))
    case let other: throw KerasImportError(.unsupported("quantile method \"\(other)\""))
    }
  }
}
