import COneDNN
import ModelIR

extension OneDNNSubstitutes {
  /// LSTM and GRU with constant kernels and the usual functions: all steps in one call, or, with a mask, the steps that it
  /// keeps in a few.
  func prepareRecurrent(_ attributes: RecurrentAttributes, _ request: StepRequest) throws -> PreparedStep? {
    let roles = attributes.byRole(Array(request.operands.indices))
    let sizes = request.operands[roles.x].sizes
    let walks = RecurrentWalks(isMasked: roles.mask != nil, steps: sizes[1])
    guard let cell = attributes.oneDNN, request.constants[roles.kernel] != nil,
      request.constants[roles.recurrentKernel] != nil,
      let bias = try request.recurrentBias(attributes, roles),
      let layouts = RecurrentLayouts(attributes, batch: walks.isMasked ? 1 : sizes[0], channels: sizes[2])
    else { return nil }
    var problem = layouts.problem
    problem.cell = cell
    problem.is_reversed = attributes.reverse && !walks.isMasked ? 1 : 0
    problem.has_states = roles.states.isEmpty && !walks.isMasked ? 0 : 1
    guard let primitives = walks.primitives(problem, layouts), let first = primitives.first,
      let kernel = try request.packedConstant(
        roles.kernel, from: layouts.kernel, to: first.layout(kdnn_argument_kernel)),
      let recurrent = try request.packedConstant(
        roles.recurrentKernel, from: layouts.recurrent, to: first.layout(kdnn_argument_other))
    else { return nil }
    let weights = RecurrentWeights(kernel: kernel, recurrent: recurrent, bias: bias)
    var operandLayouts: [Layout?] = request.operands.map { _ in .rowMajor }
    // No bias, no layout.
    for index in [roles.kernel, roles.recurrentKernel] + (roles.bias.map { [$0] } ?? []) {
      operandLayouts[index] = nil
    }
    let step: any Step
    if let mask = roles.mask {
      step = MaskedRecurrentStep(
        attributes, weights, zip(walks.lengths, primitives).map { $0 }, x: roles.x, mask: mask,
        states: roles.states,
        sizes)
    } else {
      step = WholeStep(
        weights: weights, primitive: first, x: roles.x, states: roles.states,
        resultCount: request.results.count,
        lastByteCount: request.results[1].byteCount)
    }
    return PreparedStep(
      step: step, operandLayouts: operandLayouts, resultLayouts: request.results.map { _ in .rowMajor })
  }
}

/// The numbers of steps that one call goes through.
private struct RecurrentWalks {
  let isMasked: Bool
  /// All steps; with a mask the powers of two that any number of kept steps is made of, the largest first.
  let lengths: [Int]

  init(isMasked: Bool, steps: Int) {
    self.isMasked = isMasked
    let powers = (0..<Int.bitWidth).map { 1 << $0 }.prefix { $0 <= steps }
    lengths = isMasked ? powers.reversed() : [steps]
  }

  /// A primitive for each, with kernels in the layout that the first has chosen; nil when the library cannot do it.
  func primitives(_ problem: kdnn_recurrent, _ layouts: RecurrentLayouts) -> [OneDNNPrimitive]? {
    // For this thread alone, see ``RecurrentWeights/run``.
    kdnn_set_threads(1)
    var problem = problem
    var made: [OneDNNPrimitive] = []
    for length in lengths {
      guard let x = layouts.sequence(layouts.channels, steps: length),
        let y = layouts.sequence(layouts.units, steps: length)
      else { return nil }
      (problem.x, problem.y) = (x.value, y.value)
      guard let primitive = withUnsafePointer(to: problem, { OneDNNPrimitive(kdnn_recurrent_create($0)) })
      else {
        return nil
      }
      problem.kernel = primitive.layout(kdnn_argument_kernel).value
      problem.recurrent_kernel = primitive.layout(kdnn_argument_other).value
      made.append(primitive)
    }
    return made
  }
}

extension RecurrentAttributes {
  /// The library's cell; nil when it has none that is the same.
  fileprivate var oneDNN: kdnn_cell? {
    guard activation == .tanh, recurrentActivation == .sigmoid else { return nil }
    switch cell {
    case .lstm: return kdnn_lstm
    case .gru(resetAfter: false): return kdnn_gru
    case .gru(resetAfter: true): return kdnn_gru_reset_after
    case .simple: return nil
    }
  }
}

