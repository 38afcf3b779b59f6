import ModelIR

/// Buckets of TensorFlow's two string hashes; integers are hashed as decimal text.
func hash(_ attributes: HashAttributes, _ x: Tensor) throws -> Tensor {
  guard attributes.binCount > 0 else { throw KernelError("expected a positive number of bins") }
  if let key = attributes.key, key.count != 2 {
    throw KernelError("expected a key of two words, found \(key.count)")
  }
  let texts: [String]
  if let strings = x.strings {
    texts = strings
  } else if x.dtype.isInteger {
    texts = try x.cast(to: .int64).elements(as: Int64.self).map(String.init)
  } else {
    throw KernelError("expected strings or integers, found \(x.dtype.rawValue)")
  }
  let bins = UInt64(attributes.binCount)
  let buckets = texts.map { (text: String) -> Int64 in
    let bytes = Array(text.utf8)
    let value = attributes.key.map { sipHash(bytes, key: ($0[0], $0[1])) } ?? FarmHash.fingerprint(bytes)
    return Int64(value % bins)
  }
  return try Tensor(buckets, sizes: x.sizes)
}

/// TensorFlow's SparseCross of dense columns: the numbers of each place joined one after another.
func crossed(_ attributes: HashAttributes, _ columns: [Tensor]) throws -> Tensor {
  guard attributes.binCount > 0, let first = columns.first else {
    throw KernelError("expected a positive number of bins")
  }
  var values = [UInt64](repeating: 0xDECAFCAFFE, count: first.elementCount)
  for column in columns {
    guard column.sizes == first.sizes else {
      throw KernelError("expected shape \(first.sizes), found \(column.sizes)")
    }
    let numbers: [UInt64]
    if let strings = column.strings {
      numbers = strings.map { FarmHash.fingerprint(Array($0.utf8)) }
    } else {
      numbers = try column.cast(to: .int64).elements(as: Int64.self).map { UInt64(bitPattern: $0) }
    }
    for (place, number) in numbers.enumerated() { values[place] = joined(values[place], number) }
  }
  let bins = UInt64(attributes.binCount)
  return try Tensor(values.map { Int64($0 % bins) }, sizes: first.sizes)
}

/// TensorFlow's `FingerprintCat64`.
private func joined(_ a: UInt64, _ b: UInt64) -> UInt64 {
  let factor: UInt64 = 0xC6A4_A793_5BD1_E995
  func mix(_ value: UInt64) -> UInt64 { value ^ (value >> 47) }
  var result = a ^ factor
  result ^= mix(b &* factor) &* factor
  result = result &* factor
  return mix(mix(result) &* factor)
}

/// The little-endian number in `width` bytes.
@inline(__always)
private func load(_ bytes: [UInt8], _ start: Int, width: Int = 8) -> UInt64 {
  var value: UInt64 = 0
  for index in 0..<width { value |= UInt64(bytes[start + index]) << UInt64(8 * index) }
  return value
}

@inline(__always)
private func rotateRight(_ value: UInt64, _ count: UInt64) -> UInt64 {
  value &>> count | value &<< (64 &- count)
}

@inline(__always)
private func rotateLeft(_ value: UInt64, _ count: UInt64) -> UInt64 {
  value &<< count | value &>> (64 &- count)
}

/// FarmHash's `Fingerprint64`, whose values are fixed for all time (github.com/google/farmhash, namespace `farmhashna`).
enum FarmHash {
  private static let k0: UInt64 = 0xC3A5_C85C_97CB_3127
  private static let k1: UInt64 = 0xB492_B66F_BE98_F273
  private static let k2: UInt64 = 0x9AE1_6A3B_2F90_404F
  private typealias Pair = (first: UInt64, second: UInt64)

  static func fingerprint(_ s: [UInt8]) -> UInt64 {
    switch s.count {
    case 0...16: upTo16(s)
    case 17...32: upTo32(s)
    case 33...64: upTo64(s)
    default: long(s)
    }
  }

  private static func mix(_ value: UInt64) -> UInt64 { value ^ (value >> 47) }

  private static func join(_ u: UInt64, _ v: UInt64, _ factor: UInt64) -> UInt64 {
    let a = mix((u ^ v) &* factor)
    return mix((v ^ a) &* factor) &* factor
  }

  private static func upTo16(_ s: [UInt8]) -> UInt64 {
    let count = UInt64(s.count)
    let factor = k2 &+ count &* 2
    if s.count >= 8 {
      let a = load(s, 0) &+ k2
      let b = load(s, s.count - 8)
      let c = rotateRight(b, 37) &* factor &+ a
      let d = (rotateRight(a, 25) &+ b) &* factor
      return join(c, d, factor)
    }
    if s.count >= 4 {
      let a = load(s, 0, width: 4)
      return join(count &+ (a << 3), load(s, s.count - 4, width: 4), factor)
    }
    guard let first = s.first, let last = s.last else { return k2 }
    let y = UInt64(first) &+ UInt64(s[s.count / 2]) << 8
    let z = count &+ UInt64(last) << 2
    return mix(y &* k2 ^ z &* k0) &* k2
  }

