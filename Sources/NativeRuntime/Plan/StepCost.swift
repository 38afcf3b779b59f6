import ModelIR

/// What a step costs at least, for profiles: the bytes of its operands and results, and its arithmetic.
struct StepCost: Sendable {
  let bytes: Int
  /// Multiplications and additions.
  let operations: Int

  init(bytes: Int, operations: Int) {
    self.bytes = bytes
    self.operations = operations
  }

  static func + (a: StepCost, b: StepCost) -> StepCost {
    StepCost(bytes: a.bytes + b.bytes, operations: a.operations + b.operations)
  }

  init(_ request: StepRequest) {
    bytes = (request.operands + request.results).reduce(0) { $0 + $1.byteCount }
    operations = StepCost.operations(request)
  }

  private static func operations(_ request: StepRequest) -> Int {
    let count = request.results.first?.elementCount ?? 0  // A step without results costs nothing.
    switch request.op {
    case .matMul, .dense: return 2 * count * request.operands[0].sizes.suffix(1).reduce(1, *)
    case .conv:
      // Each result is the sum over a window and a group's channels.
      return 2 * count * request.operands[1].sizes.dropLast().reduce(1, *)
    case .convTranspose:
      let kernel = request.operands[1].sizes
      return 2 * request.operands[0].elementCount * kernel.dropLast().reduce(1, *)
    case .recurrent(let attributes):
      let steps = request.operands[0].sizes[0] * request.operands[0].sizes[1]
      let columns = attributes.gateCount * attributes.units
      return 2 * steps * columns * (request.operands[0].sizes[2] + attributes.units)
    // One operation an element stands for everything else: only a profile reads it.
    case .unary, .binary, .compare, .select, .cast, .einsum, .attention, .dequantize, .pool, .reduce,
      .argReduce,
      .cumulative, .topK,
      .batchNormalization, .normalization, .softmax, .logSoftmax, .reshape, .transpose, .concat, .split,
      .slice,
      .pad, .expand, .tile, .reverse, .gather, .gatherElements, .gatherND, .scatterND, .triangle, .range,
      .count,
      .sizes, .sequenceRecurrent, .scan, .resize, .lookup, .hash, .vectorize:
      return count
    }
  }
}
