import ModelIR

/// TensorFlow's `image` functions, with TensorFlow's names of their arguments.
extension LayerRegistry {
  mutating func addTensorFlowImages() {
    addResizing()
    addCrops()
    addColours()
  }

  private mutating func addResizing() {
    add("tf.image.resize", as: OperationCall.tensorFlowResize)
    add("tf.image.resize_bilinear", as: OperationCall.tensorFlowOldResize, .linear)
    add("tf.image.resize_nearest_neighbor", as: OperationCall.tensorFlowOldResize, .nearest)
    add("tf.image.resize_with_pad", as: OperationCall.tensorFlowResizeWithPad)
  }

  private mutating func addCrops() {
    add("tf.image.flip_left_right", as: OperationCall.tensorFlowFlipLeftRight, true)
    add("tf.image.flip_up_down", as: OperationCall.tensorFlowFlipLeftRight, false)
    add("tf.image.transpose", as: OperationCall.tensorFlowTranspose, false)
    add("tf.image.rot90", as: OperationCall.tensorFlowTranspose, true)
    add("tf.image.central_crop", as: OperationCall.tensorFlowCentralCrop)
    add("tf.image.crop_to_bounding_box", as: OperationCall.tensorFlowCropToBoundingBox, false)
    add("tf.image.pad_to_bounding_box", as: OperationCall.tensorFlowCropToBoundingBox, true)
    add("tf.image.resize_with_crop_or_pad", as: OperationCall.tensorFlowResizeWithCropOrPad)
  }

  private mutating func addColours() {
    add("tf.image.rgb_to_grayscale", as: OperationCall.tensorFlowRgbToGrayscale)
    add("tf.image.grayscale_to_rgb", as: OperationCall.tensorFlowGrayscaleToRgb)
    add("tf.image.adjust_brightness", as: OperationCall.tensorFlowAdjustBrightness)
    add("tf.image.adjust_contrast", as: OperationCall.tensorFlowAdjustContrast)
    add("tf.image.per_image_standardization", as: OperationCall.tensorFlowPerImageStandardization)
  }
}

/// TensorFlow's `image` functions, with TensorFlow's names of their arguments.
extension OperationCall {
  /// Images resampled as TensorFlow 1 does: corner pixels aligned, half-pixel centres, or neither.
  func tensorFlowOldResize(_ method: ResizeAttributes.Method) throws(KerasImportError) -> Value {
    var x = try tensor("images", at: 0)
    let size = try imageSize("size", at: 1)
    let aligns = try bool("align_corners", at: 2, default: false)
    let isHalf = try bool("half_pixel_centers", at: 3, default: false)
    if method != .nearest { x = try scope.cast(x, to: .float32) }
    guard method != .nearest || !aligns else {
      throw KerasImportError(.unsupported("align_corners of resize_nearest_neighbor"))
    }
    let axes = try ImageLayout(.channelsLast, shape: scope.shape(of: x))
    let attributes = ResizeAttributes(
      method: method, coordinates: aligns ? .alignCorners : isHalf ? .halfPixel : .asymmetric,
      axes: [axes.height, axes.width], sizes: [size.height, size.width])
    return try scope.emit(.resize(attributes), x)
  }

  /// Images resampled to a size.
  func tensorFlowResize() throws(KerasImportError) -> Value {
    let x = try tensor("images", at: 0)
    let size = try imageSize("size", at: 1)
    let text = try string("method", at: 2) ?? "bilinear"
    guard let method = ImageResize.Method(rawValue: text) else {
      throw KerasImportError(.unsupported("method \"\(text)\""))
    }
    let resize = ImageResize(method: method, antialias: try bool("antialias", at: 4, default: false))
    let axes = try ImageLayout(.channelsLast, shape: scope.shape(of: x))
    guard try bool("preserve_aspect_ratio", at: 3, default: false) else {
      return try scope.tensorFlowResized(x, axes, to: size, resize)
    }
    let shape = scope.shape(of: x)
    guard let height = shape[axes.height].fixedSize, let width = shape[axes.width].fixedSize, height > 0,
      width > 0, let rows = size.height.fixedSize, let columns = size.width.fixedSize
    else {
      throw KerasImportError(.unsupported("preserve_aspect_ratio for images whose size is not known"))
    }
    let scale = min(Float(rows) / Float(height), Float(columns) / Float(width))
    func scaled(_ size: Int) -> Dimension {
      .fixed(max(1, Int(clampingDouble: Double((scale * Float(size)).rounded(.toNearestOrEven)))))
    }
    return try scope.tensorFlowResized(x, axes, to: (scaled(height), scaled(width)), resize)
  }

