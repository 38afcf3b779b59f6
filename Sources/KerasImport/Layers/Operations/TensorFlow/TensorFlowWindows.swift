import ModelIR

/// TensorFlow's `nn` functions on windows of images and sequences, with TensorFlow's names of their arguments.
extension LayerRegistry {
  mutating func addTensorFlowWindows() {
    addWindows()
    addBlocks()
    addPatches()
  }

  private mutating func addWindows() {
    for (suffix, count) in [("", nil), ("1d", 1), ("2d", 2), ("3d", 3)] as [(String, Int?)] {
      add(
        "tf.nn.max_pool\(suffix)", as: OperationCall.tensorFlowWindowPool,
        OperationCall.WindowPool(.maximum, axes: count))
      add(
        "tf.nn.avg_pool\(suffix)", as: OperationCall.tensorFlowWindowPool,
        OperationCall.WindowPool(.average, axes: count))
    }
    add("tf.nn.pool", as: OperationCall.tensorFlowPool)
    add(
      "tf.nn.conv1d", "tf.nn.conv2d", "tf.nn.conv3d", "tf.nn.convolution", as: OperationCall.tensorFlowConv1d)
    add("tf.nn.atrous_conv2d", as: OperationCall.tensorFlowConv1d)
    add("tf.nn.separable_conv2d", as: OperationCall.tensorFlowSeparableConv2d)
    add(
      "tf.nn.conv1d_transpose", "tf.nn.conv2d_transpose", "tf.nn.conv3d_transpose", "tf.nn.conv_transpose",
      as: OperationCall.tensorFlowConvTranspose)
    add("tf.nn.depthwise_conv2d", as: OperationCall.tensorFlowDepthwiseConv2d)
  }

  private mutating func addBlocks() {
    add("tf.nn.depth_to_space", as: OperationCall.tensorFlowDepthToSpace, true)
    add("tf.nn.space_to_depth", as: OperationCall.tensorFlowDepthToSpace, false)
  }

  private mutating func addPatches() {
    add("tf.image.extract_patches", as: OperationCall.tensorFlowExtractPatches)
    add("tf.signal.frame", as: OperationCall.tensorFlowFrame)
  }
}

/// TensorFlow's `nn` functions on windows of images and sequences, with TensorFlow's names of their arguments.
extension OperationCall {
  /// What a pooling function takes of a window, and over how many spatial axes (nil: all there are).
  struct WindowPool: Sendable {
    var function: PoolFunction
    var axes: Int?
    init(_ function: PoolFunction, axes: Int?) { (self.function, self.axes) = (function, axes) }
  }

  /// Largest or mean element of windows.
  func tensorFlowWindowPool(_ pool: WindowPool) throws(KerasImportError) -> Value {
    let x = try tensor(hasArgument("value") ? "value" : "input", at: 0)
    let layout = try tensorFlowLayout(4)
    let spatial = pool.axes ?? (scope.rank(of: x) - 2)
    try scope.expectRank(spatial + 2, of: x)
    let kernel = try spatialSizes("ksize", 1, count: spatial, layout)
    let strides = try spatialSizes("strides", 2, count: spatial, layout)
    return try pooled(x, pool.function, kernel: kernel, strides: strides, paddingAt: 3, layout)
  }

  /// Largest or mean element of windows.
  func tensorFlowPool() throws(KerasImportError) -> Value {
    let x = try tensor("input", at: 0)
    let layout = try tensorFlowLayout()
    let spatial = scope.rank(of: x) - 2
    for key in ["dilations", "dilation_rate"] where try ints(key)?.contains(where: { $0 != 1 }) == true {
      throw KerasImportError(.unsupported("\(key) of nn.pool"))
    }
    // None is refused below.
    let type = try string("pooling_type", at: 2) ?? ""
    guard type == "MAX" || type == "AVG" else {
      throw KerasImportError(.unsupported("pooling_type \"\(type)\""))
    }
    let kernel = try spatialSizes("window_shape", 1, count: spatial, layout)
    let strides = try spatialSizes("strides", 3, count: spatial, layout)
    return try pooled(
      x, type == "MAX" ? .maximum : .average, kernel: kernel, strides: strides, paddingAt: 4, layout)
  }

