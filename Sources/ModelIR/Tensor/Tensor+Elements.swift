/// A Swift type that is the element of a tensor.
public protocol TensorElement: Sendable, BitwiseCopyable {
  /// The element type in a tensor.
  static var dtype: DType { get }
}

extension Float: TensorElement { public static var dtype: DType { .float32 } }
extension Double: TensorElement { public static var dtype: DType { .float64 } }
extension Int8: TensorElement { public static var dtype: DType { .int8 } }
extension UInt8: TensorElement { public static var dtype: DType { .uint8 } }
extension Int16: TensorElement { public static var dtype: DType { .int16 } }
extension UInt16: TensorElement { public static var dtype: DType { .uint16 } }
extension Int32: TensorElement { public static var dtype: DType { .int32 } }
extension UInt32: TensorElement { public static var dtype: DType { .uint32 } }
extension Int64: TensorElement { public static var dtype: DType { .int64 } }
extension UInt64: TensorElement { public static var dtype: DType { .uint64 } }
extension Bool: TensorElement { public static var dtype: DType { .bool } }

extension Tensor {
  /// A tensor in memory with these elements, row-major.
  /// - Throws: ``TensorError`` unless `elements.count` is the product of `sizes`, or when there is not as much memory.
  public init<T: TensorElement>(_ elements: [T], sizes: [Int]) throws(TensorError) {
    let storage = try MemoryStorage(filled: elements.count * MemoryLayout<T>.stride) { bytes in
      elements.withUnsafeBytes { bytes.copyMemory(from: $0) }
    }
    try self.init(dtype: T.dtype, sizes: sizes, storage: storage)
  }

  /// A string tensor with these elements, row-major.
  /// - Throws: ``TensorError`` unless `strings.count` is the product of `sizes`.
  public init(_ strings: [String], sizes: [Int]) throws(TensorError) {
    try self.init(dtype: .string, sizes: sizes, storage: StringStorage(strings))
  }

  /// A scalar.
  public init<T: TensorElement>(_ element: T) {
    self.init(listing: [element], as: T.dtype, isScalar: true)
  }

  /// A tensor of one axis with these elements.
  public init<T: TensorElement>(vector elements: [T]) {
    self.init(listing: elements, as: T.dtype, isScalar: false)
  }

  /// A scalar of an element type, by the rules of ``converted(to:)``, or its text.
  package init(scalar number: Double, _ dtype: DType) {
    switch dtype {
    case .float16: self.init(listing: [Tensor.bits16(number, dtype)], as: dtype, isScalar: true)
    case .bfloat16: self.init(listing: [Tensor.bits16(number, dtype)], as: dtype, isScalar: true)
    case .float32: self.init(Float(number))
    case .float64: self.init(number)
    case .int8: self.init(Int8(clampingDouble: number))
    case .uint8: self.init(UInt8(clampingDouble: number))
    case .int16: self.init(Int16(clampingDouble: number))
    case .uint16: self.init(UInt16(clampingDouble: number))
    case .int32: self.init(Int32(clampingDouble: number))
    case .uint32: self.init(UInt32(clampingDouble: number))
    case .int64: self.init(Int64(clampingDouble: number))
    case .uint64: self.init(UInt64(clampingDouble: number))
    case .bool: self.init(number != 0)
    case .string: self.init(text: "\(number)")
    }
  }

  /// The bits of a number in one of the two 16-bit floating-point types, rounded once.
  private static func bits16(_ number: Double, _ dtype: DType) -> UInt16 {
    var bits: UInt16 = 0
    Swift.withUnsafeBytes(of: number) { source in
      Swift.withUnsafeMutableBytes(of: &bits) { target in
        guard let source = source.baseAddress, let target = target.baseAddress else { return }
        ElementConversion.convert(source, .float64, to: target, dtype, count: 1)
      }
    }
    return bits
  }

