import ModelIR

/// Products, diagonals and filled tensors of `keras/src/ops/numpy.py`. Products of integers are made in float32, as Keras
/// makes them on TensorFlow, and brought back to their common type; int8 with int8 gives int32.
extension OperationCall {
  /// NumPy's matmul; vectors are rows on the left and columns on the right.
  func matMul() throws(KerasImportError) -> Value {
    try product("x1", "x2") { a, b throws(KerasImportError) in try scope.matMulOfAnyRank(a, b) }
  }

  /// NumPy's dot: the last axis of the first with the last but one of the second.
  func dot() throws(KerasImportError) -> Value {
    try product("x1", "x2") { a, b throws(KerasImportError) in
      guard scope.rank(of: a) > 0, scope.rank(of: b) > 0 else { return try scope.multiply(a, b) }
      return try scope.tensorDot(a, b, axes: ([-1], [scope.rank(of: b) == 1 ? -1 : -2]))
    }
  }

  /// Sums over pairs of axes: the last `axes` of the first with the first of the second, or lists of both.
  func tensorDot() throws(KerasImportError) -> Value {
    let given = try required("axes", array("axes"))
    let numbers = try given.numbers().map { Int(clampingDouble: $0) }
    return try product("x1", "x2") { a, b throws(KerasImportError) in
      if given.rank == 0 {
        let count = numbers[0]
        guard (0...Swift.min(scope.rank(of: a), scope.rank(of: b))).contains(count) else {
          throw KerasImportError(
            .invalidGraph("\(count) axes of shapes \(scope.shape(of: a)), \(scope.shape(of: b))"))
        }
        return try scope.tensorDot(
          a, b, axes: (Array((scope.rank(of: a) - count)..<scope.rank(of: a)), Array(0..<count)))
      }
      let half = numbers.count / 2
      return try scope.tensorDot(a, b, axes: (Array(numbers[..<half]), Array(numbers[half...])))
    }
  }

  /// The sum of the products of all elements.
  func vectorDot() throws(KerasImportError) -> Value {
    try product("x1", "x2") { a, b throws(KerasImportError) in
      try scope.reduce(.sum, scope.multiply(scope.flattened(a), scope.flattened(b)), axes: [0])
    }
  }

  /// Sums over the last axes of both.
  func inner() throws(KerasImportError) -> Value {
    try product("x1", "x2") { a, b throws(KerasImportError) in
      guard scope.rank(of: a) > 0, scope.rank(of: b) > 0 else { return try scope.multiply(a, b) }
      return try scope.tensorDot(a, b, axes: ([-1], [-1]))
    }
  }

  /// Einstein's notation with `...` and with the result left out, as NumPy has it.
  func einsum() throws(KerasImportError) -> Value {
    let subscripts = try required("subscripts", string("subscripts"))
    var arguments: [CallArgument<Operand>] = []
    for position in call.positional.indices {
      if let argument = argument("operands", at: position) { arguments.append(argument) }
    }
    let x = try promoted(arguments, isStrict: true)
    return try fromFloats(x) { floats throws(KerasImportError) in try scope.einsum(subscripts, floats) }
  }

  /// Every product of an element of the first with one of the second, `[n, m]`.
  func outer() throws(KerasImportError) -> Value {
    let x = try tensorOperands("x1", "x2")
    let a = try scope.expandDims(scope.flattened(x[0]), axes: [1])
    return try scope.multiply(a, scope.expandDims(scope.flattened(x[1]), axes: [0]))
  }

  /// The Kronecker product: every element of the first times the whole second.
  func kronecker() throws(KerasImportError) -> Value {
    let x = try tensorOperands("x1", "x2")
    let rank = Swift.max(scope.rank(of: x[0]), scope.rank(of: x[1]))
    let (a, b) = (try scope.leading(x[0], rank: rank), try scope.leading(x[1], rank: rank))
    let (sizesA, sizesB) = (scope.shape(of: a).dimensions, scope.shape(of: b).dimensions)
    let wideA = try scope.expandDims(a, axes: (0..<rank).map { 2 * $0 + 1 })
    let wideB = try scope.expandDims(b, axes: (0..<rank).map { 2 * $0 })
    return try scope.reshape(scope.multiply(wideA, wideB), Shape(zip(sizesA, sizesB).map { $0 * $1 }))
  }

