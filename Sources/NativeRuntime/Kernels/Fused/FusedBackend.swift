import CKernels
import ModelIR

/// Vectorised kernels for float32 (movement: for every type of fixed width) that work on the plan's memory in place:
/// what oneDNN does not have, or does in more passes over memory.
struct FusedBackend: Backend {
  func prepare(_ request: StepRequest) throws -> PreparedStep? {
    guard request.results.allSatisfy({ $0.elementCount > 0 && $0.dtype != .string }),
      request.operands.allSatisfy({ $0.elementCount > 0 && $0.dtype != .string })
    else { return nil }
    if request.op.isMovement { return prepareMovement(request) }
    if case .recurrent(let attributes) = request.op { return try prepareRecurrent(attributes, request) }
    guard (request.operands + request.results).allSatisfy({ $0.dtype == .float32 }) else { return nil }
    if let streamed = prepareStreamed(request) { return streamed }
    if let narrow = try prepareNarrow(request) { return narrow }
    switch request.op {
    case .unary(let function): return prepareUnary(function, request)
    case .binary(let function): return try prepareBinary(function, request)
    case .batchNormalization(let axis, let epsilon): return try prepareAffine(axis, epsilon, request)
    case .normalization(.layer(let axis), let epsilon):
      return prepareLayerNormalization(axis, epsilon, request)
    case .normalization(.rootMeanSquare, _), .normalization(.groups, _): return nil
    case .softmax(let axis): return prepareSoftmax(axis, request)
    case .reduce(let function, let axes, _): return prepareReduction(function, axes, request)
    case .compare, .select, .cast, .matMul, .dense, .dequantize, .einsum, .attention, .conv, .convTranspose,
      .pool,
      .argReduce,
      .cumulative, .topK,
      .logSoftmax, .reshape, .transpose, .concat, .split, .slice, .pad, .expand, .tile, .reverse, .gather,
      .gatherElements, .gatherND, .scatterND, .triangle, .range, .count, .sizes, .recurrent,
      .sequenceRecurrent,
      .scan, .resize,
      .lookup, .hash, .vectorize:
      return nil
    }
  }
}

extension StepMemory {
  func floats(_ operand: Int) -> UnsafePointer<Float> {
    self.operand(operand).assumingMemoryBound(to: Float.self)
  }
  func floatResult(_ index: Int) -> UnsafeMutablePointer<Float> {
    result(index).assumingMemoryBound(to: Float.self)
  }
}

extension StepRequest {
  /// A step on row-major operands with row-major results.
  func rowMajor(_ step: any Step, overwritable: [Int] = []) -> PreparedStep {
    PreparedStep(
      step: step, operandLayouts: operands.map { _ in .rowMajor },
      resultLayouts: results.map { _ in .rowMajor },
      overwritable: overwritable)
  }
}
