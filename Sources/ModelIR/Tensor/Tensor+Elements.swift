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
  /// - Precondition: `elements.count` is the product of `sizes`.
  public init<T: TensorElement>(_ elements: [T], sizes: [Int]) {
    let storage = MemoryStorage(byteCount: elements.count * MemoryLayout<T>.stride) { bytes in
      elements.withUnsafeBytes { bytes.copyMemory(from: $0) }
    }
    self.init(dtype: T.dtype, sizes: sizes, storage: storage)
  }

  /// A string tensor with these elements, row-major.
  public init(_ strings: [String], sizes: [Int]) {
    self.init(dtype: .string, sizes: sizes, storage: StringStorage(strings))
  }

  /// A scalar.
  public init<T: TensorElement>(_ element: T) { self.init([element], sizes: []) }

  /// A tensor of another element type made from doubles, by the rules of ``converted(to:)``; as text for strings.
  /// - Precondition: `values.count` is the product of `sizes`.
  public init(_ values: [Double], sizes: [Int], dtype: DType) {
    if dtype == .string {
      self.init(values.map { "\($0)" }, sizes: sizes)
      return
    }
    let storage = MemoryStorage(byteCount: values.count * dtype.byteCount) { target in
      values.withUnsafeBytes { source in
        guard let source = source.baseAddress, let target = target.baseAddress else { return }
        ElementConversion.convert(source, .float64, to: target, dtype, count: values.count)
      }
    }
    self.init(dtype: dtype, sizes: sizes, storage: storage)
  }

  /// The elements of a string tensor, row-major; nil for other types.
  public var strings: [String]? { (storage as? StringStorage)?.strings }

  /// The elements as they are stored.
  /// - Throws: what reading the bytes throws.
  /// - Precondition: `T.dtype` is the tensor's.
  package func elements<T: TensorElement>(as type: T.Type = T.self) throws -> [T] {
    precondition(T.dtype == dtype, "elements(as:) of another element type")
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