  /// The cross product of vectors of 3 (or 2, with 0 as the third) elements; of two vectors of 2 its third element.
  func cross() throws(KerasImportError) -> Value {
    let x = try tensorOperands("x1", "x2")
    let axis = try int("axis")
    let (axisA, axisB, axisC) = (
      try int("axisa", default: -1), try int("axisb", default: -1), try int("axisc", default: -1)
    )
    let a = try scope.moveAxes(x[0], from: [axis ?? axisA], to: [-1])
    let b = try scope.moveAxes(x[1], from: [axis ?? axisB], to: [-1])
    let counts = [a, b].map { scope.shape(of: $0)[scope.rank(of: $0) - 1].fixedSize }
    guard counts.allSatisfy({ $0 == 2 || $0 == 3 }) else {
      throw KerasImportError(.unsupported("cross products of vectors that do not have 2 or 3 elements"))
    }
    func part(_ x: Value, _ index: Int, _ count: Int?) throws(KerasImportError) -> Value {
      let last = scope.rank(of: x) - 1
      if index == 2, count == 2 { return scope.scalar(0, like: x) }
      return try scope.element(index, of: x, axis: last)
    }
    func minor(_ i: Int, _ j: Int) throws(KerasImportError) -> Value {
      let first = try scope.multiply(part(a, i, counts[0]), part(b, j, counts[1]))
      return try scope.subtract(first, scope.multiply(part(a, j, counts[0]), part(b, i, counts[1])))
    }
    let third = try minor(0, 1)
    if counts == [2, 2] { return third }
    let parts = try [minor(1, 2), minor(2, 0), third]
    let shape = scope.shape(of: third)
    let wide = try parts.map { value throws(KerasImportError) in try scope.expanded(value, shape) }
    let y = try scope.stack(wide, axis: shape.rank)
    return try scope.moveAxes(y, from: [-1], to: [axis ?? axisC])
  }

  /// Correlation coefficients of rows: covariances by the product of deviations, within -1 ... 1.
  func correlationCoefficients() throws(KerasImportError) -> Value {
    let x = try floating("x", at: 0)
    let last = scope.rank(of: x) - 1
    guard last >= 0 else { return scope.scalar(.nan, .float32) }
    let centered = try scope.subtract(x, scope.reduce(.mean, x, axes: [last], keepDims: true))
    guard last == 1 else {
      throw KerasImportError(.unsupported("correlation coefficients of shape \(scope.shape(of: x))"))
    }
    let covariance = try scope.matMul(centered, scope.transpose(centered, [1, 0]))
    let deviation = try scope.unary(.sqrt, scope.reduce(.sum, scope.unary(.square, centered), axes: [1]))
    let both = try scope.multiply(
      scope.expandDims(deviation, axes: [1]), scope.expandDims(deviation, axes: [0]))
    return try scope.unary(.clip(minimum: -1, maximum: 1), scope.divide(covariance, both))
  }

  /// Sliding sums of products of two vectors; int64 in float64, other integers in float32.
  /// `valid`: where the second lies inside the first; `full`: where they overlap; `same`: the middle of these.
  func correlate() throws(KerasImportError) -> Value {
    let given = try operands("x1", "x2")
    let target = scope.dtype(of: given[0]).exactFloating
    let x = try given.map { value throws(KerasImportError) in try scope.cast(value, to: target) }
    let mode = try string("mode") ?? "valid"
    guard let n = scope.shape(of: x[0])[0].fixedSize, let m = scope.shape(of: x[1])[0].fixedSize, m > 0, n > 0
    else {
      throw KerasImportError(.unsupported("correlation of vectors whose sizes are not known"))
    }
    guard mode == "valid" || mode == "full" || mode == "same" else {
      throw KerasImportError(.unsupported("mode \"\(mode)\""))
    }
    let padding = mode == "valid" ? 0 : m - 1
    let attributes = ConvAttributes(
      strides: [1], dilations: [1], padding: .explicit([PadPair(padding, padding)]), groups: 1,
      layout: .channelsLast)
    let signal = try scope.reshape(x[0], [1, .fixed(n), 1])
    let y = try scope.flattened(
      scope.emit(.conv(attributes), signal, scope.reshape(x[1], [.fixed(m), 1, 1])))
    guard mode == "same" else { return y }
    let count = Swift.max(n, m)
    let start = (n + m - 1 - count) / 2
    return try scope.slice(y, axis: 0, from: start, to: start + count)
  }

