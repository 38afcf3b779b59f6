import ModelIR

/// The operations of `keras/src/ops/linalg.py`, one line each.
extension LayerRegistry {
  mutating func addLinalgOperations() {
    add("Cholesky", as: OperationCall.cholesky)
    add("CholeskyInverse", as: OperationCall.choleskyInverse)
    add("Det", as: OperationCall.determinant)
    add("Inv", as: OperationCall.inverse)
    add("LuFactor", as: OperationCall.triangularFactors)
    add("Qr", as: OperationCall.orthogonalFactors)
    add("Solve", as: OperationCall.solve)
    add("SolveTriangular", as: OperationCall.solveTriangular)
    add("Norm", as: OperationCall.norm)
    add("Eigh", as: OperationCall.symmetricEigen)
    add("SVD", as: OperationCall.singularValues)
    add("Lstsq", as: OperationCall.leastSquares)
    add("Pinv", as: OperationCall.pseudoInverse)
    add("MatrixRank", as: OperationCall.matrixRank)
    refuse(
      "Eig",
      because:
        "the order of its values and the phases of its vectors are those of the library that Keras calls; TensorFlow's and LAPACK's differ"
    )
    refuse(
      "JVP",
      because: "it differentiates a Python function, which a file holds as code; code is never executed")
  }
}

/// Linear algebra over the last two axes, computed in float64 by steps of the graph, for matrices of up to 64 rows.
extension OperationCall {
  private func matrix(_ name: String, at position: Int) throws(KerasImportError) -> (wide: Value, own: DType)
  {
    let x = try floating(name, at: position)
    guard scope.rank(of: x) > 1 else { throw KerasImportError(.invalidGraph("a matrix has 2 axes or more")) }
    return (try scope.cast(x, to: .float64), scope.dtype(of: x))
  }

  private func narrow(_ x: Value, _ target: DType) throws(KerasImportError) -> Value {
    try scope.cast(x, to: target)
  }

  /// `L` of `A = L L^T`; with `upper` its transpose.
  func cholesky() throws(KerasImportError) -> Value {
    let (x, own) = try matrix("x", at: 0)
    let l = try scope.cholesky(x)
    return try narrow(bool("upper", default: false) ? scope.matrixTransposed(l) : l, own)
  }

  /// The inverse of the matrix whose Cholesky factor is given.
  func choleskyInverse() throws(KerasImportError) -> Value {
    let (given, own) = try matrix("x", at: 0)
    let isUpper = try bool("upper", default: false)
    let lower = isUpper ? try scope.matrixTransposed(given) : given
    let identity = try scope.identity(like: lower)
    let inverse = try scope.solvedTriangular(lower, identity, isLower: true)
    return try narrow(scope.matMul(scope.matrixTransposed(inverse), inverse), own)
  }

  /// The product of the pivots, with the sign of the rows' exchanges.
  func determinant() throws(KerasImportError) -> Value {
    let (x, own) = try matrix("x", at: 0)
    let (sign, pivots) = try scope.pivots(x)
    return try narrow(
      scope.multiply(sign, scope.reduce(.product, pivots, axes: [scope.rank(of: pivots) - 1])), own)
  }

  /// The sign of the determinant and the logarithm of its magnitude.
  func signAndLogDeterminant() throws(KerasImportError) -> [Value] {
    let (x, own) = try matrix("x", at: 0)
    let (sign, pivots) = try scope.pivots(x)
    let last = [scope.rank(of: pivots) - 1]
    let signs = try scope.multiply(sign, scope.reduce(.product, scope.unary(.sign, pivots), axes: last))
    let logarithm = try scope.reduce(.sum, scope.unary(.log, scope.unary(.absolute, pivots)), axes: last)
    return [try narrow(signs, own), try narrow(logarithm, own)]
  }

  /// The logarithm of the determinant of a positive definite matrix, by its Cholesky factor.
  func logDeterminant() throws(KerasImportError) -> Value {
    let (x, own) = try matrix("x", at: 0)
    let diagonal = try scope.diagonal(scope.cholesky(x))
    let sum = try scope.reduce(.sum, scope.unary(.log, diagonal), axes: [scope.rank(of: diagonal) - 1])
    return try narrow(scope.multiply(sum, 2), own)
  }

  /// The inverse, by Gauss and Jordan with the largest pivot of each column.
  func inverse() throws(KerasImportError) -> Value {
    let (x, own) = try matrix("x", at: 0)
    return try narrow(scope.solved(x, scope.identity(like: x)), own)
  }

