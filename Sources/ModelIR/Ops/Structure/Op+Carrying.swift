/// What becomes of an operation whose data arrive with their axes in another order.
///
/// An order is a permutation: `original = transpose(carried, permutation)`.
package enum Carrying {
  /// Every operand is brought to the carried order, the result has it too.
  case aligned(Op)
  /// The first operand is taken as it comes, the others in their original order; the results carry this permutation.
  case renamed(Op, results: [Int])
  /// The operation needs the original order.
  case original
}

extension Op {
  /// How the operation carries a permutation of its data's axes: the axes it names, renamed.
  package func carrying(_ permutation: [Int]) -> Carrying {
    func moved(_ axis: Int) -> Int { permutation[axis] }
    func same(_ op: Op) -> Carrying { .renamed(op, results: permutation) }
    switch self {
    case .unary, .cast, .lookup: return same(self)
    case .binary, .compare, .select, .hash: return .aligned(self)
    case .concat(let axis): return .aligned(.concat(axis: moved(axis)))
    case .softmax(let axis): return same(.softmax(axis: moved(axis)))
    case .logSoftmax(let axis): return same(.logSoftmax(axis: moved(axis)))
    case .cumulative(let function, let axis, let reverse, let exclusive):
      return same(.cumulative(function, axis: moved(axis), reverse: reverse, exclusive: exclusive))
    case .topK(let k, let axis, let largest): return same(.topK(k: k, axis: moved(axis), largest: largest))
    case .batchNormalization(let axis, let epsilon):
      return same(.batchNormalization(axis: moved(axis), epsilon: epsilon))
    case .split(let axis, let sizes): return same(.split(axis: moved(axis), sizes: sizes))
    case .reverse(let axes): return same(.reverse(axes: axes.map(moved)))
    case .slice(let ranges):
      return same(
        .slice(ranges.map { SliceRange(axis: moved($0.axis), start: $0.start, stop: $0.stop, step: $0.step) })
      )
    case .pad(let attributes):
      return same(.pad(PadAttributes(pads: permutation.scattered(attributes.pads), mode: attributes.mode)))
    case .tile(let repeats): return same(.tile(permutation.scattered(repeats)))
    case .resize(var attributes):
      let pairs = zip(attributes.axes.map(moved), attributes.sizes).sorted { $0.0 < $1.0 }
      attributes.axes = pairs.map(\.0)
      attributes.sizes = pairs.map(\.1)
      return same(.resize(attributes))
    case .reduce(let function, let axes, let keepDims):
      let op = Op.reduce(function, axes: axes.map(moved).sorted(), keepDims: keepDims)
      return .renamed(op, results: keepDims ? permutation : permutation.removing(axes))
    case .argReduce(let function, let axis, let keepDims):
      let op = Op.argReduce(function, axis: moved(axis), keepDims: keepDims)
      return .renamed(op, results: keepDims ? permutation : permutation.removing([axis]))
    case .matMul, .dense, .dequantize, .einsum, .attention, .conv, .convTranspose, .pool, .normalization,
      .reshape,
      .transpose,
      .expand,
      .gather,
      .gatherElements, .gatherND, .scatterND, .triangle, .range, .count, .sizes, .recurrent,
      .sequenceRecurrent,
      .scan, .vectorize:
      return .original
    }
  }
}

extension [Int] {
  /// The permutation that undoes this one.
  package var inversePermutation: [Int] {
    var result = self
    for (index, axis) in enumerated() { result[axis] = index }
    return result
  }

  /// Whether this permutation leaves every axis where it is.
  package var isIdentityPermutation: Bool { self == Swift.Array(indices) }

  /// One entry per original axis, put where the carried order has that axis.
  fileprivate func scattered<T>(_ entries: [T]) -> [T] {
    var result = entries
    for (axis, entry) in entries.enumerated() { result[self[axis]] = entry }
    return result
  }

  /// The permutation of the axes that are left when those of the original at `axes` are removed.
  fileprivate func removing(_ axes: [Int]) -> [Int] {
    let gone = Set(axes.map { self[$0] })
    let kept = enumerated().filter { !axes.contains($0.offset) }.map(\.element)
    return kept.map { axis in axis - gone.filter { $0 < axis }.count }
  }
}