  /// A tensor of another element type made from doubles, by the rules of ``converted(to:)``; as text for strings.
  /// - Throws: ``TensorError`` unless `values.count` is the product of `sizes`, or when there is not as much memory.
  public init(_ values: [Double], sizes: [Int], dtype: DType) throws(TensorError) {
    if dtype == .string {
      try self.init(values.map { "\($0)" }, sizes: sizes)
      return
    }
    let storage = try MemoryStorage(filled: values.count * dtype.byteCount) { target in
      values.withUnsafeBytes { source in
        guard let source = source.baseAddress, let target = target.baseAddress else { return }
        ElementConversion.convert(source, .float64, to: target, dtype, count: values.count)
      }
    }
    try self.init(dtype: dtype, sizes: sizes, storage: storage)
  }

  /// The elements of a string tensor, row-major; nil for other types.
  public var strings: [String]? { (storage as? StringStorage)?.strings }

  /// The elements as they are stored.
  /// - Throws: ``TensorError`` unless `T.dtype` is the tensor's; what reading the bytes throws.
  package func elements<T: TensorElement>(as type: T.Type = T.self) throws -> [T] {
    guard T.dtype == dtype else {
      throw TensorError("expected elements of type \(T.dtype.rawValue), found \(dtype.rawValue)")
    }
    return try withBytes { bytes in
      [T](unsafeUninitializedCapacity: elementCount) { buffer, count in
        UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
        count = elementCount
      }
    }
  }

  /// The elements converted to doubles (exact but for 64-bit integers beyond 2^53); `false` is 0, `true` is 1. None for
  /// strings.
  /// - Throws: what reading the bytes throws.
  package func doubles() throws -> [Double] { dtype == .string ? [] : try [Double](self) }
}

/// Conversions of the two 16-bit floating-point types by their bits (IEEE 754 binary16; bfloat16 is the upper half
/// of a binary32), rounding to nearest even. Written out because `Float16` is absent on some of Swift's platforms.
package enum HalfPrecision {
  /// The value of a binary16 bit pattern.
  @inlinable package static func float(float16Bits bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10) & 0x1F
    let fraction = UInt32(bits & 0x3FF)
    if exponent == 0 {
      let magnitude = Float(fraction) * 0x1p-24
      return sign == 0 ? magnitude : -magnitude
    }
    if exponent == 31 { return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13) }
    return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
  }

  /// The binary16 bit pattern nearest to a value, ties to even.
  @inlinable package static func float16Bits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
    let magnitude = bits & 0x7FFF_FFFF
    if magnitude > 0x7F80_0000 { return sign | 0x7E00 }
    if magnitude >= 0x477F_F000 { return sign | 0x7C00 }
    if magnitude < 0x3880_0000 {
      // Adding 0.5 aligns the last fraction bit with binary16's and rounds to nearest even.
      let sum = Float(bitPattern: magnitude) + 0.5
      return sign | UInt16(truncatingIfNeeded: sum.bitPattern &- Float(0.5).bitPattern)
    }
    let rounded = magnitude &+ 0xFFF &+ ((magnitude >> 13) & 1) &- (112 << 23)
    return sign | UInt16(truncatingIfNeeded: rounded >> 13)
  }

  /// The value of a bfloat16 bit pattern.
  @inlinable package static func float(bfloat16Bits bits: UInt16) -> Float {
    Float(bitPattern: UInt32(bits) << 16)
  }

  /// The bfloat16 bit pattern nearest to a value, ties to even.
  @inlinable package static func bfloat16Bits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if bits & 0x7FFF_FFFF > 0x7F80_0000 { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
  }
}

extension FixedWidthInteger {
  /// The value rounded toward zero and brought into range; 0 for NaN.
  package init(clampingDouble value: Double) {
    // Through the two widest types, whose conversions are instructions.
    if Self.bitWidth == 64, !Self.isSigned {
      self = Self(clamping: value >= 0x1p64 ? UInt64.max : value > 0 ? UInt64(value) : 0)
    } else if value.isNaN {
      self = 0
    } else {
      self = Self(clamping: value >= 0x1p63 ? Int64.max : value <= -0x1p63 ? Int64.min : Int64(value))
    }
  }
}