  private func product(
    _ first: String, _ second: String, _ body: (Value, Value) throws(KerasImportError) -> Value
  ) throws(KerasImportError) -> Value {
    let (a, b) = (try tensor(first, at: 0), try tensor(second, at: 1))
    let target = scope.dtype(of: a).promoted(with: scope.dtype(of: b))
    let x = try [a, b].map { value throws(KerasImportError) in try scope.cast(value, to: target) }
    return try fromFloats(x) { floats throws(KerasImportError) in try body(floats[0], floats[1]) }
  }

  /// A product of integers through float32.
  private func fromFloats(
    _ x: [Value], _ body: ([Value]) throws(KerasImportError) -> Value
  ) throws(KerasImportError) -> Value {
    let own = scope.dtype(of: x[0])
    if own.isFloatingPoint { return try body(x) }
    let y = try body(x.map { value throws(KerasImportError) in try scope.cast(value, to: .float32) })
    return try scope.cast(y, to: own == .int8 ? .int32 : own)
  }

  // MARK: Diagonals

  /// A matrix with a vector on diagonal `k`, or that diagonal of a matrix.
  func diag() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    let k = try int("k", default: 0)
    return scope.rank(of: x) == 1 ? try scope.diagonalMatrix(x, k: k) : try scope.diagonal(x, k: k)
  }

  /// A matrix with all elements on diagonal `k`.
  func diagFlat() throws(KerasImportError) -> Value {
    try scope.diagonalMatrix(scope.flattened(tensor("x", at: 0)), k: int("k", default: 0))
  }

  /// Diagonal `offset` of two axes, as the last axis.
  func diagonal() throws(KerasImportError) -> Value {
    let x = try planes(tensor("x", at: 0))
    return try scope.diagonal(x, k: int("offset", default: 0))
  }

  /// The sum of diagonal `offset` of two axes; small integers in 32 bits.
  func trace() throws(KerasImportError) -> Value {
    let x = try planes(scope.summable(tensor("x", at: 0)))
    let diagonal = try scope.diagonal(x, k: int("offset", default: 0))
    return try scope.reduce(.sum, diagonal, axes: [scope.rank(of: diagonal) - 1])
  }

  private func planes(_ x: Value) throws(KerasImportError) -> Value {
    try scope.moveAxes(x, from: [int("axis1", default: 0), int("axis2", default: 1)], to: [-2, -1])
  }

  /// The operand with zeros above (below) diagonal `k`.
  func triangle(_ isUpper: Bool) throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    let y = try scope.emit(.triangle(upper: isUpper, k: int("k", default: 0)), scope.numeric(x))
    return try scope.cast(y, to: scope.dtype(of: x))
  }

  /// Powers of a vector's elements in columns, falling unless `increasing`; made in float32, in the operand's type.
  func vander() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    let wide = try scope.floating(x)
    let given = try int("N").map(Dimension.fixed)
    let size = given ?? scope.shape(of: x)[0]
    var powers = try scope.emit(.range(size))
    if try !bool("increasing", default: false) { powers = try scope.reversed(powers, axes: [0]) }
    let y = try scope.power(
      scope.expandDims(wide, axes: [scope.rank(of: x)]), scope.cast(powers, to: scope.dtype(of: wide)))
    return try scope.cast(y, to: scope.dtype(of: x))
  }

  // MARK: Filled

  /// The operand's shape filled with a number, in its type or `dtype`.
  func like(_ number: Double) throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    return try scope.filled(scope.shape(of: x), number, dtype() ?? scope.dtype(of: x))
  }

  /// The operand's shape filled with a value, in its type or `dtype`.
  func fullLike() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    let target = try dtype() ?? scope.dtype(of: x)
    return try scope.emit(.expand(scope.shape(of: x)), scope.cast(tensor("fill_value", at: 1), to: target))
  }

  /// A shape filled with a value, float32 unless `dtype` says otherwise.
  func full() throws(KerasImportError) -> Value {
    let sizes = try required("shape", dimensions("shape"))
    return try scope.emit(
      .expand(Shape(sizes)), scope.cast(tensor("fill_value", at: 0), to: dtype() ?? .float32))
  }

  /// `start, start + step, ...` below `stop`; as many as the data say where they are tensors.
  func arange() throws(KerasImportError) -> Value {
    guard let first = argument("start", at: 0) else { throw KerasImportError(.missingKey("start")) }
    let second = argument("stop", at: 1)
    let x = try promoted([
      second == nil ? .integer(0) : first, second ?? first, argument("step", at: 2) ?? .integer(1),
    ])
    let target = try dtype() ?? scope.dtype(of: x[0])
    let exact = try x.map { value throws(KerasImportError) in try scope.cast(value, to: .float64) }
    let count = try scope.unary(.ceil, scope.divide(scope.subtract(exact[1], exact[0]), exact[2]))
    let numbers = try scope.numbers(below: scope.cast(count, to: .int64), named: "arange")
    let y = try scope.add(scope.multiply(scope.cast(numbers, to: .float64), exact[2]), exact[0])
    return try scope.cast(y, to: target)
  }

  /// `num` numbers at equal distances from `start` to `stop` along a new axis; without `endpoint` the last is one step
  /// before it. With `retstep` the step, too.
  func linspace() throws(KerasImportError) -> [Value] {
    let returnsStep = try bool("retstep", default: false)
    let (y, step) = try spaced()
    return returnsStep ? [y, step] : [y]
  }

  /// `base` to the powers of ``linspace()``.
  func logspace() throws(KerasImportError) -> Value {
    let y = try spaced().numbers
    return try scope.power(scope.scalar(double("base", default: 10), like: y), y)
  }

  /// Numbers at equal ratios from `start` to `stop`, which have one sign.
  func geomspace() throws(KerasImportError) -> Value {
    let x = try floatingOperands("start", "stop")
    let target = try dtype() ?? .float32
    let logarithms = try x.map { value throws(KerasImportError) in
      try scope.unary(.log, scope.unary(.absolute, scope.cast(value, to: target)))
    }
    let y = try scope.unary(.exp, spaced(logarithms[0], logarithms[1]).numbers)
    return try scope.multiply(
      y, placed(scope.unary(.sign, scope.cast(x[0], to: target)), rank: scope.rank(of: y)))
  }

  private func spaced() throws(KerasImportError) -> (numbers: Value, step: Value) {
    let x = try floatingOperands("start", "stop")
    let target = try dtype() ?? scope.dtype(of: x[0])
    let wide =
      try target.isFloatingPoint
      ? x.map { value throws(KerasImportError) in try scope.cast(value, to: target) } : x
    let (y, step) = try spaced(wide[0], wide[1])
    return (try scope.cast(target.isFloatingPoint ? y : scope.unary(.floor, y), to: target), step)
  }

  private func spaced(_ start: Value, _ stop: Value) throws(KerasImportError) -> (numbers: Value, step: Value)
  {
    let count = try int("num", default: 50)
    guard (0...1 << 24).contains(count) else { throw KerasImportError(.unsupported("\(count) numbers")) }
    let parts = try bool("endpoint", default: true) ? Swift.max(count - 1, 1) : Swift.max(count, 1)
    let span = try scope.subtract(stop, start)
    let step = try scope.multiply(span, 1 / Double(parts))
    let end = try bool("endpoint", default: true) ? stop : scope.subtract(stop, step)
    let axis = try int("axis", default: 0)
    let y = try scope.spaced(from: start, to: end, count: count)
    let hasEndpoint = try bool("endpoint", default: true)
    let isSingle = count == 1 && hasEndpoint
    return (try scope.moveAxes(y, from: [0], to: [axis]), isSingle ? scope.scalar(.nan, like: step) : step)
  }

  /// A factor of numbers that lie along the new axis.
  private func placed(_ x: Value, rank: Int) throws(KerasImportError) -> Value {
    guard scope.rank(of: x) > 0 else { return x }
    return try scope.expandDims(x, axes: [scope.axis(int("axis", default: 0), rank: rank)])
  }
}

