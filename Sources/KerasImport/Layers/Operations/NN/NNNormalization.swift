import ModelIR

/// Normalization and attention of `keras/src/ops/nn.py`. Half precision is computed in float32.
extension OperationCall {
  /// Mean and population variance over axes, in the operand's type.
  func moments() throws(KerasImportError) -> [Value] {
    let x = try floating("x", at: 0)
    let axes = try scope.axes(required("axes", ints("axes")), rank: scope.rank(of: x))
    let keepDims = try bool("keepdims", default: false)
    let single = try scope.single(x)
    let (mean, variance) =
      try bool("synchronized", default: false)
      ? momentsOfSums(single, axes: axes, keepDims: keepDims)
      : scope.moments(single, axes: axes, keepDims: keepDims)
    let dtype = scope.dtype(of: x)
    guard dtype == .float16 || dtype == .bfloat16 else { return [mean, variance] }
    // Keras keeps the results finite, for both types within the range of float16.
    return try [mean, variance].map { y throws(KerasImportError) in
      try scope.cast(scope.unary(.clip(minimum: -65504, maximum: 65504), y), to: dtype)
    }
  }

  /// Moments as replicas compute them together: of the sums of the elements and of their squares.
  private func momentsOfSums(
    _ x: Value, axes: [Int], keepDims: Bool
  ) throws(KerasImportError) -> (mean: Value, variance: Value) {
    let mean = try scope.reduce(.mean, x, axes: axes, keepDims: keepDims)
    let squares = try scope.reduce(.mean, scope.unary(.square, x), axes: axes, keepDims: keepDims)
    let variance = try scope.subtract(squares, scope.unary(.square, mean))
    return (mean, try scope.maximum(variance, scope.scalar(0, like: variance)))
  }

  /// `(x - mean) / sqrt(variance + epsilon) * scale + offset` along an axis.
  func batchNormalization() throws(KerasImportError) -> Value {
    let x = try floating("x", at: 0)
    let rank = scope.rank(of: x)
    let axis = try scope.axis(required("axis", int("axis")), rank: rank)
    func parameter(_ value: Value) throws(KerasImportError) -> Value {
      try scope.alongAxis(scope.cast(value, to: scope.dtype(of: x)), axis: axis, rank: rank)
    }
    let (mean, variance) = (try parameter(tensor("mean", at: 1)), try parameter(tensor("variance", at: 2)))
    let deviation = try scope.unary(.sqrt, scope.add(variance, double("epsilon", default: 1e-3)))
    var factor = try scope.unary(.reciprocal, deviation)
    if let scale = try optionalTensor("scale", at: 4) {
      factor = try scope.multiply(factor, parameter(scale))
    }
    let y = try scope.multiply(scope.subtract(x, mean), factor)
    guard let offset = try optionalTensor("offset", at: 3) else { return y }
    return try scope.add(y, parameter(offset))
  }

  /// `(x - mean) / sqrt(variance + epsilon) * gamma + beta` over axes; with `rms_scaling` `x` instead of `x - mean`.
  func layerNormalization() throws(KerasImportError) -> Value {
    let given = try floating("x", at: 0)
    let x = try scope.single(given)
    let axes = try scope.axes(ints("axis") ?? [-1], rank: scope.rank(of: x))
    let epsilon = try double("epsilon", default: 1e-7)
    let (mean, variance) = try scope.moments(x, axes: axes, keepDims: true)
    let isScalingOnly = try bool("rms_scaling", default: false)
    let centered = isScalingOnly ? x : try scope.subtract(x, mean)
    var y = try scope.divide(centered, scope.unary(.sqrt, scope.add(variance, epsilon)))
    if let gamma = try optionalTensor("gamma", at: 1) {
      y = try scope.multiply(y, parameter(gamma, like: x, axes))
    }
    if let beta = try optionalTensor("beta", at: 2), !isScalingOnly {
      y = try scope.add(y, parameter(beta, like: x, axes))
    }
    return try scope.cast(y, to: scope.dtype(of: given))
  }

  /// A parameter of the normalized axes' sizes, broadcast against the operand.
  private func parameter(_ value: Value, like x: Value, _ axes: [Int]) throws(KerasImportError) -> Value {
    let typed = try scope.cast(value, to: scope.dtype(of: x))
    let (rank, shape) = (scope.rank(of: x), scope.shape(of: x))
    if scope.rank(of: typed) == rank || axes == [rank - 1] { return typed }
    return try scope.reshape(typed, Shape((0..<rank).map { axes.contains($0) ? shape[$0] : 1 }))
  }

  /// `x / sqrt(mean(x^2) + epsilon) * scale` over axes.
  func rmsNormalization() throws(KerasImportError) -> Value {
    let given = try floating("x", at: 0)
    let x = try scope.single(scope.rank(of: given) == 0 ? scope.expandDims(given, axes: [0]) : given)
    let axes = try scope.axes(ints("axis") ?? [-1], rank: scope.rank(of: x))
    let epsilon = try double("epsilon", default: 1e-7)
    guard let scale = try optionalTensor("scale", at: 1) else {
      return try scope.cast(
        scope.dividedByRootMeanSquare(x, axes: axes, epsilon: epsilon), to: scope.dtype(of: given))
    }
    if let y = try scope.normalizedRows(x, axes: axes, epsilon: epsilon, scale: scale) {
      return try scope.cast(y, to: scope.dtype(of: given))
    }
    let y = try scope.multiply(
      scope.dividedByRootMeanSquare(x, axes: axes, epsilon: epsilon),
      scope.cast(scale, to: scope.dtype(of: x)))
    return try scope.cast(y, to: scope.dtype(of: given))
  }

