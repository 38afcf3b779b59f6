import ModelIR

/// Hashes of integers. ONNX has no operator for them, but arithmetic on 64-bit integers, of which the decimal text, at
/// most 20 bytes, and its hash are made. Strings cannot be taken apart.
extension GraphEmitter {
  func emitHash(_ attributes: HashAttributes, _ node: Node, _ x: [String], _ y: [String])
    throws(ONNXExportError)
  {
    guard node.inputs.allSatisfy({ type($0).dtype.isInteger }) else {
      throw ONNXExportError.unsupported(node: node.name, message: "ONNX has no operator that hashes strings")
    }
    try require(18, "BitwiseXor", node)
    let numbers = x.map { cast($0, .int64) }
    let hash: String
    if numbers.count > 1 {
      hash = numbers.reduce(word(0xDECAFCAFFE)) { combined($0, $1) }
    } else {
      let text = decimalText(numbers[0])
      hash = attributes.key.map { sipHash(text, key: $0) } ?? farmHash(text)
    }
    let bins = constant(Tensor(UInt64(attributes.binCount)), as: "bins")
    emit(
      "Cast", [one("Mod", cast(hash, .uint64), bins)], outputs: y, [("to", .int(Int(DType.int64.onnxType)))])
  }

  /// TensorFlow's `FingerprintCat64`.
  private func combined(_ a: String, _ b: String) -> String {
    let factor = word(0xC6A4_A793_5BD1_E995)
    let mixed = one("Mul", mix(one("Mul", b, factor)), factor)
    let product = one("Mul", xor(xor(a, factor), mixed), factor)
    return mix(one("Mul", mix(product), factor))
  }

  // MARK: 64-bit words, as int64

  private func word(_ bits: UInt64) -> String { constant(Tensor(Int64(bitPattern: bits)), as: "word") }

  private func xor(_ a: String, _ b: String) -> String { one("BitwiseXor", a, b) }

  private func shifted(_ x: String, _ count: UInt64, _ direction: String) -> String {
    let bits = constant(Tensor(count), as: "bits")
    return cast(one("BitShift", cast(x, .uint64), bits, with: [("direction", .string(direction))]), .int64)
  }

  private func rotatedRight(_ x: String, _ count: UInt64) -> String {
    one("Add", shifted(x, count, "RIGHT"), shifted(x, 64 - count, "LEFT"))
  }

  private func mix(_ x: String) -> String { xor(x, shifted(x, 47, "RIGHT")) }

  // MARK: Text

  /// The decimal text of integers: its bytes along a new last axis of 24, 0 behind the end, and its length.
  private struct DecimalText {
    let bytes: String
    let length: String
  }

  private func decimalText(_ x: String) -> DecimalText {
    let zero = word(0)
    let isNegative = one("Less", x, zero)
    // Not positive, so that the smallest integer has a place too.
    let magnitude = one("Where", isNegative, x, one("Neg", x))
    let column = one("Unsqueeze", magnitude, integers([-1]))
    var powers: [Int64] = [1]
    for _ in 0..<18 { powers.append(powers[powers.count - 1] * 10) }
    let quotients = one("Div", column, integers(powers))
    let tens = one("Mul", one("Div", quotients, word(10)), word(10))
    let digits = one("Sub", tens, quotients)
    let reached = one("LessOrEqual", column, integers(powers.dropFirst().map { -$0 }))
    let counted = one("ReduceSum", cast(reached, .int64), integers([-1]), with: [("keepdims", .int(1))])
    let digitCount = one("Add", counted, word(1))
    let length = one("Add", digitCount, one("Unsqueeze", cast(isNegative, .int64), integers([-1])))
    // Digits count from the last one.
    let places = one("Sub", one("Sub", length, word(1)), integers((0..<24).map { Int64($0) }))
    let picked = one(
      "GatherElements", digits, one("Min", one("Max", places, zero), word(18)), with: [("axis", .int(-1))])
    let digit = one("Add", picked, word(48))
    let signed = one("Where", one("Less", places, digitCount), digit, word(45))
    return DecimalText(bytes: one("Where", one("Less", places, zero), zero, signed), length: length)
  }

  /// The little-endian number in 8 bytes from `start` on, of two halves: onnxruntime sums int64 with 53 bits.
  private func number(_ text: DecimalText, at start: String) -> String {
    let high = half(text, at: one("Add", start, word(4)), width: 4)
    return one("Add", half(text, at: start, width: 4), one("Mul", high, word(1 << 32)))
  }

  /// The little-endian number in up to 4 bytes.
  private func half(_ text: DecimalText, at start: String, width: Int) -> String {
    // GatherElements wants an index for every text.
    let column = one("Add", start, one("Sub", text.length, text.length))
    let places = one("Add", column, integers((0..<width).map { Int64($0) }))
    let inside = one("Min", one("Max", places, word(0)), word(23))
    let bytes = one("GatherElements", text.bytes, inside, with: [("axis", .int(-1))])
    let weighted = one("Mul", bytes, integers((0..<width).map { Int64(1) << Int64(8 * $0) }))
    return one("ReduceSum", weighted, integers([-1]), with: [("keepdims", .int(1))])
  }

