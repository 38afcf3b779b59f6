import ModelFiles
import ModelIR

/// The floats that constant numbers of few bits stand for, made when they are read: a kernel that packs them reads them
/// once, and one that knows the numbers takes those.
final class DequantizedStorage: TensorStorage {
  let attributes: DequantizeAttributes
  let numbers, scale: Tensor
  let zero: Tensor?
  let byteCount: Int

  /// - Parameter operands: of the operation, in order, aligned.
  init(_ attributes: DequantizeAttributes, _ operands: [Tensor], byteCount: Int) {
    self.attributes = attributes
    self.byteCount = byteCount
    (numbers, scale) = (operands[0], operands[1])
    zero = operands.count > 2 ? operands[2] : nil
  }

  func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    try restored().storage.withBytes(body)
  }

  func reader() throws -> any RangeReader { try restored().storage.reader() }

  func releasePages() { numbers.storage.releasePages() }

  private func restored() throws -> Tensor {
    try dequantize(attributes, [numbers, scale] + [zero].compactMap(\.self))
  }
}
