import ModelIR

/// TensorFlow's functions on numbers, with TensorFlow's names of their arguments.
extension LayerRegistry {
  mutating func addTensorFlowMath() {
    addElementwise()
    addSums()
    addNorms()
    addMatrices()
    addOrders()
  }

  private mutating func addElementwise() {
    add("tf.squared_difference", as: OperationCall.tensorFlowSquaredDifference)
    add("tf.xlogy", as: OperationCall.tensorFlowXlogy, true)
    add("tf.xdivy", as: OperationCall.tensorFlowXlogy, false)
    add("tf.multiply_no_nan", as: OperationCall.tensorFlowMultiplyNoNan)
    add("tf.clip_by_value", as: OperationCall.tensorFlowClipByValue)
    add("tf.nn.silu", as: OperationCall.tensorFlowSilu)
    add("tf.nn.crelu", as: OperationCall.tensorFlowCrelu)
    add("tf.nn.dropout", as: OperationCall.tensorFlowDropout)
    add("tf.nn.bias_add", as: OperationCall.tensorFlowBiasAdd)
  }

  private mutating func addSums() {
    add("tf.add_n", "tf.accumulate_n", as: OperationCall.tensorFlowAddN)
    add("tf.cumsum", as: OperationCall.tensorFlowCumsum, true)
    add("tf.cumprod", as: OperationCall.tensorFlowCumsum, false)
    add("tf.count_nonzero", as: OperationCall.tensorFlowCountNonzero)
    add("tf.argmax", as: OperationCall.tensorFlowArgmax, true)
    add("tf.argmin", as: OperationCall.tensorFlowArgmax, false)
  }

  private mutating func addNorms() {
    add("tf.l2_normalize", as: OperationCall.tensorFlowL2Normalize)
    add("tf.reduce_euclidean_norm", as: OperationCall.tensorFlowReduceEuclideanNorm)
    add("tf.norm", as: OperationCall.tensorFlowNorm)
    add("tf.clip_by_norm", as: OperationCall.tensorFlowClipByNorm)
    add("tf.nn.local_response_normalization", as: OperationCall.tensorFlowLocalResponseNormalization)
  }

  private mutating func addMatrices() {
    add("tf.matmul", as: OperationCall.tensorFlowMatmul)
    add("tf.einsum", as: OperationCall.tensorFlowEinsum)
    add("tf.tensordot", as: OperationCall.tensorFlowTensordot)
    add("tf.band_part", as: OperationCall.tensorFlowBandPart)
    add("tf.diag_part", as: OperationCall.tensorFlowDiagPart, false)
    add("tf.trace", as: OperationCall.tensorFlowDiagPart, true)
    add("tf.diag", as: OperationCall.tensorFlowDiag)
  }

  private mutating func addOrders() {
    add("tf.in_top_k", as: OperationCall.inTopK)
    add("tf.top_k", as: OperationCall.tensorFlowTopK)
    add("tf.sort", as: OperationCall.tensorFlowSort, true)
    add("tf.argsort", as: OperationCall.tensorFlowSort, false)
  }
}

/// TensorFlow's functions on numbers, with TensorFlow's names of their arguments.
extension OperationCall {
  /// `(x - y)^2`.
  func tensorFlowSquaredDifference() throws(KerasImportError) -> Value {
    let x = try operands("x", "y")
    return try scope.unary(.square, scope.subtract(x[0], x[1]))
  }

  /// `x log y` (xlogy) or `x / y` (xdivy), 0 where x is 0.
  func tensorFlowXlogy(_ isLog: Bool) throws(KerasImportError) -> Value {
    let x = try floatingOperands("x", "y")
    let zero = scope.scalar(0, like: x[0])
    let y =
      try isLog ? scope.multiply(x[0], scope.unary(.log, x[1])) : scope.divide(x[0], x[1])
    return try scope.emit(.select, scope.emit(.compare(.equal), x[0], zero), zero, y)
  }

  /// `x y`, 0 where y is 0.
  func tensorFlowMultiplyNoNan() throws(KerasImportError) -> Value {
    let x = try floatingOperands("x", "y")
    let zero = scope.scalar(0, like: x[1])
    return try scope.emit(
      .select, scope.emit(.compare(.equal), x[1], zero), zero, scope.multiply(x[0], x[1]))
  }

  /// `max(min(t, high), low)`.
  func tensorFlowClipByValue() throws(KerasImportError) -> Value {
    guard let t = argument("t", at: 0), let low = argument("clip_value_min", at: 1),
      let high = argument("clip_value_max", at: 2)
    else { throw KerasImportError(.missingKey("clip_value_min")) }
    let x = try promoted([t, low, high])
    return try scope.emit(.binary(.maximum), scope.emit(.binary(.minimum), x[0], x[2]), x[1])
  }

