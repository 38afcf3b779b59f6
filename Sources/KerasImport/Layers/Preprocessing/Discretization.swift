import ModelIR

/// The number of boundaries that are not above each element, encoded by `output_mode`. Mask: none.
/// Source: `keras/src/layers/preprocessing/discretization.py`; tf.keras stores what `adapt` learned as a summary of
/// values and their weights, from which `num_bins` boundaries follow.
struct Discretization: Layer {
  let boundaries: [Double]?
  let binCount: Int
  let mode: CategoryMode
  let dtype: DType
  var weights: [WeightSpec] { boundaries == nil ? [WeightSpec("summary", isTrainable: false)] : [] }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    binCount = try config.int("num_bins", default: 0)
    boundaries = try config.optionalArray("bin_boundaries")?.values
    mode = try config.categoryMode(default: .int, among: .int, .oneHot, .multiHot, .count)
    dtype = config.encodedDType(default: mode == .int ? .int32 : config.policy.compute)
    config.ignore("epsilon")
    if let boundaries, !zip(boundaries, boundaries.dropFirst()).allSatisfy({ $0 <= $1 }) {
      throw config.invalid("bin_boundaries", expected: "ascending numbers", found: "others")
    }
    guard boundaries != nil || (2...1 << 20).contains(binCount) else {
      throw KerasImportError(.missingKey("bin_boundaries"))
    }
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    var x = try call.input.value
    if scope.dtype(of: x) != .float64 { x = try scope.cast(x, to: .float32) }
    let boundaries = if let boundaries { boundaries } else { try learned(scope.tensor("summary")) }
    let edges = scope.constant(
      try checkedTensor(
        Tensor(boundaries.map { Double(Float($0)) }, sizes: [boundaries.count], dtype: scope.dtype(of: x))),
      as: "bins")
    // Not below rather than above or equal: a NaN lies in the last bin.
    let isBelow = try scope.emit(.compare(.less), scope.expandDims(x, axes: [scope.rank(of: x)]), edges)
    let counted = try scope.cast(scope.unary(.logicalNot, isBelow), to: .int64)
    let indices = try scope.reduce(.sum, counted, axes: [scope.rank(of: counted) - 1])
    return [Operand(try scope.encoded(indices, mode, depth: boundaries.count + 1, dtype: dtype))]
  }

  /// The boundaries between `num_bins` parts of equal weight.
  private func learned(_ summary: Tensor) throws(KerasImportError) -> [Double] {
    guard summary.rank == 2, summary.sizes[0] == 2, summary.sizes[1] > 0,
      let values = try? summary.doubles()  // Refused either way.
    else {
      throw KerasImportError(
        .incomplete(
          "the layer was never adapted", remedy: .advice("adapt it in Keras before the model is saved")))
    }
    let count = summary.sizes[1]
    let (places, weights) = (Array(values[..<count]), Array(values[count...]))
    let epsilon = 1 / Double(binCount)
    if Double(count) * epsilon < 1 { return places.dropLast() }
    // NumPy adds in float32, and counts the steps of a range by dividing.
    var running: Float = 0
    let sums = weights.map { weight in
      running += Float(weight)
      return running
    }
    let shares = sums.map { Double($0 / running) }
    return (0..<max(Int(clampingDouble: (1 / epsilon).rounded(.up)) - 1, 0)).map { bin in
      Double(Float(Discretization.interpolated(epsilon + Double(bin) * epsilon, shares, places)))
    }
  }

  /// NumPy's `interp`: linear between the points, constant outside.
  private static func interpolated(_ x: Double, _ points: [Double], _ values: [Double]) -> Double {
    // There are points and as many values: the summary has columns.
    guard let upper = points.firstIndex(where: { $0 > x }) else { return values[values.count - 1] }
    guard upper > 0 else { return values[0] }
    let share = (x - points[upper - 1]) / (points[upper] - points[upper - 1])
    return values[upper - 1] + share * (values[upper] - values[upper - 1])
  }
}
