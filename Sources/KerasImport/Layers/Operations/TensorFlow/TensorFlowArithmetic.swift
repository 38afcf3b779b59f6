import ModelIR
import NativeFormat

/// TensorFlow's functions that are short compositions, with TensorFlow's names of their arguments.
extension LayerRegistry {
  mutating func addTensorFlowArithmetic() {
    add("tf.reciprocal_no_nan", as: OperationCall.tensorFlowReciprocalNoNan)
    add("tf.truncatediv", as: OperationCall.tensorFlowTruncate, true)
    add("tf.truncatemod", as: OperationCall.tensorFlowTruncate, false)
    add("tf.scalar_mul", as: OperationCall.tensorFlowScalarMul)
    add("tf.polyval", as: OperationCall.tensorFlowPolyval)
    add("tf.identity_n", as: OperationCall.tensorFlowIdentityN)
    add("tf.saturate_cast", as: OperationCall.tensorFlowSaturateCast)
    add("tf.searchsorted", as: OperationCall.tensorFlowSearchsorted)
    add("tf.zero_fraction", as: OperationCall.tensorFlowZeroFraction)
    add("tf.nn.l2_loss", as: OperationCall.tensorFlowL2Loss)
    add("tf.adjoint", as: OperationCall.tensorFlowAdjoint)
    add("tf.set_diag", as: OperationCall.tensorFlowSetDiag)
    add("tf.global_norm", as: OperationCall.tensorFlowGlobalNorm)
    add("tf.normalize", as: OperationCall.tensorFlowNormalize)
    add("tf.tensor_scatter_nd_sub", as: OperationCall.tensorFlowScatterSub)
    add("tf.scatter_nd", as: OperationCall.tensorFlowScatterNd)
    add("tf.nn.sigmoid_cross_entropy_with_logits", as: OperationCall.tensorFlowSigmoidCrossEntropy)
    add("tf.nn.softmax_cross_entropy_with_logits", as: OperationCall.tensorFlowSoftmaxCrossEntropy)
  }
}

extension OperationCall {
  /// `1 / x`, 0 where x is 0.
  func tensorFlowReciprocalNoNan() throws(KerasImportError) -> Value {
    let x = try floating("x", at: 0)
    return try scope.divideNoNaN(scope.scalar(1, like: x), x)
  }

  /// What division towards 0 gives, of integers, or its remainder, which has the sign of x.
  func tensorFlowTruncate(_ isQuotient: Bool) throws(KerasImportError) -> Value {
    let x = try operands("x", "y")
    let rest = try scope.emit(.binary(.remainder), x[0], x[1])
    guard isQuotient else { return rest }
    guard scope.dtype(of: x[0]).isInteger else {
      throw KerasImportError(.unsupported("truncatediv of \(scope.dtype(of: x[0]).rawValue)"))
    }
    // Without the remainder the division is exact.
    return try scope.emit(.binary(.floorDivide), scope.subtract(x[0], rest), x[1])
  }

  /// A number times a tensor.
  func tensorFlowScalarMul() throws(KerasImportError) -> Value {
    let x = try operands("scalar", "x")
    return try scope.multiply(x[0], x[1])
  }

  /// A polynomial by Horner's rule, the coefficient of the highest power first.
  func tensorFlowPolyval() throws(KerasImportError) -> Value {
    guard case .list(let coefficients)? = argument("coeffs", at: 0), let x = argument("x", at: 1) else {
      throw KerasImportError(.unsupported("polyval without a list of coefficients"))
    }
    let values = try promoted(coefficients + [x])
    var result: Value?
    for coefficient in values.dropLast() {
      guard let known = result else {
        result = coefficient
        continue
      }
      result = try scope.add(scope.multiply(known, values[values.count - 1]), coefficient)
    }
    let y = try required("coeffs", result)
    return coefficients.count == 1 ? try scope.add(y, scope.multiply(values[1], 0)) : y
  }

  /// The operands themselves.
  func tensorFlowIdentityN() throws(KerasImportError) -> [Value] {
    guard let input = argument("input", at: 0) else { throw KerasImportError(.missingKey("input")) }
    guard case .list(let items) = input else { return [try value(input, like: nil)] }
    return try items.map { item throws(KerasImportError) in try value(item, like: nil) }
  }

  /// A cast in which what is beyond the type becomes its end.
  func tensorFlowSaturateCast() throws(KerasImportError) -> Value {
    let x = try tensor("value", at: 0)
    let target = try required("dtype", dtype("dtype", at: 1))
    let narrow: Set<DType> = [.uint8, .int8, .uint16, .int16]
    guard narrow.contains(target), [.float32, .int32].contains(scope.dtype(of: x)) else {
      throw KerasImportError(
        .unsupported("saturate_cast of \(scope.dtype(of: x).rawValue) to \(target.rawValue)"))
    }
    return try scope.saturated(x, to: target)
  }

  /// How many elements of each sorted row are below each value (`left`), or not above it (`right`).
  func tensorFlowSearchsorted() throws(KerasImportError) -> Value {
    let x = try operands("sorted_sequence", "values")
    let side = try string("side", at: 2) ?? "left"  // TensorFlow's default.
    guard side == "left" || side == "right" else { throw KerasImportError(.unsupported("side \"\(side)\"")) }
    let rank = scope.rank(of: x[0])
    guard rank > 0, rank == scope.rank(of: x[1]) else {
      throw KerasImportError(
        .invalidGraph("sorted rows of rank \(rank), values of rank \(scope.rank(of: x[1]))"))
    }
    let rows = try scope.expandDims(x[0], axes: [rank - 1])
    let values = try scope.expandDims(x[1], axes: [rank])
    let counted = try scope.compare(side == "right" ? .lessOrEqual : .less, rows, values)
    let type = try dtype("out_type", at: 3) ?? .int32
    return try scope.reduce(.sum, scope.cast(counted, to: type), axes: [rank])
  }