  /// `x sigmoid(beta x)`.
  func tensorFlowSilu() throws(KerasImportError) -> Value {
    let x = try floating("features", at: 0)
    let beta = try double("beta", at: 1, default: 1)
    return try scope.multiply(x, scope.unary(.sigmoid, beta == 1 ? x : scope.multiply(x, beta)))
  }

  /// The positive parts of x and -x, joined along an axis.
  func tensorFlowCrelu() throws(KerasImportError) -> Value {
    let x = try tensor("features", at: 0)
    let axis = try scope.axis(int("axis", at: 1, default: -1), rank: scope.rank(of: x))
    return try scope.emit(
      .concat(axis: axis), scope.unary(.relu, x),
      scope.unary(.relu, scope.unary(.negate, x)))
  }

  /// The operand itself at rate 0; other rates are random at inference, too.
  func tensorFlowDropout() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    ignore("noise_shape", "seed")
    guard try double("rate", at: 1, default: 0) == 0 else {
      throw KerasImportError(.unsupported("nn.dropout, which is random at inference too"))
    }
    return x
  }

  /// A vector added along the channels.
  func tensorFlowBiasAdd() throws(KerasImportError) -> Value {
    guard let value = argument("value", at: 0), let bias = argument("bias", at: 1) else {
      throw KerasImportError(.missingKey("bias"))
    }
    let x = try promoted([value, bias])
    return try scope.addBias(x[0], x[1], layout: tensorFlowLayout(2))
  }

  /// The sum of tensors.
  func tensorFlowAddN() throws(KerasImportError) -> Value {
    let x = try tensors("inputs", at: 0)
    ignore("shape", "tensor_dtype")
    guard var sum = x.first else { throw KerasImportError(.invalidGraph("a sum of no tensors")) }
    for value in x.dropFirst() { sum = try scope.add(sum, value) }
    return sum
  }

  /// Running sum or product along an axis; `exclusive` without the element itself, `reverse` from the end.
  func tensorFlowCumsum(_ isCumsum: Bool) throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    let axis = try scope.axis(int("axis", at: 1, default: 0), rank: scope.rank(of: x))
    let function: CumulativeFunction = isCumsum ? .sum : .product
    let exclusive = try bool("exclusive", at: 2, default: false)
    let reverse = try bool("reverse", at: 3, default: false)
    return try scope.emit(.cumulative(function, axis: axis, reverse: reverse, exclusive: exclusive), x)
  }

  /// How many elements are not 0, int64 unless `dtype` says otherwise.
  func tensorFlowCountNonzero() throws(KerasImportError) -> Value {
    let x = try tensor("input", at: 0)
    let axes = try tensorFlowAxes(rank: scope.rank(of: x), at: 1)
    let counted = try scope.cast(scope.cast(x, to: .bool), to: .int64)
    let sum = try scope.reduce(
      .sum, counted, axes: axes, keepDims: bool("keepdims", at: 2, default: false))
    return try scope.cast(sum, to: dtype("dtype", at: 3) ?? .int64)
  }

  /// The place of the first largest or smallest element along an axis, int64 unless `output_type` says otherwise.
  func tensorFlowArgmax(_ isArgmax: Bool) throws(KerasImportError) -> Value {
    let x = try tensor("input", at: 0)
    let old = try int("dimension", default: 0)
    let axis = try scope.axis(int("axis", at: 1, default: old), rank: scope.rank(of: x))
    let function: ArgFunction = isArgmax ? .maximum : .minimum
    let y = try scope.emit(.argReduce(function, axis: axis, keepDims: false), x)
    return try scope.cast(y, to: dtype("output_type", at: 2) ?? .int64)
  }

  /// `x / sqrt(max(sum x^2, epsilon))` over axes.
  func tensorFlowL2Normalize() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    let rank = scope.rank(of: x)
    let (axis, dim) = (try ints("axis", at: 1), try ints("dim"))
    let given = axis ?? dim
    let axes = try scope.axes(given ?? Array(0..<rank), rank: rank)
    return try scope.unitNormalized(x, axes: axes, epsilon: double("epsilon", at: 2, default: 1e-12))
  }

  /// `sqrt(sum x^2)` over axes.
  func tensorFlowReduceEuclideanNorm() throws(KerasImportError) -> Value {
    let x = try floating("input_tensor", at: 0)
    let axes = try tensorFlowAxes(rank: scope.rank(of: x), at: 1)
    let keeps = try bool("keepdims", at: 2, default: false)
    return try scope.unary(
      .sqrt, scope.reduce(.sum, scope.unary(.square, x), axes: axes, keepDims: keeps))
  }

  /// The operand scaled down to a norm.
  func tensorFlowClipByNorm() throws(KerasImportError) -> Value {
    let x = try floating("t", at: 0)
    guard let bound = try double("clip_norm", at: 1) else {
      throw KerasImportError(.missingKey("clip_norm"))
    }
    let rank = scope.rank(of: x)
    let axes = try tensorFlowAxes("axes", rank: rank, at: 2)
    let squares = try scope.reduce(.sum, scope.unary(.square, x), axes: axes, keepDims: true)
    let length = try scope.unary(.clip(minimum: bound, maximum: nil), scope.unary(.sqrt, squares))
    return try scope.divide(scope.multiply(x, bound), length)
  }

  /// `x / (bias + alpha sum x^2)^beta`, the sum over neighbouring channels.
  func tensorFlowLocalResponseNormalization() throws(KerasImportError) -> Value {
    let x = try floating("input", at: 0)
    let radius = try int("depth_radius", at: 1, default: 5)
    let (bias, alpha, beta) = (
      try double("bias", at: 2, default: 1), try double("alpha", at: 3, default: 1),
      try double("beta", at: 4, default: 0.5)
    )
    let axis = scope.rank(of: x) - 1
    guard axis >= 0, (0...1 << 10).contains(radius) else {
      throw KerasImportError(.invalidGraph("depth_radius \(radius)"))
    }
    var pads = Array(repeating: PadPair(0, 0), count: axis + 1)
    pads[axis] = PadPair(radius, radius)
    let squares = try scope.emit(
      .pad(PadAttributes(pads: pads, mode: .constant(0))), scope.unary(.square, x))
    let size = scope.shape(of: x)[axis]
    var sum = try scope.part(squares, axis: axis, start: 0, size: size)
    for offset in 1..<(2 * radius + 1) where radius > 0 {
      sum = try scope.add(sum, scope.part(squares, axis: axis, start: .fixed(offset), size: size))
    }
    let base = try scope.add(scope.multiply(sum, alpha), bias)
    return try scope.divide(x, scope.emit(.binary(.power), base, scope.scalar(beta, like: base)))
  }

  /// The product of matrices, each transposed where its flag says so.
  func tensorFlowMatmul() throws(KerasImportError) -> Value {
    guard let left = argument("a", at: 0), let right = argument("b", at: 1) else {
      throw KerasImportError(.missingKey("b"))
    }
    let x = try promoted([left, right])
    func isTurned(_ side: String) throws(KerasImportError) -> Bool {
      let (turned, adjoint) = (
        try bool("transpose_\(side)", default: false), try bool("adjoint_\(side)", default: false)
      )
      return turned != adjoint
    }
    ignore("a_is_sparse", "b_is_sparse", "output_type", "grad_a", "grad_b")
    let a = try isTurned("a") ? scope.matrixTransposed(x[0]) : x[0]
    let b = try isTurned("b") ? scope.matrixTransposed(x[1]) : x[1]
    return try scope.matMul(a, b)
  }

  /// A sum of products in Einstein's notation.
  func tensorFlowEinsum() throws(KerasImportError) -> Value {
    guard let equation = try string("equation") else {
      throw KerasImportError(.unsupported("einsum whose operands Keras did not save"))
    }
    let x = try tensors("operands", at: 0)
    return try scope.einsum(equation, x)
  }

  /// Sums of products over pairs of axes.
  func tensorFlowTensordot() throws(KerasImportError) -> Value {
    guard let left = argument("a", at: 0), let right = argument("b", at: 1),
      let axes = argument("axes", at: 2)
    else {
      throw KerasImportError(.missingKey("axes"))
    }
    let x = try promoted([left, right])
    let (rankA, rankB) = (scope.rank(of: x[0]), scope.rank(of: x[1]))
    if case .integer(let count) = axes {
      guard (0...min(rankA, rankB)).contains(count) else {
        throw KerasImportError(.invalidGraph("\(count) axes of ranks \(rankA), \(rankB)"))
      }
      return try scope.tensorDot(x[0], x[1], axes: (Array((rankA - count)..<rankA), Array(0..<count)))
    }
    guard case .list(let sides) = axes, sides.count == 2, let a = sides[0].integers,
      let b = sides[1].integers,
      a.count == b.count
    else { throw KerasImportError(.unsupported("axes of tensordot that are not numbers")) }
    return try scope.tensorDot(x[0], x[1], axes: (a, b))
  }

  /// Zeros outside a band of so many diagonals below and above the main one (negative: all).
  func tensorFlowBandPart() throws(KerasImportError) -> Value {
    var x = try tensor("input", at: 0)
    let (lower, upper) = (try int("num_lower", at: 1, default: -1), try int("num_upper", at: 2, default: -1))
    if lower >= 0 { x = try scope.emit(.triangle(upper: true, k: -lower), x) }
    if upper >= 0 { x = try scope.emit(.triangle(upper: false, k: upper), x) }
    return x
  }

  /// The main diagonal of the last two axes, or its sum (trace).
  func tensorFlowDiagPart(_ isTrace: Bool) throws(KerasImportError) -> Value {
    let x = try tensor(isTrace ? "x" : "input", at: 0)
    ignore("padding_value", "align")
    let diagonal = try scope.diagonal(x, k: int("k", default: 0))
    return isTrace ? try scope.reduce(.sum, diagonal, axes: [scope.rank(of: diagonal) - 1]) : diagonal
  }

  /// Matrices with vectors on the main diagonal.
  func tensorFlowDiag() throws(KerasImportError) -> Value {
    let x = try tensor("diagonal", at: 0)
    for key in ["num_rows", "num_cols"] where ![nil, -1].contains(try int(key)) {
      throw KerasImportError(.unsupported("\(key) of linalg.diag"))
    }
    ignore("padding_value", "align")
    guard scope.rank(of: x) > 0 else {
      throw KerasImportError(.invalidGraph("a diagonal has 1 axis or more"))
    }
    return try scope.diagonalMatrix(x, k: int("k", default: 0))
  }

  /// The k largest elements of the last axis in order, and their places.
  func tensorFlowTopK() throws(KerasImportError) -> [Value] {
    let x = try tensor("input", at: 0)
    let k = try sizes("k", at: 1)?.first ?? 1  // TensorFlow's default.
    ignore("sorted")
    let results = try scope.emitAll(.topK(k: k, axis: scope.rank(of: x) - 1, largest: true), [x])
    return [results[0], try scope.cast(results[1], to: dtype("index_type", at: 3) ?? .int32)]
  }

  /// An axis in order, or the places that order it (argsort).
  func tensorFlowSort(_ isSort: Bool) throws(KerasImportError) -> Value {
    let x = try tensor("values", at: 0)
    let axis = try scope.axis(int("axis", at: 1, default: -1), rank: scope.rank(of: x))
    let direction = try string("direction", at: 2) ?? "ASCENDING"
    ignore("stable")
    let largest = direction == "DESCENDING"
    guard largest || direction == "ASCENDING" else {
      throw KerasImportError(.unsupported("direction \"\(direction)\""))
    }
    let results = try scope.emitAll(
      .topK(k: scope.shape(of: x)[axis], axis: axis, largest: largest), [x])
    return isSort ? results[0] : try scope.cast(results[1], to: .int32)
  }
}

