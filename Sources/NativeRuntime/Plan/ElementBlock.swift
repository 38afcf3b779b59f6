import ModelIR

/// Elements that move from an operand to a result: as many along each axis, this far apart in both.
struct ElementBlock: Sendable {
  let sizes, from, to: [Int]
  var fromOffset = 0
  var toOffset = 0
  var operand = 0
  var result = 0
}

extension StepRequest {
  /// What a row-major operation moves where; nil for one that does more than move blocks.
  var movedBlocks: [ElementBlock]? {
    guard let x = operands.first?.sizes else { return nil }
    let own = strides(of: x)
    switch op {
    case .transpose(let permutation):
      let sizes = permutation.map { x[$0] }
      return [ElementBlock(sizes: sizes, from: permutation.map { own[$0] }, to: strides(of: sizes))]
    case .expand:
      let sizes = results[0].sizes
      return [ElementBlock(sizes: sizes, from: broadcastStrides(x, to: sizes), to: strides(of: sizes))]
    case .slice(let ranges): return [slicedBlock(ranges, x)]
    case .reverse(let axes):
      return [slicedBlock(axes.map { SliceRange(axis: $0, start: nil, stop: nil, step: -1) }, x)]
    case .concat(let axis): return concatenated(axis)
    case .split(let axis, _): return parts(axis)
    case .reshape, .tile, .gather, .gatherElements, .gatherND, .triangle, .pad, .unary, .binary, .compare,
      .select, .cast,
      .matMul, .dense, .dequantize, .einsum, .attention, .conv, .convTranspose, .pool, .reduce, .argReduce,
      .cumulative,
      .topK,
      .batchNormalization, .normalization, .softmax, .logSoftmax, .scatterND, .range, .count, .sizes,
      .recurrent,
      .sequenceRecurrent, .scan, .resize, .lookup, .hash, .vectorize:
      return nil
    }
  }

  private func slicedBlock(_ ranges: [SliceRange], _ x: [Int]) -> ElementBlock {
    var (sizes, steps, offset) = (x, strides(of: x), 0)
    for range in ranges {
      let (start, count, step) = range.resolved(size: x[range.axis])
      offset += start * steps[range.axis]
      sizes[range.axis] = count
      // A step beyond the axis, of any size, takes one element and is never made.
      if count > 1 { steps[range.axis] *= step }
    }
    return ElementBlock(sizes: sizes, from: steps, to: strides(of: sizes), fromOffset: offset)
  }

  private func concatenated(_ axis: Int) -> [ElementBlock] {
    let steps = strides(of: results[0].sizes)
    var blocks: [ElementBlock] = []
    var start = 0
    for (index, operand) in operands.enumerated() {
      blocks.append(
        ElementBlock(
          sizes: operand.sizes, from: strides(of: operand.sizes), to: steps, toOffset: start * steps[axis],
          operand: index))
      start += operand.sizes[axis]
    }
    return blocks
  }

  private func parts(_ axis: Int) -> [ElementBlock] {
    let steps = strides(of: operands[0].sizes)
    var blocks: [ElementBlock] = []
    var start = 0
    for (index, result) in results.enumerated() {
      blocks.append(
        ElementBlock(
          sizes: result.sizes, from: steps, to: strides(of: result.sizes), fromOffset: start * steps[axis],
          result: index))
      start += result.sizes[axis]
    }
    return blocks
  }
}
