import ModelIR

/// `x * scale + offset`; both numbers or lists along the last axis. Mask: passed.
/// Source: `keras/src/layers/preprocessing/rescaling.py`.
struct Rescaling: Layer {
  let scale: (values: [Double], sizes: [Int])
  let offset: (values: [Double], sizes: [Int])
  let layout: DataLayout
  let maskRule: MaskRule

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    guard let scale = try config.optionalArray("scale") else { throw KerasImportError(.missingKey("scale")) }
    self.scale = scale
    offset = try config.optionalArray("offset") ?? ([0], [])
    layout = try config.layout()
    maskRule = config.has(.dropsMask) ? .drop : .pass
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try scope.cast(call.input.value, to: scope.computeDType)
    let y = try scope.multiply(x, factor(scale, scope, rank: scope.rank(of: x)))
    return [Operand(try scope.add(y, factor(offset, scope, rank: scope.rank(of: x))))]
  }

  private func factor(_ array: (values: [Double], sizes: [Int]), _ scope: LoweringScope, rank: Int)
    throws(KerasImportError) -> Value
  {
    let value = scope.constant(
      try checkedTensor(Tensor(array.values, sizes: array.sizes, dtype: scope.computeDType)))
    guard array.sizes.count == 1, layout == .channelsFirst, rank > 2 else { return value }
    return try scope.alongAxis(value, axis: 1, rank: rank)
  }
}

/// `(x - mean) / max(sqrt(variance), 1e-7)`, or back with `invert`; the statistics are weights, or in the
/// configuration. `axis` null: one mean and variance for all. Mask: passed.
/// Source: `keras/src/layers/preprocessing/normalization.py`.
struct Normalization: Layer {
  let axes: [Int]?
  let invert: Bool
  let mean: (values: [Double], sizes: [Int])?
  let variance: (values: [Double], sizes: [Int])?
  let maskRule: MaskRule
  var weights: [WeightSpec] {
    mean != nil ? [] : ["mean", "variance", "count"].map { WeightSpec($0, isTrainable: false) }
  }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    let isNull = config.json["axis"]?.isNull ?? false
    axes = isNull ? nil : try config.optionalInts("axis") ?? [-1]
    invert = try config.bool("invert", default: false)
    mean = try config.optionalArray("mean")
    variance = try config.optionalArray("variance")
    maskRule = config.has(.dropsMask) ? .drop : .pass
    config.ignore("axis", "input_mean", "input_variance")
    guard (mean == nil) == (variance == nil) else {
      throw KerasImportError(.missingKey(mean == nil ? "mean" : "variance"))
    }
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try scope.cast(call.input.value, to: scope.computeDType)
    let m = try statistic("mean", mean, x, scope)
    let v = try statistic("variance", variance, x, scope)
    let deviation = try scope.unary(.clip(minimum: 1e-7, maximum: nil), scope.unary(.sqrt, v))
    if invert { return [Operand(try scope.add(m, scope.multiply(x, deviation)))] }
    return [Operand(try scope.divide(scope.subtract(x, m), deviation))]
  }

  private func statistic(
    _ name: String, _ given: (values: [Double], sizes: [Int])?, _ x: Value, _ scope: LoweringScope
  ) throws(KerasImportError) -> Value {
    let shape = scope.shape(of: x)
    let kept = try scope.axes(axes ?? [], rank: shape.rank)  // None: no axis is kept.
    var value: Value
    if let given {
      value = scope.constant(
        try checkedTensor(Tensor(given.values, sizes: given.sizes, dtype: scope.computeDType)))
      let expected = kept.map { shape[$0] }
      let isOne = given.values.count == 1
      if isOne { return try scope.reshape(value, []) }
      guard given.values.count == Shape(expected).elementCount.fixedSize else {
        throw KerasImportError(
          .invalidValue(key: name, expected: "shape \(Shape(expected))", found: "shape \(given.sizes)"))
      }
      value = try scope.reshape(value, Shape(expected))
    } else {
      value = try scope.weight(name, Shape(kept.map { shape[$0] }))
    }
    return kept.isEmpty ? value : try scope.spread(value, over: kept, rank: shape.rank)
  }
}
