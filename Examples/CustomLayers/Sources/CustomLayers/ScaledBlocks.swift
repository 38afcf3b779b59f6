import Kconvert

/// `x * s`, then the dense layers of `blocks` one after another: what the Python class of that name computes.
struct ScaledBlocks: Layer {
  let weights = [WeightSpec("s")]
  let sublayers: [Sublayer]

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    var blocks: [Sublayer] = []
    for (index, units) in [4, 4].enumerated() {
      blocks.append(
        try config.sublayer("blocks/\(index)", className: "Dense", config: ["units": ConfigValue(units)]))
    }
    sublayers = blocks
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    let channels = scope.shape(of: x).dimensions.last ?? 1
    var results = [Operand(try scope.emit(.binary(.multiply), x, scope.weight("s", [channels])))]
    for block in sublayers { results = try scope.lower(block, Call(results)) }
    return results
  }
}
