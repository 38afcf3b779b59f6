import ModelIR

/// The operations of `keras/src/ops/image.py`, one line each.
extension LayerRegistry {
  mutating func addImageOperations() {
    add("RGBToGrayscale", as: OperationCall.grayscale)
    add("RGBToHSV", as: OperationCall.hsvFromRGB)
    add("HSVToRGB", as: OperationCall.rgbFromHSV)
    add("Resize", as: OperationCall.resize)
    add("PadImages", as: OperationCall.padImages)
    add("CropImages", as: OperationCall.cropImages)
    add("ExtractPatches", as: OperationCall.extractPatches)
    add("AffineTransform", as: OperationCall.affineTransform)
    add("PerspectiveTransform", as: OperationCall.perspectiveTransform)
    add("MapCoordinates", as: OperationCall.mapCoordinates)
    add("ScaleAndTranslate", as: OperationCall.scaleAndTranslate)
    add("GaussianBlur", as: OperationCall.gaussianBlur)
    add("SobelEdges", as: OperationCall.sobelEdges)
    add("SSIM", as: OperationCall.structuralSimilarity)
    refuse(
      "ElasticTransform", because: "it moves elements at random; its numbers are Keras's generator's own")
  }
}

/// Colours, sizes and filters of images `[H, W, C]` or `[N, H, W, C]` (channels first where `data_format` says so).
extension OperationCall {
  /// A function of images with channels last.
  func inChannelsLast(
    _ x: Value, _ body: (Value) throws(KerasImportError) -> Value
  ) throws(KerasImportError) -> Value {
    let rank = scope.rank(of: x)
    guard rank == 3 || rank == 4 else {
      throw KerasImportError(
        .invalidGraph("expected an image or a batch of images, found shape \(scope.shape(of: x))"))
    }
    guard try layout() == .channelsFirst else { return try body(x) }
    let y = try body(scope.moveAxes(x, from: [rank - 3], to: [rank - 1]))
    return try scope.moveAxes(y, from: [rank - 1], to: [rank - 3])
  }

  /// A function of a batch of images with channels last, for one image, too.
  private func inBatches(
    _ x: Value, _ body: (Value) throws(KerasImportError) -> Value
  ) throws(KerasImportError) -> Value {
    try inChannelsLast(x) { image throws(KerasImportError) in
      guard scope.rank(of: image) == 3 else { return try body(image) }
      return try scope.squeeze(body(scope.expandDims(image, axes: [0])), axes: [0])
    }
  }

  // MARK: Colours

  /// `0.2989 r + 0.587 g + 0.114 b`, one channel; images of one channel stay. Integers are truncated.
  func grayscale() throws(KerasImportError) -> Value {
    let given = try tensor("images", at: 0)
    return try inChannelsLast(given) { x throws(KerasImportError) in
      if scope.shape(of: x)[scope.rank(of: x) - 1] == 1 { return x }
      let wide = try scope.floating(x)
      let weights = try scope.constant(
        [0.2989, 0.5870, 0.1140], sizes: [3, 1], dtype: scope.dtype(of: wide))
      return try scope.cast(scope.matMul(wide, weights), to: scope.dtype(of: x))
    }
  }

  /// Hue, saturation and value of colours in 0 ... 1.
  func hsvFromRGB() throws(KerasImportError) -> Value {
    try inChannelsLast(floating("images", at: 0)) { x throws(KerasImportError) in try scope.hsv(fromRGB: x) }
  }

  /// Colours of hue, saturation and value.
  func rgbFromHSV() throws(KerasImportError) -> Value {
    try inChannelsLast(floating("images", at: 0)) { x throws(KerasImportError) in try scope.rgb(fromHSV: x) }
  }

  // MARK: Sizes

