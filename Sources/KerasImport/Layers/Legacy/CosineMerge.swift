import ModelIR

/// Keras 1's Merge with mode `cos`: `dot(a, b) / max(sqrt(dot(a, a) * dot(b, b)), 1e-7)` over `axes`, with one more
/// axis of size 1 at position 1. Mask: none. Source: Keras 1.2 `engine/topology.py`, `Merge.call`.
struct CosineMerge: Layer {
  let axes: [Int]

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    axes = try config.optionalInts("axes") ?? [-1]
    guard axes.count == 1 || axes.count == 2 else {
      throw config.invalid("axes", expected: "an axis or two", found: "\(axes)")
    }
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    guard call.inputs.count == 2 else {
      throw KerasImportError(.invalidGraph("a cosine needs 2 inputs, found \(call.inputs.count)"))
    }
    let (a, b) = (call.inputs[0].value, call.inputs[1].value)
    func dot(_ x: Value, _ y: Value) throws(KerasImportError) -> Value {
      let first = try scope.axis(axes[0], rank: scope.rank(of: x), key: "axes")
      let second = try scope.axis(axes.count == 2 ? axes[1] : axes[0], rank: scope.rank(of: y), key: "axes")
      return try scope.batchDot(x, y, axes: (first, second))
    }
    let length = try scope.unary(.sqrt, scope.multiply(dot(a, a), dot(b, b)))
    let divisor = try scope.unary(.clip(minimum: 1e-7, maximum: nil), length)
    return [Operand(try scope.expandDims(scope.divide(dot(a, b), divisor), axes: [1]))]
  }
}
