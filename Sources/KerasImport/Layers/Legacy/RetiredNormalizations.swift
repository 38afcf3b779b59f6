import ModelIR

/// BatchNormalization of Keras 1 with statistics that are not stored: its modes 1 and 2. Mask: passed.
/// Source: Keras 1.2 `layers/normalization.py`; the moving statistics are in the file and have no effect.
///
/// - SampleNormalization (mode 1): over the last axis, `gamma * (x - m) / (sqrt(v + epsilon) + epsilon) + beta`.
/// - BatchStatisticsNormalization (mode 2): over all axes but `axis`, the batch too,
///   `gamma * (x - m) / sqrt(v + epsilon) + beta`; v is the biased variance.
struct StatisticsNormalization: Layer {
  let axis: Int
  let epsilon: Double
  let isPerSample: Bool
  var maskRule: MaskRule { .pass }
  var weights: [WeightSpec] {
    ["gamma", "beta"].map { WeightSpec($0) }
      + ["moving_mean", "moving_variance"].map { WeightSpec($0, isTrainable: false) }
  }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    axis = try config.int("axis", default: -1)
    epsilon = try config.double("epsilon", default: 1e-3)
    isPerSample = config.className == "SampleNormalization"
    config.ignore("momentum")
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    let rank = scope.rank(of: x)
    let channelAxis = try scope.axis(axis, rank: rank)
    let parameters: Shape = [scope.shape(of: x)[channelAxis]]
    let axes = isPerSample ? [rank - 1] : Array(0..<rank).filter { $0 != channelAxis }
    let centered = try scope.subtract(x, scope.reduce(.mean, x, axes: axes, keepDims: true))
    let variance = try scope.reduce(.mean, scope.unary(.square, centered), axes: axes, keepDims: true)
    var deviation = try scope.unary(.sqrt, scope.add(variance, epsilon))
    if isPerSample { deviation = try scope.add(deviation, epsilon) }
    // Mode 1 lets the parameters broadcast along the last axis whatever `axis` says.
    let place = isPerSample ? rank - 1 : channelAxis
    let gamma = try scope.alongAxis(scope.weight("gamma", parameters), axis: place, rank: rank)
    let beta = try scope.alongAxis(scope.weight("beta", parameters), axis: place, rank: rank)
    return [Operand(try scope.add(scope.multiply(scope.divide(centered, deviation), gamma), beta))]
  }
}
