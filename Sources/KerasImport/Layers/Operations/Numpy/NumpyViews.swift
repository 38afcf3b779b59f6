import ModelIR

/// The bytes of elements read as another type, said in arithmetic that is exact: ONNX has no operator for it.
/// Source: `view` of `keras/src/backend/tensorflow/numpy.py` (`tf.bitcast`).
extension OperationCall {
  /// The same bytes as another element type: the last axis grows or shrinks by the ratio of the sizes, the low part of an
  /// integer first. A NaN that is read as an integer is the quiet one without a sign.
  func view() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    let own = scope.dtype(of: x)
    guard let target = try dtype(), target != own else { return x }
    guard let from = BitLayout(own), let to = BitLayout(target) else {
      throw KerasImportError(.unsupported("a view of \(own.rawValue) as \(target.rawValue)"))
    }
    let sized = try scope.bits(scope.bits(of: x, from), from: from.width, to: to.width)
    return try scope.cast(scope.elements(of: sized, to), to: target)
  }
}

/// How the bits of a type are meant.
private struct BitLayout {
  let width: Int
  let isSigned: Bool
  /// Bits of the fraction and the power of two of the smallest number of a floating-point type; nil for integers.
  var floating: (fraction: Int, smallest: Int)?

  /// Nil for the types whose bits int64 arithmetic does not reach, and those that have none to speak of.
  init?(_ dtype: DType) {
    (width, isSigned) = (8 * dtype.byteCount, ![.uint8, .uint16, .uint32, .uint64].contains(dtype))
    switch dtype {
    case .float16: floating = (10, -24)
    case .bfloat16: floating = (7, -133)
    case .float32: floating = (23, -149)
    case .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64: break
    case .float64, .bool, .string: return nil
    }
  }

  /// The exponent that infinities and NaN have.
  func largestExponent(_ fraction: Int) -> Int { (1 << (width - 1 - fraction)) - 1 }
}

private func powerOfTwo(_ exponent: Int) -> Double { Double(sign: .plus, exponent: exponent, significand: 1) }

extension LoweringScope {
  /// The bits of elements as int64, none negative but those of 64.
  fileprivate func bits(of x: Value, _ layout: BitLayout) throws(KerasImportError) -> Value {
    guard let (fraction, smallest) = layout.floating else {
      let wide = try cast(x, to: .int64)
      return layout.width == 64
        ? wide : try emit(.binary(.modulo), wide, scalar(powerOfTwo(layout.width), .int64))
    }
    let wide = try cast(x, to: .float64)
    let (isNaN, isInfinite) = (try isNaN(wide), try unary(.isInfinite, wide))
    let finite = try select(or(isNaN, isInfinite), scalar(0, .float64), wide)
    // A number as so many of the smallest one: up to the second binade these are its bits.
    var steps = try multiply(unary(.absolute, finite), powerOfTwo(-smallest))
    var exponent = scalar(0, .float64)
    for bit in (0..<(layout.width - 1 - fraction)).reversed() {
      let isLarge = try compare(.greaterOrEqual, steps, powerOfTwo(fraction + (1 << bit)))
      steps = try select(isLarge, multiply(steps, powerOfTwo(-(1 << bit))), steps)
      exponent = try add(exponent, multiply(cast(isLarge, to: .float64), Double(1 << bit)))
    }
    let places = try add(cast(steps, to: .int64), multiply(cast(exponent, to: .int64), powerOfTwo(fraction)))
    let infinity = scalar(Double(layout.largestExponent(fraction)) * powerOfTwo(fraction), .int64)
    let special = try select(isNaN, add(infinity, powerOfTwo(fraction - 1)), infinity)
    let magnitude = try select(or(isNaN, isInfinite), special, places)
    // The reciprocal tells the zeros apart.
    let isNegative = try compare(.less, select(compare(.equal, wide, 0), unary(.reciprocal, wide), wide), 0)
    return try select(isNegative, add(magnitude, powerOfTwo(layout.width - 1)), magnitude)
  }

  /// Integers of one width as integers of another, the low part first.
  fileprivate func bits(_ x: Value, from: Int, to: Int) throws(KerasImportError) -> Value {
    if from == to { return x }
    let (rank, ratio) = (rank(of: x), max(from, to) / min(from, to))
    guard rank > 0 else { throw KerasImportError(.invalidGraph("a view of one element in another size")) }
    let size = shape(of: x)[rank - 1]
    let outer = Array(shape(of: x).dimensions.dropLast())
    if from > to {
      let parts = try (0..<ratio).map { index throws(KerasImportError) in
        let shifted = try emit(.binary(.floorDivide), x, scalar(powerOfTwo(index * to), .int64))
        return try emit(.binary(.modulo), shifted, scalar(powerOfTwo(to), .int64))
      }
      return try reshape(stack(parts, axis: rank), Shape(outer + [size * .fixed(ratio)]))
    }
    if let known = size.fixedSize, known % ratio != 0 {
      throw KerasImportError(.invalidGraph("a view of \(known) elements as elements \(ratio) times as large"))
    }
    let split = try reshape(x, Shape(outer + [size / .fixed(ratio), .fixed(ratio)]))
    let weights = try constant((0..<ratio).map { powerOfTwo($0 * from) }, sizes: [ratio], dtype: .int64)
    return try reduce(.sum, multiply(split, weights), axes: [rank])
  }

  /// The numbers that bits stand for, in float64 or int64.
  fileprivate func elements(of bits: Value, _ layout: BitLayout) throws(KerasImportError) -> Value {
    if layout.width == 64 { return bits }
    let isNegative = try compare(.greaterOrEqual, bits, powerOfTwo(layout.width - 1))
    guard let (fraction, smallest) = layout.floating else {
      return layout.isSigned ? try select(isNegative, add(bits, -powerOfTwo(layout.width)), bits) : bits
    }
    let magnitude = try select(isNegative, add(bits, -powerOfTwo(layout.width - 1)), bits)
    let exponent = try emit(.binary(.floorDivide), magnitude, scalar(powerOfTwo(fraction), .int64))
    let part = try emit(.binary(.modulo), magnitude, scalar(powerOfTwo(fraction), .int64))
    let largest = layout.largestExponent(fraction)
    let scales = (0...largest).map { powerOfTwo(max($0, 1) - 1 + smallest) }
    let scale = try emit(.gather(axis: 0), constant(scales, sizes: [scales.count], dtype: .float64), exponent)
    let whole = try select(compare(.greater, exponent, 0), add(part, powerOfTwo(fraction)), part)
    let number = try multiply(cast(whole, to: .float64), scale)
    let special = try select(compare(.equal, part, 0), scalar(.infinity, .float64), scalar(.nan, .float64))
    let value = try select(compare(.equal, exponent, Double(largest)), special, number)
    return try select(isNegative, unary(.negate, value), value)
  }
}