  /// Images resampled to fit a size, and centred on zeros.
  func tensorFlowResizeWithPad() throws(KerasImportError) -> Value {
    let x = try scope.cast(tensor("image", at: 0), to: .float32)
    let axes = try ImageLayout(.channelsLast, shape: scope.shape(of: x))
    let shape = scope.shape(of: x)
    let size = try targetSize(1)
    let text = try string("method", at: 3) ?? "bilinear"
    let antialias = try bool("antialias", at: 4, default: false)
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
    let y = try scope.tensorFlowResized(
      x, axes, to: (.fixed(fitted.height), .fixed(fitted.width)),
      ImageResize(method: method, antialias: antialias))
    return try scope.placed(y, axes, in: size, at: (top, left))
  }

  /// Images mirrored, left to right or top to bottom.
  func tensorFlowFlipLeftRight(_ isSide: Bool) throws(KerasImportError) -> Value {
    let x = try tensor("image", at: 0)
    let axes = try ImageLayout(.channelsLast, shape: scope.shape(of: x))
    return try scope.emit(.reverse(axes: [isSide ? axes.width : axes.height]), x)
  }

  /// Rows and columns exchanged, or quarter turns (rot90).
  func tensorFlowTranspose(_ isRotation: Bool) throws(KerasImportError) -> Value {
    let x = try tensor("image", at: 0)
    let axes = try ImageLayout(.channelsLast, shape: scope.shape(of: x))
    let turns = isRotation ? ((try int("k", at: 1, default: 1)) % 4 + 4) % 4 : -1
    var order = Array(0..<scope.rank(of: x))
    order.swapAt(axes.height, axes.width)
    switch turns {
    case 0: return x
    case 1: return try scope.emit(.reverse(axes: [axes.height]), scope.transpose(x, order))
    case 2: return try scope.emit(.reverse(axes: [axes.height, axes.width]), x)
    case 3: return try scope.emit(.reverse(axes: [axes.width]), scope.transpose(x, order))
    default: return try scope.transpose(x, order)
    }
  }

  /// The middle part of images.
  func tensorFlowCentralCrop() throws(KerasImportError) -> Value {
    let x = try tensor("image", at: 0)
    guard let fraction = try double("central_fraction", at: 1), fraction > 0, fraction <= 1 else {
      throw KerasImportError(.missingKey("central_fraction"))
    }
    let axes = try ImageLayout(.channelsLast, shape: scope.shape(of: x))
    var y = x
    for axis in [axes.height, axes.width] {
      guard let size = scope.shape(of: x)[axis].fixedSize else {
        throw KerasImportError(.unsupported("central_crop of images whose size is not known"))
      }
      let start = Int(clampingDouble: (Double(size) - Double(size) * fraction) / 2)
      y = try scope.part(y, axis: axis, start: .fixed(start), size: .fixed(size - 2 * start))
    }
    return y
  }

  /// A part of images, or images put into larger ones of zeros.
  func tensorFlowCropToBoundingBox(_ isPadToBoundingBox: Bool) throws(KerasImportError) -> Value {
    let x = try tensor("image", at: 0)
    let axes = try ImageLayout(.channelsLast, shape: scope.shape(of: x))
    guard let top = try int("offset_height", at: 1), let left = try int("offset_width", at: 2), top >= 0,
      left >= 0
    else {
      throw KerasImportError(.missingKey("offset_height"))
    }
    let size = try targetSize(3)
    if isPadToBoundingBox {
      return try scope.placed(x, axes, in: size, at: (top, left))
    }
    let rows = try scope.part(x, axis: axes.height, start: .fixed(top), size: .fixed(size.height))
    return try scope.part(rows, axis: axes.width, start: .fixed(left), size: .fixed(size.width))
  }

  /// The middle of images, or images in the middle of zeros.
  func tensorFlowResizeWithCropOrPad() throws(KerasImportError) -> Value {
    var y = try tensor("image", at: 0)
    let axes = try ImageLayout(.channelsLast, shape: scope.shape(of: y))
    let size = try targetSize(1)
    var offsets: [Int] = []
    for (axis, target) in [(axes.height, size.height), (axes.width, size.width)] {
      guard let own = scope.shape(of: y)[axis].fixedSize else {
        throw KerasImportError(.unsupported("resize_with_crop_or_pad of images whose size is not known"))
      }
      if own > target { y = try scope.middle(y, axis: axis, size: .fixed(target)) }
      offsets.append(max(target - own, 0) / 2)
    }
    return try scope.placed(y, axes, in: size, at: (offsets[0], offsets[1]))
  }

