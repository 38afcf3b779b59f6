import ModelIR

extension Tensor {
  /// Conversion as Keras's backends do it: toward zero for float to integer, `!= 0` to bool, wrapping between integers.
  func cast(to target: DType) throws -> Tensor {
    if dtype == target { return self }
    let source = try aligned()
    switch source.dtype {
    case .float32: return try source.read(Float.self) { x in cast(floats: { x[$0] }, to: target) }
    case .float64: return try source.read(Double.self) { x in cast(doubles: { x[$0] }, to: target) }
    case .float16:
      return try Tensor(dtype: .uint16, sizes: sizes, storage: source.storage).read(UInt16.self) { x in
        cast(floats: { HalfPrecision.float(float16Bits: x[$0]) }, to: target)
      }
    case .bfloat16:
      return try Tensor(dtype: .uint16, sizes: sizes, storage: source.storage).read(UInt16.self) { x in
        cast(floats: { HalfPrecision.float(bfloat16Bits: x[$0]) }, to: target)
      }
    case .int8: return try source.read(Int8.self) { x in cast(integers: { Int64(x[$0]) }, to: target) }
    case .uint8: return try source.read(UInt8.self) { x in cast(integers: { Int64(x[$0]) }, to: target) }
    case .int16: return try source.read(Int16.self) { x in cast(integers: { Int64(x[$0]) }, to: target) }
    case .uint16: return try source.read(UInt16.self) { x in cast(integers: { Int64(x[$0]) }, to: target) }
    case .int32: return try source.read(Int32.self) { x in cast(integers: { Int64(x[$0]) }, to: target) }
    case .uint32: return try source.read(UInt32.self) { x in cast(integers: { Int64(x[$0]) }, to: target) }
    case .int64: return try source.read(Int64.self) { x in cast(integers: { x[$0] }, to: target) }
    case .uint64: return try source.read(UInt64.self) { x in cast(integers: { Int64(truncatingIfNeeded: x[$0]) }, to: target) }
    case .bool: return try source.read(Bool.self) { x in cast(integers: { x[$0] ? 1 : 0 }, to: target) }
    case .string: throw KernelError("cannot convert strings to \(target.rawValue)")
    }
  }

  private func fill<T: TensorElement>(_ type: T.Type, _ element: (Int) -> T) -> Tensor {
    let count = elementCount
    return Tensor.make(T.self, sizes) { y in for i in 0..<count { y[i] = element(i) } }
  }

  private func bits(_ dtype: DType, _ element: (Int) -> UInt16) -> Tensor {
    Tensor(dtype: dtype, sizes: sizes, storage: fill(UInt16.self, element).storage)
  }

  private func cast(floats x: (Int) -> Float, to target: DType) -> Tensor {
    switch target {
    case .float32: fill(Float.self, x)
    case .float16: bits(.float16) { HalfPrecision.float16Bits(x($0)) }
    case .bfloat16: bits(.bfloat16) { HalfPrecision.bfloat16Bits(x($0)) }
    default: cast(doubles: { Double(x($0)) }, to: target)
    }
  }

  private func cast(doubles x: (Int) -> Double, to target: DType) -> Tensor {
    switch target {
    case .float32: fill(Float.self) { Float(x($0)) }
    case .float64: fill(Double.self, x)
    case .float16: bits(.float16) { HalfPrecision.float16Bits(Float(x($0))) }
    case .bfloat16: bits(.bfloat16) { HalfPrecision.bfloat16Bits(Float(x($0))) }
    case .bool: fill(Bool.self) { x($0) != 0 }
    case .string: Tensor((0..<elementCount).map { "\(x($0))" }, sizes: sizes)
    case .uint64: fill(UInt64.self) { UInt64(clampingDouble: x($0)) }
    default: cast(integers: { Int64(clampingDouble: x($0)) }, to: target)
    }
  }

  private func cast(integers x: (Int) -> Int64, to target: DType) -> Tensor {
    switch target {
    case .float32: fill(Float.self) { Float(x($0)) }
    case .float64: fill(Double.self) { Double(x($0)) }
    case .float16: bits(.float16) { HalfPrecision.float16Bits(Float(x($0))) }
    case .bfloat16: bits(.bfloat16) { HalfPrecision.bfloat16Bits(Float(x($0))) }
    case .int8: fill(Int8.self) { Int8(truncatingIfNeeded: x($0)) }
    case .uint8: fill(UInt8.self) { UInt8(truncatingIfNeeded: x($0)) }
    case .int16: fill(Int16.self) { Int16(truncatingIfNeeded: x($0)) }
    case .uint16: fill(UInt16.self) { UInt16(truncatingIfNeeded: x($0)) }
    case .int32: fill(Int32.self) { Int32(truncatingIfNeeded: x($0)) }
    case .uint32: fill(UInt32.self) { UInt32(truncatingIfNeeded: x($0)) }
    case .int64: fill(Int64.self, x)
    case .uint64: fill(UInt64.self) { UInt64(truncatingIfNeeded: x($0)) }
    case .bool: fill(Bool.self) { x($0) != 0 }
    case .string: Tensor((0..<elementCount).map { "\(x($0))" }, sizes: sizes)
    }
  }
}