  /// `L` below the diagonal (of ones) and `U` on and above it, and the int32 rows' places in them.
  func triangularFactors() throws(KerasImportError) -> [Value] {
    let (x, own) = try matrix("x", at: 0)
    let (factors, order) = try scope.triangularFactors(x)
    // Keras gives the inverse of the order in which rows were taken.
    let places = try scope.sorted(order, axis: scope.rank(of: order) - 1).places
    return [try narrow(factors, own), try scope.cast(places, to: .int32)]
  }

  /// `Q` and `R` by Householder's reflections; `reduced` keeps as many columns as the smaller side.
  func orthogonalFactors() throws(KerasImportError) -> [Value] {
    let (x, own) = try matrix("x", at: 0)
    let mode = try string("mode") ?? "reduced"
    guard mode == "reduced" || mode == "complete" else {
      throw KerasImportError(.unsupported("mode \"\(mode)\""))
    }
    let (q, r) = try scope.orthogonalFactors(x, isReduced: mode == "reduced")
    return [try narrow(q, own), try narrow(r, own)]
  }

  /// The solution of `a x = b`; `b` may be a vector.
  func solve() throws(KerasImportError) -> Value {
    try solved { a, b throws(KerasImportError) in try scope.solved(a, b) }
  }

  /// The solution of `a x = b` for a triangular matrix, of which only that triangle is read.
  func solveTriangular() throws(KerasImportError) -> Value {
    let isLower = try bool("lower", default: false)
    return try solved { a, b throws(KerasImportError) in try scope.solvedTriangular(a, b, isLower: isLower) }
  }

  private func solved(
    _ body: (Value, Value) throws(KerasImportError) -> Value
  ) throws(KerasImportError) -> Value {
    let x = try floatingOperands("a", "b")
    let isVector = scope.rank(of: x[1]) == scope.rank(of: x[0]) - 1
    let right = isVector ? try scope.expandDims(x[1], axes: [scope.rank(of: x[1])]) : x[1]
    let y = try body(scope.cast(x[0], to: .float64), scope.cast(right, to: .float64))
    return try narrow(isVector ? scope.squeeze(y, axes: [scope.rank(of: y) - 1]) : y, scope.dtype(of: x[0]))
  }

  /// Norms of vectors (one axis) by order, of matrices (two axes): `fro`, `nuc`, 1, 2, infinite and their negatives.
  func norm() throws(KerasImportError) -> Value {
    let x = try floating("x", at: 0)
    let rank = scope.rank(of: x)
    let axes = try scope.orderedAxes(ints("axis") ?? Array(0..<rank), rank: rank)
    let keeps = try bool("keepdims", default: false)
    let text = value("ord")?.string
    let order = text == nil || text == "Infinity" || text == "-Infinity" ? try double("ord") : nil
    if text != nil { ignore("ord") }
    if axes.count == 1 {
      guard text == nil || order != nil else {
        throw KerasImportError(.unsupported("ord \"\(text ?? "")\" of vectors"))
      }
      return try scope.vectorNorm(x, order: order ?? 2, axes: axes, keepDims: keeps)
    }
    guard axes.count == 2 else { throw KerasImportError(.unsupported("norms over \(axes.count) axes")) }
    if text == "fro" || (text == nil && order == nil) {
      return try scope.vectorNorm(x, order: 2, axes: axes, keepDims: keeps)
    }
    let size = try scope.unary(.absolute, x)
    func sums(_ axis: Int, _ other: Int, _ function: ReduceFunction) throws(KerasImportError) -> Value {
      let sum = try scope.reduce(.sum, size, axes: [axis], keepDims: true)
      let y = try scope.reduce(function, sum, axes: [other], keepDims: true)
      return keeps ? y : try scope.squeeze(y, axes: axes)
    }
    switch order {
    case 1?: return try sums(axes[0], axes[1], .maximum)
    case .some(-1): return try sums(axes[0], axes[1], .minimum)
    case .infinity?: return try sums(axes[1], axes[0], .maximum)
    case (-Double.infinity)?: return try sums(axes[1], axes[0], .minimum)
    default:
      let moved = try scope.cast(scope.moveAxes(x, from: axes, to: [-2, -1]), to: .float64)
      let values = try scope.singularValues(moved)
      let function: ReduceFunction
      switch (text, order) {
      case ("nuc"?, _): function = .sum
      case (_, 2?): function = .maximum
      case (_, .some(-2)): function = .minimum
      // A number is only told here.
      default: throw KerasImportError(.unsupported("a matrix norm of order \(text ?? "\(order ?? 0)")"))
      }
      let y = try narrow(
        scope.reduce(function, values, axes: [scope.rank(of: values) - 1]), scope.dtype(of: x))
      return keeps ? try scope.expandDims(y, axes: axes) : y
    }
  }
}
