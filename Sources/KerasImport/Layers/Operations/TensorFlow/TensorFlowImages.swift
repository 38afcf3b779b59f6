import ModelIR

/// TensorFlow's `image` functions, with TensorFlow's names of their arguments.
extension LayerRegistry {
  mutating func addTensorFlowImages() {
    addResizing()
    addCrops()
    addColours()
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
      let weights = try checkedTensor(Tensor([0.2989, 0.5870, 0.1140], sizes: [3, 1], dtype: call.scope.dtype(of: x)))
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
}
