/// What an operand is to its operation.
package enum OperandRole: Hashable, Sendable {
  /// What is transformed; its element type is the operation's.
  case data
  /// Bool: which elements are taken.
  case condition
  /// The weights of a product: of the input, of the state.
  case kernel, recurrentKernel
  case bias
  /// Added to a product's result after its bias (``Epilogue``).
  case residual
  /// Per channel: a factor, a summand, what a normalization subtracts and divides by.
  case scale, offset, mean, variance
  /// Bool `[N, T]`: which steps are kept; int32 `[N]`: how many.
  case mask, lengths
  /// Carried from step to step.
  case state
  /// Walked step by step.
  case sequence
  /// Integers that name places, and what is put there.
  case indices, updates
}

extension Op {
  /// The role of each of `count` operands, in order. This is the one place that knows their positions.
  package func operandRoles(count: Int) -> [OperandRole] {
    switch self {
    case .unary, .binary, .compare, .cast, .matMul, .einsum, .pool, .reduce, .argReduce, .cumulative, .topK,
      .softmax,
      .logSoftmax, .reshape, .transpose, .concat, .split, .slice, .pad, .expand, .tile, .reverse, .triangle,
      .range,
      .sizes, .resize, .lookup, .hash, .vectorize:
      return Array(repeating: .data, count: count)
    case .select: return [.condition, .data, .data]
    case .conv, .convTranspose: return Array([.data, .kernel, .bias].prefix(count))
    case .batchNormalization: return [.data, .scale, .offset, .mean, .variance]
    case .layerNormalization: return [.data, .scale, .offset]
    case .gather, .gatherElements, .gatherND: return [.data, .indices]
    case .scatterND: return [.data, .indices, .updates]
    case .recurrent(let attributes): return attributes.operandRoles
    case .scan(let attributes):
      let states = min(attributes.stateCount, count)
      return Array(repeating: .state, count: states) + Array(repeating: .sequence, count: count - states)
    }
  }
}

/// The operands of ``Op/recurrent(_:)`` by role.
package struct RecurrentOperands<T> {
  package var x, kernel, recurrentKernel: T
  package var bias: T?
  package var mask: T?
  /// `h`, and `c` of an LSTM; none: zeros.
  package var states: [T]
}

extension RecurrentAttributes {
  var operandRoles: [OperandRole] {
    [.data, .kernel, .recurrentKernel] + (hasBias ? [.bias] : []) + (hasMask ? [.mask] : [])
      + (hasInitialState ? Array(repeating: .state, count: stateCount) : [])
  }

  /// Operands in the order of ``Op/recurrent(_:)``, by role.
  /// - Precondition: there are ``operandCount``.
  package func byRole<T>(_ operands: [T]) -> RecurrentOperands<T> {
    var result = RecurrentOperands(
      x: operands[0], kernel: operands[1], recurrentKernel: operands[2], bias: nil, mask: nil, states: [])
    for (role, operand) in zip(operandRoles, operands).dropFirst(3) {
      if role == .bias { result.bias = operand }
      if role == .mask { result.mask = operand }
      if role == .state { result.states.append(operand) }
    }
    return result
  }
}