  private static func upTo32(_ s: [UInt8]) -> UInt64 {
    let factor = k2 &+ UInt64(s.count) &* 2
    let a = load(s, 0) &* k1
    let b = load(s, 8)
    let c = load(s, s.count - 8) &* factor
    let d = load(s, s.count - 16) &* k2
    let u = rotateRight(a &+ b, 43) &+ rotateRight(c, 30) &+ d
    return join(u, a &+ rotateRight(b &+ k2, 18) &+ c, factor)
  }

  private static func upTo64(_ s: [UInt8]) -> UInt64 {
    let factor = k2 &+ UInt64(s.count) &* 2
    let a = load(s, 0) &* k2
    let b = load(s, 8)
    let c = load(s, s.count - 8) &* factor
    let d = load(s, s.count - 16) &* k2
    let y = rotateRight(a &+ b, 43) &+ rotateRight(c, 30) &+ d
    let z = join(y, a &+ rotateRight(b &+ k2, 18) &+ c, factor)
    let e = load(s, 16) &* factor
    let f = load(s, 24)
    let g = (y &+ load(s, s.count - 32)) &* factor
    let h = (z &+ load(s, s.count - 24)) &* factor
    let u = rotateRight(e &+ f, 43) &+ rotateRight(g, 30) &+ h
    return join(u, e &+ rotateRight(f &+ a, 18) &+ g, factor)
  }

  private static func weak(_ s: [UInt8], _ start: Int, _ first: UInt64, _ second: UInt64) -> Pair {
    let (w, x, y, z) = (load(s, start), load(s, start + 8), load(s, start + 16), load(s, start + 24))
    let a = first &+ w
    var b = rotateRight(second &+ a &+ z, 21)
    let sum = a &+ x &+ y
    b = b &+ rotateRight(sum, 44)
    return (sum &+ z, b &+ a)
  }

  private static func long(_ s: [UInt8]) -> UInt64 {
    var x: UInt64 = 81
    var y = x &* k1 &+ 113
    var z = mix(y &* k2 &+ 113) &* k2
    var v: Pair = (0, 0)
    var w: Pair = (0, 0)
    x = x &* k2 &+ load(s, 0)
    let end = (s.count - 1) / 64 * 64
    for start in stride(from: 0, to: end, by: 64) {
      x = rotateRight(x &+ y &+ v.first &+ load(s, start + 8), 37) &* k1
      y = rotateRight(y &+ v.second &+ load(s, start + 48), 42) &* k1
      x ^= w.second
      y = y &+ v.first &+ load(s, start + 40)
      z = rotateRight(z &+ w.first, 33) &* k1
      v = weak(s, start, v.second &* k1, x &+ w.first)
      w = weak(s, start + 32, z &+ w.second, y &+ load(s, start + 16))
      swap(&z, &x)
    }
    let factor = k1 &+ (z & 0xFF) << 1
    let start = s.count - 64
    w.first = w.first &+ UInt64((s.count - 1) & 63)
    v.first = v.first &+ w.first
    w.first = w.first &+ v.first
    x = rotateRight(x &+ y &+ v.first &+ load(s, start + 8), 37) &* factor
    y = rotateRight(y &+ v.second &+ load(s, start + 48), 42) &* factor
    x ^= w.second &* 9
    y = y &+ v.first &* 9 &+ load(s, start + 40)
    z = rotateRight(z &+ w.first, 33) &* factor
    v = weak(s, start, v.second &* factor, x &+ w.first)
    w = weak(s, start + 32, z &+ w.second, y &+ load(s, start + 16))
    swap(&z, &x)
    let left = join(v.first, w.first, factor) &+ mix(y) &* k0 &+ z
    return join(left, join(v.second, w.second, factor) &+ x, factor)
  }
}

/// SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF").
func sipHash(_ bytes: [UInt8], key: (UInt64, UInt64)) -> UInt64 {
  var v0 = key.0 ^ 0x736F_6D65_7073_6575
  var v1 = key.1 ^ 0x646F_7261_6E64_6F6D
  var v2 = key.0 ^ 0x6C79_6765_6E65_7261
  var v3 = key.1 ^ 0x7465_6462_7974_6573
  func round() {
    v0 = v0 &+ v1
    v1 = rotateLeft(v1, 13) ^ v0
    v0 = rotateLeft(v0, 32)
    v2 = v2 &+ v3
    v3 = rotateLeft(v3, 16) ^ v2
    v0 = v0 &+ v3
    v3 = rotateLeft(v3, 21) ^ v0
    v2 = v2 &+ v1
    v1 = rotateLeft(v1, 17) ^ v2
    v2 = rotateLeft(v2, 32)
  }
  func absorb(_ word: UInt64) {
    v3 ^= word
    round()
    round()
    v0 ^= word
  }
  let whole = bytes.count / 8 * 8
  for start in stride(from: 0, to: whole, by: 8) { absorb(load(bytes, start)) }
  absorb(load(bytes, whole, width: bytes.count - whole) | UInt64(bytes.count & 0xFF) << 56)
  v2 ^= 0xFF
  for _ in 0..<4 { round() }
  return v0 ^ v1 ^ v2 ^ v3
}
