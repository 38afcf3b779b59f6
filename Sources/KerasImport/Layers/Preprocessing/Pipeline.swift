import ModelIR

/// Layers one after another. Mask: none. Source: `keras/src/layers/preprocessing/pipeline.py`.
struct Pipeline: Layer {
  let layers: [LayerObject]
  var sublayers: [Sublayer] { layers.enumerated().map { Sublayer("layers/\($0.offset)", $0.element) } }

  var callParameters: [String] { ["inputs", "training", "mask"] }

  init(_ config: inout LayerConfig) throws(KerasImportError) { layers = try config.layers("layers") }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    var results = [try call.input]
    for layer in layers { results = try scope.lower(layer, Call(results), name: layer.name) }
    return results
  }
}
