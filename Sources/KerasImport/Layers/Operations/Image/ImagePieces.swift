import ModelIR

/// Windows that slide over spatial axes.
struct SlidingWindows {
  var sizes, strides, dilations: [Int]
  /// Zeros around, so that there are `ceil(n / stride)` windows along each axis.
  var isSame: Bool
}

/// What operations on images are made of; images have their channels last.
extension LoweringScope {
  /// Hue, saturation and value: `v = max`, `s = range / v`, the hue from the channel that is largest.
  /// Source: TensorFlow's `RGBToHSV` kernel.
  func hsv(fromRGB x: Value) throws(KerasImportError) -> Value {
    let (r, g, b) = try channels(x)
    let value = try maximum(maximum(r, g), b)
    let span = try subtract(value, minimum(minimum(r, g), b))
    let saturation = try select(compare(.greater, value, 0), divideNoNaN(span, value), scalar(0, like: x))
    let safe = try select(compare(.greater, span, 0), span, scalar(1, like: x))
    let norm = try divide(scalar(1.0 / 6, like: x), safe)
    let red = try multiply(norm, subtract(g, b))
    let green = try add(multiply(norm, subtract(b, r)), 2.0 / 6)
    let blue = try add(multiply(norm, subtract(r, g)), 4.0 / 6)
    let picked = try select(compare(.equal, r, value), red, select(compare(.equal, g, value), green, blue))
    let hue = try select(compare(.greater, span, 0), picked, scalar(0, like: x))
    let turned = try select(compare(.less, hue, 0), add(hue, 1), hue)
    return try stack([turned, saturation, value], axis: rank(of: x) - 1)
  }

  /// Colours of hue, saturation and value. Source: TensorFlow's `HSVToRGB` kernel.
  func rgb(fromHSV x: Value) throws(KerasImportError) -> Value {
    let (h, s, v) = try channels(x)
    let turn = try multiply(h, 6)
    func ramp(_ centre: Double, _ sign: Double, _ offset: Double) throws(KerasImportError) -> Value {
      let distance = try unary(.absolute, add(turn, -centre))
      return try unary(.clip(minimum: 0, maximum: 1), add(multiply(distance, sign), offset))
    }
    let rest = try subtract(scalar(1, like: x), s)
    func channel(_ level: Value) throws(KerasImportError) -> Value {
      try multiply(add(rest, multiply(s, level)), v)
    }
    let colours = try [channel(ramp(3, 1, -1)), channel(ramp(2, -1, 2)), channel(ramp(4, -1, 2))]
    return try stack(colours, axis: rank(of: x) - 1)
  }

  private func channels(_ x: Value) throws(KerasImportError) -> (Value, Value, Value) {
    let parts = try unstacked(x, axis: rank(of: x) - 1, count: 3)
    guard parts.count == 3 else {
      throw KerasImportError(.invalidGraph("expected 3 channels, found shape \(shape(of: x))"))
    }
    return (parts[0], parts[1], parts[2])
  }

  /// `tf.image.resize`: float32 unless elements are only picked.
  func tensorFlowResized(
    _ x: Value, _ axes: ImageLayout, to size: (height: Dimension, width: Dimension), _ resize: ImageResize
  ) throws(KerasImportError) -> Value {
    let wide = resize.method == .nearest ? x : try cast(x, to: .float32)
    return try resized(wide, axes: [axes.height, axes.width], sizes: [size.height, size.width], resize)
  }

  /// Zeros (or other numbers) before and after an axis, as many as sizes say.
  func bordered(
    _ x: Value, axis: Int, before: Dimension, after: Dimension, filler: Double = 0
  ) throws(KerasImportError) -> Value {
    if let first = before.fixedSize, let last = after.fixedSize {
      guard first >= 0, last >= 0 else {
        throw KerasImportError(.invalidGraph("borders of \(first) and \(last) elements"))
      }
      if first == 0, last == 0 { return x }
      var pads = Array(repeating: PadPair(0, 0), count: rank(of: x))
      pads[axis] = PadPair(first, last)
      return try padded(x, by: pads, mode: "constant", filler: filler)
    }
    var parts = [x]
    for (index, size) in [before, after].enumerated() where size != 0 {
      var side = shape(of: x)
      side[axis] = size
      parts.insert(try filled(side, filler, dtype(of: x)), at: index == 0 ? 0 : parts.count)
    }
    return try concat(parts, axis: axis)
  }

  /// Sliding windows of `[N, spatial..., C]` as channels, tap by tap.
  func patches(_ x: Value, _ windows: SlidingWindows) throws(KerasImportError) -> Value {
    let count = windows.sizes.count
    guard [windows.strides.count, windows.dilations.count] == [count, count],
      (windows.sizes + windows.strides + windows.dilations).allSatisfy({ (1..<1 << 20).contains($0) })
    else { throw KerasImportError(.invalidGraph("windows of \(windows.sizes) every \(windows.strides)")) }
    var y = x
    var outputs: [Dimension] = []
    for index in 0..<count {
      let (size, stride, dilation) = (windows.sizes[index], windows.strides[index], windows.dilations[index])
      // Each axis done is two axes: windows and taps.
      let axis = 1 + 2 * index
      if windows.isSame {
        let own = shape(of: y)[axis]
        let wanted =
          (own.dividedRoundingUp(by: stride) - 1) * .fixed(stride) + .fixed((size - 1) * dilation + 1)
        let missing = Dimension.maximum(wanted - own, 0)
        y = try bordered(y, axis: axis, before: missing / 2, after: missing - missing / 2)
      }
      let number = windowCount(shape(of: y)[axis], size, stride, dilation)
      outputs.append(number)
      let starts = try expandDims(multiply(emit(.range(number)), Double(stride)), axes: [1])
      let taps = try multiply(emit(.range(.fixed(size))), Double(dilation))
      y = try emit(.gather(axis: axis), y, add(starts, taps))
    }
    let places = (0..<count).map { 1 + 2 * $0 }
    let order = [0] + places + places.map { $0 + 1 } + [2 * count + 1]
    let channels = shape(of: x)[count + 1] * .fixed(windows.sizes.reduce(1, *))
    return try reshape(transpose(y, order), Shape([shape(of: x)[0]] + outputs + [channels]))
  }

  /// One filter for every channel of `[N, H, W, C]`.
  func filtered(
    _ x: Value, _ kernel: [Double], sizes: (Int, Int), isSame: Bool
  ) throws(KerasImportError) -> Value {
    guard let channels = shape(of: x)[3].fixedSize, channels > 0, channels <= 1 << 16 else {
      throw KerasImportError(.unsupported("filters of images whose channels are not known"))
    }
    let numbers = kernel.flatMap { Array(repeating: $0, count: channels) }
    let weights = try constant(
      numbers, sizes: [sizes.0, sizes.1, channels, 1], dtype: dtype(of: x), as: "filter")
    let window = ConvolutionWindow(
      kernelSize: [sizes.0, sizes.1], strides: [1, 1], dilations: [1, 1], padding: isSame ? .same : .valid,
      layout: .channelsLast)
    return try convolveDepthwise(x, weights, window)
  }
}
