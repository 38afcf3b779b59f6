import ModelIR

/// TensorFlow's `nn` functions on windows and its `image` functions, with TensorFlow's names of their arguments.
extension LayerRegistry {
  mutating func addTensorFlowImages() {
    addWindows()
    addBlocks()
    addResizing()
    addCrops()
    addColours()
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

  private mutating func addResizing() {
    operation("tf.image.resize") { call throws(KerasImportError) in
      let x = try call.tensor("images", 0)
      let size = try call.imageSize("size", 1)
      let text = try call.string("method", 2) ?? "bilinear"
      guard let method = ImageResize.Method(rawValue: text) else {
        throw KerasImportError(.unsupported("method \"\(text)\""))
      }
      let resize = ImageResize(method: method, antialias: try call.bool("antialias", 4, default: false))
      let axes = try ImageLayout(.channelsLast, shape: call.scope.shape(of: x))
      guard try call.bool("preserve_aspect_ratio", 3, default: false) else {
        return [try call.scope.tensorFlowResized(x, axes, to: size, resize)]
      }
      let shape = call.scope.shape(of: x)
      guard let height = shape[axes.height].fixedSize, let width = shape[axes.width].fixedSize, height > 0,
        width > 0
      else {
        throw KerasImportError(.unsupported("preserve_aspect_ratio for images whose size is not known"))
      }
      let scale = min(Float(size.height) / Float(height), Float(size.width) / Float(width))
      func scaled(_ size: Int) -> Int {
        max(1, Int(clampingDouble: Double((scale * Float(size)).rounded(.toNearestOrEven))))
      }
      return [try call.scope.tensorFlowResized(x, axes, to: (scaled(height), scaled(width)), resize)]
    }
    let old: [(String, ResizeAttributes.Method)] = [
      ("tf.image.resize_bilinear", .linear), ("tf.image.resize_nearest_neighbor", .nearest),
    ]
    for (name, method) in old {
      operation(name) { call throws(KerasImportError) in
        var x = try call.tensor("images", 0)
        let size = try call.imageSize("size", 1)
        let aligns = try call.bool("align_corners", 2, default: false)
        let isHalf = try call.bool("half_pixel_centers", 3, default: false)
        if method != .nearest { x = try call.scope.cast(x, to: .float32) }
        guard method != .nearest || !aligns else {
          throw KerasImportError(.unsupported("align_corners of \(name)"))
        }
        let axes = try ImageLayout(.channelsLast, shape: call.scope.shape(of: x))
        let attributes = ResizeAttributes(
          method: method, coordinates: aligns ? .alignCorners : isHalf ? .halfPixel : .asymmetric,
          axes: [axes.height, axes.width], sizes: [.fixed(size.height), .fixed(size.width)])
        return [try call.scope.emit(.resize(attributes), x)]
      }
    }
    operation("tf.image.resize_with_pad") { call throws(KerasImportError) in
      let x = try call.scope.cast(call.tensor("image", 0), to: .float32)
      let axes = try ImageLayout(.channelsLast, shape: call.scope.shape(of: x))
      let shape = call.scope.shape(of: x)
      let size = try call.targetSize(1)
      let text = try call.string("method", 3) ?? "bilinear"
      let antialias = try call.bool("antialias", 4, default: false)
      guard let method = ImageResize.Method(rawValue: text), let height = shape[axes.height].fixedSize,
        let width = shape[axes.width].fixedSize, height > 0, width > 0
      else {
        throw KerasImportError(
          .unsupported("resize_with_pad of images whose size is not known, or \"\(text)\""))
      }
      // TensorFlow's arithmetic in float32, and its rounding.
      let ratio = max(Float(width) / Float(size.width), Float(height) / Float(size.height))
      let fitted = (
        height: max(1, Int(clampingDouble: Double((Float(height) / ratio).rounded(.down)))),
        width: max(1, Int(clampingDouble: Double((Float(width) / ratio).rounded(.down))))
      )
      let top = max(
        0, Int(clampingDouble: Double(((Float(size.height) - Float(height) / ratio) / 2).rounded(.down))))
      let left = max(
        0, Int(clampingDouble: Double(((Float(size.width) - Float(width) / ratio) / 2).rounded(.down))))
      let y = try call.scope.tensorFlowResized(
        x, axes, to: fitted, ImageResize(method: method, antialias: antialias))
      return [try call.scope.placed(y, axes, in: size, at: (top, left))]
    }
  }

  private mutating func addCrops() {
    operation("tf.image.flip_left_right", "tf.image.flip_up_down") { call throws(KerasImportError) in
      let x = try call.tensor("image", 0)
      let axes = try ImageLayout(.channelsLast, shape: call.scope.shape(of: x))
      let isSide = call.scope.object.className == "tf.image.flip_left_right"
      return [try call.scope.emit(.reverse(axes: [isSide ? axes.width : axes.height]), x)]
    }
    operation("tf.image.transpose", "tf.image.rot90") { call throws(KerasImportError) in
      let x = try call.tensor("image", 0)
      let axes = try ImageLayout(.channelsLast, shape: call.scope.shape(of: x))
      let isRotation = call.scope.object.className == "tf.image.rot90"
      let turns = isRotation ? ((try call.int("k", 1) ?? 1) % 4 + 4) % 4 : -1
      var order = Array(0..<call.scope.rank(of: x))
      order.swapAt(axes.height, axes.width)
      switch turns {
      case 0: return [x]
      case 1: return [try call.scope.emit(.reverse(axes: [axes.height]), call.scope.transpose(x, order))]
      case 2: return [try call.scope.emit(.reverse(axes: [axes.height, axes.width]), x)]
      case 3: return [try call.scope.emit(.reverse(axes: [axes.width]), call.scope.transpose(x, order))]
      default: return [try call.scope.transpose(x, order)]
      }
    }
    operation("tf.image.central_crop") { call throws(KerasImportError) in
      let x = try call.tensor("image", 0)
      guard let fraction = try call.double("central_fraction", 1), fraction > 0, fraction <= 1 else {
        throw KerasImportError(.missingKey("central_fraction"))
      }
      let axes = try ImageLayout(.channelsLast, shape: call.scope.shape(of: x))
      var y = x
      for axis in [axes.height, axes.width] {
        guard let size = call.scope.shape(of: x)[axis].fixedSize else {
          throw KerasImportError(.unsupported("central_crop of images whose size is not known"))
        }
        let start = Int(clampingDouble: (Double(size) - Double(size) * fraction) / 2)
        y = try call.scope.part(y, axis: axis, start: .fixed(start), size: .fixed(size - 2 * start))
      }
      return [y]
    }
    operation("tf.image.crop_to_bounding_box", "tf.image.pad_to_bounding_box") {
      call throws(KerasImportError) in
      let x = try call.tensor("image", 0)
      let axes = try ImageLayout(.channelsLast, shape: call.scope.shape(of: x))
      guard let top = try call.int("offset_height", 1), let left = try call.int("offset_width", 2), top >= 0,
        left >= 0
      else {
        throw KerasImportError(.missingKey("offset_height"))
      }
      let size = try call.targetSize(3)
      if call.scope.object.className == "tf.image.pad_to_bounding_box" {
        return [try call.scope.placed(x, axes, in: size, at: (top, left))]
      }
      let rows = try call.scope.part(x, axis: axes.height, start: .fixed(top), size: .fixed(size.height))
      return [try call.scope.part(rows, axis: axes.width, start: .fixed(left), size: .fixed(size.width))]
    }
    operation("tf.image.resize_with_crop_or_pad") { call throws(KerasImportError) in
      var y = try call.tensor("image", 0)
      let axes = try ImageLayout(.channelsLast, shape: call.scope.shape(of: y))
      let size = try call.targetSize(1)
      var offsets: [Int] = []
      for (axis, target) in [(axes.height, size.height), (axes.width, size.width)] {
        guard let own = call.scope.shape(of: y)[axis].fixedSize else {
          throw KerasImportError(.unsupported("resize_with_crop_or_pad of images whose size is not known"))
        }
        if own > target { y = try call.scope.middle(y, axis: axis, size: .fixed(target)) }
        offsets.append(max(target - own, 0) / 2)
      }
      return [try call.scope.placed(y, axes, in: size, at: (offsets[0], offsets[1]))]
    }
  }

  private mutating func addColours() {
    operation("tf.image.rgb_to_grayscale") { call throws(KerasImportError) in
      let x = try call.tensor("images", 0)
      guard call.scope.dtype(of: x).isFloatingPoint else {
        throw KerasImportError(.unsupported("grayscale of integers"))
      }
      let weights = Tensor([0.2989, 0.5870, 0.1140], sizes: [3, 1], dtype: call.scope.dtype(of: x))
      return [try call.scope.matMul(x, call.scope.constant(weights))]
    }
    operation("tf.image.grayscale_to_rgb") { call throws(KerasImportError) in
      let x = try call.tensor("images", 0)
      let shape = call.scope.shape(of: x)
      guard shape.rank > 0, shape[shape.rank - 1] == 1 else {
        throw KerasImportError(.invalidGraph("expected 1 channel, found shape \(shape)"))
      }
      return [try call.scope.emit(.tile(Array(repeating: 1, count: shape.rank - 1) + [3]), x)]
    }
    operation("tf.image.adjust_brightness") { call throws(KerasImportError) in
      let x = try call.tensor("image", 0)
      guard call.scope.dtype(of: x).isFloatingPoint else {
        throw KerasImportError(.unsupported("brightness of integers"))
      }
      guard let delta = call.argument("delta", 1) else { throw KerasImportError(.missingKey("delta")) }
      return [
        try call.scope.add(
          x, call.scope.cast(call.value(delta, like: call.scope.dtype(of: x)), to: call.scope.dtype(of: x)))
      ]
    }
    operation("tf.image.adjust_contrast") { call throws(KerasImportError) in
      let x = try call.tensor("images", 0)
      guard call.scope.dtype(of: x).isFloatingPoint else {
        throw KerasImportError(.unsupported("contrast of integers"))
      }
      guard let factor = try call.double("contrast_factor", 1) else {
        throw KerasImportError(.missingKey("contrast_factor"))
      }
      let axes = try ImageLayout(.channelsLast, shape: call.scope.shape(of: x))
      let mean = try call.scope.reduce(.mean, x, axes: [axes.height, axes.width], keepDims: true)
      return [try call.scope.add(call.scope.multiply(call.scope.subtract(x, mean), factor), mean)]
    }
    operation("tf.image.per_image_standardization") { call throws(KerasImportError) in
      let x = try call.scope.cast(call.tensor("image", 0), to: .float32)
      let shape = call.scope.shape(of: x)
      let axes = Array(try ImageLayout(.channelsLast, shape: shape).height..<shape.rank)
      guard let count = Shape(axes.map { shape[$0] }).elementCount.fixedSize, count > 0 else {
        throw KerasImportError(.unsupported("standardization of images whose size is not known"))
      }
      let centered = try call.scope.subtract(x, call.scope.reduce(.mean, x, axes: axes, keepDims: true))
      let variance = try call.scope.reduce(
        .mean, call.scope.unary(.square, centered), axes: axes, keepDims: true)
      let floor = 1 / Double(count).squareRoot()
      let deviation = try call.scope.unary(
        .clip(minimum: floor, maximum: nil), call.scope.unary(.sqrt, variance))
      return [try call.scope.divide(centered, deviation)]
    }
  }
}

extension LoweringScope {
  /// `tf.image.resize`: float32 unless elements are only picked.
  fileprivate func tensorFlowResized(
    _ x: Value, _ axes: ImageLayout, to size: (height: Int, width: Int), _ resize: ImageResize
  ) throws(KerasImportError) -> Value {
    let wide = resize.method == .nearest ? x : try cast(x, to: .float32)
    return try resized(
      wide, axes: [axes.height, axes.width], sizes: [.fixed(size.height), .fixed(size.width)], resize)
  }