  /// `0.2989 r + 0.587 g + 0.114 b`, one channel.
  func tensorFlowRgbToGrayscale() throws(KerasImportError) -> Value {
    let x = try tensor("images", at: 0)
    guard scope.dtype(of: x).isFloatingPoint else {
      throw KerasImportError(.unsupported("grayscale of integers"))
    }
    let weights = try checkedTensor(
      Tensor([0.2989, 0.5870, 0.1140], sizes: [3, 1], dtype: scope.dtype(of: x)))
    return try scope.matMul(x, scope.constant(weights))
  }

  /// One channel three times.
  func tensorFlowGrayscaleToRgb() throws(KerasImportError) -> Value {
    let x = try tensor("images", at: 0)
    let shape = scope.shape(of: x)
    guard shape.rank > 0, shape[shape.rank - 1] == 1 else {
      throw KerasImportError(.invalidGraph("expected 1 channel, found shape \(shape)"))
    }
    return try scope.emit(.tile(Array(repeating: 1, count: shape.rank - 1) + [3]), x)
  }

  /// A number added.
  func tensorFlowAdjustBrightness() throws(KerasImportError) -> Value {
    let x = try tensor("image", at: 0)
    guard scope.dtype(of: x).isFloatingPoint else {
      throw KerasImportError(.unsupported("brightness of integers"))
    }
    guard let delta = argument("delta", at: 1) else { throw KerasImportError(.missingKey("delta")) }
    return try scope.add(
      x, scope.cast(value(delta, like: scope.dtype(of: x)), to: scope.dtype(of: x)))
  }

  /// Distances from each channel's mean scaled.
  func tensorFlowAdjustContrast() throws(KerasImportError) -> Value {
    let x = try tensor("images", at: 0)
    guard scope.dtype(of: x).isFloatingPoint else {
      throw KerasImportError(.unsupported("contrast of integers"))
    }
    guard let factor = try double("contrast_factor", at: 1) else {
      throw KerasImportError(.missingKey("contrast_factor"))
    }
    let axes = try ImageLayout(.channelsLast, shape: scope.shape(of: x))
    let mean = try scope.reduce(.mean, x, axes: [axes.height, axes.width], keepDims: true)
    return try scope.add(scope.multiply(scope.subtract(x, mean), factor), mean)
  }

  /// Mean 0 and deviation 1 of each image; deviations are at least `1 / sqrt n`.
  func tensorFlowPerImageStandardization() throws(KerasImportError) -> Value {
    let x = try scope.cast(tensor("image", at: 0), to: .float32)
    let shape = scope.shape(of: x)
    let axes = Array(try ImageLayout(.channelsLast, shape: shape).height..<shape.rank)
    guard let count = Shape(axes.map { shape[$0] }).elementCount.fixedSize, count > 0 else {
      throw KerasImportError(.unsupported("standardization of images whose size is not known"))
    }
    let centered = try scope.subtract(x, scope.reduce(.mean, x, axes: axes, keepDims: true))
    let variance = try scope.reduce(
      .mean, scope.unary(.square, centered), axes: axes, keepDims: true)
    let floor = 1 / Double(count).squareRoot()
    let deviation = try scope.unary(
      .clip(minimum: floor, maximum: nil), scope.unary(.sqrt, variance))
    return try scope.divide(centered, deviation)
  }
}

extension LoweringScope {
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
  /// Two numbers of pixels, which may follow from shapes.
  fileprivate func imageSize(_ name: String, at position: Int) throws(KerasImportError) -> (
    height: Dimension, width: Dimension
  ) {
    guard let sizes = try sizes(name, at: position), sizes.count == 2 else {
      throw KerasImportError(.unsupported("an image size that is not two numbers"))
    }
    guard sizes.compactMap(\.fixedSize).allSatisfy({ (1..<1 << 24).contains($0) }) else {
      throw KerasImportError(.invalidGraph("an image size of \(sizes)"))
    }
    return (sizes[0], sizes[1])
  }

  fileprivate func targetSize(_ position: Int) throws(KerasImportError) -> (height: Int, width: Int) {
    guard let height = try int("target_height", at: position),
      let width = try int("target_width", at: position + 1),
      (1..<1 << 24).contains(height), (1..<1 << 24).contains(width)
    else { throw KerasImportError(.missingKey("target_height")) }
    return (height, width)
  }
}
