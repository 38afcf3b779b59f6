import ModelIR

/// `x * gamma` along the last axis. Mask: none. Source: `keras/src/applications/convnext.py`.
///
/// - gamma: `[projection_dim]`.
struct LayerScale: Layer {
  let size: Int
  var weights: [WeightSpec] { [WeightSpec("gamma")] }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    size = try config.count("projection_dim")
    config.ignore("init_values")
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    [Operand(try scope.multiply(call.input.value, scope.weight("gamma", [.fixed(size)])))]
  }
}

/// `a + b * scale`. Mask: none. Source: `keras/src/applications/inception_resnet_v2.py`.
struct CustomScaleLayer: Layer {
  let scale: Double

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    scale = try config.double("scale", default: 1)
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let inputs = call.inputs
    guard inputs.count == 2 else {
      throw KerasImportError(.invalidGraph("expected two tensors, found \(inputs.count)"))
    }
    return [Operand(try scope.add(inputs[0].value, scope.multiply(inputs[1].value, scale)))]
  }
}
