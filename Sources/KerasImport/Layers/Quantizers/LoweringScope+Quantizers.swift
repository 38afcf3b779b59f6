import ModelIR

extension LoweringScope {
  /// A weight with its axes in another order, as a constant.
  func transposed(_ tensor: Tensor, _ order: [Int], as name: String) throws(KerasImportError) -> Value {
    constant(try checkedTensor(tensor.transposed(order)), as: name)
  }

  /// Inputs rounded to integers, and their scale with ones at `axes`:
  /// `s = high / (max |x| + epsilon)`, `q = clip(round(x * s), low, high)`.
  func quantized(
    _ x: Value, _ quantizer: ActivationQuantizer, axes: [Int]
  ) throws(KerasImportError) -> (q: Value, scale: Value) {
    let largest = try reduce(.maximum, unary(.absolute, x), axes: axes, keepDims: true)
    let scale = try divide(scalar(quantizer.high, like: x), add(largest, quantizer.epsilon))
    let rounded = try unary(.round, multiply(x, scale))
    return (try unary(.clip(minimum: quantizer.low, maximum: quantizer.high), rounded), scale)
  }

  /// Integers of a byte as floats of the compute type: a step of their own, so that files keep the bytes.
  func floats(_ numbers: Value) throws(KerasImportError) -> Value {
    dtype(of: numbers).isFloatingPoint
      ? numbers : try emit(.dequantize(DequantizeAttributes(.bytes)), numbers, scalar(1, computeDType))
  }

  /// 4-bit numbers as floats of the compute type.
  func unpacked(_ packed: Value, count: Int, isSigned: Bool) throws(KerasImportError) -> Value {
    let attributes = DequantizeAttributes(.nibbles(isSigned: isSigned, count: count))
    return try emit(.dequantize(attributes), packed, scalar(1, computeDType))
  }

  /// A matrix of signed 4-bit numbers as floats.
  func numbers(_ name: String, columns: Int, rows: Int) throws(KerasImportError) -> Value {
    let packed = try variable(name, [.fixed(rows), .fixed((columns + 1) / 2)])
    return try unpacked(packed, count: columns, isSigned: true)
  }

  /// `(q - zero) * scale` with one scale and zero point for each group along an axis.
  func grouped(
    _ q: Value, _ numbers: DequantizeAttributes.Numbers, scale: Value, zero: Value, _ index: GroupIndex,
    axis: Int
  ) throws(KerasImportError) -> Value {
    guard let groups = try index.irregular() else {
      let attributes = DequantizeAttributes(numbers, axis: axis, blockSize: index.block)
      return try emit(.dequantize(attributes), q, scale, zero)
    }
    let places = constant(Tensor(vector: groups), as: "g_idx")
    let one = scalar(1, dtype(of: scale))
    let floats = try emit(.dequantize(DequantizeAttributes(numbers)), q, one)
    let zeros = try cast(emit(.gather(axis: axis), zero, places), to: dtype(of: scale))
    return try multiply(subtract(floats, zeros), emit(.gather(axis: axis), scale, places))
  }

  /// `clip(x / scale, -448, 448)` rounded to e4m3 (four bits of exponent, three of fraction), times the scale.
  /// Source: `keras/src/quantizers/quantizers.py`, `quantize_and_dequantize`.
  ///
  /// The distance of neighbours doubles at each power of two from 2^-5 on, from 2^-9 below to 32.
  func roundedToFloat8(_ x: Value, scale: Value) throws(KerasImportError) -> Value {
    let limited = try unary(.clip(minimum: -448, maximum: 448), divide(x, scale))
    let dtype = dtype(of: x)
    let powers = (-5...8).map { Double(sign: .plus, exponent: $0, significand: 1) }
    let bounds = try array(powers, [powers.count], dtype, as: "bounds")
    let magnitude = try expandDims(unary(.absolute, limited), axes: [rank(of: limited)])
    let isAbove = try cast(emit(.compare(.greaterOrEqual), magnitude, bounds), to: .int64)
    let passed = try reduce(.sum, isAbove, axes: [rank(of: limited)])
    let distances = (0...powers.count).map { Double(sign: .plus, exponent: $0 - 9, significand: 1) }
    let table = try array(distances, [distances.count], dtype, as: "distances")
    let distance = try emit(.gather(axis: 0), table, passed)
    return try multiply(multiply(unary(.round, divide(limited, distance)), distance), scale)
  }
}
