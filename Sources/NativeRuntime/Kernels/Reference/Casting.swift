import ModelIR

extension Tensor {
  /// ONNX `Cast`. Floats become integers as on common machines: toward zero into 64 bits, of which the low ones stay.
  func cast(to target: DType) throws -> Tensor {
    if dtype == target { return self }
    guard dtype != .string else { throw KernelError("cannot convert strings to \(target.rawValue)") }
    if target == .string { return try Tensor(asTexts(), sizes: sizes) }
    let isNarrowing = dtype.isFloatingPoint && target.isInteger && target != .uint64
    return try (isNarrowing ? converted(to: .int64) : self).converted(to: target)
  }

  private func asTexts() throws -> [String] {
    switch dtype {
    case .float16, .bfloat16, .float32, .float64: try doubles().map { "\($0)" }
    case .uint64: try [UInt64](self).map { "\($0)" }
    case .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .bool: try [Int64](self).map { "\($0)" }
    case .string: try texts(of: self)
    }
  }
}
