import ModelIR

/// How the images of one call lie: the axes of height and width, counted from the end as Keras does.
struct ImageLayout {
  let height: Int
  let width: Int

  /// - Throws: `invalidGraph` unless the rank is 3 (one image) or 4.
  init(_ layout: DataLayout, shape: Shape) throws(KerasImportError) {
    guard shape.rank == 3 || shape.rank == 4 else {
      throw KerasImportError(.invalidGraph("expected an image or a batch of images, found shape \(shape)"))
    }
    height = layout == .channelsLast ? shape.rank - 3 : shape.rank - 2
    width = height + 1
  }
}

/// Images resampled to a size, half-pixel centres; with `crop_to_aspect_ratio` the largest window of the target's
/// ratio is, with `pad_to_aspect_ratio` the image padded to that ratio. Keras 3: the result has the input's type,
/// integers rounded; ``EraMark/resizesToPolicyType`` (tf.keras): the policy's compute type. Mask: none.
/// Source: `keras/src/layers/preprocessing/image_preprocessing/resizing.py`, `backend/tensorflow/image.py`.
struct Resizing: Layer {
  let size: (height: Int, width: Int)
  let resize: ImageResize
  let crops: Bool
  let fill: Double?
  let layout: DataLayout
  let givesFloats: Bool

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    size = (try config.imageSize("height"), try config.imageSize("width"))
    let method: ImageResize.Method = try config.choice("interpolation", default: .bilinear)
    resize = ImageResize(method: method, antialias: try config.bool("antialias", default: false))
    crops = try config.bool("crop_to_aspect_ratio", default: false)
    let pads = try config.bool("pad_to_aspect_ratio", default: false)
    let mode = try config.string("fill_mode", default: "constant")
    let value = try config.double("fill_value", default: 0)
    fill = pads ? value : nil
    layout = try config.layout()
    config.ignore("bounding_box_format")
    givesFloats = config.has(.resizesToPolicyType)
    guard mode == "constant" else {
      throw config.invalid("fill_mode", expected: "\"constant\"", found: "\"\(mode)\"")
    }
    guard !(crops && pads) else {
      throw config.invalid(
        "pad_to_aspect_ratio", expected: "false beside crop_to_aspect_ratio", found: "true")
    }
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    try call.mapImages(passing: ["labels"]) { image, isMask throws(KerasImportError) in
      guard !isMask else { throw KerasImportError(.unsupported("segmentation masks that are resized")) }
      return Operand(try resized(image.value, in: scope))
    }
  }

  private func resized(_ image: Value, in scope: LoweringScope) throws(KerasImportError) -> Value {
    var x = image
    let axes = try ImageLayout(layout, shape: scope.shape(of: x))
    if givesFloats { x = try scope.cast(x, to: resize.method == .nearest ? scope.computeDType : .float32) }
    if crops { x = try scope.cropped(x, axes, to: size) }
    if let fill { x = try scope.padded(x, axes, to: size, with: fill) }
    let y = try scope.resizedImages(x, axes, to: size, resize)
    return givesFloats ? try scope.cast(y, to: scope.computeDType) : y
  }
}

/// The middle of each image; an image smaller than the target is cut to the target's ratio and resampled, bilinear.
/// The result has the policy's compute type. Mask: none.
/// Source: `keras/src/layers/preprocessing/image_preprocessing/center_crop.py`, `utils/image_utils.smart_resize`.
struct CenterCrop: Layer {
  let size: (height: Int, width: Int)
  let layout: DataLayout

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    size = (try config.imageSize("height"), try config.imageSize("width"))
    layout = try config.layout()
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try scope.cast(call.input.value, to: scope.computeDType)
    let axes = try ImageLayout(layout, shape: scope.shape(of: x))
    let window = try window(of: x, axes, scope)
    let rows = try scope.middle(x, axis: axes.height, size: window.height)
    let y = try scope.middle(rows, axis: axes.width, size: window.width)
    if window.height == .fixed(size.height), window.width == .fixed(size.width) { return [Operand(y)] }
    return [Operand(try scope.resizedImages(y, axes, to: size, ImageResize(method: .bilinear)))]
  }

  /// What is cut out: the target's size, or the largest window of its ratio where a side of the image is smaller. Of sizes
  /// that are not known both are said at once: a window of the target's size is not changed by resampling.
  private func window(
    of x: Value, _ axes: ImageLayout, _ scope: LoweringScope
  ) throws(KerasImportError) -> (height: Dimension, width: Dimension) {
    let (height, width) = (scope.shape(of: x)[axes.height], scope.shape(of: x)[axes.width])
    let missing = Dimension.maximum(.fixed(size.height) - height, 0) + .maximum(.fixed(size.width) - width, 0)
    if missing == 0 { return (.fixed(size.height), .fixed(size.width)) }
    let small = scope.croppedSize(height, width, to: size)
    let isSmall = Dimension.minimum(missing, 1)
    return (
      .fixed(size.height) + isSmall * (small.height - .fixed(size.height)),
      .fixed(size.width) + isSmall * (small.width - .fixed(size.width))
    )
  }
}

