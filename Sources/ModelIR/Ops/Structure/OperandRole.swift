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
  /// The integer that stands for 0.
  case zeroPoint
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
      .range, .count,
      .sizes, .resize, .lookup, .hash, .vectorize:
      return Array(repeating: .data, count: count)
    case .dequantize: return Array([.data, .scale, .zeroPoint].prefix(count))
    case .select: return [.condition, .data, .data]
    case .attention: return Array([.data, .data, .data, .offset].prefix(count))
    case .convTranspose: return Array([.data, .kernel, .bias].prefix(count))
    case .conv(let attributes): return attributes.epilogue.operandRoles(count: count)
    case .dense(let epilogue): return epilogue.operandRoles(count: count)
    case .batchNormalization: return [.data, .scale, .offset, .mean, .variance]
    case .normalization: return Array([.data, .scale, .offset].prefix(count))
    case .gather, .gatherElements, .gatherND: return [.data, .indices]
    case .scatterND: return [.data, .indices, .updates]
    case .recurrent(let attributes): return attributes.operandRoles
    case .sequenceRecurrent(let attributes): return attributes.operandRoles
    case .scan(let attributes):
      let states = min(attributes.stateCount, count)
      return Array(repeating: .state, count: states) + Array(repeating: .sequence, count: count - states)
    }
  }
}

extension Epilogue {
  /// The roles of a product's operands: what is added comes last.
  func operandRoles(count: Int) -> [OperandRole] {
    let own = addsOperand ? count - 1 : count
    return Array([.data, .kernel, .bias].prefix(own)) + (addsOperand ? [.residual] : [])
  }
}

/// The operands of ``Op/recurrent(_:)`` and ``Op/sequenceRecurrent(_:)`` by role.
package struct RecurrentOperands<T> {
  package var x, kernel, recurrentKernel: T
  package var bias: T?
  package var mask: T?
  package var lengths: T?
  /// `h`, and `c` of an LSTM; none: zeros.
  package var states: [T]
}

extension RecurrentOperands: Sendable where T: Sendable {}

extension RecurrentOperands {
  init(_ operands: [T], _ roles: [OperandRole]) {
    (x, kernel, recurrentKernel) = (operands[0], operands[1], operands[2])
    states = []
    for (role, operand) in zip(roles, operands).dropFirst(3) {
      if role == .bias { bias = operand }
      if role == .mask { mask = operand }
      if role == .lengths { lengths = operand }
      if role == .state { states.append(operand) }
    }
  }
}

extension RecurrentAttributes {
  var operandRoles: [OperandRole] {
    [.data, .kernel, .recurrentKernel] + (hasBias ? [.bias] : []) + (hasMask ? [.mask] : [])
      + (hasInitialState ? Array(repeating: .state, count: stateCount) : [])
  }

  /// Operands in the order of ``Op/recurrent(_:)``, by role.
  /// - Precondition: there are as many as the flags announce.
  package func byRole<T>(_ operands: [T]) -> RecurrentOperands<T> {
    RecurrentOperands(operands, operandRoles)
  }
}

extension SequenceRecurrentAttributes {
  var operandRoles: [OperandRole] {
    let states = hasInitialState ? stateCount : 0
    return [.data, .kernel, .recurrentKernel] + (hasBias ? [.bias] : []) + (hasLengths ? [.lengths] : [])
      + Array(repeating: .state, count: states)
  }

  /// Operands in the order of ``Op/sequenceRecurrent(_:)``, by role.
  /// - Precondition: there are as many as the flags announce.
  package func byRole<T>(_ operands: [T]) -> RecurrentOperands<T> {
    RecurrentOperands(operands, operandRoles)
  }
}
