/// An operand's sizes, and whether its first axis has one entry for each sample of a batch.
package struct SampledOperand: Sendable {
  package let sizes: [Int]
  package let hasSamples: Bool

  package init(sizes: [Int], hasSamples: Bool) {
    self.sizes = sizes
    self.hasSamples = hasSamples
  }
}

extension Op {
  /// Whether every sample of the results is computed from the same sample of the operands that have samples, and from all
  /// of the others: then the samples of a batch may be computed one by one. False where that is not known.
  /// - Parameter result: the sizes of the first result.
  /// - Precondition: some operand has samples; the operation holds no dimension that is not a number.
  package func isBySample(_ operands: [SampledOperand], result: [Int]) -> Bool {
    switch self {
    case .unary, .cast, .lookup, .pool: return true
    case .binary, .compare, .select, .hash: return operands.areAligned
    case .matMul: return operands.areMatricesBySample
    case .dense, .conv, .convTranspose: return haveSamples([.data, .residual], operands)
    case .batchNormalization(let axis, _): return axis > 0 && haveSamples([.data], operands)
    case .normalization(let normalization, _):
      return normalization.isBySample && haveSamples([.data], operands)
    case .attention: return operands.areHeadsBySample
    case .reduce(_, let axes, _): return !axes.contains(0)
    case .argReduce(_, let axis, _), .cumulative(_, let axis, _, _), .topK(_, let axis, _),
      .softmax(let axis),
      .logSoftmax(let axis), .split(let axis, _):
      return axis > 0
    case .concat(let axis): return axis > 0 && operands.allSatisfy(\.hasSamples)
    case .reshape, .expand: return operands[0].sizes.count > 0 && result.first == operands[0].sizes[0]
    case .transpose(let permutation): return permutation.first == 0
    case .slice(let ranges): return ranges.allSatisfy { $0.axis > 0 }
    case .pad(let attributes): return attributes.pads.first.map { $0.before == 0 && $0.after == 0 } ?? false
    case .tile(let repeats): return repeats.first == 1
    case .reverse(let axes): return axes.allSatisfy { $0 > 0 }
    case .gather(let axis):
      // Rows of a table, or entries of each sample.
      return operands[0].hasSamples ? axis > 0 && !operands[1].hasSamples : axis == 0
    case .triangle: return operands[0].sizes.count > 2
    case .resize(let attributes): return attributes.axes.allSatisfy { $0 > 0 }
    // Loops over time read all their weights at each step: the more samples at once, the better.
    case .recurrent, .sequenceRecurrent, .scan: return false
    case .dequantize, .einsum, .gatherElements, .gatherND, .scatterND, .range, .count, .sizes, .vectorize:
      return false
    }
  }

  /// Whether the operands in these roles have samples, and no others.
  private func haveSamples(_ roles: [OperandRole], _ operands: [SampledOperand]) -> Bool {
    zip(operandRoles(count: operands.count), operands).allSatisfy { role, operand in
      operand.hasSamples == roles.contains(role) && (!operand.hasSamples || operand.sizes.count > 1)
    }
  }

  /// The operation for another number of samples: a shape that it holds begins with that.
  /// - Precondition: its result has samples.
  package func with(sampleCount count: Int) -> Op {
    func changed(_ shape: Shape) -> Shape { Shape([.fixed(count)] + shape.dimensions.dropFirst()) }
    if case .reshape(let shape) = self { return .reshape(changed(shape)) }
    if case .expand(let shape) = self { return .expand(changed(shape)) }
    return self
  }
}

extension Normalization {
  fileprivate var isBySample: Bool {
    switch self {
    case .layer(let axis), .rootMeanSquare(let axis): axis > 0
    case .groups: true
    }
  }
}

extension [SampledOperand] {
  /// Whether broadcasting puts the samples of all operands on one axis, the first.
  fileprivate var areAligned: Bool {
    let rank = map(\.sizes.count).max() ?? 0  // No operands, no samples.
    return allSatisfy { $0.hasSamples ? $0.sizes.count == rank : $0.sizes.count < rank || $0.sizes[0] == 1 }
  }

  /// Whether these are a matrix for each sample, times one matrix or one for each sample.
  fileprivate var areMatricesBySample: Bool {
    guard self[0].hasSamples else { return false }
    return self[1].hasSamples
      ? self[0].sizes.count == self[1].sizes.count && self[0].sizes.count > 2 : self[1].sizes.count == 2
  }

  /// Whether queries, keys and values have samples, and a mask has its own for each or serves all.
  fileprivate var areHeadsBySample: Bool {
    prefix(3).allSatisfy(\.hasSamples)
      && dropFirst(3).allSatisfy {
        $0.hasSamples ? $0.sizes.count == 4 : $0.sizes.count < 4 || $0.sizes[0] == 1
      }
  }
}