/// tf.keras's RandomCrop at inference: the largest window of the target's ratio, resampled; with
/// ``EraMark/resizesBeforeCropping`` (before 2.7) the image resampled to cover the target, then its middle. Mask: none.
/// Source: tf.keras 2.15 and 2.4 `layers/preprocessing/image_preprocessing.py`. Keras 3's gives its input back.
struct InferenceCrop: Layer {
  let size: (height: Int, width: Int)
  let resizesFirst: Bool

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    size = (try config.imageSize("height"), try config.imageSize("width"))
    resizesFirst = config.has(.resizesBeforeCropping)
    config.ignore("rng_type")
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try scope.cast(call.input.value, to: scope.computeDType)
    let shape = scope.shape(of: x)
    let axes = try ImageLayout(.channelsLast, shape: shape)
    let bilinear = ImageResize(method: .bilinear)
    guard resizesFirst else {
      return [Operand(try scope.resizedImages(scope.cropped(x, axes, to: size), axes, to: size, bilinear))]
    }
    guard let height = shape[axes.height].fixedSize, let width = shape[axes.width].fixedSize, height > 0,
      width > 0
    else {
      throw KerasImportError(.unsupported("RandomCrop of images whose size is not known"))
    }
    let isTall = Double(height) / Double(width) > Double(size.height) / Double(size.width)
    let covering = (
      height: isTall ? Int(clampingDouble: Double(size.width) * Double(height) / Double(width)) : size.height,
      width: isTall ? size.width : Int(clampingDouble: Double(size.height) * Double(width) / Double(height))
    )
    let y = try scope.resizedImages(x, axes, to: covering, bilinear)
    let rows = try scope.middle(y, axis: axes.height, size: .fixed(size.height))
    return [Operand(try scope.middle(rows, axis: axes.width, size: .fixed(size.width)))]
  }
}

extension LayerConfig {
  /// A number of pixels.
  fileprivate mutating func imageSize(_ key: String) throws(KerasImportError) -> Int {
    let size = try count(key)
    guard size < 1 << 24 else { throw invalid(key, expected: "a number of pixels", found: "\(size)") }
    return size
  }
}

extension LoweringScope {
  /// Images of any element type resampled; integers are rounded and kept in range, as Keras 3 does.
  func resizedImages(
    _ x: Value, _ axes: ImageLayout, to size: (height: Int, width: Int), _ resize: ImageResize
  ) throws(KerasImportError) -> Value {
    let dtype = dtype(of: x)
    let isFloating = dtype.isFloatingPoint
    let y = isFloating || resize.method == .nearest ? x : try cast(x, to: .float32)
    let resized = try resized(
      y, axes: [axes.height, axes.width], sizes: [.fixed(size.height), .fixed(size.width)], resize)
    guard self.dtype(of: resized) != dtype else { return resized }
    return try saturated(unary(.round, resized), to: dtype)
  }

  /// The largest window in the middle of each image that has the target's ratio.
  func cropped(
    _ x: Value, _ axes: ImageLayout, to size: (height: Int, width: Int)
  ) throws(KerasImportError) -> Value {
    let window = croppedSize(shape(of: x)[axes.height], shape(of: x)[axes.width], to: size)
    return try middle(middle(x, axis: axes.height, size: window.height), axis: axes.width, size: window.width)
  }

  /// The size of the largest window of the target's ratio.
  func croppedSize(
    _ height: Dimension, _ width: Dimension, to size: (height: Int, width: Int)
  ) -> (height: Dimension, width: Dimension) {
    let rows = ratio(width, size.height, size.width)
    let columns = ratio(height, size.width, size.height)
    return (.maximum(.minimum(height, rows), 1), .maximum(.minimum(width, columns), 1))
  }

  /// Each image with equal borders that bring it to the target's ratio.
  func padded(
    _ x: Value, _ axes: ImageLayout, to size: (height: Int, width: Int), with fill: Double
  ) throws(KerasImportError) -> Value {
    let (height, width) = (shape(of: x)[axes.height], shape(of: x)[axes.width])
    let rows = ratio(width, size.height, size.width)
    let columns = ratio(height, size.width, size.height)
    var y = x
    for (axis, missing) in [(axes.height, rows - height), (axes.width, columns - width)] {
      let border = Dimension.maximum(missing, 0) / 2
      if border == 0 { continue }
      if let count = border.fixedSize {
        var pads = Array(repeating: PadPair(0, 0), count: rank(of: y))
        pads[axis] = PadPair(count, count)
        y = try emit(.pad(PadAttributes(pads: pads, mode: .constant(fill))), y)
      } else {
        var side = shape(of: y)
        side[axis] = border
        let filler = try emit(.expand(side), scalar(fill, like: y))
        y = try emit(.concat(axis: axis), filler, y, filler)
      }
    }
    return y
  }

  /// `a * b / c` as Keras rounds it.
  private func ratio(_ a: Dimension, _ b: Int, _ c: Int) -> Dimension {
    guard let a = a.fixedSize else { return a * .fixed(b) / .fixed(c) }
    return .fixed(Int(clampingDouble: Double(Float(a) * Float(b) / Float(c))))
  }

  /// As many elements in the middle of an axis. Where the size is not known and turns out too small the model fails
  /// when it runs.
  func middle(_ x: Value, axis: Int, size: Dimension) throws(KerasImportError) -> Value {
    let total = shape(of: x)[axis]
    if total == size { return x }
    if let count = total.fixedSize, let size = size.fixedSize {
      let start = max(count - size, 0) / 2
      return try emit(.slice([SliceRange(axis: axis, start: start, stop: start + size)]), x)
    }
    let start = (total - size) / 2 + Dimension.maximum(size - total, 0) * .fixed(1 << 20)
    let places = try add(emit(.range(size)), emit(.sizes([start])))
    return try emit(.gather(axis: axis), x, places)
  }
}
