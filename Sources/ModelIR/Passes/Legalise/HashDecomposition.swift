/// Hashes of integers by arithmetic on 64-bit words, of which the decimal text, at most 20 bytes, and its hash are made.
/// Strings cannot be taken apart.
extension GraphRewriter {
  mutating func decomposed(_ attributes: HashAttributes, _ x: [Value]) throws(GraphError) -> Value? {
    guard x.allSatisfy({ dtype(of: $0).isInteger }) else { return nil }
    var numbers: [Value] = []
    for value in x { numbers.append(try cast(value, to: .int64)) }
    var hash: Value
    if numbers.count > 1 {
      hash = word(0xDECAFCAFFE)
      for number in numbers { hash = try combined(hash, number) }
    } else {
      let text = try decimalText(numbers[0])
      if let key = attributes.key { hash = try sipHash(text, key: key) } else { hash = try farmHash(text) }
    }
    let bins = constant(Tensor(UInt64(attributes.binCount)), name: "bins")
    return try cast(binary(.modulo, cast(hash, to: .uint64), bins), to: .int64)
  }

  /// TensorFlow's `FingerprintCat64`.
  private mutating func combined(_ a: Value, _ b: Value) throws(GraphError) -> Value {
    let factor = word(0xC6A4_A793_5BD1_E995)
    let mixed = try multiply(mix(multiply(b, factor)), factor)
    let product = try multiply(xor(xor(a, factor), mixed), factor)
    return try mix(multiply(mix(product), factor))
  }

  // MARK: 64-bit words, as int64

  private mutating func word(_ bits: UInt64) -> Value {
    constant(Tensor(Int64(bitPattern: bits)), name: "word")
  }

  private mutating func words(_ numbers: [Int64]) -> Value {
    constant(Tensor(vector: numbers), name: "words")
  }

  private mutating func xor(_ a: Value, _ b: Value) throws(GraphError) -> Value {
    try binary(.bitwiseXor, a, b)
  }

  private mutating func shifted(
    _ x: Value, _ count: UInt64, _ direction: BinaryFunction
  ) throws(GraphError) -> Value {
    let bits = constant(Tensor(count), name: "bits")
    return try cast(binary(direction, cast(x, to: .uint64), bits), to: .int64)
  }

  private mutating func rotatedRight(_ x: Value, _ count: UInt64) throws(GraphError) -> Value {
    try add(shifted(x, count, .shiftRight), shifted(x, 64 - count, .shiftLeft))
  }

  private mutating func mix(_ x: Value) throws(GraphError) -> Value {
    try xor(x, shifted(x, 47, .shiftRight))
  }

  // MARK: Text

  /// The decimal text of integers: its bytes along a new last axis of 24, 0 behind the end, and its length.
  private struct DecimalText {
    let bytes: Value
    let length: Value
  }

  private mutating func decimalText(_ x: Value) throws(GraphError) -> DecimalText {
    let (zero, last) = (word(0), shape(of: x).rank)
    let isNegative = try compare(.less, x, zero)
    // Not positive, so that the smallest integer has a place too.
    let magnitude = try select(isNegative, x, unary(.negate, x))
    let column = try expandDims(magnitude, last)
    var powers: [Int64] = [1]
    for _ in 0..<18 { powers.append(powers[powers.count - 1] * 10) }
    let quotients = try divide(column, words(powers))
    let tens = try multiply(divide(quotients, word(10)), word(10))
    let digits = try subtract(tens, quotients)
    let reached = try compare(.lessOrEqual, column, words(powers.dropFirst().map { -$0 }))
    let counted = try emit(.reduce(.sum, axes: [last], keepDims: true), cast(reached, to: .int64))
    let digitCount = try add(counted, word(1))
    let length = try add(digitCount, expandDims(cast(isNegative, to: .int64), last))
    // Digits count from the last one.
    let places = try subtract(subtract(length, word(1)), words((0..<24).map { Int64($0) }))
    let inside = try binary(.minimum, binary(.maximum, places, zero), word(18))
    let digit = try add(emit(.gatherElements(axis: last), digits, inside), word(48))
    let signed = try select(compare(.less, places, digitCount), digit, word(45))
    return DecimalText(bytes: try select(compare(.less, places, zero), zero, signed), length: length)
  }

  /// The little-endian number in 8 bytes from `start` on, of two halves: onnxruntime sums int64 with 53 bits.
  private mutating func number(_ text: DecimalText, at start: Value) throws(GraphError) -> Value {
    let high = try half(text, at: add(start, word(4)), width: 4)
    return try add(half(text, at: start, width: 4), multiply(high, word(1 << 32)))
  }

  /// The little-endian number in up to 4 bytes.
  private mutating func half(_ text: DecimalText, at start: Value, width: Int) throws(GraphError) -> Value {
    let last = shape(of: text.bytes).rank - 1
    // An index is wanted for every text.
    let column = try add(start, subtract(text.length, text.length))
    let places = try add(column, words((0..<width).map { Int64($0) }))
    let inside = try binary(.minimum, binary(.maximum, places, word(0)), word(23))
    let bytes = try emit(.gatherElements(axis: last), text.bytes, inside)
    let weighted = try multiply(bytes, words((0..<width).map { Int64(1) << Int64(8 * $0) }))
    return try emit(.reduce(.sum, axes: [last], keepDims: true), weighted)
  }

