import ModelIR

extension GraphEmitter {
  // MARK: One operand

  func emitUnary(_ function: UnaryFunction, _ node: Node, _ x: String, _ y: [String]) throws(ONNXExportError) {
    let dtype = type(node.inputs[0]).dtype
    switch function {
    case .negate, .absolute, .sign, .sqrt, .exp, .log, .floor, .ceil, .round, .reciprocal, .tanh, .sigmoid, .relu,
      .logicalNot, .isNaN, .isInfinite, .softplus:
      emitPlain(function.name, dtype, x, y)
    case .sin, .cos, .tan, .asin, .acos, .atan, .sinh, .cosh, .asinh, .acosh, .atanh, .erf, .softsign:
      emitFloatOnly(function.name, dtype, x, y, [])
    case .square: emit("Mul", [x, x], outputs: y)
    case .expm1: emitExpm1(x, dtype, y)
    case .log1p: emitLog1p(x, dtype, y)
    case .truncate:
      let magnitude = one("Floor", one("Abs", x))
      emit("Mul", [one("Sign", x), magnitude], outputs: y)
    case .leakyRelu(let slope): emitFloatOnly("LeakyRelu", dtype, x, y, [("alpha", .float(slope))])
    case .elu(let alpha): emitFloatOnly("Elu", dtype, x, y, [("alpha", .float(alpha))])
    case .selu:
      emitFloatOnly("Selu", dtype, x, y, [("alpha", .float(1.6732632423543772)), ("gamma", .float(1.0507009873554805))])
    case .hardSigmoid(let alpha, let beta):
      emitFloatOnly("HardSigmoid", dtype, x, y, [("alpha", .float(alpha)), ("beta", .float(beta))])
    case .swish: emit("Mul", [x, one("Sigmoid", x)], outputs: y)
    case .hardSwish:
      let gate = one("HardSigmoid", x, with: [("alpha", .float(1.0 / 6.0)), ("beta", .float(0.5))])
      emit("Mul", [x, gate], outputs: y)
    case .mish: emit("Mul", [x, one("Tanh", one("Softplus", x))], outputs: y)
    case .gelu(let approximate):
      let inner: String
      if approximate {
        let cube = one("Mul", one("Mul", x, x), x)
        let sum = one("Add", x, one("Mul", cube, scalar(0.044715, dtype)))
        inner = one("Tanh", one("Mul", sum, scalar(0.7978845608028654, dtype)))
      } else {
        inner = one("Erf", one("Mul", x, scalar(0.7071067811865476, dtype)))
      }
      emit("Mul", [one("Mul", x, scalar(0.5, dtype)), one("Add", inner, scalar(1, dtype))], outputs: y)
    case .clip(let minimum, let maximum): emitClip(minimum, maximum, dtype, x, y)
    case .bitwiseNot:
      if dtype == .bool { emit("Not", [x], outputs: y); return }
      try require(18, "BitwiseNot", node)
      emit("BitwiseNot", [x], outputs: y)
    }
  }

  /// Small integers are computed in int64 where onnxruntime has no kernel for them.
  private func emitPlain(_ op: String, _ dtype: DType, _ x: String, _ y: [String]) {
    guard dtype.isInteger, dtype != .int64, dtype != .int32 else { emit(op, [x], outputs: y); return }
    emit("Cast", [one(op, cast(x, .int64))], outputs: y, [("to", .int(Int(dtype.onnxType)))])
  }

  /// Operators that onnxruntime has in float32 only: doubles go through them with 24 bits.
  private func emitFloatOnly(
    _ op: String, _ dtype: DType, _ x: String, _ y: [String], _ attributes: [(name: String, value: ONNXAttribute)]
  ) {
    guard dtype == .float64 else { emit(op, [x], outputs: y, attributes); return }
    let result = emit(op, [cast(x, .float32)], attributes)[0]
    emit("Cast", [result], outputs: y, [("to", .int(Int(dtype.onnxType)))])
  }

  /// `exp(x) - 1` is `tanh(x / 2) * (exp(x) + 1)`, which keeps its digits near 0.
  private func emitExpm1(_ x: String, _ dtype: DType, _ y: [String]) {
    let half = one("Tanh", one("Mul", x, scalar(0.5, dtype)))
    let isSmall = one("Less", one("Abs", x), scalar(0.5, dtype))
    let e = one("Exp", x)
    let small = one("Mul", half, one("Add", e, scalar(1, dtype)))
    emit("Where", [isSmall, small, one("Sub", e, scalar(1, dtype))], outputs: y)
  }

  /// `log(1 + x)` as `log(u) * x / (u - 1)` with `u = 1 + x`, which keeps its digits near 0.
  private func emitLog1p(_ x: String, _ dtype: DType, _ y: [String]) {
    let one1 = scalar(1, dtype)
    let u = one("Add", x, one1)
    let difference = one("Sub", u, one1)
    let isZero = one("Equal", difference, scalar(0, dtype))
    let safe = one("Where", isZero, one1, difference)
    let isInfinite = one("IsInf", u)
    let scaled = one("Mul", one("Log", u), one("Div", x, safe))
    let picked = one("Where", isInfinite, u, scaled)
    emit("Where", [isZero, x, picked], outputs: y)
  }

  private func emitClip(_ minimum: Double?, _ maximum: Double?, _ dtype: DType, _ x: String, _ y: [String]) {
    let bounds = [minimum, maximum].map { $0.map { scalar($0, dtype) } ?? "" }
    emit("Clip", [x] + (maximum == nil ? [bounds[0]] : bounds), outputs: y)
  }