/// The operands of a recurrent layer in the library's order of axes.
private struct RecurrentLayouts {
  let batch, channels, units: Int
  let kernel, recurrent: OneDNNLayout
  /// With kernels in whatever layout is best, and without sequences.
  private(set) var problem = kdnn_recurrent()

  init?(_ attributes: RecurrentAttributes, batch: Int, channels: Int) {
    let (units, gates) = (attributes.units, attributes.gateCount)
    (self.batch, self.channels, self.units) = (batch, channels, units)
    let (first, second) = ([1, 1, channels, gates, units], [1, 1, units, gates, units])
    let biases = attributes.cell == .gru(resetAfter: true) ? gates + 1 : gates
    guard let state = OneDNNLayout.plain([1, 1, batch, units]),
      let bias = OneDNNLayout.plain([1, 1, biases, units]),
      let kernel = OneDNNLayout.plain(first), let recurrent = OneDNNLayout.plain(second),
      let anyKernel = OneDNNLayout(sizes: first, strides: nil),
      let anyRecurrent = OneDNNLayout(sizes: second, strides: nil)
    else { return nil }
    (self.kernel, self.recurrent) = (kernel, recurrent)
    (problem.state, problem.bias) = (state.value, bias.value)
    (problem.kernel, problem.recurrent_kernel) = (anyKernel.value, anyRecurrent.value)
  }

  /// `[N, T, channels]` as the library's `[T, N, channels]`.
  func sequence(_ channels: Int, steps: Int) -> OneDNNLayout? {
    OneDNNLayout(sizes: [steps, batch, channels], strides: [channels, steps * channels, 1])
  }
}

extension StepRequest {
  /// The bias of each gate, zeros without one; of a GRU that resets after the product, the two of the candidate apart and
  /// those of the others added up. nil when it is not constant.
  fileprivate func recurrentBias(
    _ attributes: RecurrentAttributes, _ roles: RecurrentOperands<Int>
  ) throws -> PackedConstant? {
    let (units, gates) = (attributes.units, attributes.gateCount * attributes.units)
    let isApart = attributes.cell == .gru(resetAfter: true)
    var values = Array(repeating: Float(0), count: isApart ? gates + units : gates)
    if let bias = roles.bias {
      guard let constant = constants[bias] else { return nil }
      let given = try [Float](constant.tensor)
      values.replaceSubrange(..<gates, with: given[..<gates])
      if given.count > gates {
        for gate in 0..<(2 * units) { values[gate] += given[gates + gate] }
        for unit in 0..<units { values[gates + unit] = given[gates + 2 * units + unit] }
      }
    }
    return try PackedConstant(byteCount: 4 * values.count) { target in
      values.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(start: target, count: $0.count).copyMemory(from: $0)
      }
    }
  }
}

/// The constants of a recurrent primitive.
struct RecurrentWeights: Sendable {
  let kernel, recurrent, bias: PackedConstant

  /// Runs a primitive on this thread alone: steps wait for each other, and a hand-over between threads takes longer than
  /// a step.
  func run(
    _ primitive: OneDNNPrimitive, _ x: UnsafeRawPointer, _ y: UnsafeMutableRawPointer,
    _ others: UnsafePointer<UnsafeRawPointer?>?, scratch: UnsafeMutableRawPointer
  ) throws {
    kdnn_set_threads(1)
    defer { kdnn_set_threads(Int32(ThreadLimit.current)) }
    try primitive.run(x, kernel: kernel.pointer, bias: bias.pointer, y, others: others, scratch: scratch)
  }
}

/// All steps of a recurrent layer in one call.
private struct WholeStep: Step {
  let weights: RecurrentWeights
  let primitive: OneDNNPrimitive
  let x: Int
  let states: [Int]
  /// The sequence, the last output, the last states.
  let resultCount: Int
  let lastByteCount: Int

  var name: String { primitive.name }
  var scratchByteCount: Int { primitive.scratchByteCount }

  func run(_ memory: StepMemory) throws {
    let others =
      [weights.recurrent.pointer] + (2..<resultCount).map { UnsafeRawPointer(memory.result($0)) }
      + states.map { memory.operand($0) }
    try others.map(Optional.some).withUnsafeBufferPointer { others in
      try weights.run(
        primitive, memory.operand(x), memory.result(0), others.baseAddress, scratch: memory.scratch)
    }
    memory.result(1).copyMemory(from: memory.result(2), byteCount: lastByteCount)
  }
}
