/// Bitwise functions of integers by arithmetic: halves of 32 bits, whose bits stand along a new last axis. Sums stay below
/// 53 bits, which is all that onnxruntime keeps of them.
extension GraphRewriter {
  /// Each bit of the result is the product, the larger one, or the sum modulo 2 of the operands' bits.
  mutating func decomposedBits(
    _ function: BinaryFunction, _ a: Value, _ b: Value
  ) throws(GraphError) -> Value? {
    var halves: [Value] = []
    for (x, y) in zip(try bitHalves(of: a), try bitHalves(of: b)) {
      let (p, q) = (try bits(of: x), try bits(of: y))
      let combined: Value
      switch function {
      case .bitwiseAnd: combined = try multiply(p, q)
      case .bitwiseOr: combined = try binary(.maximum, p, q)
      case .bitwiseXor: combined = try binary(.modulo, add(p, q), 2)
      case .add, .subtract, .multiply, .divide, .power, .maximum, .minimum, .modulo, .remainder, .floorDivide,
        .atan2, .logicalAnd, .logicalOr, .logicalXor, .shiftLeft, .shiftRight:
        return nil
      }
      let weighted = try multiply(combined, powersOfTwo())
      halves.append(
        try emit(.reduce(.sum, axes: [shape(of: weighted).rank - 1], keepDims: false), weighted))
    }
    let isUnsigned = [.uint8, .uint16, .uint32].contains(dtype(of: a))
    let top = try isUnsigned ? halves[halves.count - 1] : signed(halves[halves.count - 1])
    let number = try halves.count == 1 ? top : add(halves[0], multiply(top, 0x1_0000_0000))
    return try cast(number, to: dtype(of: a))
  }

  /// `-1 - x`, without the bits that an unsigned type has not.
  mutating func decomposedBitwiseNot(_ x: Value) throws(GraphError) -> Value {
    let dtype = dtype(of: x)
    let inverted = try subtract(scalar(-1, .int64), cast(x, to: .int64))
    guard [.uint8, .uint16, .uint32].contains(dtype) else { return try cast(inverted, to: dtype) }
    let count = Double(sign: .plus, exponent: 8 * dtype.byteCount, significand: 1)
    return try cast(binary(.modulo, inverted, count), to: dtype)
  }

  /// The lower and the upper 32 bits as int64 numbers from 0 on; the lower ones alone where a type has no others.
  private mutating func bitHalves(of x: Value) throws(GraphError) -> [Value] {
    let wide = try cast(x, to: .int64)
    let low = try binary(.modulo, wide, 0x1_0000_0000)
    if dtype(of: x).byteCount <= 4 { return [low] }
    return [low, try binary(.modulo, binary(.floorDivide, wide, 0x1_0000_0000), 0x1_0000_0000)]
  }

  private mutating func bits(of half: Value) throws(GraphError) -> Value {
    let column = try expandDims(half, shape(of: half).rank)
    return try binary(.modulo, divide(column, powersOfTwo()), 2)
  }

  private mutating func powersOfTwo() -> Value {
    constant(Tensor(vector: (0..<32).map { Int64(1) << Int64($0) }), name: "powers")
  }

  /// 32 bits as the signed number that they are.
  private mutating func signed(_ half: Value) throws(GraphError) -> Value {
    try select(compare(.less, half, 0x8000_0000), half, subtract(half, 0x1_0000_0000))
  }
}
