import CKernels
import ModelIR

extension FusedBackend {
  /// LSTM, GRU and simple RNN with constant kernels: one packed product of all gates a step, the products of the inputs of
  /// all steps at once, no hand-over between threads from step to step (each takes some rows through all steps).
  func prepareRecurrent(_ attributes: RecurrentAttributes, _ request: StepRequest) throws -> PreparedStep? {
    let roles = attributes.byRole(Array(request.operands.indices))
    let isFloat = request.operands.indices.allSatisfy {
      $0 == roles.mask || request.operands[$0].dtype == .float32
    }
    guard isFloat, let act = ElementFunction(attributes.activation),
      let gate = ElementFunction(attributes.recurrentActivation),
      let kernel = request.constants[roles.kernel], let recurrent = request.constants[roles.recurrentKernel],
      roles.bias.map({ request.constants[$0] != nil }) ?? true
    else { return nil }
    // The cells' kernels take a new state's function without parameters.
    guard act.isPlain else { return nil }
    let sizes = request.operands[0].sizes
    let units = attributes.units
    let gates = attributes.gateCount * units
    let bias = try roles.bias.flatMap { request.constants[$0] }.map { try [Float]($0.tensor) }
    var step = RecurrentStep(
      attributes: attributes, batch: sizes[0], steps: sizes[1], channels: sizes[2], roles: roles, act: act,
      gate: gate,
      inputBias: bias.map { Array($0.prefix(gates)) } ?? Array(repeating: 0, count: gates),
      recurrentBias: bias.flatMap { $0.count > gates ? Array($0[gates...]) : nil },
      kernel: try request.packed(kernel, columns: 0..<gates))
    if attributes.cell == .gru(resetAfter: false) {
      step.recurrent = try request.packed(recurrent, columns: 0..<(2 * units))
      step.candidate = try request.packed(recurrent, columns: (2 * units)..<gates)
    } else {
      step.recurrent = try request.packed(recurrent, columns: 0..<gates)
    }
    var layouts: [Layout?] = request.operands.map { _ in .rowMajor }
    for index in [roles.kernel, roles.recurrentKernel] { layouts[index] = nil }
    if let bias = roles.bias { layouts[bias] = nil }
    return PreparedStep(
      step: step, operandLayouts: layouts, resultLayouts: request.results.map { _ in .rowMajor })
  }
}

extension ElementFunction {
  /// Whether the function is what it is without its parameters, or with 1 for the first.
  fileprivate var isPlain: Bool {
    function != ck_hard_sigmoid && function != ck_leaky_relu && (alpha == 0 || alpha == 1)
  }
}

extension StepRequest {
  /// Some columns of a constant matrix, in the panels of the packed product.
  fileprivate func packed(_ matrix: PlanConstant, columns: Range<Int>) throws -> PackedConstant {
    let (rows, all) = (matrix.tensor.sizes[0], matrix.tensor.sizes[1])
    let form = [UInt8]("panels \(columns)".utf8)
    return try store.packed(matrix, form: form, byteCount: 4 * ck_packed_count(rows, columns.count)) {
      target in
      let tensor = columns.count == all ? matrix.tensor : try matrix.tensor.columns(columns)
      let values = try [Float](tensor)
      ck_pack(values, rows, columns.count, target.assumingMemoryBound(to: Float.self))
    }
  }
}

private struct RecurrentStep: Step {
  let attributes: RecurrentAttributes
  let batch, steps, channels: Int
  let roles: RecurrentOperands<Int>
  let act, gate: ElementFunction
  let inputBias: [Float]
  /// Of a GRU that resets after the product.
  let recurrentBias: [Float]?
  let kernel: PackedConstant
  var recurrent: PackedConstant?
  /// Of a GRU that resets before the product: the columns of the candidate.
  var candidate: PackedConstant?

  private var units: Int { attributes.units }
  private var gates: Int { attributes.gateCount * units }
  var name: String { "packed product, \(attributes.name)" }

  /// The products of all inputs; for each row the products of its state, its states before the step, and its output.
  var scratchByteCount: Int { 4 * batch * (steps * gates + gates + 3 * units) + 64 }

  func run(_ memory: StepMemory) throws {
    let x = ReadPointer(memory.floats(roles.x))
    let projected = SharedPointer(memory.scratch.assumingMemoryBound(to: Float.self))
    let weights = kernel
    parallel(batch * steps, grain: max(4, (1 << 18) / (channels * gates))) { [self] range in
      let first = range.lowerBound
      ck_packed_product(
        x.pointer + first * channels, channels, range.count,
        weights.pointer.assumingMemoryBound(to: Float.self), channels,
        gates, inputBias, projected.pointer + first * gates, gates, 0)
    }
    let run = RowsRun(self, memory, projected.pointer)
    parallel(batch, grain: 1) { run.walk($0) }
  }

  /// Rows of the batch walked through all steps.
  private struct RowsRun: @unchecked Sendable {
    // Every thread writes to the rows it was given alone.
    let step: RecurrentStep
    let mask: UnsafePointer<Bool>?
    let projected, products, before, output: UnsafeMutablePointer<Float>
    let sequence, last, h: UnsafeMutablePointer<Float>
    let c: UnsafeMutablePointer<Float>?
    let initial: [UnsafePointer<Float>]

    init(_ step: RecurrentStep, _ memory: StepMemory, _ projected: UnsafeMutablePointer<Float>) {
      self.step = step
      self.projected = projected
      products = projected + step.batch * step.steps * step.gates
      before = products + step.batch * step.gates
      output = before + 2 * step.batch * step.units
      mask = step.roles.mask.map { memory.operand($0).assumingMemoryBound(to: Bool.self) }
      sequence = memory.floatResult(0)
      last = memory.floatResult(1)
      h = memory.floatResult(2)
      c = step.attributes.cell == .lstm ? memory.floatResult(3) : nil
      initial = step.roles.states.map { memory.floats($0) }
    }

