import ModelIR

/// The window settings that all convolutions share.
struct ConvolutionWindow: Sendable {
  enum PaddingName: String, CaseIterable { case valid, same, causal }

  let kernelSize: [Int]
  let strides: [Int]
  let dilations: [Int]
  let padding: PaddingName
  let layout: DataLayout
  /// Theano's "same": `k / 2` zeros in front whatever the stride, and as many behind as give `ceil(n / stride)` outputs.
  let isTheanoSame: Bool

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    let count = try config.spatialCount()
    kernelSize = try config.ints("kernel_size", count: count)
    strides = try config.ints("strides", count: count, default: 1)
    dilations = try config.ints("dilation_rate", count: count, default: 1)
    padding = try config.choice("padding", default: .valid)
    layout = try config.layout()
    isTheanoSame = config.has(.padsFrontFirst)
    for (key, values) in [("kernel_size", kernelSize), ("strides", strides), ("dilation_rate", dilations)]
    where !values.allSatisfy({ $0 > 0 && $0 < 1 << 31 }) {
      throw config.invalid(key, expected: "positive integers", found: "\(values)")
    }
  }

  /// Keras's padding as the graph has it; explicit wherever the size of the data does not matter or is known.
  func resolved(_ shape: Shape) throws(KerasImportError) -> Padding {
    guard shape.rank == kernelSize.count + 2 else {
      throw KerasImportError(
        .invalidGraph("expected an input of rank \(kernelSize.count + 2), found shape \(shape)"))
    }
    switch padding {
    case .valid: return .explicit(kernelSize.map { _ in PadPair(0, 0) })
    case .causal:
      return .explicit(kernelSize.indices.map { PadPair((kernelSize[$0] - 1) * dilations[$0], 0) })
    case .same: return samePadding(shape)
    }
  }

  private func samePadding(_ shape: Shape) -> Padding {
    var pairs: [PadPair] = []
    for (index, axis) in layout.spatialAxes(rank: shape.rank).enumerated() {
      if isTheanoSame { pairs.append(theanoPadding[index]); continue }
      // With stride 1 the padding is the same for every size.
      guard let size = strides[index] == 1 ? 1 << 20 : shape[axis].fixedSize else { return .sameUpper }
      pairs.append(
        PadPair.same(
          size: size, window: kernelSize[index], stride: strides[index], dilation: dilations[index]))
    }
    return .explicit(pairs)
  }

  /// What Theano's "same" adds along each axis.
  var theanoPadding: [PadPair] {
    kernelSize.indices.map { index in
      let extent = (kernelSize[index] - 1) * dilations[index] + 1
      return PadPair(extent / 2, (extent - 1) / 2)
    }
  }

  /// Applies a convolution with this window.
  func convolve(
    _ x: Value, _ kernel: Value, bias: Value?, groups: Int, in scope: LoweringScope, as suffix: String? = nil
  ) throws(KerasImportError) -> Value {
    let shape = scope.shape(of: x)
    let attributes = ConvAttributes(
      strides: strides, dilations: dilations, padding: try resolved(shape), groups: groups, layout: layout)
    return try scope.emitAll(.conv(attributes), bias.map { [x, kernel, $0] } ?? [x, kernel], as: suffix)[0]
  }
}

/// Conv1D, Conv2D, Conv3D: cross-correlation plus bias, then the activation.
/// Source: `keras/src/layers/convolutional/base_conv.py`.
///
/// - x: `[N..., spatial..., C]`; kernel: `[K..., C / groups, F]`; bias: `[F]`.
struct Conv: Layer, NumbersItsWeights {
  let window: ConvolutionWindow
  let filters: Int
  let groups: Int
  let useBias: Bool
  let activation: Activation
  let lora: LowRankUpdate
  var sublayers: [Sublayer] { activation.sublayers }
  var weights: [WeightSpec] {
    [lora.kernelWeight("kernel")] + (useBias ? [WeightSpec("bias")] : []) + lora.weights("kernel")
  }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    window = try ConvolutionWindow(&config)
    filters = try config.count("filters")
    groups = try config.int("groups", default: 1)
    useBias = try config.bool("use_bias", default: true)
    activation = try config.activation()
    lora = try LowRankUpdate(&config)
    guard groups > 0 else {
      throw config.invalid("groups", expected: "a positive integer", found: "\(groups)")
    }
    try config.refuseQuantization()
    config.ignore("quantization_config")
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let y = try scope.withOneBatchAxis(call.input.value, rank: window.kernelSize.count + 2) {
      x throws(KerasImportError) in try convolved(x, in: scope)
    }
    return [Operand(try activation.apply(y, in: scope))]
  }

  private func convolved(_ x: Value, in scope: LoweringScope) throws(KerasImportError) -> Value {
    try scope.expectRank(window.kernelSize.count + 2, of: x)
    let channels = scope.shape(of: x)[window.layout.channelAxis(rank: scope.rank(of: x))]
    let kernel = try scope.weight(
      "kernel", Shape(window.kernelSize.map(Dimension.fixed) + [channels / .fixed(groups), .fixed(filters)]))
    let bias = useBias ? try scope.weight("bias", [.fixed(filters)]) : nil
    return try window.convolve(x, kernel, bias: bias, groups: groups, in: scope)
  }
}