  /// Cross-correlation; kernel `[K..., C / groups, F]`.
  func tensorFlowConv1d() throws(KerasImportError) -> Value {
    return try convolved(isDepthwise: false)
  }

  /// Each channel with its own kernels; kernel `[K..., C, M]`.
  func tensorFlowDepthwiseConv2d() throws(KerasImportError) -> Value {
    return try convolved(isDepthwise: true)
  }

  /// Each channel with its own kernels, then all channels mixed by a kernel of size 1.
  func tensorFlowSeparableConv2d() throws(KerasImportError) -> Value {
    let x = try convolved(isDepthwise: true)
    let kernel = try scope.cast(tensor("pointwise_filter", at: 2), to: scope.dtype(of: x))
    let ones = Array(repeating: 1, count: scope.rank(of: x) - 2)
    let attributes = ConvAttributes(
      strides: ones, dilations: ones, padding: .explicit(ones.map { _ in PadPair(0, 0) }), groups: 1,
      layout: try tensorFlowLayout())
    return try scope.emit(.conv(attributes), x, kernel)
  }

  /// The gradient of a convolution, of the shape that is given; kernel `[K..., F, C]`.
  func tensorFlowConvTranspose() throws(KerasImportError) -> Value {
    let names = ["value", "input"].filter { hasArgument($0) }
    let kernels = ["filters", "filter"].filter { hasArgument($0) }
    guard let first = argument(names.first ?? "input", at: 0),
      let second = argument(kernels.first ?? "filters", at: 1)
    else { throw KerasImportError(.missingKey("filters")) }
    let x = try promoted([first, second])
    let layout = try tensorFlowLayout()
    let (shape, kernel) = (scope.shape(of: x[0]), scope.shape(of: x[1]))
    let axes = layout.spatialAxes(rank: shape.rank)
    let output = try required("output_shape", sizes("output_shape", at: 2))
    let taps = kernel.dimensions.prefix(axes.count).compactMap(\.fixedSize)
    guard axes.count > 0, output.count == shape.rank, taps.count == axes.count, kernel.rank == shape.rank
    else {
      throw KerasImportError(.unsupported("a transposed convolution of \(shape) with a kernel of \(kernel)"))
    }
    let strides = try spatialSizes("strides", 3, count: axes.count, layout)
    let rates = try spatialSizes("dilations", nil, count: axes.count, layout, default: 1)
    let padding = try string("padding", at: 4)?.uppercased() ?? "SAME"  // TensorFlow's default.
    guard padding == "SAME" || padding == "VALID" else {
      throw KerasImportError(.unsupported("padding \"\(padding)\""))
    }
    var (pads, further) = ([PadPair](), [Int]())
    for (index, axis) in axes.enumerated() {
      let reach = (shape[axis] - 1) * .fixed(strides[index]) + .fixed((taps[index] - 1) * rates[index] + 1)
      guard let beyond = (reach - output[axis]).fixedSize else {
        throw KerasImportError(
          .unsupported("a transposed convolution to a size that does not follow from the input's"))
      }
      let total = padding == "SAME" ? max(beyond, 0) : 0
      pads.append(PadPair(total / 2, total - total / 2))
      further.append(total - beyond)
    }
    guard zip(further, strides).allSatisfy({ (0..<$1).contains($0) }) else {
      throw KerasImportError(
        .invalidGraph("an output of shape \(Shape(output)) of an input of shape \(shape)"))
    }
    let attributes = ConvTransposeAttributes(
      strides: strides, dilations: rates, pads: pads, outputPadding: further, layout: layout)
    return try scope.emit(.convTranspose(attributes), x[0], x[1])
  }

  /// Blocks of channels spread over space, or of space put into channels (space_to_depth).
  func tensorFlowDepthToSpace(_ isDepthToSpace: Bool) throws(KerasImportError) -> Value {
    let x = try tensor("input", at: 0)
    guard let block = try int("block_size", at: 1), block > 0 else {
      throw KerasImportError(.missingKey("block_size"))
    }
    guard try tensorFlowLayout(2) == .channelsLast else {
      throw KerasImportError(.unsupported("blocks with channels first"))
    }
    try scope.expectRank(4, of: x)
    return try isDepthToSpace ? scope.depthToSpace(x, block: block) : scope.spaceToDepth(x, block: block)
  }

