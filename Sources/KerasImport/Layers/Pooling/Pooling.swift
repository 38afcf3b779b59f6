import ModelIR

/// MaxPooling and AveragePooling in 1 to 3 dimensions; padding neither wins nor counts.
/// Source: `keras/src/layers/pooling/base_pooling.py`.
struct Pooling: Layer {
  let function: PoolFunction
  let poolSize: [Int]
  let strides: [Int]
  let isSame: Bool
  /// Theano's "same": padding in front whatever the stride, and as much behind as gives `ceil(n / stride)` outputs.
  let isTheanoSame: Bool
  let layout: DataLayout

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    let count = try config.spatialCount()
    function = config.className.hasPrefix("Max") ? .maximum : .average
    poolSize = try config.ints("pool_size", count: count, default: 2)
    strides = config.value("strides") == nil ? poolSize : try config.ints("strides", count: count)
    isSame = try config.choice("padding", default: ConvolutionWindow.PaddingName.valid) == .same
    isTheanoSame = config.has(.padsFrontFirst)
    layout = try config.layout()
    guard (poolSize + strides).allSatisfy({ $0 > 0 && $0 < 1 << 31 }) else {
      throw config.invalid("pool_size", expected: "positive integers", found: "\(poolSize)")
    }
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    try scope.expectRank(poolSize.count + 2, of: x)
    return [Operand(try scope.emit(.pool(attributes(scope.shape(of: x))), x))]
  }

  /// Source: `pool2d` of `keras/backend/theano_backend.py`, Keras 1 and 2.
  var theanoPadding: [PadPair] {
    poolSize.map { size in
      let before = size > 2 && size % 2 == 1 ? size - 2 : size - 1
      return PadPair(before, size - 1 - before)
    }
  }

  private func attributes(_ shape: Shape) -> PoolAttributes {
    var padding = Padding.explicit(poolSize.map { _ in PadPair(0, 0) })
    if isTheanoSame {
      padding = .explicit(theanoPadding)
    } else if isSame {
      let sizes = layout.spatialAxes(rank: shape.rank).map { shape[$0].fixedSize }
      var pairs: [PadPair] = []
      for index in poolSize.indices {
        guard let size = strides[index] == 1 ? 1 << 20 : sizes[index] else { break }
        pairs.append(PadPair.same(size: size, window: poolSize[index], stride: strides[index]))
      }
      padding = pairs.count == poolSize.count ? .explicit(pairs) : .sameUpper
    }
    return PoolAttributes(
      function: function, kernelSize: poolSize, strides: strides, padding: padding, layout: layout)
  }
}

/// GlobalMaxPooling and GlobalAveragePooling. GlobalAveragePooling1D with a mask: sum of the kept steps by their
/// number, or of the weighted ones by their weights (``EraMark/weighsByMask``). Mask: ends here. Source: `keras/src/layers/pooling/global_average_pooling1d.py`.
struct GlobalPooling: Layer {
  let function: ReduceFunction
  let spatialCount: Int
  let keepDims: Bool
  let layout: DataLayout
  let ignoresMask: Bool
  let weighsByMask: Bool
  let averagesInIntegers: Bool
  var callParameters: [String] { function == .mean && spatialCount == 1 ? ["inputs", "mask"] : ["inputs"] }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    spatialCount = try config.spatialCount()
    function = config.className.hasPrefix("GlobalMax") ? .maximum : .mean
    keepDims = try config.bool("keepdims", default: false)
    layout = try config.layout()
    ignoresMask = config.has(.averagesMaskedSteps)
    weighsByMask = config.has(.weighsByMask)
    averagesInIntegers = config.has(.averagesInIntegers)
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let operand = try call.input
    let found = scope.dtype(of: operand.value)
    let isCast = function == .mean && (found == .bool || found.isInteger && !averagesInIntegers)
    let x = isCast ? try scope.inComputeType(operand.value) : operand.value
    let function = found == .bool && function == .maximum ? ReduceFunction.any : function
    try scope.expectRank(spatialCount + 2, of: x)
    let axes = layout.spatialAxes(rank: spatialCount + 2)
    let mask = call.operand("mask")?.value ?? operand.mask
    guard let mask, function == .mean, spatialCount == 1, !ignoresMask else {
      return [Operand(try scope.reduce(function, x, axes: axes, keepDims: keepDims))]
    }
    let wide = try scope.expandDims(
      weighsByMask ? mask : scope.cast(mask, to: .bool), axes: [layout == .channelsLast ? 2 : 1])
    let weights = try scope.cast(wide, to: scope.dtype(of: x))
    let kept =
      try weighsByMask
      ? scope.multiply(x, weights) : scope.emit(.select, wide, x, scope.scalar(0, like: x))
    let sum = try scope.reduce(.sum, kept, axes: axes, keepDims: keepDims)
    let count = try scope.reduce(.sum, weights, axes: axes, keepDims: keepDims)
    return [Operand(try scope.divide(sum, count))]
  }
}

/// AdaptiveAveragePooling and AdaptiveMaxPooling: cell i of o covers `floor(i n / o) ..< ceil((i + 1) n / o)`.
/// Source: `keras/src/layers/pooling/base_adaptive_pooling.py`.
struct AdaptivePooling: Layer {
  let function: ReduceFunction
  let outputSize: [Int]
  let layout: DataLayout

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    function = config.className.hasPrefix("AdaptiveMax") ? .maximum : .mean
    outputSize = try config.ints("output_size", count: try config.spatialCount())
    layout = try config.layout()
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    var x = try call.input.value
    try scope.expectRank(outputSize.count + 2, of: x)
    for (index, axis) in layout.spatialAxes(rank: outputSize.count + 2).enumerated() {
      x = try scope.adaptivePool(function, x, axis: axis, cells: outputSize[index])
    }
    return [Operand(x)]
  }
}