    func walk(_ rows: Range<Int>) {
      let units = step.units
      let (first, count) = (rows.lowerBound * units, rows.count * units)
      set(h + first, initial.first.map { $0 + first }, count)
      if let c { set(c + first, initial.count > 1 ? initial[1] + first : nil, count) }
      set(output + first, nil, count)
      for index in 0..<step.steps {
        let time = step.attributes.reverse ? step.steps - 1 - index : index
        if mask == nil {
          advance(rows, time)
          (output + first).update(from: h + first, count: count)
        } else {
          for row in rows { advanceMasked(row, time) }
        }
        for row in rows {
          (sequence + (row * step.steps + time) * units).update(from: output + row * units, count: units)
        }
      }
      (last + first).update(from: output + first, count: count)
    }

    private func set(_ target: UnsafeMutablePointer<Float>, _ source: UnsafePointer<Float>?, _ count: Int) {
      if let source {
        target.update(from: source, count: count)
      } else {
        target.update(repeating: 0, count: count)
      }
    }

    /// At a masked step the states stay, and the output repeats or is zero.
    private func advanceMasked(_ row: Int, _ time: Int) {
      let units = step.units
      if mask?[row * step.steps + time] ?? true {
        advance(row..<(row + 1), time)
        (output + row * units).update(from: h + row * units, count: units)
      } else if step.attributes.zeroOutputForMask {
        (output + row * units).update(repeating: 0, count: units)
      }
    }

    /// One step of some rows: the product of their states, then the cell of each.
    private func advance(_ rows: Range<Int>, _ time: Int) {
      switch step.attributes.cell {
      case .lstm: advanceLSTM(rows, time)
      case .gru(resetAfter: true): advanceGRUResetAfter(rows, time)
      case .gru(resetAfter: false): advanceGRU(rows, time)
      case .simple: advanceSimple(rows, time)
      }
    }

    /// The gates of a row at a time: those of the input, to which those of the state are added.
    private func gates(_ row: Int, _ time: Int) -> UnsafeMutablePointer<Float> {
      projected + (row * step.steps + time) * step.gates
    }

    private func states(_ row: Int) -> UnsafeMutablePointer<Float> { h + row * step.units }

    /// The product of some rows with packed weights; without weights there is nothing to add.
    private func product(
      _ a: UnsafePointer<Float>, _ rowCount: Int, _ weights: PackedConstant?, _ columns: Int,
      bias: [Float]? = nil,
      into c: UnsafeMutablePointer<Float>, step cStep: Int, accumulates: Bool
    ) {
      guard let weights else { return }
      ck_packed_product(
        a, step.units, rowCount, weights.pointer.assumingMemoryBound(to: Float.self), step.units, columns,
        bias,
        c, cStep, accumulates ? 1 : 0)
    }

    /// The states' part of the first `columns` gates, added to the inputs'.
    private func addStates(_ rows: Range<Int>, _ time: Int, columns: Int) {
      product(
        states(rows.lowerBound), rows.count, step.recurrent, columns, into: gates(rows.lowerBound, time),
        step: step.steps * step.gates, accumulates: true)
    }

    private func advanceLSTM(_ rows: Range<Int>, _ time: Int) {
      let (units, gate) = (step.units, step.gate)
      addStates(rows, time, columns: step.gates)
      guard let c else { return }
      for row in rows {
        ck_lstm_cell(
          gates(row, time), units, gate.function, gate.alpha, gate.beta, step.act.function, c + row * units,
          states(row))
      }
    }

    private func advanceGRUResetAfter(_ rows: Range<Int>, _ time: Int) {
      let gate = step.gate
      product(
        states(rows.lowerBound), rows.count, step.recurrent, step.gates, bias: step.recurrentBias,
        into: products + rows.lowerBound * step.gates, step: step.gates, accumulates: false)
      for row in rows {
        ck_gru_cell(
          gates(row, time), products + row * step.gates, step.units, gate.function, gate.alpha, gate.beta,
          step.act.function, states(row))
      }
    }

    private func advanceGRU(_ rows: Range<Int>, _ time: Int) {
      let (units, gate, act) = (step.units, step.gate, step.act)
      addStates(rows, time, columns: 2 * units)
      for row in rows {
        let z = gates(row, time)
        ck_unary(gate.function, gate.alpha, gate.beta, z, z, 2 * units)
        ck_binary(ck_multiply, z + units, 1, states(row), 1, before + row * units, units)
      }
      product(
        before + rows.lowerBound * units, rows.count, step.candidate, units,
        into: gates(rows.lowerBound, time) + 2 * units, step: step.steps * step.gates, accumulates: true)
      for row in rows {
        let (z, state) = (gates(row, time), states(row))
        ck_unary(act.function, act.alpha, act.beta, z + 2 * units, z + 2 * units, units)
        // z * h + (1 - z) * c as c + z * (h - c)
        ck_binary(ck_subtract, state, 1, z + 2 * units, 1, state, units)
        ck_binary(ck_multiply, state, 1, z, 1, state, units)
        ck_binary(ck_add, state, 1, z + 2 * units, 1, state, units)
      }
    }

    private func advanceSimple(_ rows: Range<Int>, _ time: Int) {
      let act = step.act
      addStates(rows, time, columns: step.gates)
      for row in rows {
        ck_unary(act.function, act.alpha, act.beta, gates(row, time), states(row), step.units)
      }
    }
  }
}