extension LoweringScope {
  /// NumPy's matmul; vectors are rows on the left and columns on the right.
  func matMulOfAnyRank(_ a: Value, _ b: Value) throws(KerasImportError) -> Value {
    let (rankA, rankB) = (rank(of: a), rank(of: b))
    guard rankA > 0, rankB > 0 else { throw KerasImportError(.invalidGraph("a product of a number")) }
    let left = rankA == 1 ? try expandDims(a, axes: [0]) : a
    let right = rankB == 1 ? try expandDims(b, axes: [1]) : b
    var y = try matMul(left, right)
    if rankB == 1 { y = try squeeze(y, axes: [rank(of: y) - 1]) }
    if rankA == 1 { y = try squeeze(y, axes: [rank(of: y) - (rankB == 1 ? 1 : 2)]) }
    return y
  }

  /// Sums of products over pairs of axes; the axes of the first that are left, then those of the second.
  func tensorDot(_ a: Value, _ b: Value, axes: ([Int], [Int])) throws(KerasImportError) -> Value {
    let (rankA, rankB) = (rank(of: a), rank(of: b))
    let first = try axes.0.map { index throws(KerasImportError) in try axis(index, rank: rankA, key: "axes") }
    let second = try axes.1.map { index throws(KerasImportError) in try axis(index, rank: rankB, key: "axes")
    }
    let letters = Array("abcdefghijklmnopqrstuvwxyz")
    guard first.count == second.count, rankA + rankB <= letters.count else {
      throw KerasImportError(
        .unsupported("products of ranks \(rankA), \(rankB) over axes \(first), \(second)"))
    }
    let lettersA = Array(letters[..<rankA])
    var lettersB = Array(letters[rankA..<(rankA + rankB)])
    for (i, j) in zip(first, second) { lettersB[j] = lettersA[i] }
    let keptA = lettersA.indices.filter { !first.contains($0) }.map { lettersA[$0] }
    let keptB = lettersB.indices.filter { !second.contains($0) }.map { lettersB[$0] }
    return try emit(.einsum("\(String(lettersA)),\(String(lettersB))->\(String(keptA + keptB))"), a, b)
  }

