import ModelIR

/// Reductions of `keras/src/ops/numpy.py`. `axis`: one, several (negative ones from the end) or None for all;
/// `keepdims` keeps the reduced axes with size 1.
extension OperationCall {
  /// The axes of a reduction: all when none are given.
  func axes(_ name: String = "axis", rank: Int) throws(KerasImportError) -> [Int] {
    guard let given = try ints(name) else { return Array(0..<rank) }
    return try scope.axes(given, rank: rank)
  }

  func reduced(_ function: ReduceFunction, _ x: Value) throws(KerasImportError) -> Value {
    let axes = try axes(rank: scope.rank(of: x))
    return try scope.reduce(function, x, axes: axes, keepDims: bool("keepdims", default: false))
  }

  /// The operand along one axis: its own with `axis`, flattened without.
  func alongAxis(
    _ x: Value, default standard: Int? = nil
  ) throws(KerasImportError) -> (x: Value, axis: Int, isFlat: Bool) {
    let isWritten = scope.object.config["axis"] != nil
    guard let given = try int("axis") ?? (isWritten ? nil : standard) else {
      return (try scope.flattened(x), 0, true)
    }
    return (x, try scope.axis(given, rank: scope.rank(of: x)), false)
  }

  /// Sum or product; small integers and truth values in 32 bits. With a `dtype` Keras on TensorFlow multiplies in the
  /// operand's own type.
  func total(_ function: ReduceFunction) throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    return try reduced(function, dtype() == nil ? scope.summable(x) : x)
  }

  /// The largest (or smallest) element, at least (at most) `initial`; of truth values any (all).
  func extremum(_ function: ReduceFunction) throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    if scope.dtype(of: x) == .bool {
      let y = try reduced(function == .maximum ? .any : .all, x)
      guard let initial = try double("initial") else { return y }
      let bound = scope.scalar(initial == 0 ? 0 : 1, .bool)
      return try function == .maximum ? scope.or(y, bound) : scope.and(y, bound)
    }
    let y = try reduced(function, x)
    guard let initial = try double("initial") else { return y }
    return try scope.emit(
      .binary(function == .maximum ? .maximum : .minimum), y, scope.scalar(initial, like: y))
  }

  /// A reduction of floating-point elements; integers become float32.
  func floatingReduction(_ function: ReduceFunction) throws(KerasImportError) -> Value {
    try reduced(function, floating("x", at: 0))
  }

  /// Any or all of truth values; numbers are true where they are not 0.
  func truth(_ function: ReduceFunction) throws(KerasImportError) -> Value {
    try reduced(function, scope.cast(tensor("x", at: 0), to: .bool))
  }

  /// The mean squared distance from the mean.
  func variance() throws(KerasImportError) -> Value {
    let x = try floating("x", at: 0)
    let wide = scope.dtype(of: x) == .float64 ? x : try scope.cast(x, to: .float32)
    let axes = try axes(rank: scope.rank(of: x))
    let moments = try scope.moments(wide, axes: axes, keepDims: bool("keepdims", default: false))
    return try scope.cast(moments.variance, to: scope.dtype(of: x))
  }

  /// The square root of the variance.
  func deviation() throws(KerasImportError) -> Value { try scope.unary(.sqrt, variance()) }

  /// The largest less the smallest element.
  func peakToPeak() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    return try scope.subtract(reduced(.maximum, x), reduced(.minimum, x))
  }

  /// How many elements are not 0, int32.
  func countNonzero() throws(KerasImportError) -> Value {
    try reduced(.sum, scope.cast(scope.cast(tensor("x", at: 0), to: .bool), to: .int32))
  }

  /// The mean, weighted by `weights` of the operand's shape or (with `axis`) a vector along it.
  func average() throws(KerasImportError) -> Value {
    guard let first = argument("x", at: 0) else { throw KerasImportError(.missingKey("x")) }
    guard let second = argument("weights", at: 1) else { return try reduced(.mean, floating("x", at: 0)) }
    let operands = try promoted([first, second]).map { value throws(KerasImportError) in
      try scope.floating(value)
    }
    let (x, weights) = (operands[0], operands[1])
    let axes = try axes(rank: scope.rank(of: x))
    if scope.rank(of: x) == scope.rank(of: weights) {
      let sum = try scope.reduce(.sum, scope.multiply(x, weights), axes: axes)
      return try scope.divide(sum, scope.reduce(.sum, weights, axes: axes))
    }
    guard axes.count == 1, scope.rank(of: weights) == 1 else {
      throw KerasImportError(.invalidGraph("weights of shape \(scope.shape(of: weights)) along axes \(axes)"))
    }
    let spread = try scope.alongAxis(weights, axis: axes[0], rank: scope.rank(of: x))
    let sum = try scope.reduce(.sum, scope.multiply(x, spread), axes: axes)
    return try scope.divide(sum, scope.reduce(.sum, weights, axes: [0]))
  }

  /// The int32 index of the first largest (or smallest) element; without `axis` in the flattened operand.
  func argReduction(_ function: ArgFunction) throws(KerasImportError) -> Value {
    try argReduced(function, numeric("x", at: 0))
  }

  /// ``argReduction(_:)`` of a value.
  func argReduced(_ function: ArgFunction, _ given: Value) throws(KerasImportError) -> Value {
    let (x, axis, isFlat) = try alongAxis(given)
    let keeps = try bool("keepdims", default: false)
    let y = try scope.emit(.argReduce(function, axis: axis, keepDims: keeps && !isFlat), x)
    let result = try scope.cast(y, to: .int32)
    return keeps && isFlat
      ? try scope.reshape(result, Shape(scope.shape(of: given).dimensions.map { _ in 1 })) : result
  }

  /// Running sum or product along an axis; without `axis` of the flattened operand.
  func cumulative(_ function: CumulativeFunction) throws(KerasImportError) -> Value {
    try running(function, tensor("x", at: 0))
  }

  private func running(_ function: CumulativeFunction, _ given: Value) throws(KerasImportError) -> Value {
    let typed = try scope.numeric(scope.cast(given, to: dtype() ?? scope.dtype(of: given)))
    let (x, axis, _) = try alongAxis(typed)
    return try scope.emit(.cumulative(function, axis: axis, reverse: false, exclusive: false), x)
  }

  /// Differences of neighbours along an axis, `n` times; of truth values whether they differ.
  func difference() throws(KerasImportError) -> Value {
    var x = try tensor("a", at: 0)
    let axis = try scope.axis(int("axis", default: -1), rank: scope.rank(of: x))
    let count = try int("n", default: 1)
    guard (0...1 << 10).contains(count) else {
      throw KerasImportError(.unsupported("differences of order \(count)"))
    }
    for _ in 0..<count { x = try scope.differences(x, axis: axis) }
    return x
  }

  /// The integral by trapezoids along an axis, over points `x` or steps `dx`.
  func trapezoid() throws(KerasImportError) -> Value {
    var y = try floating("y", at: 0)
    let given = try int("axis", default: -1)
    let axis = try scope.axis(given, rank: scope.rank(of: y))
    y = try scope.moveAxes(y, from: [axis], to: [-1])
    let last = scope.rank(of: y) - 1
    let pairs = try scope.add(
      scope.slice(y, axis: last, from: 1, to: nil), scope.slice(y, axis: last, from: nil, to: -1))
    var step = scope.scalar(try double("dx", default: 1), like: y)
    if let points = try array("x") {
      let x = scope.constant(points)
      let steps = try scope.differences(x, axis: scope.axis(given, rank: scope.rank(of: x)))
      step = try scope.cast(scope.moveAxes(steps, from: [given], to: [-1]), to: scope.dtype(of: y))
    }
    return try scope.reduce(.sum, scope.multiply(scope.multiply(pairs, 0.5), step), axes: [last])
  }

  // MARK: Ignoring NaN

  /// Sum or product of the elements that are numbers.
  func totalOfNumbers(_ function: ReduceFunction) throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    let neutral = scope.scalar(function == .sum ? 0 : 1, like: x)
    return try reduced(function, scope.summable(scope.select(scope.isNaN(x), neutral, x)))
  }

  /// The largest (or smallest) of the elements that are numbers; NaN where there is none.
  func extremumOfNumbers(_ function: ReduceFunction) throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    guard scope.dtype(of: x).isFloatingPoint else { return try extremum(function) }
    let isNaN = try scope.isNaN(x)
    let worst = scope.scalar(function == .maximum ? -.infinity : .infinity, like: x)
    let best = try reduced(function, scope.select(isNaN, worst, x))
    return try scope.select(reduced(.all, isNaN), scope.scalar(.nan, like: x), best)
  }

  /// The mean of the elements that are numbers; NaN where there is none.
  func meanOfNumbers() throws(KerasImportError) -> Value {
    let x = try floating("x", at: 0)
    let axes = try axes(rank: scope.rank(of: x))
    return try scope.meanOfNumbers(x, axes: axes, keepDims: bool("keepdims", default: false))
  }

  /// The mean squared distance from the mean of the elements that are numbers.
  func varianceOfNumbers() throws(KerasImportError) -> Value {
    let x = try floating("x", at: 0)
    let axes = try axes(rank: scope.rank(of: x))
    let mean = try scope.meanOfNumbers(x, axes: axes, keepDims: true)
    let squares = try scope.unary(.square, scope.subtract(x, mean))
    return try scope.meanOfNumbers(
      scope.select(scope.isNaN(x), x, squares), axes: axes, keepDims: bool("keepdims", default: false))
  }

  /// The square root of the variance of the elements that are numbers.
  func deviationOfNumbers() throws(KerasImportError) -> Value { try scope.unary(.sqrt, varianceOfNumbers()) }

  /// The index of the largest (or smallest) of the elements that are numbers; -1 where there is none.
  func argReductionOfNumbers(_ function: ArgFunction) throws(KerasImportError) -> Value {
    let x = try numeric("x", at: 0)
    guard scope.dtype(of: x).isFloatingPoint else { return try argReduced(function, x) }
    let isNaN = try scope.isNaN(x)
    let worst = scope.scalar(function == .maximum ? -.infinity : .infinity, like: x)
    let index = try argReduced(function, scope.select(isNaN, worst, x))
    return try scope.select(reduced(.all, isNaN), scope.scalar(-1, .int32), index)
  }

  /// Running sum or product in which NaN is 0 (or 1) and infinities are the type's largest numbers.
  func cumulativeOfNumbers(_ function: CumulativeFunction) throws(KerasImportError) -> Value {
    try running(function, scope.finite(tensor("x", at: 0), nan: function == .sum ? 0 : 1))
  }
}

