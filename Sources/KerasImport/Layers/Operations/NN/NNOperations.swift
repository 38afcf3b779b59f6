import ModelIR

/// The operations of `keras/src/ops/nn.py`, one line each.
extension LayerRegistry {
  mutating func addNNOperations() {
    addActivationFunctions()
    add("MaxPool", as: OperationCall.pool, .maximum)
    add("AveragePool", as: OperationCall.pool, .average)
    add("AdaptiveMaxPool", as: OperationCall.adaptivePool, .maximum)
    add("AdaptiveAveragePool", as: OperationCall.adaptivePool, .mean)
    add("Conv", as: OperationCall.convolution)
    add("DepthwiseConv", as: OperationCall.depthwiseConvolution)
    add("SeparableConv", as: OperationCall.separableConvolution)
    add("ConvTranspose", as: OperationCall.transposedConvolution)
    add("Unfold", as: OperationCall.unfold)
    add("Fold", as: OperationCall.fold)
    add("DepthToSpace", as: OperationCall.depthToSpace)
    add("SpaceToDepth", as: OperationCall.spaceToDepth)
    add("OneHot", as: OperationCall.oneHot)
    add("MultiHot", as: OperationCall.multiHot)
    add("BinaryCrossentropy", as: OperationCall.binaryCrossentropy)
    add("CategoricalCrossentropy", as: OperationCall.categoricalCrossentropy)
    add("SparseCategoricalCrossentropy", as: OperationCall.sparseCategoricalCrossentropy)
    add("CTCLoss", as: OperationCall.ctcLoss)
    add("CTCDecode", as: OperationCall.ctcDecode)
    add("PSNR", as: OperationCall.signalToNoise)
    add("Moments", as: OperationCall.moments)
    add("BatchNorm", as: OperationCall.batchNormalization)
    add("LayerNorm", as: OperationCall.layerNormalization)
    add("RMSNorm", as: OperationCall.rmsNormalization)
    add("Normalize", as: OperationCall.normalize)
    add("DotProductAttention", as: OperationCall.dotProductAttention)
    add("Polar", as: OperationCall.polar)
  }

  private mutating func addActivationFunctions() {
    add("Relu", as: OperationCall.numericFunction, .relu)
    add("Sigmoid", as: OperationCall.floatingFunction, .sigmoid)
    add("Softplus", as: OperationCall.floatingFunction, .softplus)
    add("Softsign", as: OperationCall.floatingFunction, .softsign)
    add("Selu", as: OperationCall.floatingFunction, .selu)
    let named: [(String, Activation.Name)] = [
      ("Relu6", .relu6), ("SparseSigmoid", .sparseSigmoid), ("SparsePlus", .sparsePlus), ("Silu", .silu),
      ("LogSigmoid", .logSigmoid), ("HardSigmoid", .hardSigmoid), ("HardSilu", .hardSilu),
      ("TanhShrink", .tanhShrink), ("HardTanh", .hardTanh), ("Mish", .mish),
    ]
    for (name, activation) in named { add(name, as: OperationCall.activation, activation) }
    add("SoftShrink", as: OperationCall.softShrink)
    add("HardShrink", as: OperationCall.hardShrink)
    add("Squareplus", as: OperationCall.squareplus)
    add("LeakyRelu", as: OperationCall.leakyRelu)
    add("Elu", as: OperationCall.elu)
    add("Celu", as: OperationCall.celu)
    add("Gelu", as: OperationCall.gelu)
    add("Threshold", as: OperationCall.threshold)
    add("ReLU", as: OperationCall.boundedRelu)
    add("Glu", as: OperationCall.glu)
    add("Sparsemax", as: OperationCall.sparsemax)
    add("Softmax", as: OperationCall.softmax, false)
    add("LogSoftmax", as: OperationCall.softmax, true)
  }
}

/// Activations. Integers become float32.
extension OperationCall {
  /// One of the functions that layers name.
  func activation(_ name: Activation.Name) throws(KerasImportError) -> Value {
    try name.apply(floating("x", at: 0), in: scope)
  }

  /// `sign(x) max(|x| - threshold, 0)`.
  func softShrink() throws(KerasImportError) -> Value {
    try scope.softShrink(floating("x", at: 0), threshold: double("threshold", at: 1, default: 0.5))
  }

