import Kconvert

/// `h = rate * h + tanh(x . w)`, one step of a recurrent layer; the loop around it follows.
struct LeakyCell: CellLayer {
  let units: Int
  let rate: Double
  let weights = [WeightSpec("w")]

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    units = try config.count("units")
    rate = try config.double("rate", default: 0.5)
  }

  func stateShapes(for input: Shape, in scope: LoweringScope) throws(KerasImportError) -> [Shape] {
    [[input[0], .fixed(units)]]
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let (x, states) = try call.step(states: 1)
    let kernel = try scope.weight("w", [scope.shape(of: x)[1], .fixed(units)])
    let fresh = try scope.emit(.unary(.tanh), scope.emit(.matMul, x, kernel))
    let kept = try scope.emit(.binary(.multiply), states[0], scope.scalar(rate, like: states[0]))
    let h = try scope.emit(.binary(.add), kept, fresh)
    return [Operand(h), Operand(h)]
  }
}
