import ModelIR
import ONNXFormat

extension NodeReader {
  static let quantization: [String: Reading] = [
    "DequantizeLinear": .other({ node throws(ONNXImportError) in try node.readDequantize() })
  ]

  private func readDequantize() throws(ONNXImportError) {
    let scale = try operand(1)
    let block = try int("block_size")
    var values: [Value]
    var attributes: DequantizeAttributes
    if case .packed(let packed) = try peek(0) {
      _ = try entry(0)
      values = [graph.constant(try packed.rows(), name: packed.name), scale]
      guard let count = packed.sizes.last else { throw .damaged("4-bit numbers without axes") }
      attributes = DequantizeAttributes(.nibbles(isSigned: packed.isSigned, count: count), blockSize: block)
      attributes.axis = try axis(required("axis", int("axis")), rank: packed.sizes.count)
    } else {
      values = [try operand(0), scale]
      attributes = DequantizeAttributes(.bytes, blockSize: block)
      // The axis of a single scale is not looked at.
      let (axis, rank) = (try required("axis", int("axis")), type(values[0]).shape.rank)
      attributes.axis = type(scale).shape.rank == 0 ? 0 : try self.axis(axis, rank: rank)
    }
    if hasOperand(2) { values.append(try zeroPoint()) }
    try emit(.dequantize(attributes), values)
  }

  private func zeroPoint() throws(ONNXImportError) -> Value {
    guard case .packed(let packed) = try peek(2) else { return try operand(2) }
    _ = try entry(2)
    return graph.constant(try packed.unpacked(), name: packed.name)
  }
}

extension ONNXPackedTensor {
  /// The bytes with each row filled up to whole ones, as ``DequantizeAttributes`` wants them.
  fileprivate func rows() throws(ONNXImportError) -> Tensor {
    try ONNXImportError.checked(Tensor.nibbles(withGaps: bytes, sizes: sizes))
  }

  /// The numbers one to an element.
  fileprivate func unpacked() throws(ONNXImportError) -> Tensor {
    try ONNXImportError.checked(Tensor.numbers(ofNibbles: bytes, sizes: sizes, isSigned: isSigned))
  }
}
