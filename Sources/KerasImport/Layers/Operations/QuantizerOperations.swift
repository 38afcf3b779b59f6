import ModelIR

/// The operation of `keras/src/quantizers/quantizers.py`.
extension LayerRegistry {
  mutating func addQuantizerOperations() {
    add("FakeQuantWithMinMaxVars", as: OperationCall.fakeQuantization)
  }
}

extension OperationCall {
  /// Elements rounded to `2^num_bits - 1` steps (one less with `narrow_range`) between bounds that are moved so that 0 is
  /// one of them; bounds for the whole tensor, or for each element of an axis. Computed in float32.
  /// Source: TensorFlow's `FakeQuantWithMinMaxVars` kernel.
  func fakeQuantization() throws(KerasImportError) -> Value {
    let given = try floating("inputs", at: 0)
    let x = try scope.cast(given, to: .float32)
    let bits = try int("num_bits", default: 8)
    guard (2...16).contains(bits) else { throw KerasImportError(.invalidGraph("\(bits) bits")) }
    let lowest: Double = try bool("narrow_range", default: false) ? 1 : 0
    let highest = Double((1 << bits) - 1)
    let axis = try int("axis")
    func bound(_ name: String, at position: Int) throws(KerasImportError) -> Value {
      let value = try scope.cast(tensor(name, at: position), to: .float32)
      guard let axis else { return try scope.reshape(value, []) }
      return try scope.alongAxis(
        value, axis: scope.axis(axis, rank: scope.rank(of: x)), rank: scope.rank(of: x))
    }
    let (low, high) = (try bound("min_vals", at: 1), try bound("max_vals", at: 2))
    let step = try scope.multiply(scope.subtract(high, low), 1 / (highest - lowest))
    let zero = try scope.subtract(scope.scalar(lowest, .float32), scope.divide(low, step))
    let whole = try scope.unary(.floor, scope.add(zero, 0.5))
    let place = try scope.unary(.clip(minimum: lowest, maximum: highest), whole)
    let nudgedLow = try scope.multiply(scope.subtract(scope.scalar(lowest, .float32), place), step)
    let nudgedHigh = try scope.multiply(scope.subtract(scope.scalar(highest, .float32), place), step)
    let clamped = try scope.maximum(scope.minimum(x, nudgedHigh), nudgedLow)
    let steps = try scope.unary(
      .floor, scope.add(scope.divide(scope.subtract(clamped, nudgedLow), step), 0.5))
    // Both bounds 0: everything is 0.
    let isEmpty = try scope.and(scope.compare(.equal, low, 0), scope.compare(.equal, high, 0))
    let y = try scope.add(scope.multiply(steps, step), nudgedLow)
    return try scope.cast(scope.select(isEmpty, scope.scalar(0, .float32), y), to: scope.dtype(of: given))
  }
}
