import ModelIR

/// Eigenvalues of symmetric matrices and what follows from them.
extension OperationCall {
  /// The eigenvalues of a symmetric matrix in ascending order, and its eigenvectors. Vectors are refused where they are
  /// used: their signs are those of the library that Keras calls.
  func symmetricEigen() throws(KerasImportError) -> [Value] {
    let x = try floating("x", at: 0)
    let (values, vectors) = try scope.symmetricEigen(scope.cast(x, to: .float64))
    let order = try scope.sorted(values, axis: scope.rank(of: values) - 1)
    let results = [
      try scope.cast(order.values, to: scope.dtype(of: x)), try scope.cast(vectors, to: scope.dtype(of: x)),
    ]
    scope.state.refuse(
      results[1], because: "eigenvectors, whose signs are those of the library that Keras calls")
    return results
  }

  /// `u, s, v^T`, or `s` alone with `compute_uv=False`: singular values in descending order. Vectors are refused where
  /// they are used, as those of ``symmetricEigen()``.
  func singularValues() throws(KerasImportError) -> [Value] {
    let x = try floating("x", at: 0)
    let wide = try scope.cast(x, to: .float64)
    let values = try scope.cast(scope.singularValues(wide), to: scope.dtype(of: x))
    let isFull = try bool("full_matrices", default: true)
    guard try bool("compute_uv", default: true) else { return [values] }
    let rank = scope.rank(of: x)
    let (rows, columns) = (scope.shape(of: x)[rank - 2], scope.shape(of: x)[rank - 1])
    let count = Dimension.minimum(rows, columns)
    let outer = Array(scope.shape(of: x).dimensions.dropLast(2))
    let u = try scope.filled(Shape(outer + [rows, isFull ? rows : count]), 0, scope.dtype(of: x))
    let v = try scope.filled(Shape(outer + [isFull ? columns : count, columns]), 0, scope.dtype(of: x))
    for vectors in [u, v] {
      scope.state.refuse(
        vectors, because: "singular vectors, whose signs are those of the library that Keras calls")
    }
    return [u, values, v]
  }

  /// The least-squares solution of `a x = b` of least length, by the pseudo-inverse; singular values below `rcond`
  /// (the type's precision times the larger side) of the largest count as 0.
  func leastSquares() throws(KerasImportError) -> Value {
    let x = try floatingOperands("a", "b")
    let own = scope.dtype(of: x[0])
    let isVector = scope.rank(of: x[1]) == 1
    let b = isVector ? try scope.expandDims(x[1], axes: [1]) : x[1]
    let a = try scope.cast(x[0], to: .float64)
    let (rows, columns) = try scope.matrixSizes(a)
    let limit = try double("rcond") ?? own.precision * Double(max(rows, columns))
    let inverse = try scope.pseudoInverse(a, limit: limit < 0 ? own.precision : limit)
    let y = try scope.cast(scope.matMul(inverse, scope.cast(b, to: .float64)), to: own)
    return isVector ? try scope.flattened(y) : y
  }

  /// The pseudo-inverse; singular values up to `rcond` (10 times the larger side times the type's precision) of the
  /// largest count as 0.
  func pseudoInverse() throws(KerasImportError) -> Value {
    let x = try floating("x", at: 0)
    let a = try scope.cast(x, to: .float64)
    let (rows, columns) = try scope.matrixSizes(a)
    let standard = 10 * scope.dtype(of: x).precision * Double(max(rows, columns))
    return try scope.cast(scope.pseudoInverse(a, limit: double("rcond") ?? standard), to: scope.dtype(of: x))
  }

  /// How many singular values are above `tol` (the largest times the larger side times the type's precision), int32.
  func matrixRank() throws(KerasImportError) -> Value {
    let x = try floating("x", at: 0)
    let a = try scope.cast(x, to: .float64)
    let (rows, columns) = try scope.matrixSizes(a)
    let values = try scope.singularValues(a)
    let last = scope.rank(of: values) - 1
    let bound: Value
    if let tolerance = try double("tol") {
      bound = scope.scalar(tolerance, .float64)
    } else {
      let largest = try scope.reduce(.maximum, values, axes: [last], keepDims: true)
      bound = try scope.multiply(largest, scope.dtype(of: x).precision * Double(max(rows, columns)))
    }
    return try scope.reduce(
      .sum, scope.cast(scope.compare(.greater, values, bound), to: .int32), axes: [last])
  }
}

