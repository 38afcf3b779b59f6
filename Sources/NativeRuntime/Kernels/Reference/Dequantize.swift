import ModelIR

/// `(q - zero) * scale` in float32, or in float64 for a float64 scale.
func dequantize(_ attributes: DequantizeAttributes, _ operands: [Tensor]) throws -> Tensor {
  let type = try Op.dequantize(attributes).inferTypes(operands.map(\.type))[0]
  guard let sizes = type.shape.fixedSizes else {
    throw KernelError("expected known sizes, found \(type.shape)")
  }
  let numbers = QuantizedNumbers(attributes, operands[0], sizes)
  return operands[1].dtype == .float64
    ? try numbers.scaled(Double.self, operands) : try numbers.scaled(Float.self, operands)
}

/// The walk over the numbers: `outer x axis x inner`, the three parts of their shape.
private struct QuantizedNumbers {
  let attributes: DequantizeAttributes
  let sizes: [Int]
  let isSigned: Bool
  /// The length of a row of two to a byte; nil for one to an element.
  let rowLength: Int?
  let outer: Int
  let axisSize: Int
  let inner: Int

  init(_ attributes: DequantizeAttributes, _ operand: Tensor, _ sizes: [Int]) {
    self.attributes = attributes
    self.sizes = sizes
    switch attributes.numbers {
    case .bytes:
      isSigned = operand.dtype == .int8
      rowLength = nil
    case .nibbles(let signed, let count):
      isSigned = signed
      rowLength = count
    }
    let axis = attributes.axis
    outer = sizes.prefix(axis).reduce(1, *)
    axisSize = axis < sizes.count ? sizes[axis] : 1
    inner = sizes.dropFirst(axis + 1).reduce(1, *)
  }

  /// The number at an index of the row-major walk.
  private func number(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Int {
    guard let rowLength else {
      return isSigned ? Int(Int8(bitPattern: bytes[index])) : Int(bytes[index])
    }
    let (row, column) = index.quotientAndRemainder(dividingBy: rowLength)
    let byte = bytes[row * (rowLength / 2 + rowLength % 2) + column / 2]
    let half = Int(column % 2 == 0 ? byte & 15 : byte >> 4)
    return isSigned ? (half ^ 8) - 8 : half
  }

  func scaled<T: TensorElement & BinaryFloatingPoint & Sendable>(
    _ type: T.Type, _ operands: [Tensor]
  ) throws -> Tensor {
    let scales = try [T](operands[1])
    let zeros = operands.count > 2 ? try [T](operands[2]) : []
    let block = attributes.blockSize
    let groups = block.map { axisSize / $0 + (axisSize % $0 == 0 ? 0 : 1) } ?? axisSize
    return try operands[0].withBytes { bytes in
      let source = SharedBytes(bytes)
      return try Tensor.make(type, sizes) { target in
        let result = SharedPointer(target)
        parallel(outer * axisSize, grain: max(1, 4096 / max(inner, 1))) { rows in
          for row in rows {
            let (before, step) = row.quotientAndRemainder(dividingBy: max(axisSize, 1))
            for place in 0..<inner {
              let index = row * inner + place
              let group = block.map { (before * groups + step / $0) * inner + place } ?? step
              let scale = scales.count == 1 ? 0 : group
              let value = T(number(source.bytes, index)) - (zeros.isEmpty ? 0 : zeros[scale])
              result.pointer[index] = value * scales[scale]
            }
          }
        }
      }
    }
  }
}

/// Bytes that threads only read.
private struct SharedBytes: @unchecked Sendable {
  let bytes: UnsafeRawBufferPointer
  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }
}