  /// `x` where `|x| > threshold`, else 0.
  func hardShrink() throws(KerasImportError) -> Value {
    try scope.hardShrink(floating("x", at: 0), threshold: double("threshold", at: 1, default: 0.5))
  }

  /// `(x + sqrt(x^2 + b)) / 2`.
  func squareplus() throws(KerasImportError) -> Value {
    try scope.squareplus(floating("x", at: 0), b: double("b", at: 1, default: 4))
  }

  /// `x` above 0, else `negative_slope x`.
  func leakyRelu() throws(KerasImportError) -> Value {
    try scope.unary(.leakyRelu(slope: double("negative_slope", at: 1, default: 0.2)), floating("x", at: 0))
  }

  /// `x` above 0, else `alpha (exp(x) - 1)`.
  func elu() throws(KerasImportError) -> Value {
    try scope.unary(.elu(alpha: double("alpha", at: 1, default: 1)), floating("x", at: 0))
  }

  /// `max(x, 0) + alpha (exp(min(x, 0) / alpha) - 1)`.
  func celu() throws(KerasImportError) -> Value {
    let x = try floating("x", at: 0)
    let alpha = try double("alpha", at: 1, default: 1)
    let negative = try scope.unary(.clip(minimum: nil, maximum: 0), x)
    let bent = try scope.multiply(scope.unary(.expm1, scope.multiply(negative, 1 / alpha)), alpha)
    return try scope.add(scope.unary(.relu, x), bent)
  }

  /// `x` times the normal distribution's integral, or with `approximate` (Keras's default) its form with tanh.
  func gelu() throws(KerasImportError) -> Value {
    try scope.gelu(floating("x", at: 0), approximate: bool("approximate", at: 1, default: true))
  }

  /// `x` above a threshold, else `default_value`.
  func threshold() throws(KerasImportError) -> Value {
    let x = try floating("x", at: 0)
    let isAbove = try scope.compare(.greater, x, double("threshold", at: 1, default: 0))
    return try scope.select(isAbove, x, scope.scalar(double("default_value", at: 2, default: 0), like: x))
  }

  /// `keras.activations.relu` with its slope, bound and threshold.
  func boundedRelu() throws(KerasImportError) -> Value {
    let function = ReLU(
      maximum: try double("max_value"), slope: try double("negative_slope", default: 0),
      threshold: try double("threshold", default: 0))
    let isPlain = function.maximum == nil && function.slope == 0 && function.threshold == 0
    return try function.apply(isPlain ? tensor("x", at: 0) : floating("x", at: 0), in: scope)
  }

  /// The first half times the sigmoid of the second along an axis.
  func glu() throws(KerasImportError) -> Value {
    let x = try floating("x", at: 0)
    return try scope.glu(x, axis: scope.axis(int("axis", at: 1, default: -1), rank: scope.rank(of: x)))
  }

  /// The projection onto the simplex along an axis.
  func sparsemax() throws(KerasImportError) -> Value {
    let x = try floating("x", at: 0)
    return try scope.sparsemax(x, axis: scope.axis(int("axis", at: 1, default: -1), rank: scope.rank(of: x)))
  }

  /// `exp(x) / sum(exp(x))` (or its logarithm) along one axis, several as one, or all with `axis` None.
  func softmax(_ isLog: Bool) throws(KerasImportError) -> Value {
    let x = try floating("x", at: 0)
    let rank = scope.rank(of: x)
    let isWhole = scope.object.config["axis"]?.isNull == true
    let axes = try ints("axis", at: 1).map { given throws(KerasImportError) in
      try scope.axes(given, rank: rank)
    }
    let chosen = axes ?? (isWhole ? Array(0..<rank) : [rank - 1])
    func apply(_ y: Value, _ axis: Int) throws(KerasImportError) -> Value {
      try scope.emit(isLog ? .logSoftmax(axis: axis) : .softmax(axis: axis), y)
    }
    guard rank > 0 else { return try scope.reshape(apply(scope.reshape(x, [1]), 0), []) }
    if chosen.count == 1 { return try apply(x, chosen[0]) }
    let order = Array(0..<rank).filter { !chosen.contains($0) } + chosen
    let moved = try scope.transpose(x, order)
    let lanes = try scope.lanes(x, axes: chosen)
    let y = try scope.reshape(apply(lanes, scope.rank(of: lanes) - 1), scope.shape(of: moved))
    return try scope.transpose(y, order.inversePermutation)
  }
}
