import CKernels
import ModelFiles
import ModelIR

/// A product of few rows with a large matrix of the file's, which is read where it is: packing would take longer than
/// many runs, and as much memory again. VGG16's first dense layer, 411 MB, on one thread, 1 and 8 rows: 14 and 16 ms from
/// the mapped file, at any address, 18 and 17 ms packed by oneDNN.
struct StreamedProduct {
  fileprivate let rows, depth, columns: Int
  fileprivate let matrix: HeldBytes
  fileprivate let function: ElementFunction?
  fileprivate let hasBias: Bool

  /// Up to as many rows a product takes as long as one.
  private static let mostRows = 8
  /// Smaller matrices stay in a cache from run to run when they are packed.
  private static let fewestElements = 1 << 22

  /// Nil for a product that is better done with a packed matrix.
  init?(_ request: StepRequest) {
    guard let epilogue = request.op.productEpilogue else { return nil }
    let (a, b) = (request.operands[0], request.operands[1])
    guard request.options.usesOwnKernels, !epilogue.addsOperand,
      request.operands.allSatisfy({ $0.dtype == .float32 }),
      b.sizes.count == 2, b.elementCount >= StreamedProduct.fewestElements,
      a.elementCount <= StreamedProduct.mostRows * b.sizes[0], a.elementCount > 0,
      let storage = request.constants[1]?.tensor.storage as? HeldStorage
    else { return nil }
    function = epilogue.function.flatMap { ElementFunction($0) }
    guard (function == nil) == (epilogue.function == nil) else { return nil }
    (rows, depth, columns) = (a.elementCount / b.sizes[0], b.sizes[0], b.sizes[1])
    matrix = storage.bytes
    hasBias = request.operands.count > 2
  }
}

extension Op {
  /// What follows a product of matrices in its step; nil for other operations.
  var productEpilogue: Epilogue? {
    if case .dense(let epilogue) = self { return epilogue }
    return self == .matMul ? Epilogue() : nil
  }
}

extension FusedBackend {
  func prepareStreamed(_ request: StepRequest) -> PreparedStep? {
    guard let product = StreamedProduct(request) else { return nil }
    var layouts: [Layout?] = request.operands.map { _ in .rowMajor }
    layouts[1] = nil
    return PreparedStep(step: product, operandLayouts: layouts, resultLayouts: [.rowMajor])
  }
}

extension StreamedProduct: Step {
  func run(_ memory: StepMemory) {
    let (a, c) = (ReadPointer(memory.floats(0)), SharedPointer(memory.floatResult(0)))
    let bias = hasBias ? ReadPointer(memory.floats(2)) : nil
    matrix.withBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      let b = ReadPointer(base.assumingMemoryBound(to: UInt8.self))
      // Whole pages of a row for each thread.
      let block = 1024
      parallel((columns + block - 1) / block, grain: 1) { [self] blocks in
        let columns = (blocks.lowerBound * block)..<min(blocks.upperBound * block, columns)
        multiply(columns, a.pointer, UnsafeRawPointer(b.pointer), bias?.pointer, c.pointer)
      }
    }
  }

  private func multiply(
    _ range: Range<Int>, _ a: UnsafePointer<Float>, _ b: UnsafeRawPointer, _ bias: UnsafePointer<Float>?,
    _ c: UnsafeMutablePointer<Float>
  ) {
    let first = range.lowerBound
    ck_streamed_product(
      a, depth, rows, b + 4 * first, columns, depth, range.count, bias.map { $0 + first }, c + first, columns)
    guard let function else { return }
    for row in 0..<rows {
      let target = c + row * columns + first
      ck_unary(function.function, function.alpha, function.beta, target, target, range.count)
    }
  }
}