  /// Images resampled to a size: float32, or their own type with `nearest` and where the size is theirs already.
  /// `crop_to_aspect_ratio` takes the largest window of the target's ratio first, `pad_to_aspect_ratio` adds borders.
  func resize() throws(KerasImportError) -> Value {
    let size = try required("size", ints("size"))
    guard size.count == 2, size.allSatisfy({ (1..<1 << 24).contains($0) }) else {
      throw KerasImportError(.invalidGraph("an image size of \(size)"))
    }
    let text = try string("interpolation") ?? "bilinear"
    guard let method = ImageResize.Method(rawValue: text) else {
      throw KerasImportError(.unsupported("interpolation \"\(text)\""))
    }
    let resize = ImageResize(method: method, antialias: try bool("antialias", default: false))
    let (crops, pads) = (
      try bool("crop_to_aspect_ratio", default: false), try bool("pad_to_aspect_ratio", default: false)
    )
    guard try string("fill_mode") ?? "constant" == "constant" else {
      throw KerasImportError(.unsupported("fill modes but constant"))
    }
    let fill = try double("fill_value", default: 0)
    return try inChannelsLast(tensor("images", at: 0)) { image throws(KerasImportError) in
      let axes = try ImageLayout(.channelsLast, shape: scope.shape(of: image))
      var x = image
      if crops { x = try scope.cropped(x, axes, to: (size[0], size[1])) }
      if pads { x = try scope.padded(x, axes, to: (size[0], size[1]), with: fill) }
      return try scope.tensorFlowResized(x, axes, to: (.fixed(size[0]), .fixed(size[1])), resize)
    }
  }

  /// Zeros around images; of two sides and the target size one may be left out.
  func padImages() throws(KerasImportError) -> Value {
    let x = try tensor("images", at: 0)
    let axes = try ImageLayout(layout(), shape: scope.shape(of: x))
    let shape = scope.shape(of: x)
    let rows = try sides("top_padding", "bottom_padding", "target_height") { $0 - shape[axes.height] }
    let columns = try sides("left_padding", "right_padding", "target_width") { $0 - shape[axes.width] }
    let y = try scope.bordered(x, axis: axes.height, before: rows.0, after: rows.1)
    return try scope.bordered(y, axis: axes.width, before: columns.0, after: columns.1)
  }

  /// Images without borders; of two sides and the target size one may be left out.
  func cropImages() throws(KerasImportError) -> Value {
    let x = try tensor("images", at: 0)
    let axes = try ImageLayout(layout(), shape: scope.shape(of: x))
    let shape = scope.shape(of: x)
    let rows = try sides("top_cropping", "bottom_cropping", "target_height") { shape[axes.height] - $0 }
    let columns = try sides("left_cropping", "right_cropping", "target_width") { shape[axes.width] - $0 }
    let y = try scope.part(x, axis: axes.height, start: rows.0, size: shape[axes.height] - rows.0 - rows.1)
    return try scope.part(
      y, axis: axes.width, start: columns.0, size: shape[axes.width] - columns.0 - columns.1)
  }

  /// What two sides are, where one of them may follow from the target: `total` is both for a target.
  private func sides(
    _ first: String, _ second: String, _ target: String, total: (Dimension) -> Dimension
  ) throws(KerasImportError) -> (Dimension, Dimension) {
    let (before, after) = (try int(first).map(Dimension.fixed), try int(second).map(Dimension.fixed))
    let both = try int(target).map { total(.fixed($0)) }
    switch (before, after, both) {
    case (let before?, let after?, _): return (before, after)
    case (let before?, nil, let both?): return (before, both - before)
    case (nil, let after?, let both?): return (both - after, after)
    default: throw KerasImportError(.missingKey(target))
    }
  }

  /// Windows of images (or volumes) as channels, tap by tap: `[N, rows, columns, h w C]`.
  func extractPatches() throws(KerasImportError) -> Value {
    let given = try tensor("images", at: 0)
    let size = try required("size", ints("size"))
    let count = size.count == 3 ? 3 : 2
    func spread(_ numbers: [Int]) -> [Int] {
      numbers.count == 1 ? Array(repeating: numbers[0], count: count) : numbers
    }
    let isChannelsFirst = try layout() == .channelsFirst
    let isSingle = scope.rank(of: given) == count + 1
    var x = isSingle ? try scope.expandDims(given, axes: [0]) : given
    try scope.expectRank(count + 2, of: x)
    if isChannelsFirst { x = try scope.moveAxes(x, from: [1], to: [count + 1]) }
    let isStrided = value("strides") != nil
    let windows = SlidingWindows(
      sizes: spread(size), strides: spread(isStrided ? try ints("strides") ?? size : size),
      dilations: spread(try ints("dilation_rate") ?? [1]),
      isSame: try string("padding")?.lowercased() == "same")
    ignore("strides")
    var y = try scope.patches(x, windows)
    if isChannelsFirst { y = try scope.moveAxes(y, from: [count + 1], to: [1]) }
    return isSingle ? try scope.squeeze(y, axes: [0]) : y
  }

  // MARK: Filters

