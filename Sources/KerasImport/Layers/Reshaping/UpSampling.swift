import ModelIR

/// UpSampling1D/2D/3D: each element repeated, or images resampled with half-pixel centres.
/// Source: `keras/src/layers/reshaping/up_sampling2d.py`.
struct UpSampling: Layer {
  let size: [Int]
  let layout: DataLayout
  let interpolation: ImageResize.Method
  let isAsymmetric: Bool
  let givesFloats: Bool

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    size = try config.ints("size", count: try config.spatialCount(), default: 2)
    layout = try config.layout()
    interpolation = try config.choice("interpolation", default: .nearest)
    isAsymmetric = config.has(.samplesFromCorners)
    givesFloats = config.has(.resizesToPolicyType)
    guard size.allSatisfy({ $0 > 0 && $0 < 1 << 16 }) else {
      throw config.invalid("size", expected: "positive integers", found: "\(size)")
    }
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try givesFloats ? scope.inComputeType(call.input.value) : call.input.value
    try scope.expectRank(size.count + 2, of: x)
    let shape = scope.shape(of: x)
    let axes = layout.spatialAxes(rank: shape.rank)
    let sizes = zip(axes, size).map { shape[$0] * .fixed($1) }
    if interpolation == .nearest {
      let attributes = ResizeAttributes(method: .nearest, coordinates: .asymmetric, axes: axes, sizes: sizes)
      return [Operand(try scope.emit(.resize(attributes), x))]
    }
    if isAsymmetric {
      let attributes = ResizeAttributes(method: .linear, coordinates: .asymmetric, axes: axes, sizes: sizes)
      return [Operand(try scope.emit(.resize(attributes), x))]
    }
    // Images of integers are resampled as floats, and rounded.
    let resized = try scope.resized(
      scope.inComputeType(x), axes: axes, sizes: sizes, ImageResize(method: interpolation))
    return [
      Operand(
        try scope.dtype(of: x).isFloatingPoint
          ? resized : scope.cast(scope.unary(.round, resized), to: scope.dtype(of: x)))
    ]
  }
}
