import ModelIR

/// What a step costs at least, for profiles: the bytes of its operands and results, and its arithmetic. Numbers beyond an
/// integer stay at its bounds.
struct StepCost: Sendable {
  let bytes: Int
  /// Multiplications and additions.
  let operations: Int

  init(bytes: Int, operations: Int) {
    self.bytes = bytes
    self.operations = operations
  }

  static func + (a: StepCost, b: StepCost) -> StepCost {
    StepCost(
      bytes: Dimension.saturatingAdd(a.bytes, b.bytes),
      operations: Dimension.saturatingAdd(a.operations, b.operations))
  }

  /// As much as often.
  static func * (a: StepCost, count: Int) -> StepCost {
    StepCost(
      bytes: Dimension.saturatingMultiply(a.bytes, count),
      operations: Dimension.saturatingMultiply(a.operations, count))
  }

  init(_ request: StepRequest) {
    bytes = (request.operands + request.results).reduce(0) { Dimension.saturatingAdd($0, $1.byteCount) }
    operations = StepCost.operations(request)
  }

  private static func operations(_ request: StepRequest) -> Int {
    let count = request.results.first?.elementCount ?? 0  // A step without results costs nothing.
    switch request.op {
    case .matMul, .dense: return product([2, count] + request.operands[0].sizes.suffix(1))
    case .conv:
      // Each result is the sum over a window and a group's channels.
      return product([2, count] + request.operands[1].sizes.dropLast())
    case .convTranspose:
      return product([2, request.operands[0].elementCount] + request.operands[1].sizes.dropLast())
    case .recurrent(let attributes):
      let x = request.operands[0].sizes
      return product([
        2, x[0], x[1], attributes.gateCount, attributes.units,
        Dimension.saturatingAdd(x[2], attributes.units),
      ])
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

  private static func product(_ factors: [Int]) -> Int { factors.reduce(1, Dimension.saturatingMultiply) }
}
