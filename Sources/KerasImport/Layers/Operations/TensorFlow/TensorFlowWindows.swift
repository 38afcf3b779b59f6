import ModelIR

/// TensorFlow's `nn` functions on windows of images and sequences, with TensorFlow's names of their arguments.
extension LayerRegistry {
  mutating func addTensorFlowWindows() {
    addWindows()
    addBlocks()
  }

  private mutating func addWindows() {
    let pools: [(String, PoolFunction, Int?)] = [
      ("tf.nn.max_pool", .maximum, nil), ("tf.nn.max_pool1d", .maximum, 1), ("tf.nn.max_pool2d", .maximum, 2),
      ("tf.nn.max_pool3d", .maximum, 3), ("tf.nn.avg_pool", .average, nil), ("tf.nn.avg_pool1d", .average, 1),
      ("tf.nn.avg_pool2d", .average, 2), ("tf.nn.avg_pool3d", .average, 3),
    ]
    for (name, function, count) in pools {
      operation(name) { call throws(KerasImportError) in
        let x = try call.tensor(call.hasArgument("value") ? "value" : "input", 0)
        let layout = try call.tensorFlowLayout(4)
        let spatial = count ?? (call.scope.rank(of: x) - 2)
        try call.scope.expectRank(spatial + 2, of: x)
        let kernel = try call.spatialSizes("ksize", 1, count: spatial, layout)
        let strides = try call.spatialSizes("strides", 2, count: spatial, layout)
        return [try call.pooled(x, function, kernel: kernel, strides: strides, paddingAt: 3, layout)]
      }
    }
    operation("tf.nn.pool") { call throws(KerasImportError) in
      let x = try call.tensor("input", 0)
      let layout = try call.tensorFlowLayout()
      let spatial = call.scope.rank(of: x) - 2
      for key in ["dilations", "dilation_rate"] where try call.ints(key)?.contains(where: { $0 != 1 }) == true
      {
        throw KerasImportError(.unsupported("\(key) of nn.pool"))
      }
      let type = try call.string("pooling_type", 2) ?? ""
      guard type == "MAX" || type == "AVG" else {
        throw KerasImportError(.unsupported("pooling_type \"\(type)\""))
      }
      let kernel = try call.spatialSizes("window_shape", 1, count: spatial, layout)
      let strides = try call.spatialSizes("strides", 3, count: spatial, layout)
      return [
        try call.pooled(
          x, type == "MAX" ? .maximum : .average, kernel: kernel, strides: strides, paddingAt: 4, layout)
      ]
    }
    operation("tf.nn.conv1d", "tf.nn.conv2d", "tf.nn.conv3d", "tf.nn.convolution") {
      call throws(KerasImportError) in
      [try call.convolved(isDepthwise: false)]
    }
    operation("tf.nn.depthwise_conv2d") { call throws(KerasImportError) in
      [try call.convolved(isDepthwise: true)]
    }
  }

  private mutating func addBlocks() {
    operation("tf.nn.depth_to_space", "tf.nn.space_to_depth") { call throws(KerasImportError) in
      let x = try call.tensor("input", 0)
      guard let block = try call.int("block_size", 1), block > 0 else {
        throw KerasImportError(.missingKey("block_size"))
      }
      guard try call.tensorFlowLayout(2) == .channelsLast else {
        throw KerasImportError(.unsupported("blocks with channels first"))
      }
      try call.scope.expectRank(4, of: x)
      let s = call.scope.shape(of: x)
      let (n, h, w, c, b) = (s[0], s[1], s[2], s[3], Dimension.fixed(block))
      if call.scope.object.className == "tf.nn.depth_to_space" {
        let split = try call.scope.reshape(x, [n, h, w, b, b, c / (b * b)])
        return [
          try call.scope.reshape(
            call.scope.transpose(split, [0, 1, 3, 2, 4, 5]), [n, h * b, w * b, c / (b * b)])
        ]
      }
      let split = try call.scope.reshape(x, [n, h / b, b, w / b, b, c])
      return [
        try call.scope.reshape(
          call.scope.transpose(split, [0, 1, 3, 2, 4, 5]), [n, h / b, w / b, b * b * c])
      ]
    }
  }
}

extension OperationCall {
  /// A number for each spatial axis: one for all, one each, or those of all axes with 1 for batch and channels.
  fileprivate func spatialSizes(
    _ name: String, _ position: Int?, count: Int, _ layout: DataLayout, default standard: Int? = nil
  ) throws(KerasImportError) -> [Int] {
    guard let given = try ints(name, position) ?? standard.map({ [$0] }) else {
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
  fileprivate func windowPadding(
    _ x: Value, kernel: [Int], strides: [Int], dilations: [Int], at position: Int?, _ layout: DataLayout
  ) throws(KerasImportError) -> Padding {
    let shape = scope.shape(of: x)
    let axes = layout.spatialAxes(rank: shape.rank)
    if let rows = argument("padding", position)?.integerRows {
      guard rows.count == shape.rank, rows.allSatisfy({ $0.count == 2 }) else {
        throw KerasImportError(.unsupported("this kind of padding"))
      }
      return .explicit(axes.map { PadPair(rows[$0][0], rows[$0][1]) })
    }
    switch try string("padding", position)?.uppercased() ?? "VALID" {
    case "VALID": return .explicit(kernel.map { _ in PadPair(0, 0) })
    case "SAME":
      var pairs: [PadPair] = []
      for (index, axis) in axes.enumerated() {
        guard let size = strides[index] == 1 ? 1 << 20 : shape[axis].fixedSize else { return .sameUpper }
        pairs.append(
          Padding.same(size: size, window: kernel[index], stride: strides[index], dilation: dilations[index]))
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
    let kernels = ["filters", "filter"].filter { hasArgument($0) }
    guard let first = argument(names.first ?? "input", 0), let second = argument(kernels.first ?? "filter", 1)
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
