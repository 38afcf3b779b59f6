import ModelIR

/// Integers' divisors, sizes and views of `keras/src/ops/numpy.py`.
extension OperationCall {
  /// The greatest common divisor of magnitudes, by as many of Euclid's steps as the type can need.
  func greatestCommonDivisor() throws(KerasImportError) -> Value {
    let x = try integers()
    return try scope.greatestCommonDivisor(x[0], x[1])
  }

  /// The least common multiple of magnitudes; 0 where both are 0.
  func leastCommonMultiple() throws(KerasImportError) -> Value {
    let x = try integers()
    let divisor = try scope.greatestCommonDivisor(x[0], x[1])
    let isZero = try scope.compare(.equal, divisor, 0)
    let safe = try scope.select(isZero, scope.scalar(1, like: divisor), divisor)
    let multiple = try scope.multiply(x[0], scope.emit(.binary(.floorDivide), x[1], safe))
    return try scope.select(isZero, scope.scalar(0, like: divisor), multiple)
  }

  private func integers() throws(KerasImportError) -> [Value] {
    let x = try tensorOperands("x1", "x2")
    guard scope.dtype(of: x[0]).isInteger else {
      throw KerasImportError(.invalidGraph("divisors of numbers that are not integers"))
    }
    return try x.map { value throws(KerasImportError) in try scope.unary(.absolute, value) }
  }

  /// The number of axes, int32.
  func axisCount() throws(KerasImportError) -> Value {
    scope.scalar(Double(scope.rank(of: try tensor("x", at: 0))), .int32)
  }

  /// The number of elements, int32.
  func elementCount() throws(KerasImportError) -> Value {
    let count = try scope.emit(.sizes([scope.shape(of: tensor("x", at: 0)).elementCount]))
    return try scope.cast(scope.reshape(count, []), to: .int32)
  }
}

extension LoweringScope {
  /// Euclid's algorithm for integers that are not negative: `(a, b)` becomes `(b, a mod b)` until b is 0. Fibonacci's
  /// numbers need most steps: 1.44 times the number of bits.
  func greatestCommonDivisor(_ first: Value, _ second: Value) throws(KerasImportError) -> Value {
    var (a, b) = (first, second)
    for _ in 0..<(dtype(of: a).byteCount * 12) {
      let isDone = try compare(.equal, b, 0)
      let safe = try select(isDone, scalar(1, like: b), b)
      let rest = try emit(.binary(.modulo), a, safe)
      (a, b) = (try select(isDone, a, b), try select(isDone, scalar(0, like: b), rest))
    }
    return a
  }
}