/// DepthwiseConv1D, DepthwiseConv2D: each channel with its own `depth_multiplier` kernels.
/// Source: `keras/src/layers/convolutional/base_depthwise_conv.py`.
///
/// - kernel: `[K..., C, M]`; bias: `[C * M]`; result channel `c * M + m`.
struct DepthwiseConv: Layer {
  let window: ConvolutionWindow
  let multiplier: Int
  let useBias: Bool
  let activation: Activation
  var sublayers: [Sublayer] { activation.sublayers }
  var weights: [WeightSpec] { [WeightSpec("kernel")] + (useBias ? [WeightSpec("bias")] : []) }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    window = try ConvolutionWindow(&config)
    multiplier = try config.int("depth_multiplier", default: 1)
    useBias = try config.bool("use_bias", default: true)
    activation = try config.activation()
    config.ignore("filters", "groups")
    guard multiplier > 0 else {
      throw config.invalid("depth_multiplier", expected: "a positive integer", found: "\(multiplier)")
    }
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    let (y, channels) = try scope.depthwise(x, weight: "kernel", window: window, multiplier: multiplier)
    var result = y
    if useBias {
      let bias = try scope.weight("bias", [.fixed(channels)])
      result = try scope.addBias(y, bias, layout: window.layout)
    }
    return [Operand(try activation.apply(result, in: scope))]
  }
}

/// SeparableConv1D, SeparableConv2D: a depthwise and a 1x1 convolution, one bias at the end.
/// Source: `keras/src/layers/convolutional/base_separable_conv.py`.
///
/// - depthwise kernel: `[K..., C, M]`; pointwise kernel: `[1..., C * M, F]`; bias: `[F]`.
struct SeparableConv: Layer {
  let window: ConvolutionWindow
  let filters: Int
  let multiplier: Int
  let useBias: Bool
  let activation: Activation
  var sublayers: [Sublayer] { activation.sublayers }
  var weights: [WeightSpec] {
    [WeightSpec("depthwise_kernel"), WeightSpec("pointwise_kernel")] + (useBias ? [WeightSpec("bias")] : [])
  }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    window = try ConvolutionWindow(&config)
    filters = try config.count("filters")
    multiplier = try config.count("depth_multiplier")
    useBias = try config.bool("use_bias", default: true)
    activation = try config.activation()
    config.ignore("groups")
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    let (y, channels) = try scope.depthwise(
      x, weight: "depthwise_kernel", window: window, multiplier: multiplier)
    let ones = window.kernelSize.map { _ in Dimension.fixed(1) }
    let pointwise = try scope.weight("pointwise_kernel", Shape(ones + [.fixed(channels), .fixed(filters)]))
    let bias = useBias ? try scope.weight("bias", [.fixed(filters)]) : nil
    let unit = window.kernelSize.map { _ in 1 }
    let attributes = ConvAttributes(
      strides: unit, dilations: unit, padding: .explicit(unit.map { _ in PadPair(0, 0) }), groups: 1,
      layout: window.layout)
    let z = try scope.emitAll(
      .conv(attributes), bias.map { [y, pointwise, $0] } ?? [y, pointwise], as: "pointwise")[0]
    return [Operand(try activation.apply(z, in: scope))]
  }
}

extension LoweringScope {
  /// Applies a function of tensors of this rank to one with more batch axes, folded into one meanwhile: tf.keras 2's
  /// convolutions take any number.
  func withOneBatchAxis(
    _ x: Value, rank: Int, _ body: (Value) throws(KerasImportError) -> Value
  ) throws(KerasImportError) -> Value {
    let shape = shape(of: x)
    guard shape.rank > rank else { return try body(x) }
    let batch = Array(shape.dimensions[...(shape.rank - rank)])
    let y = try body(reshape(x, Shape([Shape(batch).elementCount] + shape.dimensions[batch.count...])))
    return try reshape(y, Shape(batch + self.shape(of: y).dimensions.dropFirst()))
  }

