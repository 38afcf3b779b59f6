package import ModelIR

// TensorProto.DataType.

extension DType {
  /// The type's number.
  package var onnxType: Int32 {
    switch self {
    case .float32: 1
    case .uint8: 2
    case .int8: 3
    case .uint16: 4
    case .int16: 5
    case .int32: 6
    case .int64: 7
    case .string: 8
    case .bool: 9
    case .float16: 10
    case .float64: 11
    case .uint32: 12
    case .uint64: 13
    case .bfloat16: 16
    }
  }

  /// The type with a number; nil for those that a graph does not have.
  package init?(onnxType: Int) {
    guard let type = DType.allCases.first(where: { Int($0.onnxType) == onnxType }) else { return nil }
    self = type
  }
}

extension ONNXPackedTensor {
  private static let types = (unsigned: 21, signed: 22)

  /// The number of UINT4 or INT4.
  package var onnxType: Int32 { Int32(isSigned ? Self.types.signed : Self.types.unsigned) }

  /// Whether numbers of a type of 4 bits have a sign; nil for other types.
  package static func isSigned(onnxType: Int) -> Bool? {
    onnxType == types.signed ? true : onnxType == types.unsigned ? false : nil
  }
}