  /// Einstein's notation with `...` and with the result left out, as NumPy has it.
  func einsum(_ subscripts: String, _ operands: [Value]) throws(KerasImportError) -> Value {
    let text = subscripts.filter { $0 != " " }
    let sides = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    var inputs = sides[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard inputs.count == operands.count else {
      throw KerasImportError(
        .invalidGraph("\"\(subscripts)\" needs \(inputs.count) operands, found \(operands.count)"))
    }
    let used = Set(text)
    let spare = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".filter { !used.contains($0) }
    var longest = 0
    for (index, input) in inputs.enumerated() where input.contains("...") {
      let count = rank(of: operands[index]) - (input.count - 3)
      guard count >= 0, count <= spare.count else {
        throw KerasImportError(.invalidGraph("\"\(subscripts)\" does not fit its operands"))
      }
      longest = Swift.max(longest, count)
    }
    let batch = String(spare.prefix(longest))
    for (index, input) in inputs.enumerated() where input.contains("...") {
      let count = rank(of: operands[index]) - (input.count - 3)
      inputs[index] = input.replacing("...", with: String(batch.suffix(count)))
    }
    let output =
      sides.count == 2
      ? String(sides[1].dropFirst()).replacing("...", with: batch) : batch + inputs.lettersOnce(except: batch)
    return try emitAll(.einsum(inputs.joined(separator: ",") + "->" + output), operands)[0]
  }

  /// A square matrix with a vector on diagonal `k` and zeros elsewhere.
  func diagonalMatrix(_ x: Value, k: Int = 0) throws(KerasImportError) -> Value {
    let size = shape(of: x)[rank(of: x) - 1]
    let column = try expandDims(x, axes: [rank(of: x)])
    let square = try select(isDiagonal(rows: size, columns: size), column, scalar(0, like: x))
    guard k != 0 else { return square }
    var pads = Array(repeating: PadPair(0, 0), count: rank(of: square))
    let (down, right) = (Swift.max(Swift.min(-k, 1 << 30), 0), Swift.max(Swift.min(k, 1 << 30), 0))
    pads[pads.count - 2] = PadPair(down, right)
    pads[pads.count - 1] = PadPair(right, down)
    return try padded(square, by: pads, mode: "constant", filler: 0)
  }

  /// Numbers at equal distances along a new first axis, the last exactly `stop`.
  func spaced(from start: Value, to stop: Value, count: Int) throws(KerasImportError) -> Value {
    let span = try subtract(stop, start)
    let step = try divide(span, scalar(Double(Swift.max(count - 1, 1)), like: span))
    let index = try constant(
      (0..<count).map(Double.init), sizes: [count], dtype: dtype(of: start), as: "steps")
    let places = try expandDims(index, axes: Array(1..<(rank(of: span) + 1)))
    let y = try add(multiply(step, places), start)
    guard count > 1 else { return y }
    return try select(compare(.equal, places, Double(count - 1)), stop, y)
  }
}

extension [String] {
  /// The letters that occur once in all of them, sorted, without those that stand for `...`.
  fileprivate func lettersOnce(except batch: String) -> String {
    let all = joined()
    return String(
      Set(all).filter { letter in !batch.contains(letter) && all.count { $0 == letter } == 1 }.sorted())
  }
}