  private func before(_ text: DecimalText, _ count: Int64) -> String {
    one("Sub", text.length, word(UInt64(bitPattern: count)))
  }

  // MARK: FarmHash

  private func farmHash(_ text: DecimalText) -> String {
    let (k1, k2) = (word(0xB492_B66F_BE98_F273), word(0x9AE1_6A3B_2F90_404F))
    let factor = one("Add", k2, one("Mul", text.length, word(2)))
    let (first, last) = (number(text, at: word(0)), number(text, at: before(text, 8)))
    let short = farmHashUpTo3(text, k2)
    let word4 = shifted(half(text, at: word(0), width: 4), 3, "LEFT")
    let upTo7 = joined(one("Add", text.length, word4), half(text, at: before(text, 4), width: 4), factor)
    let a = one("Add", first, k2)
    let c = one("Add", one("Mul", rotatedRight(last, 37), factor), a)
    let d = one("Mul", one("Add", rotatedRight(a, 25), last), factor)
    let upTo16 = joined(c, d, factor)
    let (e, f) = (one("Mul", first, k1), number(text, at: word(8)))
    let (g, h) = (one("Mul", last, factor), one("Mul", number(text, at: before(text, 16)), k2))
    let u = one("Add", one("Add", rotatedRight(one("Add", e, f), 43), rotatedRight(g, 30)), h)
    let v = one("Add", one("Add", e, rotatedRight(one("Add", f, k2), 18)), g)
    var result = joined(u, v, factor)
    for (bound, hash) in [(17, upTo16), (8, upTo7), (4, short)] {
      result = one("Where", one("Less", text.length, word(UInt64(bound))), hash, result)
    }
    return one("Squeeze", result, integers([-1]))
  }

  private func farmHashUpTo3(_ text: DecimalText, _ k2: String) -> String {
    let first = half(text, at: word(0), width: 1)
    let middle = half(text, at: one("Div", text.length, word(2)), width: 1)
    let last = half(text, at: before(text, 1), width: 1)
    let y = one("Add", first, shifted(middle, 8, "LEFT"))
    let z = one("Add", text.length, shifted(last, 2, "LEFT"))
    return one("Mul", mix(xor(one("Mul", y, k2), one("Mul", z, word(0xC3A5_C85C_97CB_3127)))), k2)
  }

  private func joined(_ u: String, _ v: String, _ factor: String) -> String {
    let a = mix(one("Mul", xor(u, v), factor))
    return one("Mul", mix(one("Mul", xor(v, a), factor)), factor)
  }

  // MARK: SipHash

  private func sipHash(_ text: DecimalText, key: [UInt64]) -> String {
    let (k0, k1) = (key.first ?? 0, key.last ?? 0)
    var state = [
      word(k0 ^ 0x736F_6D65_7073_6575), word(k1 ^ 0x646F_7261_6E64_6F6D), word(k0 ^ 0x6C79_6765_6E65_7261),
      word(k1 ^ 0x7465_6462_7974_6573),
    ]
    for block in 0..<2 {
      let absorbed = sipAbsorbed(state, number(text, at: word(UInt64(8 * block))))
      let isThere = one("GreaterOrEqual", text.length, word(UInt64(8 * block + 8)))
      state = zip(absorbed, state).map { one("Where", isThere, $0, $1) }
    }
    let rest = number(text, at: one("Mul", one("Div", text.length, word(8)), word(8)))
    state = sipAbsorbed(state, one("Add", rest, shifted(text.length, 56, "LEFT")))
    state[2] = xor(state[2], word(0xFF))
    for _ in 0..<4 { state = sipRound(state) }
    return one("Squeeze", state.dropFirst().reduce(state[0]) { xor($0, $1) }, integers([-1]))
  }

  private func sipAbsorbed(_ v: [String], _ word: String) -> [String] {
    var state = sipRound(sipRound([v[0], v[1], v[2], xor(v[3], word)]))
    state[0] = xor(state[0], word)
    return state
  }

  private func sipRound(_ v: [String]) -> [String] {
    func rotatedLeft(_ x: String, _ count: UInt64) -> String { rotatedRight(x, 64 - count) }
    let a = one("Add", v[0], v[1])
    let b = xor(rotatedLeft(v[1], 13), a)
    let c = one("Add", v[2], v[3])
    let d = xor(rotatedLeft(v[3], 16), c)
    let e = one("Add", rotatedLeft(a, 32), d)
    let f = one("Add", c, b)
    return [e, xor(rotatedLeft(b, 17), f), rotatedLeft(f, 32), xor(rotatedLeft(d, 21), e)]
  }
}
