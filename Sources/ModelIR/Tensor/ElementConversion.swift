import CKernels

/// Conversion of elements between types, over bytes of any alignment.
///
/// | from | to | result |
/// |---|---|---|
/// | any type | itself | the same bits |
/// | floats | floats | the nearest value, ties to even; beyond the range an infinity |
/// | integers | floats | the nearest value, ties to even |
/// | floats | integers | rounded toward zero, brought into range; NaN is 0 |
/// | integers | integers | the low bits, as NumPy's `astype` |
/// | numbers | bool | whether it is not zero (NaN is not) |
/// | bool | numbers | 0 or 1 |
package enum ElementConversion {
  /// Converts `count` elements.
  /// - Precondition: both blocks hold `count` elements of their types; neither type is string.
  package static func convert(
    _ source: UnsafeRawPointer, _ from: DType, to target: UnsafeMutableRawPointer, _ type: DType, count: Int
  ) {
    if from == type {
      target.copyMemory(from: source, byteCount: count * from.byteCount)
      return
    }
    switch (from, type) {
    case (.float32, .float16): return ck_float_to_half(source, target, count)
    case (.float16, .float32): return ck_half_to_float(source, target, count)
    case (.float32, .bfloat16): return ck_float_to_bfloat(source, target, count)
    case (.bfloat16, .float32): return ck_bfloat_to_float(source, target, count)
    default: break  // All others are loops in Swift.
    }
    switch from {
    case .float16: convert(source, Float16Lane.self, to: target, type, count)
    case .bfloat16: convert(source, BFloat16Lane.self, to: target, type, count)
    case .float32: convert(source, Float.self, to: target, type, count)
    case .float64: convert(source, Double.self, to: target, type, count)
    case .int8: convert(source, Int8.self, to: target, type, count)
    case .uint8: convert(source, UInt8.self, to: target, type, count)
    case .int16: convert(source, Int16.self, to: target, type, count)
    case .uint16: convert(source, UInt16.self, to: target, type, count)
    case .int32: convert(source, Int32.self, to: target, type, count)
    case .uint32: convert(source, UInt32.self, to: target, type, count)
    case .int64: convert(source, Int64.self, to: target, type, count)
    case .uint64: convert(source, UInt64.self, to: target, type, count)
    case .bool: convert(source, BoolLane.self, to: target, type, count)
    case .string: break
    }
  }

  private static func convert<S: Lane>(
    _ source: UnsafeRawPointer, _ from: S.Type, to target: UnsafeMutableRawPointer, _ type: DType,
    _ count: Int
  ) {
    switch type {
    case .float16: loop(source, S.self, target, Float16Lane.self, count)
    case .bfloat16: loop(source, S.self, target, BFloat16Lane.self, count)
    case .float32: loop(source, S.self, target, Float.self, count)
    case .float64: loop(source, S.self, target, Double.self, count)
    case .int8: loop(source, S.self, target, Int8.self, count)
    case .uint8: loop(source, S.self, target, UInt8.self, count)
    case .int16: loop(source, S.self, target, Int16.self, count)
    case .uint16: loop(source, S.self, target, UInt16.self, count)
    case .int32: loop(source, S.self, target, Int32.self, count)
    case .uint32: loop(source, S.self, target, UInt32.self, count)
    case .int64: loop(source, S.self, target, Int64.self, count)
    case .uint64: loop(source, S.self, target, UInt64.self, count)
    case .bool: loop(source, S.self, target, BoolLane.self, count)
    case .string: break
    }
  }

  private static func loop<S: Lane, T: Lane>(
    _ source: UnsafeRawPointer, _: S.Type, _ target: UnsafeMutableRawPointer, _: T.Type, _ count: Int
  ) {
    var (from, to) = (source, target)
    for _ in 0..<count {
      let element = from.loadUnaligned(as: S.self)
      to.storeBytes(of: element.wide.narrowed(T.self), as: T.self)
      from += MemoryLayout<S>.stride
      to += MemoryLayout<T>.stride
    }
  }
}

/// An element in memory; it widens without loss to one of four types, from each of which it can be made.
private protocol Lane: BitwiseCopyable {
  associatedtype Wide: WideLane
  var wide: Wide { get }
  init(wide: Float)
  init(wide: Double)
  init(wide: Int64)
  init(wide: UInt64)
}

private protocol WideLane {
  func narrowed<T: Lane>(_ type: T.Type) -> T
}

extension Float: Lane, WideLane {
  fileprivate var wide: Float { self }
  fileprivate init(wide: Float) { self = wide }
  fileprivate init(wide: Double) { self = Float(wide) }
  fileprivate init(wide: Int64) { self = Float(wide) }
  fileprivate init(wide: UInt64) { self = Float(wide) }
  fileprivate func narrowed<T: Lane>(_ type: T.Type) -> T { T(wide: self) }
}

