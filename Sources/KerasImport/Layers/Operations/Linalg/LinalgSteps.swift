import ModelIR

/// Factorizations as steps of the graph, over the last two axes of float64 values: one step for each row, so that the run
/// and every export have them alike.
extension LoweringScope {
  /// Rows (and columns) of a matrix whose sizes are known and at most 64.
  func matrixSizes(_ x: Value) throws(KerasImportError) -> (rows: Int, columns: Int) {
    let rank = rank(of: x)
    guard rank > 1, let rows = shape(of: x)[rank - 2].fixedSize,
      let columns = shape(of: x)[rank - 1].fixedSize,
      rows > 0, columns > 0, rows <= 64, columns <= 1 << 12
    else { throw KerasImportError(.unsupported("linear algebra of shape \(shape(of: x)), beyond 64 rows")) }
    return (rows, columns)
  }

  private func squareSize(_ x: Value) throws(KerasImportError) -> Int {
    let (rows, columns) = try matrixSizes(x)
    guard rows == columns else {
      throw KerasImportError(.invalidGraph("expected square matrices, found shape \(shape(of: x))"))
    }
    return rows
  }

  /// `[n]`: 1 where the condition holds.
  private func marks(_ size: Int, _ condition: (Int) -> Bool) throws(KerasImportError) -> Value {
    try constant((0..<size).map { condition($0) ? 1 : 0 }, sizes: [size], dtype: .float64, as: "marks")
  }

  private func column(_ index: Int, _ x: Value) throws(KerasImportError) -> Value {
    try element(index, of: x, axis: rank(of: x) - 1)
  }

  private func row(_ index: Int, _ x: Value) throws(KerasImportError) -> Value {
    try element(index, of: x, axis: rank(of: x) - 2)
  }

  /// `a b^T` of vectors.
  private func outer(_ a: Value, _ b: Value) throws(KerasImportError) -> Value {
    try multiply(expandDims(a, axes: [rank(of: a)]), expandDims(b, axes: [rank(of: b) - 1]))
  }

  /// The identity of a square matrix's size.
  func identity(like x: Value) throws(KerasImportError) -> Value {
    let size = try matrixSizes(x).rows
    let numbers = (0..<size * size).map { $0 / size == $0 % size ? 1.0 : 0 }
    return try expanded(
      constant(numbers, sizes: [size, size], dtype: .float64, as: "identity"), squareShape(x))
  }

  private func squareShape(_ x: Value) -> Shape {
    var shape = shape(of: x)
    shape[shape.rank - 1] = shape[shape.rank - 2]
    return shape
  }

  // MARK: Cholesky

  /// `L` of `A = L L^T`, column by column: the column by the root of its pivot, its square taken off the rest.
  func cholesky(_ given: Value) throws(KerasImportError) -> Value {
    let size = try squareSize(given)
    var x = given
    var columns: [Value] = []
    for index in 0..<size {
      let own = try column(index, x)
      let pivot = try unary(.sqrt, slice(own, axis: rank(of: own) - 1, from: index, to: index + 1))
      let scaled = try multiply(divide(own, pivot), marks(size) { $0 >= index })
      columns.append(scaled)
      if index + 1 < size { x = try subtract(x, outer(scaled, scaled)) }
    }
    return try stack(columns, axis: rank(of: given) - 1)
  }

  // MARK: Elimination

  /// One step of elimination: the row of the largest pivot of a column exchanged with the row of that number.
  private struct Exchange { var matrix, order, sign: Value }

  private func exchanged(
    _ state: Exchange, column index: Int, rows size: Int
  ) throws(KerasImportError) -> Exchange {
    let own = try unary(.absolute, column(index, state.matrix))
    let last = rank(of: own) - 1
    let open = try add(multiply(add(own, 1), marks(size) { $0 >= index }), -1)
    let place = try emit(.argReduce(.maximum, axis: last, keepDims: true), open)
    let all = try emit(.range(.fixed(size)))
    let here = scalar(Double(index), .int64)
    let source = try select(compare(.equal, all, here), place, select(compare(.equal, all, place), here, all))
    let rows = try expanded(expandDims(source, axes: [last + 1]), shape(of: state.matrix))
    let stays = try squeeze(compare(.equal, place, here), axes: [last])
    let sign = try select(stays, state.sign, unary(.negate, state.sign))
    return Exchange(
      matrix: try emit(.gatherElements(axis: last), state.matrix, rows),
      order: try emit(.gatherElements(axis: last), state.order, source), sign: sign)
  }

  private func startingExchange(_ x: Value, rows: Int) throws(KerasImportError) -> Exchange {
    let outer = Array(shape(of: x).dimensions.dropLast(2))
    return Exchange(
      matrix: x, order: try emit(.expand(Shape(outer + [.fixed(rows)])), emit(.range(.fixed(rows)))),
      sign: try filled(Shape(outer), 1, .float64))
  }

  /// `L` (below the diagonal) and `U` in one matrix, and which row each came from.
  func triangularFactors(_ x: Value) throws(KerasImportError) -> (factors: Value, order: Value) {
    let state = try eliminated(x)
    return (state.matrix, state.order)
  }