  /// The part of the elements that are 0.
  func tensorFlowZeroFraction() throws(KerasImportError) -> Value {
    let x = try tensor("value", at: 0)
    let isZero = try scope.compare(.equal, x, scope.scalar(0, like: x))
    return try scope.reduce(.mean, scope.cast(isZero, to: .float32), axes: Array(0..<scope.rank(of: x)))
  }

  /// Half the sum of squares.
  func tensorFlowL2Loss() throws(KerasImportError) -> Value {
    let x = try floating("t", at: 0)
    let sum = try scope.reduce(.sum, scope.unary(.square, x), axes: Array(0..<scope.rank(of: x)))
    return try scope.multiply(sum, 0.5)
  }

  /// The last two axes exchanged: of real numbers.
  func tensorFlowAdjoint() throws(KerasImportError) -> Value {
    try scope.matrixTransposed(tensor("matrix", at: 0))
  }

  /// Matrices with another main diagonal.
  func tensorFlowSetDiag() throws(KerasImportError) -> Value {
    let x = try operands("input", "diagonal")
    ignore("align")
    guard try int("k", default: 0) == 0, scope.rank(of: x[0]) == scope.rank(of: x[1]) + 1 else {
      throw KerasImportError(.unsupported("set_diag of other diagonals than the main one"))
    }
    let shape = scope.shape(of: x[0])
    let (rows, columns) = (shape[shape.rank - 2], shape[shape.rank - 1])
    guard rows == columns else {
      throw KerasImportError(.unsupported("set_diag of matrices that are not square"))
    }
    let numbers = try scope.emit(.range(rows))
    let isMain = try scope.compare(.equal, scope.expandDims(numbers, axes: [1]), numbers)
    return try scope.emit(.select, isMain, scope.expandDims(x[1], axes: [scope.rank(of: x[1]) - 1]), x[0])
  }

  /// The root of the sum of all squares of a list of tensors.
  func tensorFlowGlobalNorm() throws(KerasImportError) -> Value {
    let x = try tensors("t_list", at: 0)
    var sum: Value?
    for value in x {
      let part = try scope.reduce(.sum, scope.unary(.square, value), axes: Array(0..<scope.rank(of: value)))
      sum = try sum.map { known throws(KerasImportError) in try scope.add(known, part) } ?? part
    }
    return try scope.unary(.sqrt, required("t_list", sum))
  }

  /// A tensor over its Euclidean norm, and the norm.
  func tensorFlowNormalize() throws(KerasImportError) -> [Value] {
    let x = try floating("tensor", at: 0)
    let order = argument("ord", at: 1)
    let isEuclidean: Bool
    switch order {
    case nil, .some(.none): isEuclidean = true
    case .string(let name): isEuclidean = name == "euclidean"
    case .integer(let number): isEuclidean = number == 2
    case .number(let number): isEuclidean = number == 2
    case .some: isEuclidean = false
    }
    guard isEuclidean else {
      throw KerasImportError(.unsupported("normalize by another norm than the Euclidean"))
    }
    let rank = scope.rank(of: x)
    let axes = try ints("axis", at: 2).map { given throws(KerasImportError) in
      try scope.axes(given, rank: rank)
    }
    guard axes?.count ?? 1 == 1 else {  // None: the norm of all elements.
      throw KerasImportError(.unsupported("normalize by a norm of matrices"))
    }
    let norm = try scope.unary(
      .sqrt, scope.reduce(.sum, scope.unary(.square, x), axes: axes ?? Array(0..<rank), keepDims: true))
    return [try scope.divide(x, norm), norm]
  }

  /// A copy from which updates are taken away at coordinate tuples.
  func tensorFlowScatterSub() throws(KerasImportError) -> Value {
    let x = try tensor("tensor", at: 0)
    let indices = try scope.cast(tensor("indices", at: 1), to: .int64)
    let updates = try scope.unary(.negate, scope.cast(tensor("updates", at: 2), to: scope.dtype(of: x)))
    return try scope.emit(.scatterND(.add), x, indices, updates)
  }

  /// Zeros to which updates are added at coordinate tuples.
  func tensorFlowScatterNd() throws(KerasImportError) -> Value {
    let indices = try scope.cast(tensor("indices", at: 0), to: .int64)
    let updates = try tensor("updates", at: 1)
    let sizes = try required("shape", sizes("shape", at: 2))
    let zeros = try scope.emit(.expand(Shape(sizes)), scope.scalar(0, like: updates))
    return try scope.emit(.scatterND(.add), zeros, indices, updates)
  }

  /// `max(x, 0) - x z + log(1 + exp(-|x|))` of logits x and labels z.
  func tensorFlowSigmoidCrossEntropy() throws(KerasImportError) -> Value {
    let x = try floatingOperands("labels", "logits")
    return try scope.binaryCrossentropy(target: x[0], logits: x[1])
  }

  /// `-sum(labels log softmax(logits))` over an axis.
  func tensorFlowSoftmaxCrossEntropy() throws(KerasImportError) -> Value {
    let x = try floatingOperands("labels", "logits")
    let axis = try scope.axis(
      int(hasArgument("dim") ? "dim" : "axis", at: 2, default: -1), rank: scope.rank(of: x[1]))
    let logs = try scope.emit(.logSoftmax(axis: axis), x[1])
    return try scope.unary(.negate, scope.reduce(.sum, scope.multiply(x[0], logs), axes: [axis]))
  }
}