  private mutating func before(_ text: DecimalText, _ count: Int64) throws(GraphError) -> Value {
    try subtract(text.length, word(UInt64(bitPattern: count)))
  }

  private mutating func withoutColumn(_ x: Value) throws(GraphError) -> Value {
    try reshape(x, Shape(Array(shape(of: x).dimensions.dropLast())))
  }

  // MARK: FarmHash

  private mutating func farmHash(_ text: DecimalText) throws(GraphError) -> Value {
    let (k1, k2) = (word(0xB492_B66F_BE98_F273), word(0x9AE1_6A3B_2F90_404F))
    let factor = try add(k2, multiply(text.length, word(2)))
    let (first, last) = (try number(text, at: word(0)), try number(text, at: before(text, 8)))
    let short = try farmHashUpTo3(text, k2)
    let word4 = try shifted(half(text, at: word(0), width: 4), 3, .shiftLeft)
    let upTo7 = try joined(add(text.length, word4), half(text, at: before(text, 4), width: 4), factor)
    let a = try add(first, k2)
    let c = try add(multiply(rotatedRight(last, 37), factor), a)
    let d = try multiply(add(rotatedRight(a, 25), last), factor)
    let upTo16 = try joined(c, d, factor)
    let (e, f) = (try multiply(first, k1), try number(text, at: word(8)))
    let (g, h) = (try multiply(last, factor), try multiply(number(text, at: before(text, 16)), k2))
    let u = try add(add(rotatedRight(add(e, f), 43), rotatedRight(g, 30)), h)
    let v = try add(add(e, rotatedRight(add(f, k2), 18)), g)
    var result = try joined(u, v, factor)
    for (bound, hash) in [(17, upTo16), (8, upTo7), (4, short)] {
      result = try select(compare(.less, text.length, word(UInt64(bound))), hash, result)
    }
    return try withoutColumn(result)
  }

  private mutating func farmHashUpTo3(_ text: DecimalText, _ k2: Value) throws(GraphError) -> Value {
    let first = try half(text, at: word(0), width: 1)
    let middle = try half(text, at: divide(text.length, word(2)), width: 1)
    let last = try half(text, at: before(text, 1), width: 1)
    let y = try add(first, shifted(middle, 8, .shiftLeft))
    let z = try add(text.length, shifted(last, 2, .shiftLeft))
    return try multiply(mix(xor(multiply(y, k2), multiply(z, word(0xC3A5_C85C_97CB_3127)))), k2)
  }

  private mutating func joined(_ u: Value, _ v: Value, _ factor: Value) throws(GraphError) -> Value {
    let a = try mix(multiply(xor(u, v), factor))
    return try multiply(mix(multiply(xor(v, a), factor)), factor)
  }

  // MARK: SipHash

  private mutating func sipHash(_ text: DecimalText, key: [UInt64]) throws(GraphError) -> Value {
    guard key.count == 2 else { throw GraphError("expected a key of 2 words, found \(key.count)") }
    var state = [
      word(key[0] ^ 0x736F_6D65_7073_6575), word(key[1] ^ 0x646F_7261_6E64_6F6D),
      word(key[0] ^ 0x6C79_6765_6E65_7261), word(key[1] ^ 0x7465_6462_7974_6573),
    ]
    for block in 0..<2 {
      let absorbed = try sipAbsorbed(state, number(text, at: word(UInt64(8 * block))))
      let isThere = try compare(.greaterOrEqual, text.length, word(UInt64(8 * block + 8)))
      for index in state.indices { state[index] = try select(isThere, absorbed[index], state[index]) }
    }
    let rest = try number(text, at: multiply(divide(text.length, word(8)), word(8)))
    state = try sipAbsorbed(state, add(rest, shifted(text.length, 56, .shiftLeft)))
    state[2] = try xor(state[2], word(0xFF))
    for _ in 0..<4 { state = try sipRound(state) }
    return try withoutColumn(xor(xor(xor(state[0], state[1]), state[2]), state[3]))
  }

  private mutating func sipAbsorbed(_ v: [Value], _ word: Value) throws(GraphError) -> [Value] {
    var state = try sipRound(sipRound([v[0], v[1], v[2], xor(v[3], word)]))
    state[0] = try xor(state[0], word)
    return state
  }

  private mutating func sipRound(_ v: [Value]) throws(GraphError) -> [Value] {
    let a = try add(v[0], v[1])
    let b = try xor(rotatedRight(v[1], 64 - 13), a)
    let c = try add(v[2], v[3])
    let d = try xor(rotatedRight(v[3], 64 - 16), c)
    let e = try add(rotatedRight(a, 32), d)
    let f = try add(c, b)
    let (g, h) = (try rotatedRight(b, 64 - 17), try rotatedRight(d, 64 - 21))
    return [e, try xor(g, f), try rotatedRight(f, 32), try xor(h, e)]
  }
}