  // MARK: Two operands

  func emitBinary(_ function: BinaryFunction, _ node: Node, _ x: [String], _ y: [String]) throws(ONNXExportError) {
    let dtype = type(node.inputs[0]).dtype
    let isNarrow = dtype.isInteger && dtype != .int64 && dtype != .int32
    guard isNarrow else { try emitBinaryWide(function, dtype, node, x, y); return }
    let wide = x.map { cast($0, .int64) }
    let result = unique("\(y[0])/int64")
    try emitBinaryWide(function, .int64, node, wide, [result])
    emit("Cast", [result], outputs: y, [("to", .int(Int(dtype.onnxType)))])
  }

  private func emitBinaryWide(
    _ function: BinaryFunction, _ dtype: DType, _ node: Node, _ x: [String], _ y: [String]
  ) throws(ONNXExportError) {
    switch function {
    case .add, .subtract, .multiply, .divide, .power, .logicalAnd, .logicalOr, .logicalXor:
      emit(function.name, x, outputs: y)
    case .maximum, .minimum: emit(function.name, x, outputs: y)
    case .modulo:
      if dtype.isInteger { emit("Mod", x, outputs: y); return }
      let rest = one("Mod", x[0], x[1], with: [("fmod", .int(1))])
      let differs = one("Xor", one("Less", rest, scalar(0, dtype)), one("Less", x[1], scalar(0, dtype)))
      let isWhole = one("Equal", rest, scalar(0, dtype))
      let shifts = one("And", differs, one("Not", isWhole))
      emit("Where", [shifts, one("Add", rest, x[1]), rest], outputs: y)
    case .remainder: emit("Mod", x, outputs: y, [("fmod", .int(1))])
    case .floorDivide:
      if !dtype.isInteger { emit("Floor", [one("Div", x[0], x[1])], outputs: y); return }
      let rest = one("Mod", x[0], x[1])
      emit("Div", [one("Sub", x[0], rest), x[1]], outputs: y)
    case .atan2: emitAtan2(dtype, x, y)
    case .bitwiseAnd, .bitwiseOr, .bitwiseXor:
      if dtype == .bool { emit(String(function.name.dropFirst(7)), x, outputs: y); return }
      try require(18, function.name, node)
      emit(function.name, x, outputs: y)
    case .shiftLeft: emit("Mul", [x[0], one("Pow", scalar(2, dtype), x[1])], outputs: y)
    case .shiftRight:
      let divisor = one("Pow", scalar(2, dtype), x[1])
      emit("Div", [one("Sub", x[0], one("Mod", x[0], divisor)), divisor], outputs: y)
    }
  }

  /// `atan(a / b)`, moved by pi into the quadrant of the signs; at `b = 0` half a turn's quarter.
  private func emitAtan2(_ dtype: DType, _ x: [String], _ y: [String]) {
    let zero = scalar(0, dtype)
    let pi = scalar(3.141592653589793, dtype)
    let isVertical = one("Equal", x[1], zero)
    let safe = one("Where", isVertical, scalar(1, dtype), x[1])
    let ratio = one("Div", x[0], safe)
    let angle = dtype == .float64 ? cast(one("Atan", cast(ratio, .float32)), .float64) : one("Atan", ratio)
    let isBelow = one("Less", x[0], zero)
    let turn = one("Where", isBelow, one("Neg", pi), pi)
    let moved = one("Where", one("Less", x[1], zero), one("Add", angle, turn), angle)
    let quarter = one("Mul", one("Sign", x[0]), scalar(1.5707963267948966, dtype))
    emit("Where", [isVertical, quarter, moved], outputs: y)
  }

  func emitCompare(_ comparison: Comparison, _ node: Node, _ x: [String], _ y: [String]) {
    let dtype = type(node.inputs[0]).dtype
    var operands = x
    let isPlain = dtype == .float32 || dtype == .float64 || dtype == .int64 || dtype == .int32 || dtype == .string || dtype == .float16
    let isEquality = comparison == .equal || comparison == .notEqual
    if !isPlain, !(dtype == .bool && isEquality) { operands = x.map { cast($0, .int64) } }
    guard comparison == .notEqual else { emit(comparison.name, operands, outputs: y); return }
    emit("Not", [emit("Equal", operands)[0]], outputs: y)
  }

  func emitSelect(_ node: Node, _ x: [String], _ y: [String]) {
    let dtype = type(node.inputs[1]).dtype
    let carrier: DType
    switch dtype {
    case .bool, .int8, .uint16, .int16: carrier = .int32
    case .uint32, .uint64: carrier = .int64
    default: emit("Where", x, outputs: y); return
    }
    let picked = one("Where", x[0], cast(x[1], carrier), cast(x[2], carrier))
    emit("Cast", [picked], outputs: y, [("to", .int(Int(dtype.onnxType)))])
  }

  func emitCast(_ dtype: DType, _ node: Node, _ x: [String], _ y: [String]) {
    let target = dtype == .bfloat16 ? DType.float32 : dtype
    if target == .bool, type(node.inputs[0]).dtype.isFloatingPoint {
      // NaN is true, as it is not 0.
      let isZero = one("Equal", x[0], scalar(0, type(node.inputs[0]).dtype))
      emit("Not", [isZero], outputs: y)
      return
    }
    emit("Cast", x, outputs: y, [("to", .int(Int(target.onnxType)))])
  }
}