  /// Images put into larger ones of zeros.
  fileprivate func placed(
    _ x: Value, _ axes: ImageLayout, in size: (height: Int, width: Int), at offset: (top: Int, left: Int)
  ) throws(KerasImportError) -> Value {
    var pads = Array(repeating: PadPair(0, 0), count: rank(of: x))
    for (axis, before, total) in [
      (axes.height, offset.top, size.height), (axes.width, offset.left, size.width),
    ] {
      guard let own = shape(of: x)[axis].fixedSize, total - own - before >= 0 else {
        throw KerasImportError(
          .invalidGraph("images of shape \(shape(of: x)) do not fit \(size.height) x \(size.width)"))
      }
      pads[axis] = PadPair(before, total - own - before)
    }
    return try emit(.pad(PadAttributes(pads: pads, mode: .constant(0))), x)
  }
}

extension OperationCall {
  /// Two numbers of pixels.
  fileprivate func imageSize(_ name: String, _ position: Int) throws(KerasImportError) -> (
    height: Int, width: Int
  ) {
    guard let sizes = try sizes(name, position)?.compactMap(\.fixedSize), sizes.count == 2 else {
      throw KerasImportError(.unsupported("an image size that is not two numbers"))
    }
    guard sizes.allSatisfy({ (1..<1 << 24).contains($0) }) else {
      throw KerasImportError(.invalidGraph("an image size of \(sizes)"))
    }
    return (sizes[0], sizes[1])
  }

  fileprivate func targetSize(_ position: Int) throws(KerasImportError) -> (height: Int, width: Int) {
    guard let height = try int("target_height", position), let width = try int("target_width", position + 1),
      (1..<1 << 24).contains(height), (1..<1 << 24).contains(width)
    else { throw KerasImportError(.missingKey("target_height")) }
    return (height, width)
  }

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
