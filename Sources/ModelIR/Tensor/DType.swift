/// The element type of a tensor.
///
/// The names are those of NumPy and of Keras's `dtype` strings, except ``string``, which holds UTF-8 text.
public enum DType: String, Sendable, CaseIterable, Codable {
  case float16, bfloat16, float32, float64
  case int8, uint8, int16, uint16, int32, uint32, int64, uint64
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
}