  /// The pivots of elimination and the sign of the exchanges.
  func pivots(_ x: Value) throws(KerasImportError) -> (sign: Value, pivots: Value) {
    let state = try eliminated(x)
    return (state.sign, try diagonal(state.matrix))
  }

  private func eliminated(_ x: Value) throws(KerasImportError) -> Exchange {
    let size = try squareSize(x)
    var state = try startingExchange(x, rows: size)
    for index in 0..<size {
      state = try exchanged(state, column: index, rows: size)
      if index + 1 == size { break }
      let (own, row) = (try column(index, state.matrix), try row(index, state.matrix))
      let pivot = try slice(row, axis: rank(of: row) - 1, from: index, to: index + 1)
      let below = try marks(size) { $0 > index }
      let factors = try multiply(divideNoNaN(own, pivot), below)
      let reduced = try subtract(state.matrix, outer(factors, multiply(row, below)))
      // The factors take the place of the zeros that they make.
      let kept = try subtract(reduced, outer(multiply(own, below), marks(size) { $0 == index }))
      state.matrix = try add(kept, outer(factors, marks(size) { $0 == index }))
    }
    return state
  }

  /// The solution of `a x = b` by Gauss and Jordan: each pivot's row, by the pivot, is taken off all others.
  func solved(_ a: Value, _ b: Value) throws(KerasImportError) -> Value {
    let size = try squareSize(a)
    let axis = rank(of: a) - 1
    guard rank(of: b) == rank(of: a) else {
      throw KerasImportError(.invalidGraph("matrices of different ranks"))
    }
    var state = try startingExchange(concat([a, b], axis: axis), rows: size)
    for index in 0..<size {
      state = try exchanged(state, column: index, rows: size)
      let row = try row(index, state.matrix)
      let scaled = try divide(row, slice(row, axis: rank(of: row) - 1, from: index, to: index + 1))
      let factors = try multiply(column(index, state.matrix), marks(size) { $0 != index })
      let others = try subtract(state.matrix, outer(factors, scaled))
      let isPivot = try compare(.equal, expandDims(marks(size) { $0 == index }, axes: [1]), 1)
      state.matrix = try select(isPivot, expandDims(scaled, axes: [axis - 1]), others)
    }
    return try slice(state.matrix, axis: axis, from: size, to: nil)
  }

  /// The solution of `a x = b` for a triangular matrix, row by row.
  func solvedTriangular(_ a: Value, _ given: Value, isLower: Bool) throws(KerasImportError) -> Value {
    let size = try squareSize(a)
    var b = given
    var rows: [Int: Value] = [:]
    for index in isLower ? Array(0..<size) : Array((0..<size).reversed()) {
      let own = try column(index, a)
      let pivot = try slice(own, axis: rank(of: own) - 1, from: index, to: index + 1)
      let solved = try divide(row(index, b), pivot)
      rows[index] = solved
      let rest = try multiply(own, marks(size) { isLower ? $0 > index : $0 < index })
      b = try subtract(b, outer(rest, solved))
    }
    return try stack((0..<size).compactMap { rows[$0] }, axis: rank(of: given) - 2)
  }

  // MARK: Reflections

  /// `Q` and `R` by Householder's reflections `I - b v v^T`, `v = x + sign(x0) |x| e0`; a column whose tail is 0 is left
  /// as it is (Eigen's rule, which TensorFlow follows).
  func orthogonalFactors(_ given: Value, isReduced: Bool) throws(KerasImportError) -> (q: Value, r: Value) {
    let (rows, columns) = try matrixSizes(given)
    guard columns <= 64 else { throw KerasImportError(.unsupported("factors of shape \(shape(of: given))")) }
    var r = given
    var square = shape(of: given)
    square[square.rank - 1] = .fixed(rows)
    var q = try expanded(identity(like: given), square)
    for index in 0..<min(rows - 1, columns) {
      let x = try multiply(column(index, r), marks(rows) { $0 >= index })
      let last = rank(of: x) - 1
      let tail = try reduce(
        .sum, unary(.square, multiply(x, marks(rows) { $0 > index })), axes: [last], keepDims: true)
      let head = try slice(x, axis: last, from: index, to: index + 1)
      let length = try unary(.sqrt, add(unary(.square, head), tail))
      let signed = try select(compare(.less, head, 0), unary(.negate, length), length)
      let v = try add(x, multiply(signed, marks(rows) { $0 == index }))
      let norm = try reduce(.sum, unary(.square, v), axes: [last], keepDims: true)
      let isFlat = try compare(.equal, tail, 0)
      let factor = try select(isFlat, scalar(0, .float64), divideNoNaN(scalar(2, .float64), norm))
      let scaled = try multiply(v, factor)
      let product = try matMul(expandDims(v, axes: [last]), r)
      r = try subtract(r, multiply(expandDims(scaled, axes: [last + 1]), product))
      let turned = try matMul(q, expandDims(v, axes: [last + 1]))
      q = try subtract(q, multiply(turned, expandDims(scaled, axes: [last])))
    }
    r = try emit(.triangle(upper: true, k: 0), r)
    guard isReduced, columns < rows else { return (q, r) }
    let axis = rank(of: q) - 1
    return (
      try slice(q, axis: axis, from: nil, to: columns), try slice(r, axis: axis - 1, from: nil, to: columns)
    )
  }
}