  /// `x` by its norm of an order along axes, at least epsilon (order 2: `x min(1 / norm, 1 / epsilon)`).
  func normalize() throws(KerasImportError) -> Value {
    let given = try floating("x", at: 0)
    let x = scope.rank(of: given) == 0 ? try scope.expandDims(given, axes: [0]) : given
    let axes = try axes(defaultingTo: [-1], rank: scope.rank(of: x))
    let order = try int("order", default: 2)
    guard order > 0 else { throw KerasImportError(.unsupported("order \(order)")) }
    let epsilon = try double("epsilon", default: 1e-7)
    if order == 2 {
      let length = try scope.unary(
        .sqrt, scope.reduce(.sum, scope.unary(.square, x), axes: axes, keepDims: true))
      let factor = try scope.unary(
        .clip(minimum: nil, maximum: 1 / epsilon), scope.unary(.reciprocal, length))
      return try scope.multiply(x, factor)
    }
    let norm = try scope.vectorNorm(x, order: Double(order), axes: axes, keepDims: true)
    return try scope.divide(x, scope.unary(.clip(minimum: epsilon, maximum: nil), norm))
  }

  /// `axis`, all where it is written as None.
  private func axes(defaultingTo standard: [Int], rank: Int) throws(KerasImportError) -> [Int] {
    let isWritten = scope.object.config["axis"] != nil
    return try scope.axes(ints("axis") ?? (isWritten ? Array(0..<rank) : standard), rank: rank)
  }

  /// Attention of `[N, T, heads, H]` over `[N, S, heads, H]`: softmax of scaled products (by `1 / sqrt H` unless given),
  /// a bias added, -70 % of the type's range where masked. Fewer key heads are repeated.
  func dotProductAttention() throws(KerasImportError) -> Value {
    let x = try floatingOperands("query", "key", "value")
    for value in x { try scope.expectRank(4, of: value) }
    guard try !bool("flash_attention", default: false), try double("attn_logits_soft_cap") == nil else {
      throw KerasImportError(.unsupported("flash attention or a soft cap, which Keras has on other backends"))
    }
    let (query, compute) = (x[0], scope.dtype(of: x[0]))
    let shape = scope.shape(of: query)
    let (key, value) = (try grouped(x[1], like: query), try grouped(x[2], like: query))
    guard let size = shape[3].fixedSize, size > 0 else {
      throw KerasImportError(.unsupported("heads of unknown size"))
    }
    let scale = try double("scale", at: 5) ?? Double(1 / Float(size).squareRoot())
    let logitsType: DType = compute == .float64 ? .float64 : .float32
    var logits = try scope.cast(scope.emit(.einsum("btnh,bsnh->bnts"), query, key), to: logitsType)
    logits = try scope.multiply(logits, scale)
    if let bias = try optionalTensor("bias", at: 3) {
      logits = try scope.add(logits, scope.cast(bias, to: logitsType))
    }
    var masks: [Value] = []
    if let mask = try optionalTensor("mask", at: 4) { masks.append(try scope.cast(mask, to: .bool)) }
    if try bool("is_causal", default: false) {
      masks.append(try scope.causalMask(shape[1], scope.shape(of: key)[1]))
    }
    if let mask = try scope.conjunction(masks) {
      logits = try scope.select(mask, logits, scope.scalar(3.38953e38 * -0.7, logitsType))
    }
    let weights = try scope.cast(scope.emit(.softmax(axis: 3), logits), to: compute)
    return try scope.emit(.einsum("bnts,bsnh->btnh"), weights, value)
  }

  /// Key heads repeated until there are as many as the query's.
  private func grouped(_ x: Value, like query: Value) throws(KerasImportError) -> Value {
    guard let wanted = scope.shape(of: query)[2].fixedSize, let found = scope.shape(of: x)[2].fixedSize,
      found > 0, wanted > found
    else { return x }
    return try scope.repeated(x, axis: 2, [.fixed(wanted / found)])
  }
}

extension LoweringScope {
  /// Half precision in float32.
  func single(_ x: Value) throws(KerasImportError) -> Value {
    dtype(of: x) == .float64 ? x : try cast(x, to: .float32)
  }

  /// The norm of vectors over axes: `(sum |x|^p)^(1/p)`; 0: how many are not 0; infinite: the largest (smallest) `|x|`.
  func vectorNorm(_ x: Value, order: Double, axes: [Int], keepDims: Bool) throws(KerasImportError) -> Value {
    let size = try unary(.absolute, x)
    switch order {
    case .infinity: return try reduce(.maximum, size, axes: axes, keepDims: keepDims)
    case -.infinity: return try reduce(.minimum, size, axes: axes, keepDims: keepDims)
    case 0:
      let counted = try cast(compare(.notEqual, x, 0), to: dtype(of: x))
      return try reduce(.sum, counted, axes: axes, keepDims: keepDims)
    case 1: return try reduce(.sum, size, axes: axes, keepDims: keepDims)
    case 2: return try unary(.sqrt, reduce(.sum, unary(.square, x), axes: axes, keepDims: keepDims))
    default:
      let sum = try reduce(.sum, power(size, scalar(order, like: x)), axes: axes, keepDims: keepDims)
      return try power(sum, scalar(1 / order, like: x))
    }
  }
}
