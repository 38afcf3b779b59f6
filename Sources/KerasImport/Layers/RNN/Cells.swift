import ModelIR

/// One step of a recurrent layer: SimpleRNNCell, LSTMCell or GRUCell; the formulas are those of
/// ``ModelIR/RecurrentAttributes``. Source: `keras/src/layers/rnn/lstm_cell.py`, `gru_cell.py`, `simple_rnn_cell.py`.
///
/// - kernel: `[C, G F]`; recurrent_kernel: `[F, G F]`; bias: `[G F]`, `[2, 3F]` for a GRU with reset_after.
struct RecurrentCell: CellLayer {
  let cell: RecurrentAttributes.Cell
  let units: Int
  let activation: Activation
  let recurrentActivation: Activation
  let useBias: Bool
  /// The larger of the two rates of dropout.
  let dropout: Double
  /// The arrays in the file have CuDNN's layout.
  let isCuDNN: Bool
  var weights: [WeightSpec] {
    [WeightSpec("kernel"), WeightSpec("recurrent_kernel")] + (useBias ? [WeightSpec("bias")] : [])
  }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    units = try config.count("units")
    activation = try config.activation("activation", default: .tanh)
    useBias = try config.bool("use_bias", default: true)
    dropout = max(
      try config.double("dropout", default: 0), try config.double("recurrent_dropout", default: 0))
    config.ignore("unit_forget_bias", "implementation", "seed")
    isCuDNN = config.has(.isCuDNN)
    let name = config.className
    if name.hasPrefix("LSTM") {
      cell = .lstm
    } else if name.hasPrefix("GRU") {
      cell = .gru(resetAfter: try config.bool("reset_after", default: true))
    } else {
      cell = .simple
    }
    recurrentActivation =
      cell == .simple ? .linear : try config.activation("recurrent_activation", default: .sigmoid)
  }

  func stateShapes(for input: Shape, in scope: LoweringScope) throws(KerasImportError) -> [Shape] {
    Array(repeating: [input[0], .fixed(units)], count: cell == .lstm ? 2 : 1)
  }

  /// One step, for loops over cells that are not all built in.
  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let (x, states) = try call.step(states: cell == .lstm ? 2 : 1)
    let attributes = RecurrentAttributes(
      cell: cell, units: units, activation: .linear, recurrentActivation: .linear, hasBias: useBias,
      hasMask: false,
      hasInitialState: true, reverse: false, zeroOutputForMask: false)
    let gates = Dimension.fixed(attributes.gateCount) * .fixed(units)
    let kernel = try scope.weight("kernel", [scope.shape(of: x)[scope.rank(of: x) - 1], gates])
    let recurrentKernel = try scope.weight("recurrent_kernel", [.fixed(units), gates])
    let bias = useBias ? try scope.weight("bias", attributes.biasShape) : nil
    let h = states[0]
    if case .gru(let resetAfter) = cell {
      let next = try gruStep(x, h, kernel, recurrentKernel, bias, resetAfter: resetAfter, in: scope)
      return [Operand(next), Operand(next)]
    }
    var z = try scope.add(scope.product(x, kernel), scope.product(h, recurrentKernel))
    if let bias { z = try scope.add(z, bias) }
    guard cell == .lstm else {
      let next = try activation.apply(z, in: scope)
      return [Operand(next), Operand(next)]
    }
    let parts = try parts(of: z, count: 4, in: scope)
    let kept = try scope.multiply(recurrentActivation.apply(parts[1], in: scope), states[1])
    let added = try scope.multiply(
      recurrentActivation.apply(parts[0], in: scope), activation.apply(parts[2], in: scope))
    let c = try scope.add(kept, added)
    let next = try scope.multiply(
      recurrentActivation.apply(parts[3], in: scope), activation.apply(c, in: scope))
    return [Operand(next), Operand(next), Operand(c)]
  }

  private func parts(of gates: Value, count: Int, in scope: LoweringScope) throws(KerasImportError) -> [Value]
  {
    let sizes = Array(repeating: Dimension.fixed(units), count: count)
    return try scope.emitAll(.split(axis: scope.rank(of: gates) - 1, sizes: sizes), [gates])
  }

  private func gruStep(
    _ x: Value, _ h: Value, _ kernel: Value, _ recurrentKernel: Value, _ bias: Value?, resetAfter: Bool,
    in scope: LoweringScope
  ) throws(KerasImportError) -> Value {
    var rows: [Value] = []
    if let bias {
      rows = resetAfter ? try scope.emitAll(.split(axis: 0, sizes: [1, 1]), [bias]) : [bias]
    }
    var own = try scope.product(x, kernel)
    if let first = rows.first { own = try scope.add(own, first) }
    let input = try parts(of: own, count: 3, in: scope)
    var state = try scope.product(h, recurrentKernel)
    if rows.count > 1 { state = try scope.add(state, rows[1]) }
    let recurrent = try parts(of: state, count: 3, in: scope)
    let z = try recurrentActivation.apply(scope.add(input[0], recurrent[0]), in: scope)
    let r = try recurrentActivation.apply(scope.add(input[1], recurrent[1]), in: scope)
    let candidate: Value
    if resetAfter {
      candidate = try scope.multiply(r, recurrent[2])
    } else {
      let kernels = try parts(of: recurrentKernel, count: 3, in: scope)
      candidate = try scope.product(scope.multiply(r, h), kernels[2])
    }
    let fresh = try activation.apply(scope.add(input[2], candidate), in: scope)
    let rest = try scope.subtract(scope.scalar(1, like: z), z)
    return try scope.add(scope.multiply(z, h), scope.multiply(rest, fresh))
  }
}