  /// Windows of images as channels, tap by tap: `[N, rows, columns, h w C]`.
  func tensorFlowExtractPatches() throws(KerasImportError) -> Value {
    let x = try tensor("images", at: 0)
    try scope.expectRank(4, of: x)
    // None is refused below.
    let padding = try string("padding", at: 4)?.uppercased() ?? ""
    guard padding == "VALID" || padding == "SAME" else {
      throw KerasImportError(.unsupported("padding \"\(padding)\""))
    }
    let windows = SlidingWindows(
      sizes: try spatialSizes("sizes", 1, count: 2, .channelsLast),
      strides: try spatialSizes("strides", 2, count: 2, .channelsLast),
      dilations: try spatialSizes("rates", 3, count: 2, .channelsLast), isSame: padding == "SAME")
    return try scope.patches(x, windows)
  }

  /// Overlapping parts of an axis, which becomes two: parts and their elements. With `pad_end` there is a part at every
  /// step, filled up with `pad_value`. Source: `tf.signal.frame`.
  func tensorFlowFrame() throws(KerasImportError) -> Value {
    let signal = try tensor("signal", at: 0)
    let axis = try scope.axis(int("axis", at: 5, default: -1), rank: scope.rank(of: signal))
    let length = try required("frame_length", int("frame_length", at: 1))
    let step = try required("frame_step", int("frame_step", at: 2))
    let filler = try double("pad_value", at: 4, default: 0)
    guard (1..<1 << 31).contains(length), (1..<1 << 31).contains(step) else {
      throw KerasImportError(.invalidGraph("frames of \(length) elements every \(step)"))
    }
    var x = try scope.moveAxes(signal, from: [axis], to: [-1])
    if try bool("pad_end", at: 3, default: false) {
      let last = scope.rank(of: x) - 1
      let size = scope.shape(of: x)[last]
      let count = size.dividedRoundingUp(by: step)
      let missing = Dimension.maximum(.fixed(length) + (count - 1) * .fixed(step) - size, 0)
      x = try scope.bordered(x, axis: last, before: 0, after: missing, filler: filler)
    }
    return try scope.moveAxes(
      scope.framed(x, length: length, step: step), from: [-2, -1], to: [axis, axis + 1])
  }
}

extension OperationCall {
  /// A number for each spatial axis: one for all, one each, or those of all axes with 1 for batch and channels.
  func spatialSizes(
    _ name: String, _ position: Int?, count: Int, _ layout: DataLayout, default standard: Int? = nil
  ) throws(KerasImportError) -> [Int] {
    guard let given = try ints(name, at: position) ?? standard.map({ [$0] }) else {
      throw KerasImportError(.missingKey(name))
    }
    let sizes: [Int]
    switch given.count {
    case 1: sizes = Array(repeating: given[0], count: max(count, 0))
    case count: sizes = given
    case count + 2:
      let axes = layout.spatialAxes(rank: count + 2)
      guard given.indices.allSatisfy({ axes.contains($0) || given[$0] == 1 }) else {
        throw KerasImportError(.unsupported("\(name) over batch or channels"))
      }
      sizes = axes.map { given[$0] }
    default:
      throw KerasImportError(.invalidGraph("\(name) has \(given.count) numbers for \(count) spatial axes"))
    }
    guard sizes.allSatisfy({ (1..<1 << 31).contains($0) }) else {
      throw KerasImportError(.invalidGraph("\(name) \(sizes)"))
    }
    return sizes
  }

