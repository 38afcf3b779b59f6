/// The element type of a tensor.
///
/// The names are those of NumPy and of Keras's `dtype` strings, except ``string``, which holds UTF-8 text. More may come:
/// switch over it with a `default`.
public enum DType: String, Sendable, CaseIterable, Codable {
  /// Binary floating-point numbers: IEEE 754's, and the upper half of its 32 bits.
  case float16, bfloat16, float32, float64
  /// Integers in two's complement, and those without a sign.
  case int8, uint8, int16, uint16, int32, uint32, int64, uint64
  /// Truth values of a byte each, and text.
  case bool, string

  /// The size of one element in bytes; 0 for ``string``, whose elements have no fixed size.
  public var byteCount: Int {
    switch self {
    case .int8, .uint8, .bool: 1
    case .float16, .bfloat16, .int16, .uint16: 2
    case .float32, .int32, .uint32: 4
    case .float64, .int64, .uint64: 8
    case .string: 0
    }
  }

  /// True for the four binary floating-point types.
  public var isFloatingPoint: Bool {
    switch self {
    case .float16, .bfloat16, .float32, .float64: true
    case .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64, .bool, .string: false
    }
  }

  /// True for the signed and unsigned integer types; ``bool`` is not one.
  public var isInteger: Bool {
    switch self {
    case .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64: true
    case .float16, .bfloat16, .float32, .float64, .bool, .string: false
    }
  }

  /// The numbers of an integer type; nil for ``uint64``, which has some that `Int64` has not, and for other types.
  package var wholeRange: ClosedRange<Int64>? {
    switch self {
    case .int8: -128...127
    case .uint8: 0...255
    case .int16: -32768...32767
    case .uint16: 0...65535
    case .int32: -2_147_483_648...2_147_483_647
    case .uint32: 0...4_294_967_295
    case .int64: Int64.min...Int64.max
    case .uint64, .float16, .bfloat16, .float32, .float64, .bool, .string: nil
    }
  }

  /// The finite numbers of a type, from the smallest to the largest that `Double` has, too; a bool is 0 or 1. Nil for
  /// ``string``.
  package var finiteRange: ClosedRange<Double>? {
    switch self {
    case .bool: 0...1
    case .int8, .uint8, .int16, .uint16, .int32, .uint32:
      wholeRange.map { Double($0.lowerBound)...Double($0.upperBound) }
    case .int64: -0x1p63...0x1p63.nextDown
    case .uint64: 0...0x1p64.nextDown
    case .float16: -65504...65504
    case .bfloat16: -0x1.fep127...0x1.fep127
    case .float32: -Double(Float.greatestFiniteMagnitude)...Double(Float.greatestFiniteMagnitude)
    case .float64: -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
    case .string: nil
    }
  }
}

/// A set of element types.
package struct DTypeSet: Sendable, ExpressibleByArrayLiteral {
  /// One bit for each type.
  private var bits: UInt32 = 0

  package init(arrayLiteral elements: DType...) { self.init(elements) }
  package init(_ types: some Sequence<DType>) { for type in types { bits |= type.bit } }
  private init(bits: UInt32) { self.bits = bits }

  /// Every type.
  package static let all = DTypeSet(DType.allCases)

  package func contains(_ type: DType) -> Bool { bits & type.bit != 0 }
  package func union(_ other: DTypeSet) -> DTypeSet { DTypeSet(bits: bits | other.bits) }
  package func subtracting(_ types: some Sequence<DType>) -> DTypeSet {
    DTypeSet(bits: bits & ~DTypeSet(types).bits)
  }
}

extension DType {
  /// The type's place among all, as a bit.
  fileprivate var bit: UInt32 {
    switch self {
    case .float16: 1 << 0
    case .bfloat16: 1 << 1
    case .float32: 1 << 2
    case .float64: 1 << 3
    case .int8: 1 << 4
    case .uint8: 1 << 5
    case .int16: 1 << 6
    case .uint16: 1 << 7
    case .int32: 1 << 8
    case .uint32: 1 << 9
    case .int64: 1 << 10
    case .uint64: 1 << 11
    case .bool: 1 << 12
    case .string: 1 << 13
    }
  }

  /// By the case: an enumeration with raw values would be hashed by its text.
  public func hash(into hasher: inout Hasher) { hasher.combine(bit) }
}