  /// A Gaussian blur: separable weights of each size and deviation, zeros around.
  func gaussianBlur() throws(KerasImportError) -> Value {
    let sizes = try ints("kernel_size") ?? [3, 3]
    let sigmas = try array("sigma")?.numbers() ?? [1, 1]
    guard sizes.count == 2, sigmas.count == 2, sizes.allSatisfy({ (1..<1 << 10).contains($0) }) else {
      throw KerasImportError(.invalidGraph("a kernel of \(sizes), \(sigmas)"))
    }
    return try inBatches(floating("images", at: 0)) { x throws(KerasImportError) in
      let rows = Filters.gaussian(sizes[1], sigma: sigmas[1])
      let columns = Filters.gaussian(sizes[0], sigma: sigmas[0])
      // Keras's kernel is reshaped from [size 1, size 0] to [size 0, size 1] when the two differ.
      let kernel = rows.flatMap { row in columns.map { row * $0 } }
      return try scope.filtered(x, kernel, sizes: (sizes[0], sizes[1]), isSame: true)
    }
  }

  /// Sobel's derivatives in both directions as a new last axis (down, across); borders mirrored.
  func sobelEdges() throws(KerasImportError) -> Value {
    let given = try floating("images", at: 0)
    try scope.expectRank(4, of: given)
    let isChannelsFirst = try layout() == .channelsFirst
    let x = isChannelsFirst ? try scope.transpose(given, [0, 2, 3, 1]) : given
    let pads = [PadPair(0, 0), PadPair(1, 1), PadPair(1, 1), PadPair(0, 0)]
    let wide = try scope.padded(x, by: pads, mode: "reflect", filler: 0)
    let down = try scope.filtered(wide, [-1, -2, -1, 0, 0, 0, 1, 2, 1], sizes: (3, 3), isSame: false)
    let across = try scope.filtered(wide, [-1, 0, 1, -2, 0, 2, -1, 0, 1], sizes: (3, 3), isSame: false)
    let y = try scope.stack([down, across], axis: 4)
    return isChannelsFirst ? try scope.transpose(y, [0, 3, 1, 2, 4]) : y
  }

  /// The mean structural similarity of two images: Gaussian windows, `C1 = (k1 max)^2`, `C2 = (k2 max)^2`.
  func structuralSimilarity() throws(KerasImportError) -> Value {
    let own = scope.dtype(of: try tensor("image1", at: 0))
    var images = try floatingOperands("image1", "image2")
    let isSingle = scope.rank(of: images[0]) == 3
    let isChannelsFirst = try layout() == .channelsFirst
    for index in images.indices {
      if isSingle { images[index] = try scope.expandDims(images[index], axes: [0]) }
      if isChannelsFirst { images[index] = try scope.moveAxes(images[index], from: [1], to: [3]) }
      try scope.expectRank(4, of: images[index])
    }
    let size = try int("filter_size", default: 11)
    let peak = try double("max_val", default: 1)
    guard (1..<1 << 10).contains(size) else { throw KerasImportError(.invalidGraph("a filter of \(size)")) }
    let weights = Filters.gaussian(size, sigma: try double("filter_sigma", default: 1.5))
    let kernel = weights.flatMap { row in weights.map { row * $0 } }
    func blurred(_ x: Value) throws(KerasImportError) -> Value {
      try scope.filtered(x, kernel, sizes: (size, size), isSame: false)
    }
    let (c1, c2) = (
      try pow2((double("k1", default: 0.01)) * peak), try pow2((double("k2", default: 0.03)) * peak)
    )
    let (a, b) = (images[0], images[1])
    let (meanA, meanB) = (try blurred(a), try blurred(b))
    let (squareA, squareB) = (try scope.multiply(meanA, meanA), try scope.multiply(meanB, meanB))
    let product = try scope.multiply(meanA, meanB)
    let varianceA = try scope.subtract(blurred(scope.multiply(a, a)), squareA)
    let varianceB = try scope.subtract(blurred(scope.multiply(b, b)), squareB)
    let covariance = try scope.subtract(blurred(scope.multiply(a, b)), product)
    let numerator = try scope.multiply(
      scope.add(scope.multiply(product, 2), c1), scope.add(scope.multiply(covariance, 2), c2))
    let denominator = try scope.multiply(
      scope.add(scope.add(squareA, squareB), c1), scope.add(scope.add(varianceA, varianceB), c2))
    let y = try scope.reduce(.mean, scope.divide(numerator, denominator), axes: [1, 2, 3])
    return try scope.cast(isSingle ? scope.squeeze(y, axes: [0]) : y, to: own)
  }

  private func pow2(_ x: Double) -> Double { x * x }
}