  /// `VALID`, `SAME`, or pairs of numbers.
  func windowPadding(
    _ x: Value, kernel: [Int], strides: [Int], dilations: [Int], at position: Int?, _ layout: DataLayout
  ) throws(KerasImportError) -> Padding {
    let shape = scope.shape(of: x)
    let axes = layout.spatialAxes(rank: shape.rank)
    if let rows = argument("padding", at: position)?.integerRows {
      guard rows.count == shape.rank, rows.allSatisfy({ $0.count == 2 }) else {
        throw KerasImportError(.unsupported("this kind of padding"))
      }
      return .explicit(axes.map { PadPair(rows[$0][0], rows[$0][1]) })
    }
    switch try string("padding", at: position)?.uppercased() ?? "VALID" {
    case "VALID": return .explicit(kernel.map { _ in PadPair(0, 0) })
    case "SAME":
      var pairs: [PadPair] = []
      for (index, axis) in axes.enumerated() {
        guard let size = strides[index] == 1 ? 1 << 20 : shape[axis].fixedSize else { return .sameUpper }
        pairs.append(
          PadPair.same(size: size, window: kernel[index], stride: strides[index], dilation: dilations[index]))
      }
      return .explicit(pairs)
    case let other: throw KerasImportError(.unsupported("padding \"\(other)\""))
    }
  }

  fileprivate func pooled(
    _ x: Value, _ function: PoolFunction, kernel: [Int], strides: [Int], paddingAt position: Int,
    _ layout: DataLayout
  ) throws(KerasImportError) -> Value {
    let padding = try windowPadding(
      x, kernel: kernel, strides: strides, dilations: kernel.map { _ in 1 }, at: position, layout)
    let attributes = PoolAttributes(
      function: function, kernelSize: kernel, strides: strides, padding: padding, layout: layout)
    return try scope.emit(.pool(attributes), x)
  }

  /// The `nn` convolutions; a depthwise kernel `[K..., C, M]` is, read row-major, `[K..., 1, C * M]`.
  fileprivate func convolved(isDepthwise: Bool) throws(KerasImportError) -> Value {
    let names = ["value", "input"].filter { hasArgument($0) }
    let kernels = ["filters", "filter", "depthwise_filter"].filter { hasArgument($0) }
    guard let first = argument(names.first ?? "input", at: 0),
      let second = argument(kernels.first ?? "filter", at: 1)
    else {
      throw KerasImportError(.missingKey("filter"))
    }
    let operands = try promoted([first, second])
    var (x, kernel) = (operands[0], operands[1])
    let layout = try tensorFlowLayout()
    let count = scope.rank(of: x) - 2
    try scope.expectRank(count + 2, of: kernel)
    ignore("use_cudnn_on_gpu")
    let shape = scope.shape(of: kernel)
    let sizes = Array(shape.dimensions.prefix(max(count, 0))).compactMap(\.fixedSize)
    guard count > 0, sizes.count == count, sizes.allSatisfy({ $0 > 0 }) else {
      throw KerasImportError(.unsupported("a convolution of shape \(shape)"))
    }
    let strides = try spatialSizes(
      hasArgument("stride") ? "stride" : "strides", nil, count: count, layout, default: 1)
    let rates = ["dilations", "dilation_rate", "rate"].filter { hasArgument($0) }
    let dilations = try spatialSizes(rates.first ?? "dilations", nil, count: count, layout, default: 1)
    for extra in rates.dropFirst() { _ = argument(extra) }
    let padding = try windowPadding(x, kernel: sizes, strides: strides, dilations: dilations, at: nil, layout)
    var groups = 1
    let channels = scope.shape(of: x)[layout.channelAxis(rank: count + 2)]
    guard let inner = shape[count].fixedSize, let outer = channels.fixedSize, inner > 0, outer % inner == 0
    else {
      throw KerasImportError(.invalidGraph("a kernel of shape \(shape) for \(channels) channels"))
    }
    groups = outer / inner
    if isDepthwise {
      groups = outer
      kernel = try scope.reshapedWeight(
        kernel, Shape(Array(shape.dimensions.prefix(count)) + [1, shape[count] * shape[count + 1]]))
    }
    x = try scope.cast(x, to: scope.dtype(of: kernel))
    let attributes = ConvAttributes(
      strides: strides, dilations: dilations, padding: padding, groups: groups, layout: layout)
    return try scope.emit(.conv(attributes), x, kernel)
  }
}