  /// A depthwise convolution as a grouped one: a kernel `[K..., C, M]` is, read row-major, `[K..., 1, C * M]`.
  func depthwise(
    _ x: Value, weight name: String, window: ConvolutionWindow, multiplier: Int
  ) throws(KerasImportError) -> (Value, channels: Int) {
    try expectRank(window.kernelSize.count + 2, of: x)
    let axis = window.layout.channelAxis(rank: rank(of: x))
    guard let channels = shape(of: x)[axis].fixedSize, channels > 0 else {
      throw KerasImportError(.invalidGraph("the number of channels of \(shape(of: x)) must be known"))
    }
    let sizes = window.kernelSize.map(Dimension.fixed)
    let stored = try weight(name, Shape(sizes + [.fixed(channels), .fixed(multiplier)]))
    let results = channels * multiplier  // Both are below 2^31: the weight has that many elements.
    let kernel = try reshapedWeight(stored, Shape(sizes + [1, .fixed(results)]))
    let y = try window.convolve(x, kernel, bias: nil, groups: channels, in: self, as: "depthwise")
    return (y, results)
  }

  /// A constant under another shape stays a constant.
  func reshapedWeight(_ value: Value, _ shape: Shape) throws(KerasImportError) -> Value {
    if let tensor = constantTensor(of: value), let sizes = shape.fixedSizes,
      tensor.elementCount == shape.elementCount.fixedSize
    {
      return constant(
        try checkedTensor(Tensor(dtype: tensor.dtype, sizes: sizes, storage: tensor.storage)), as: "kernel")
    }
    return try reshape(value, shape)
  }

  /// Adds a vector along the channel axis.
  func addBias(_ x: Value, _ bias: Value, layout: DataLayout) throws(KerasImportError) -> Value {
    let rank = rank(of: x)
    return try add(x, alongAxis(bias, axis: layout.channelAxis(rank: rank), rank: rank))
  }
}

/// Conv1DTranspose, Conv2DTranspose, Conv3DTranspose.
/// Source: `keras/src/layers/convolutional/base_conv_transpose.py`, `backend/common/backend_utils.py`.
///
/// - kernel: `[K..., F, C]`; bias: `[F]`. Per axis, with n, k, s, d and `e = (k - 1) d + 1`, the full result has
///   `(n - 1) s + e` elements, of which `out` are kept from `c` on:
///   valid: `out = (n - 1) s + max(e, s)`, `c = 0`; same: `out = n s`, `c = max(e - s, 0) / 2`; with
///   `output_padding` p: `(n - 1) s + e + p` (valid), `(n - 1) s + e mod 2 + p`, `c = max(e - e mod 2 - p, 0) / 2`.
struct ConvTranspose: Layer {
  let window: ConvolutionWindow
  let filters: Int
  let outputPadding: [Int]?
  let useBias: Bool
  let activation: Activation
  var sublayers: [Sublayer] { activation.sublayers }
  var weights: [WeightSpec] { [WeightSpec("kernel")] + (useBias ? [WeightSpec("bias")] : []) }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    window = try ConvolutionWindow(&config)
    filters = try config.count("filters")
    let isGiven = config.value("output_padding") != nil
    outputPadding = isGiven ? try config.ints("output_padding", count: window.kernelSize.count) : nil
    useBias = try config.bool("use_bias", default: true)
    activation = try config.activation()
    config.ignore("groups", "output_shape")
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    try scope.expectRank(window.kernelSize.count + 2, of: x)
    let channels = scope.shape(of: x)[window.layout.channelAxis(rank: scope.rank(of: x))]
    let kernel = try scope.weight(
      "kernel", Shape(window.kernelSize.map(Dimension.fixed) + [.fixed(filters), channels]))
    let bias = useBias ? try scope.weight("bias", [.fixed(filters)]) : nil
    let y = try scope.emitAll(.convTranspose(attributes), bias.map { [x, kernel, $0] } ?? [x, kernel])[0]
    return [Operand(try activation.apply(y, in: scope))]
  }

  /// The cut of the full result as pads, independent of the input's size.
  var attributes: ConvTransposeAttributes {
    ConvTransposeAttributes(window: window, outputPadding: outputPadding)
  }
}

extension ConvTransposeAttributes {
  init(window: ConvolutionWindow, outputPadding given: [Int]?) {
    var pads: [PadPair] = []
    var outputPadding: [Int] = []
    for (index, size) in window.kernelSize.enumerated() {
      let stride = window.strides[index]
      let extent = (size - 1) * window.dilations[index] + 1
      // What the output has beyond (n - 1) * stride.
      let tail: Int
      switch (window.padding, given?[index]) {
      case (.same, nil): tail = stride
      case (.same, let p?): tail = extent % 2 + p
      case (_, nil): tail = max(extent, stride)
      case (_, let p?): tail = extent + p
      }
      var before = window.padding == .same ? max(extent - tail, 0) / 2 : 0
      if window.isTheanoSame, window.padding == .same { before = size / 2 }
      let after = extent - before - tail
      pads.append(PadPair(before, max(after, 0)))
      outputPadding.append(max(-after, 0))
    }
    self.init(
      strides: window.strides, dilations: window.dilations, pads: pads, outputPadding: outputPadding,
      layout: window.layout)
  }
}
