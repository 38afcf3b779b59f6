import CKernels
import ModelFiles
import ModelIR

/// A product of few rows with a large matrix of the file's, which is read where it is: packing would take longer than
/// many runs, and as much memory again. VGG16's first dense layer, 411 MB, on one thread, 1 and 8 rows: 11.5 and 18.6 ms from
/// the mapped file, at any address, 18 and 17 ms packed by oneDNN.
struct StreamedProduct {
  fileprivate let rows, depth, columns, threads: Int
  fileprivate let matrix: HeldBytes
  fileprivate let function: ElementFunction?
  fileprivate let hasBias: Bool

  /// Up to as many rows a product takes as long as one.
  private static let mostRows = 8
  /// Sums that stay in a core's first cache beside what is read.
  private static let cachedSums = 1 << 13
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
    threads = min(request.options.threads, depth)
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
  /// The sums of all threads but the first.
  var scratchByteCount: Int { 4 * (threads - 1) * rows * columns }

  /// Each thread adds up what some of the matrix's rows give, which lie one behind the other: whole rows where its sums stay
  /// in the first cache.
  func run(_ memory: StepMemory) {
    let (a, c) = (ReadPointer(memory.floats(0)), SharedPointer(memory.floatResult(0)))
    let bias = hasBias ? ReadPointer(memory.floats(2)) : nil
    let sums = SharedPointer(memory.scratch.assumingMemoryBound(to: Float.self))
    matrix.withBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      let b = ReadPointer(base.assumingMemoryBound(to: UInt8.self))
      parallel(threads, grain: 1) { [self] parts in
        for part in parts {
          let target = part == 0 ? c.pointer : sums.pointer + (part - 1) * rows * columns
          multiply(
            (depth * part / threads)..<(depth * (part + 1) / threads), a.pointer,
            UnsafeRawPointer(b.pointer), part == 0 ? bias?.pointer : nil, target)
        }
      }
    }
    finish(c.pointer, sums.pointer)
  }

  /// Some rows of the matrix times their factors.
  private func multiply(
    _ part: Range<Int>, _ a: UnsafePointer<Float>, _ b: UnsafeRawPointer, _ bias: UnsafePointer<Float>?,
    _ c: UnsafeMutablePointer<Float>
  ) {
    let width = max(StreamedProduct.cachedSums / rows / 1024 * 1024, 1024)
    for first in stride(from: 0, to: columns, by: width) {
      ck_streamed_product(
        a + part.lowerBound, depth, rows, b + 4 * (part.lowerBound * columns + first), columns, part.count,
        min(width, columns - first), bias.map { $0 + first }, c + first, columns)
    }
  }

  /// Adds up what the threads have, and applies the function.
  private func finish(_ c: UnsafeMutablePointer<Float>, _ sums: UnsafePointer<Float>) {
    let count = rows * columns
    for part in 1..<threads { ck_binary(ck_add, c, 1, sums + (part - 1) * count, 1, c, count) }
    guard let function else { return }
    ck_unary(function.function, function.alpha, function.beta, c, c, count)
  }
}
