import COneDNN
import ModelIR

/// What the fused kernels are for, by oneDNN, for float32: asked before them where they were built without optimisation, as
/// SwiftPM builds C for debugging. oneDNN is as fast as ever there.
struct OneDNNSubstitutes: Backend {
  func prepare(_ request: StepRequest) throws -> PreparedStep? {
    let forms = request.operands + request.results
    guard forms.allSatisfy({ $0.elementCount > 0 }), kdnn_load() != 0 else { return nil }
    kdnn_set_threads(Int32(request.options.threads))
    if case .recurrent(let attributes) = request.op {
      let mask = attributes.byRole(request.operands).mask
      guard forms.allSatisfy({ $0.dtype == .float32 || $0 == mask }) else { return nil }
      return try prepareRecurrent(attributes, request)
    }
    guard forms.allSatisfy({ $0.dtype == .float32 }) else { return nil }
    if let blocks = request.movedBlocks { return prepareMovement(blocks, request) }
    switch request.op {
    case .unary(let function): return prepareUnary(function, request)
    case .binary(let function): return prepareBinary(function, request)
    case .softmax(let axis): return prepareSoftmax(axis, request)
    case .normalization(.layer(let axis), let epsilon):
      return prepareLayerNormalization(axis, epsilon, request)
    case .normalization, .compare, .select, .cast, .matMul, .dense, .dequantize, .einsum, .attention, .conv,
      .convTranspose, .pool,
      .reduce, .argReduce, .cumulative, .topK, .batchNormalization, .logSoftmax, .reshape, .transpose,
      .concat, .split,
      .slice, .pad, .expand, .tile, .reverse, .gather, .gatherElements, .gatherND, .scatterND, .triangle,
      .range,
      .count, .sizes, .recurrent, .sequenceRecurrent, .scan, .resize, .lookup, .hash, .vectorize:
      return nil
    }
  }

  /// Blocks of elements that move, each by a primitive; for a few elements, waking the library's threads takes longer.
  private func prepareMovement(_ blocks: [ElementBlock], _ request: StepRequest) -> PreparedStep? {
    guard blocks.count <= 8, request.results[0].elementCount >= 1 << 11 else { return nil }
    var steps: [BlocksStep.Part] = []
    for block in blocks {
      guard (block.from + block.to).allSatisfy({ $0 > 0 }), block.sizes.count <= Int(KDNN_MAX_RANK),
        block.sizes != [],
        let from = OneDNNLayout(sizes: block.sizes, strides: block.from),
        let to = OneDNNLayout(sizes: block.sizes, strides: block.to),
        let primitive = OneDNNPrimitive(from: from, to: to)
      else { return nil }
      steps.append(BlocksStep.Part(block: block, primitive: primitive))
    }
    return request.rowMajor(BlocksStep(parts: steps))
  }
}

/// Blocks of float32 elements, moved.
private struct BlocksStep: Step {
  struct Part: Sendable {
    let block: ElementBlock
    let primitive: OneDNNPrimitive
  }

  let parts: [Part]

  var scratchByteCount: Int { parts.map(\.primitive.scratchByteCount).max() ?? 0 }  // Nothing moves.

  func run(_ memory: StepMemory) throws {
    for part in parts {
      try part.primitive.run(
        memory.operand(part.block.operand) + 4 * part.block.fromOffset,
        memory.result(part.block.result) + 4 * part.block.toOffset, scratch: memory.scratch)
    }
  }
}
