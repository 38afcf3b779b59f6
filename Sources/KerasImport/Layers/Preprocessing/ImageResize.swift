import ModelIR

/// How images are resampled: `keras.ops.image.resize` on TensorFlow.
struct ImageResize {
  enum Method: String, CaseIterable, Sendable {
    case nearest, bilinear, bicubic, lanczos3, lanczos5, area
    /// tf.keras only.
    case gaussian, mitchellcubic

    /// Whether an element in the middle of the window is the result: an axis that keeps its size is not touched.
    var interpolates: Bool {
      switch self {
      case .nearest, .bilinear, .bicubic, .lanczos3, .lanczos5: true
      case .area, .gaussian, .mitchellcubic: false
      }
    }
  }

  var method: Method
  var antialias = false

  /// The weights of the `size` elements of an axis in each of `target` results, row by row; nil for methods that only
  /// pick elements.
  func matrix(size: Int, target: Int) -> [Double] {
    var result = [Double](repeating: 0, count: size * target)
    let ratio = Double(size) / Double(target)
    for row in 0..<target {
      if method == .area {
        let (low, high) = (Double(row) * ratio, Double(row + 1) * ratio)
        for place in Int(low)..<min(size, Int(high.rounded(.up))) {
          let covered = min(high, Double(place + 1)) - max(low, Double(place))
          result[row * size + place] = covered / ratio
        }
        continue
      }
      let widening = antialias ? max(ratio, 1) : 1
      let center = (Double(row) + 0.5) * ratio - 0.5
      let reach = radius * widening
      let first = max(0, Int((center - reach).rounded(.up)))
      let last = min(size - 1, Int((center + reach).rounded(.down)))
      if method == .bilinear, !antialias {
        let low = center.rounded(.down)
        let weight = center - low
        result[row * size + min(max(Int(low), 0), size - 1)] += 1 - weight
        result[row * size + min(max(Int(low) + 1, 0), size - 1)] += weight
        continue
      }
      guard first <= last else { continue }
      // TensorFlow takes bicubic weights from a table with 1024 steps between two elements.
      let low = center.rounded(.down)
      let isTabulated = method == .bicubic && !antialias
      let place = isTabulated ? low + ((center - low) * 1024).rounded(.toNearestOrEven) / 1024 : center
      let weights = (first...last).map { kernel(abs(Double($0) - place) / widening) }
      let total = weights.reduce(0, +)
      for (index, weight) in weights.enumerated() where total != 0 {
        result[row * size + first + index] = weight / total
      }
    }
    return result
  }

  private var radius: Double {
    switch method {
    case .nearest, .area: 0
    case .bilinear: 1
    case .gaussian: 1.5
    case .bicubic, .mitchellcubic: 2
    case .lanczos3: 3
    case .lanczos5: 5
    }
  }

  private func kernel(_ t: Double) -> Double {
    switch method {
    case .bilinear: return max(1 - t, 0)
    case .bicubic:
      let a = -0.5
      if t <= 1 { return ((a + 2) * t - (a + 3)) * t * t + 1 }
      return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0
    case .lanczos3, .lanczos5:
      if t == 0 { return 1 }
      guard t < radius else { return 0 }
      return ImageResize.sinc(t) * ImageResize.sinc(t / radius)
    case .gaussian: return t < radius ? 1 / ImageResize.exponential(2 * t * t) : 0
    case .mitchellcubic:
      if t < 1 { return ((7 * t - 12) * t * t + 16 / 3) / 6 }
      return t < 2 ? (((-7 / 3 * t + 12) * t - 20) * t + 32 / 3) / 6 : 0
    case .nearest, .area: return 0
    }
  }

  private static func sinc(_ t: Double) -> Double {
    let x = t * Double.pi
    return sine(x) / x
  }

  /// Sine without a math library: the argument reduced to half a turn, then its series.
  private static func sine(_ x: Double) -> Double {
    let turns = (x / (2 * Double.pi)).rounded()
    let reduced = x - turns * 2 * Double.pi
    var term = reduced
    var sum = reduced
    for step in 1...16 {
      term *= -reduced * reduced / Double((2 * step) * (2 * step + 1))
      sum += term
    }
    return sum
  }

  /// e to a power between 0 and 5, by its series.
  private static func exponential(_ x: Double) -> Double {
    var term = 1.0
    var sum = 1.0
    for step in 1...40 {
      term *= x / Double(step)
      sum += term
    }
    return sum
  }
}

extension LoweringScope {
  /// Images resampled along axes: picked elements, an operation where weights are linear, else one product per axis with
  /// a matrix, which is constant where both sizes are known.
  func resized(
    _ x: Value, axes: [Int], sizes: [Dimension], _ resize: ImageResize
  ) throws(KerasImportError) -> Value {
    if resize.method == .nearest {
      return try emit(
        .resize(ResizeAttributes(method: .nearest, coordinates: .halfPixel, axes: axes, sizes: sizes)), x)
    }
    let target = dtype(of: x)
    let compute: DType = target == .float64 ? .float64 : .float32
    var y = try cast(x, to: compute)
    if resize.method == .bilinear, !resize.antialias {
      y = try emit(
        .resize(ResizeAttributes(method: .linear, coordinates: .halfPixel, axes: axes, sizes: sizes)), y)
      return try cast(y, to: target)
    }
    for (axis, size) in zip(axes, sizes) { y = try resampled(y, axis: axis, target: size, resize) }
    return try cast(y, to: target)
  }

  private func resampled(
    _ x: Value, axis: Int, target: Dimension, _ resize: ImageResize
  ) throws(KerasImportError) -> Value {
    let weights: Value
    if let size = shape(of: x)[axis].fixedSize, let target = target.fixedSize {
      if size == target, resize.method.interpolates { return x }
      guard size.multipliedReportingOverflow(by: target).partialValue <= 1 << 27, max(size, target) < 1 << 31
      else {
        throw KerasImportError(.unsupported("resampling \(size) elements to \(target)"))
      }
      let numbers = resize.matrix(size: size, target: target)
      let matrix = try checkedTensor(Tensor(numbers, sizes: [target, size], dtype: dtype(of: x)))
      weights = try transpose(constant(matrix, as: "resize"), [1, 0])
    } else {
      weights = try computedWeights(from: shape(of: x)[axis], to: target, dtype(of: x), resize)
    }
    let moved = try moveAxes(x, from: [axis], to: [-1])
    return try moveAxes(matMul(moved, weights), from: [-1], to: [axis])
  }

  /// The weights of an axis whose size or target is known when the model runs: `[size, target]`.
  private func computedWeights(
    from size: Dimension, to target: Dimension, _ dtype: DType, _ resize: ImageResize
  ) throws(KerasImportError) -> Value {
    switch resize.method {
    case .bilinear, .bicubic, .lanczos3, .lanczos5: break
    case .nearest, .area, .gaussian, .mitchellcubic:
      throw KerasImportError(
        .unsupported("\(resize.method.rawValue) resampling of images whose size is not known"))
    }
    let scale = try divide(cast(emit(.sizes([target])), to: dtype), cast(emit(.sizes([size])), to: dtype))
    let isTabulated = resize.method == .bicubic && !resize.antialias
    return try resamplingWeights(
      from: size, to: target, scale: scale, translation: scalar(0, dtype), method: resize.method.rawValue,
      antialias: resize.antialias, steps: isTabulated ? 1024 : nil)
  }
}