extension DType {
  /// The distance from 1 to the next number.
  fileprivate var precision: Double {
    switch self {
    case .float16: 0x1p-10
    case .bfloat16: 0x1p-7
    case .float64: 0x1p-52
    case .float32, .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64, .bool, .string: 0x1p-23
    }
  }
}

extension LoweringScope {
  /// Singular values in descending order: roots of the eigenvalues of the smaller of `A^T A` and `A A^T`.
  func singularValues(_ x: Value) throws(KerasImportError) -> Value {
    let (values, _) = try gramEigen(x)
    return try sorted(values, axis: rank(of: values) - 1, largest: true).values
  }

  private func gramEigen(_ x: Value) throws(KerasImportError) -> (values: Value, vectors: Value) {
    let (rows, columns) = try matrixSizes(x)
    let turned = try matrixTransposed(x)
    let gram = try rows >= columns ? matMul(turned, x) : matMul(x, turned)
    let (squares, vectors) = try symmetricEigen(gram)
    return (try unary(.sqrt, unary(.relu, squares)), vectors)
  }

  /// `V diag(1 / s^2) V^T A^T` (or `A^T U diag(1 / s^2) U^T`), singular values up to a part of the largest left out.
  func pseudoInverse(_ x: Value, limit: Double) throws(KerasImportError) -> Value {
    let (rows, columns) = try matrixSizes(x)
    let (values, vectors) = try gramEigen(x)
    let last = rank(of: values) - 1
    let bound = try multiply(reduce(.maximum, values, axes: [last], keepDims: true), limit)
    let inverse = try unary(.reciprocal, unary(.square, values))
    let weights = try select(compare(.greater, values, bound), inverse, scalar(0, .float64))
    let scaled = try multiply(vectors, expandDims(weights, axes: [last]))
    let core = try matMul(scaled, matrixTransposed(vectors))
    let turned = try matrixTransposed(x)
    return try rows >= columns ? matMul(core, turned) : matMul(turned, core)
  }

  /// Eigenvalues and eigenvectors (columns) of symmetric float64 matrices, by Jacobi's rotations: in each round of a loop
  /// all pairs `(i, n - 1 - i)` at once, then the places move on as in a tournament. Ten times every pair.
  func symmetricEigen(_ given: Value) throws(KerasImportError) -> (values: Value, vectors: Value) {
    let (rows, columns) = try matrixSizes(given)
    guard rows == columns else {
      throw KerasImportError(.invalidGraph("expected square matrices, found shape \(shape(of: given))"))
    }
    let outer = Array(shape(of: given).dimensions.dropLast(2))
    if rows == 1 {
      return (try squeeze(given, axes: [outer.count + 1]), try filled(shape(of: given), 1, .float64))
    }
    // An odd number gets one place more, which no rotation touches.
    let size = rows + rows % 2
    let batch = Shape(outer).elementCount
    let flat = try reshape(given, [batch, .fixed(rows), .fixed(rows)])
    let square = try bordered(
      bordered(flat, axis: 1, before: 0, after: .fixed(size - rows)), axis: 2, before: 0,
      after: .fixed(size - rows))
    let start = try identity(like: square)
    let rounds = try filled([batch, .fixed(10 * (size - 1))], 0, .float64)
    let attributes = ScanAttributes(
      body: try JacobiRound(size: size, outer: self).body(), stateCount: 2, reverse: false)
    let results = try emitAll(.scan(attributes), [square, start, rounds])
    let values = try slice(diagonal(results[0]), axis: 1, from: nil, to: rows)
    let vectors = try slice(slice(results[1], axis: 1, from: nil, to: rows), axis: 2, from: nil, to: rows)
    return (
      try reshape(values, Shape(outer + [.fixed(rows)])), try reshape(vectors, shape(of: given))
    )
  }
}