extension OperationCall {
  /// `axis` as TensorFlow's reductions have it: all axes when absent.
  func tensorFlowAxes(_ name: String = "axis", rank: Int, at position: Int) throws(KerasImportError) -> [Int]
  {
    guard let given = try ints(name, at: position) else { return Array(0..<rank) }
    return try scope.axes(given, rank: rank)
  }

  /// `data_format`: `NHWC` and its kin, or `NCHW`; absent: channels last.
  func tensorFlowLayout(_ position: Int? = nil) throws(KerasImportError) -> DataLayout {
    guard let format = try string("data_format", at: position), !format.isEmpty else { return .channelsLast }
    guard format.hasPrefix("N"), format.count > 2 else {
      throw KerasImportError(.unsupported("data_format \"\(format)\""))
    }
    return format.hasPrefix("NC") ? .channelsFirst : .channelsLast
  }

  /// `tf.norm`: Euclidean, of absolute values to a power, or their maximum; over two axes the Euclidean norm only.
  func tensorFlowNorm() throws(KerasImportError) -> Value {
    let x = try floating("tensor", at: 0)
    let rank = scope.rank(of: x)
    let given = try ints("axis", at: 2)
    let axes = try scope.axes(given ?? Array(0..<rank), rank: rank)
    let (first, second) = (try bool("keepdims", at: 3, default: false), try bool("keep_dims", default: false))
    let keeps = first || second
    var order: Double? = 2
    if case .string(let text)? = argument("ord", at: 1) {
      guard text == "euclidean" || text == "fro" else {
        throw KerasImportError(.unsupported("ord \"\(text)\""))
      }
    } else {
      order = try double("ord", at: 1, default: 2)
      if let given, given.count > 1 {
        throw KerasImportError(.unsupported("a matrix norm of order \(order ?? 2)"))
      }
    }
    guard order ?? 2 > 0 else { throw KerasImportError(.unsupported("a norm of order \(order ?? 2)")) }
    return try scope.vectorNorm(x, order: order ?? 2, axes: axes, keepDims: keeps)
  }
}