/// What a recurrent layer returns.
struct RecurrentResult {
  var sequence: Value
  var last: Value
  var states: [Value]
}

/// How a recurrent layer runs its cells.
struct RecurrentRun {
  var mask: Value?
  var initialStates: [Value] = []
  var goBackwards = false
  var zeroOutputForMask = false
}

extension LoweringScope {
  /// Runs one cell over axis 1, in a loop where the operation does not have its functions; `sequence` is in the order of
  /// processing, as Keras has it.
  func recurrent(
    _ cell: RecurrentCell, of sublayer: Sublayer, _ x: Value, weightsIn scope: LoweringScope,
    _ run: RecurrentRun
  ) throws(KerasImportError) -> RecurrentResult {
    try expectRank(3, of: x)
    guard let activation = cell.activation.recurrent, let gates = cell.recurrentActivation.recurrent else {
      return try scanned(sublayer, x, run)
    }
    let channels = shape(of: x)[2]
    var attributes = RecurrentAttributes(
      cell: cell.cell, units: cell.units, activation: activation, recurrentActivation: gates,
      hasBias: cell.useBias,
      hasMask: run.mask != nil, hasInitialState: !run.initialStates.isEmpty, reverse: run.goBackwards,
      zeroOutputForMask: run.zeroOutputForMask)
    if cell.cell == .simple { attributes.recurrentActivation = .linear }
    let columns = Dimension.fixed(attributes.gateCount) * .fixed(cell.units)
    var operands = [x, try scope.weight("kernel", [channels, columns])]
    operands.append(try scope.weight("recurrent_kernel", [.fixed(cell.units), columns]))
    if cell.useBias { operands.append(try scope.weight("bias", attributes.biasShape)) }
    if let mask = run.mask { operands.append(mask) }
    operands += run.initialStates
    let results = try emitAll(.recurrent(attributes), operands)
    var sequence = results[0]
    if run.goBackwards { sequence = try emit(.reverse(axes: [1]), sequence) }
    return RecurrentResult(sequence: sequence, last: results[1], states: Array(results[2...]))
  }
}
