import CKernels
import ModelIR

extension FusedBackend {
  /// Movement as strided copies between the plan's buffers.
  func prepareMovement(_ request: StepRequest) -> PreparedStep? {
    if let blocks = request.movedBlocks { return request.rowMajor(request.copies(blocks)) }
    switch request.op {
    case .pad(let attributes): return padding(attributes, request)
    case .gather(let axis): return gathering(axis, request)
    case .transpose, .expand, .slice, .concat, .split, .reverse, .reshape, .tile, .gatherElements, .gatherND,
      .triangle,
      .unary, .binary, .compare, .select, .cast, .matMul, .dense, .dequantize, .einsum, .attention, .conv,
      .convTranspose,
      .pool,
      .reduce, .argReduce, .cumulative, .topK, .batchNormalization, .normalization, .softmax, .logSoftmax,
      .scatterND,
      .range, .count, .sizes, .recurrent, .sequenceRecurrent, .scan, .resize, .lookup, .hash, .vectorize:
      return nil
    }
  }

  /// Padding with zeros.
  private func padding(_ attributes: PadAttributes, _ request: StepRequest) -> PreparedStep? {
    guard case .constant(let value) = attributes.mode, value == 0, value.sign == .plus else { return nil }
    let x = request.operands[0].sizes
    let steps = strides(of: request.results[0].sizes)
    let offset = zip(attributes.pads, steps).reduce(0) { $0 + $1.0.before * $1.1 }
    var step = request.copies([ElementBlock(sizes: x, from: strides(of: x), to: steps, toOffset: offset)])
    step.zeroedByteCount = request.results[0].byteCount
    return request.rowMajor(step)
  }

  private func gathering(_ axis: Int, _ request: StepRequest) -> PreparedStep? {
    let indices = request.operands[1]
    guard indices.dtype == .int32 || indices.dtype == .int64 else { return nil }
    let (outer, size, inner) = around(request.operands[0].sizes, axis)
    let step = GatherStep(
      outer: outer, size: size, rowByteCount: inner * request.operands[0].dtype.byteCount, indices: indices)
    return request.rowMajor(step)
  }
}

extension StepRequest {
  fileprivate func copies(_ blocks: [ElementBlock]) -> CopiesStep {
    CopiesStep(copies: blocks.map(StridedCopy.init), width: operands[0].dtype.byteCount)
  }
}

/// One block of elements from an operand to a result, row by row.
private struct StridedCopy: Sendable {
  let rows: StridedRows
  let fromOffset, toOffset: Int
  let operand, result: Int
  /// The rows as columns of the source, when its neighbours lie along another axis than the result's: how many rows one
  /// block has, and how far they are apart.
  let columns: (count: Int, from: Int, to: Int)?

  init(_ block: ElementBlock) {
    (fromOffset, toOffset, operand, result) = (block.fromOffset, block.toOffset, block.operand, block.result)
    let (sizes, from, to) = (block.sizes, block.from, block.to)
    let wide = sizes.indices.filter { sizes[$0] > 1 }
    guard let last = wide.last, from[last] != 1, let near = wide.last(where: { from[$0] == 1 }) else {
      rows = StridedRows(sizes, [from, to])
      columns = nil
      return
    }
    var rest = sizes
    rest[near] = 1
    rows = StridedRows(rest, [from, to])
    columns = (sizes[near], 1, to[near])
  }
}

/// Blocks of elements copied; what none of them writes is zero.
private struct CopiesStep: Step {
  let copies: [StridedCopy]
  /// The bytes of an element: 1, 2, 4 or 8.
  let width: Int
  var zeroedByteCount = 0

  func run(_ memory: StepMemory) {
    if zeroedByteCount > 0 {
      memory.result(0).initializeMemory(as: UInt8.self, repeating: 0, count: zeroedByteCount)
    }
    for copy in copies {
      let from = ReadPointer(
        memory.operand(copy.operand).assumingMemoryBound(to: UInt8.self) + copy.fromOffset * width)
      let to = SharedPointer(
        memory.result(copy.result).assumingMemoryBound(to: UInt8.self) + copy.toOffset * width)
      copy.rows.forEach { [width] _, offsets, range in
        let first = range.lowerBound
        let source = from.pointer + (offsets[0] + first * copy.rows.steps[0]) * width
        let target = to.pointer + (offsets[1] + first * copy.rows.steps[1]) * width
        CopiesStep.copyRow(
          copy, UnsafeRawPointer(source), UnsafeMutableRawPointer(target), range.count, width)
      }
    }
  }

  private static func copyRow(
    _ copy: StridedCopy, _ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer, _ count: Int, _ width: Int
  ) {
    let (step, target) = (copy.rows.steps[0], copy.rows.steps[1])
    if let columns = copy.columns {
      if width == 4, target == 1 {
        return ck_transpose(
          from.assumingMemoryBound(to: Float.self), step, to.assumingMemoryBound(to: Float.self), columns.to,
          count,
          columns.count)
      }
      for column in 0..<columns.count {
        copyElements(
          from + column * columns.from * width, step, to + column * columns.to * width, target, count, width)
      }
    } else if step == 1, target == 1 {
      to.copyMemory(from: from, byteCount: count * width)
    } else {
      copyElements(from, step, to, target, count, width)
    }
  }

  private static func copyElements(
    _ from: UnsafeRawPointer, _ step: Int, _ to: UnsafeMutableRawPointer, _ target: Int, _ count: Int,
    _ width: Int
  ) {
    func copy<T: BitwiseCopyable>(_ type: T.Type) {
      let (x, y) = (from.assumingMemoryBound(to: T.self), to.assumingMemoryBound(to: T.self))
      for i in 0..<count { y[i * target] = x[i * step] }
    }
    switch width {
    case 1: copy(UInt8.self)
    case 2: copy(UInt16.self)
    case 4: copy(UInt32.self)
    default: copy(UInt64.self)
    }
  }
}

/// Rows picked by integers; negative ones count from the end.
private struct GatherStep: Step {
  let outer: Int
  let size: Int
  let rowByteCount: Int
  let indices: OperandForm

  func run(_ memory: StepMemory) throws {
    let count = indices.elementCount
    let (from, to) = (memory.operand(0), memory.result(0))
    for place in 0..<count {
      let index =
        indices.dtype == .int32
        ? Int(memory.operand(1).load(fromByteOffset: 4 * place, as: Int32.self))
        : Int(memory.operand(1).load(fromByteOffset: 8 * place, as: Int64.self))
      let position = index < 0 ? index + size : index
      guard position >= 0, position < size else {
        throw KernelError("index \(index) is out of range for an axis of \(size) elements")
      }
      for row in 0..<outer {
        (to + (row * count + place) * rowByteCount).copyMemory(
          from: from + (row * size + position) * rowByteCount, byteCount: rowByteCount)
      }
    }
  }
}