extension Double: Lane, WideLane {
  fileprivate var wide: Double { self }
  fileprivate init(wide: Float) { self = Double(wide) }
  fileprivate init(wide: Double) { self = wide }
  fileprivate init(wide: Int64) { self = Double(wide) }
  fileprivate init(wide: UInt64) { self = Double(wide) }
  fileprivate func narrowed<T: Lane>(_ type: T.Type) -> T { T(wide: self) }
}

extension FixedWidthInteger {
  fileprivate init(wide: Float) { self = Self(clampingDouble: Double(wide)) }
  fileprivate init(wide: Double) { self = Self(clampingDouble: wide) }
  fileprivate init(wide: Int64) { self = Self(truncatingIfNeeded: wide) }
  fileprivate init(wide: UInt64) { self = Self(truncatingIfNeeded: wide) }
}

extension Int8: Lane { fileprivate var wide: Int64 { Int64(self) } }
extension UInt8: Lane { fileprivate var wide: Int64 { Int64(self) } }
extension Int16: Lane { fileprivate var wide: Int64 { Int64(self) } }
extension UInt16: Lane { fileprivate var wide: Int64 { Int64(self) } }
extension Int32: Lane { fileprivate var wide: Int64 { Int64(self) } }
extension UInt32: Lane { fileprivate var wide: Int64 { Int64(self) } }

extension Int64: Lane, WideLane {
  fileprivate var wide: Int64 { self }
  fileprivate func narrowed<T: Lane>(_ type: T.Type) -> T { T(wide: self) }
}

extension UInt64: Lane, WideLane {
  fileprivate var wide: UInt64 { self }
  fileprivate func narrowed<T: Lane>(_ type: T.Type) -> T { T(wide: self) }
}

private struct BoolLane: Lane {
  var bits: UInt8
  fileprivate var wide: Int64 { bits == 0 ? 0 : 1 }
  fileprivate init(wide: Float) { bits = wide != 0 ? 1 : 0 }
  fileprivate init(wide: Double) { bits = wide != 0 ? 1 : 0 }
  fileprivate init(wide: Int64) { bits = wide != 0 ? 1 : 0 }
  fileprivate init(wide: UInt64) { bits = wide != 0 ? 1 : 0 }
}

private struct Float16Lane: Lane {
  var bits: UInt16
  fileprivate var wide: Float { HalfPrecision.float(float16Bits: bits) }
  fileprivate init(wide: Float) { bits = HalfPrecision.float16Bits(wide) }
  fileprivate init(wide: Double) { bits = HalfPrecision.float16Bits(Float(roundedToOdd: wide)) }
  fileprivate init(wide: Int64) { bits = HalfPrecision.float16Bits(Float(roundedToOdd: wide)) }
  fileprivate init(wide: UInt64) { bits = HalfPrecision.float16Bits(Float(roundedToOdd: wide)) }
}

private struct BFloat16Lane: Lane {
  var bits: UInt16
  fileprivate var wide: Float { HalfPrecision.float(bfloat16Bits: bits) }
  fileprivate init(wide: Float) { bits = HalfPrecision.bfloat16Bits(wide) }
  fileprivate init(wide: Double) { bits = HalfPrecision.bfloat16Bits(Float(roundedToOdd: wide)) }
  fileprivate init(wide: Int64) { bits = HalfPrecision.bfloat16Bits(Float(roundedToOdd: wide)) }
  fileprivate init(wide: UInt64) { bits = HalfPrecision.bfloat16Bits(Float(roundedToOdd: wide)) }
}

extension Float {
  /// The value cut off toward zero, its last bit set when that lost something: rounding to a narrower type afterwards
  /// gives what rounding once would have given.
  fileprivate init(roundedToOdd value: Double) {
    let nearest = Float(value)
    self = nearest
    if Double(nearest) != value, !value.isNaN {
      makeOdd(isLarger: Double(nearest).magnitude > value.magnitude)
    }
  }

  fileprivate init<T: FixedWidthInteger>(roundedToOdd value: T) {
    let nearest = Float(value)
    let back = T(exactly: nearest)
    self = nearest
    // A float that is no value of the type is the one beyond its largest.
    if back != value { makeOdd(isLarger: back.map { $0.magnitude > value.magnitude } ?? true) }
  }

  private mutating func makeOdd(isLarger: Bool) {
    self = Float(bitPattern: (isLarger ? bitPattern - 1 : bitPattern) | 1)
  }
}