extension LoweringScope {
  /// Differences of neighbours along an axis; of truth values whether they differ.
  func differences(_ x: Value, axis: Int) throws(KerasImportError) -> Value {
    let (later, earlier) = (
      try slice(x, axis: axis, from: 1, to: nil), try slice(x, axis: axis, from: nil, to: -1)
    )
    return dtype(of: x) == .bool ? try compare(.notEqual, later, earlier) : try subtract(later, earlier)
  }

  /// NaN and the infinities replaced: by `nan`, and by the type's largest and smallest number where none is given.
  func finite(_ x: Value, nan: Double = 0, high: Double? = nil, low: Double? = nil) throws(KerasImportError)
    -> Value
  {
    guard dtype(of: x).isFloatingPoint, let largest = dtype(of: x).finiteRange?.upperBound else { return x }
    let y = try select(unary(.isNaN, x), scalar(nan, like: x), x)
    let z = try select(compare(.equal, y, .infinity), scalar(high ?? largest, like: x), y)
    return try select(compare(.equal, z, -.infinity), scalar(low ?? -largest, like: x), z)
  }

  /// The sum of the elements that are numbers by how many they are.
  func meanOfNumbers(_ x: Value, axes: [Int], keepDims: Bool) throws(KerasImportError) -> Value {
    let isNaN = try isNaN(x)
    let sum = try reduce(.sum, select(isNaN, scalar(0, like: x), x), axes: axes, keepDims: keepDims)
    let count = try reduce(.sum, cast(not(isNaN), to: dtype(of: x)), axes: axes, keepDims: keepDims)
    return try divide(sum, count)
  }
}