/// One round of rotations as a graph: `A, V, step -> A', V', step`.
private struct JacobiRound {
  let size: Int
  let outer: LoweringScope

  func body() throws(KerasImportError) -> Subgraph {
    let state = LoweringState(weights: outer.state.weights)
    let scope = LoweringScope(state: state, object: outer.object, path: outer.path)
    let batch = Dimension.symbol("round_batch")
    let type = TensorType(.float64, [batch, .fixed(size), .fixed(size)])
    let given = state.graph.input(name: "a", type: type)
    let v = state.graph.input(name: "v", type: type)
    let step = state.graph.input(name: "step", type: TensorType(.float64, [batch]))
    // The step is 0; OpenVINO makes one round of a loop that does not read its sequence.
    let a = try scope.add(given, scope.expandDims(step, axes: [1, 2]))
    let rotation = try rotation(a, scope)
    let moved = try scope.emit(.gather(axis: 2), rotation, scope.constant(tournament))
    let turned = try scope.matMul(scope.matrixTransposed(moved), scope.matMul(a, moved))
    // Rounding must not make it unsymmetric.
    let symmetric = try scope.multiply(scope.add(turned, scope.matrixTransposed(turned)), 0.5)
    let results = [symmetric, try scope.matMul(v, moved), step]
    state.graph.outputs = results.enumerated().map { Graph.Output(name: "result\($0)", value: $1) }
    return Subgraph(state.graph)
  }

  /// Place 0 stays, the others move on by one.
  private var tournament: Tensor {
    Tensor(vector: (0..<size).map { Int64($0 == 0 ? 0 : $0 == 1 ? size - 1 : $0 - 1) })
  }

  /// `c` on the diagonal, `s` and `-s` on the other: `t = sign(u) / (|u| + sqrt(1 + u^2))`,
  /// `u = (a_qq - a_pp) / (2 a_pq)`, `c = 1 / sqrt(1 + t^2)`, `s = t c`; no turn where `a_pq` is 0.
  private func rotation(_ a: Value, _ scope: LoweringScope) throws(KerasImportError) -> Value {
    let half = size / 2
    let diagonal = try scope.diagonal(a)
    let p = try scope.slice(diagonal, axis: 1, from: nil, to: half)
    let q = try scope.slice(scope.reversed(diagonal, axes: [1]), axis: 1, from: nil, to: half)
    let mirrored = try scope.reversed(a, axes: [2])
    let off = try scope.slice(scope.diagonal(mirrored), axis: 1, from: nil, to: half)
    let isZero = try scope.compare(.equal, off, 0)
    let safe = try scope.select(isZero, scope.scalar(1, .float64), off)
    let u = try scope.divide(scope.subtract(q, p), scope.multiply(safe, 2))
    let sign = try scope.select(
      scope.compare(.less, u, 0), scope.scalar(-1, .float64), scope.scalar(1, .float64))
    let root = try scope.unary(.sqrt, scope.add(scope.unary(.square, u), 1))
    let tangent = try scope.divide(sign, scope.add(scope.unary(.absolute, u), root))
    let t = try scope.select(isZero, scope.scalar(0, .float64), tangent)
    let c = try scope.unary(.reciprocal, scope.unary(.sqrt, scope.add(scope.unary(.square, t), 1)))
    let s = try scope.multiply(t, c)
    let cosines = try scope.concat([c, scope.reversed(c, axes: [1])], axis: 1)
    let sines = try scope.concat([s, scope.unary(.negate, scope.reversed(s, axes: [1]))], axis: 1)
    let main = try scope.multiply(scope.expandDims(cosines, axes: [2]), exchange(in: scope) { $0 == $1 })
    return try scope.add(
      main, scope.multiply(scope.expandDims(sines, axes: [2]), exchange(in: scope) { $0 + $1 == size - 1 }))
  }

  private func exchange(
    in scope: LoweringScope, _ isOne: (Int, Int) -> Bool
  ) throws(KerasImportError) -> Value {
    try scope.constant(
      (0..<size * size).map { isOne($0 / size, $0 % size) ? 1.0 : 0 }, sizes: [size, size], dtype: .float64)
  }
}
