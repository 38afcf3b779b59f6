import CKernels
import ModelIR

/// One run of a ``RecurrentStep``. Threads walk through all steps, each with rows or units of its own.
struct RecurrentRun: @unchecked Sendable {
  // Every thread writes to the rows and units it was given alone.
  let step: RecurrentStep
  let mask: UnsafePointer<Bool>?
  private let projected, products, before, output: UnsafeMutablePointer<Float>
  private let sequence, last, h: UnsafeMutablePointer<Float>
  private let c: UnsafeMutablePointer<Float>?
  private let initial: [UnsafePointer<Float>]

  /// The states of all rows, `step` elements from one to the next.
  struct States {
    let pointer: UnsafeMutablePointer<Float>
    let step: Int

    subscript(_ row: Int) -> UnsafeMutablePointer<Float> { pointer + row * step }
  }

  /// What one thread computes at one step.
  private struct Part {
    let rows, units: Range<Int>
    let time: Int
    let before, next: States
    /// Every second step goes through the matrix from its end: what the last one read at last is in the cache still. With
    /// 4 MB and a second cache of 1 MB a step takes 31 instead of 40 microseconds.
    let isBackwards: Bool
  }

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

  /// Gives the states their first values.
  func setStates() {
    let count = step.batch * step.units
    set(h, initial.first, count)
    if let c { set(c, initial.count > 1 ? initial[1] : nil, count) }
    if mask != nil { set(output, nil, count) }
  }

  private func set(_ target: UnsafeMutablePointer<Float>, _ source: UnsafePointer<Float>?, _ count: Int) {
    if let source {
      target.update(from: source, count: count)
    } else {
      target.update(repeating: 0, count: count)
    }
  }

  private func time(_ index: Int) -> Int { step.attributes.reverse ? step.steps - 1 - index : index }

  // MARK: Walking

  /// Walks some units of some rows through all steps: a step's states are its outputs, and the next one reads them there.
  /// - Parameter wait: returns when every thread that has other units of these rows is as far.
  func walk(_ rows: Range<Int>, _ units: Range<Int>, wait: () -> Void) {
    var before = States(pointer: h, step: step.units)
    for index in 0..<step.steps {
      let time = time(index)
      let next = States(pointer: sequence + time * step.units, step: step.steps * step.units)
      advance(
        Part(rows: rows, units: units, time: time, before: before, next: next, isBackwards: index % 2 == 1))
      before = next
      wait()
    }
    for row in rows {
      let first = row * step.units + units.lowerBound
      (h + first).update(from: before[row] + units.lowerBound, count: units.count)
      (last + first).update(from: before[row] + units.lowerBound, count: units.count)
    }
  }

  /// Walks rows some of whose steps are masked: there the states stay, and the output repeats or is zero.
  func walkMasked(_ rows: Range<Int>) {
    let units = step.units
    let states = States(pointer: h, step: units)
    for index in 0..<step.steps {
      let time = time(index)
      var row = rows.lowerBound
      while row < rows.upperBound {
        let end = endOfRun(row, rows.upperBound, time)
        let count = (end - row) * units
        if isComputed(row, time) {
          advance(
            Part(
              rows: row..<end, units: 0..<units, time: time, before: states, next: states,
              isBackwards: index % 2 == 1))
          (output + row * units).update(from: states[row], count: count)
        } else if step.attributes.zeroOutputForMask {
          (output + row * units).update(repeating: 0, count: count)
        }
        row = end
      }
      for row in rows {
        (sequence + (row * step.steps + time) * units).update(from: output + row * units, count: units)
      }
    }
    (last + rows.lowerBound * units).update(from: output + rows.lowerBound * units, count: rows.count * units)
  }

  private func isComputed(_ row: Int, _ time: Int) -> Bool { mask?[row * step.steps + time] ?? true }

  /// The end of the neighbouring rows that are masked at a time as `row` is: those are computed at once.
  private func endOfRun(_ row: Int, _ limit: Int, _ time: Int) -> Int {
    let first = isComputed(row, time)
    var end = row + 1
    while end < limit, isComputed(end, time) == first { end += 1 }
    return end
  }

  // MARK: One step

  /// The product of the states, then the cell of each row.
  private func advance(_ part: Part) {
    switch step.attributes.cell {
    case .lstm: advanceLSTM(part)
    case .gru(resetAfter: true): advanceGRUResetAfter(part)
    case .gru(resetAfter: false): advanceGRU(part)
    case .simple: advanceSimple(part)
    }
  }

  /// The gates of a row at a time: those of the input, to which those of the state are added.
  private func gates(_ row: Int, _ time: Int) -> UnsafeMutablePointer<Float> {
    projected + (row * step.steps + time) * step.gates
  }

  /// The product of the part's states with a packed matrix of `gateCount` gates; without one there is nothing to add.
  private func product(
    _ part: Part, _ weights: PackedConstant?, gateCount: Int, bias: [Float]? = nil,
    into c: UnsafeMutablePointer<Float>, step cStep: Int, accumulates: Bool
  ) {
    guard let weights else { return }
    let order = part.isBackwards ? ck_backwards.rawValue : 0
    let mode = ck_product_mode(order | (accumulates ? ck_accumulates.rawValue : 0))
    func multiply(_ columns: Range<Int>) {
      let first = columns.lowerBound
      bias.withOptionalAddress { bias in
        ck_packed_product(
          part.before[part.rows.lowerBound], part.before.step, part.rows.count,
          weights.floats + first * step.units,
          step.units, columns.count, bias.map { $0 + first }, c + first, cStep, mode)
      }
    }
    guard part.units.count < step.units else { return multiply(0..<(gateCount * step.units)) }
    for index in 0..<gateCount {
      let start = (part.isBackwards ? gateCount - 1 - index : index) * step.units
      multiply((start + part.units.lowerBound)..<(start + part.units.upperBound))
    }
  }

  /// The states' part of the first gates, added to the inputs'.
  private func addStates(_ part: Part, gateCount: Int) {
    product(
      part, step.recurrent, gateCount: gateCount, into: gates(part.rows.lowerBound, part.time),
      step: step.steps * step.gates, accumulates: true)
  }

  private func advanceLSTM(_ part: Part) {
    addStates(part, gateCount: 4)
    guard let c else { return }
    let first = part.units.lowerBound
    for row in part.rows {
      ck_lstm_cell(
        step.cell, gates(row, part.time) + first, step.units, part.units.count, c + row * step.units + first,
        part.next[row] + first)
    }
  }

  private func advanceGRUResetAfter(_ part: Part) {
    product(
      part, step.recurrent, gateCount: 3, bias: step.recurrentBias,
      into: products + part.rows.lowerBound * step.gates, step: step.gates, accumulates: false)
    let first = part.units.lowerBound
    for row in part.rows {
      ck_gru_cell(
        step.cell, gates(row, part.time) + first, products + row * step.gates + first, step.units,
        part.units.count,
        part.before[row] + first, part.next[row] + first)
    }
  }

  private func advanceGRU(_ part: Part) {
    let (units, gate, act) = (step.units, step.cell, step.act)
    addStates(part, gateCount: 2)
    for row in part.rows {
      let z = gates(row, part.time)
      ck_unary(gate.gate, gate.alpha, gate.beta, z, z, 2 * units)
      ck_binary(ck_multiply, z + units, 1, part.before[row], 1, before + row * units, units)
    }
    let reset = Part(
      rows: part.rows, units: part.units, time: part.time, before: States(pointer: before, step: units),
      next: part.next, isBackwards: part.isBackwards)
    product(
      reset, step.candidate, gateCount: 1, into: gates(part.rows.lowerBound, part.time) + 2 * units,
      step: step.steps * step.gates, accumulates: true)
    for row in part.rows {
      let (z, next) = (gates(row, part.time), part.next[row])
      ck_unary(act.function, act.alpha, act.beta, z + 2 * units, z + 2 * units, units)
      // z * h + (1 - z) * c as c + z * (h - c)
      ck_binary(ck_subtract, part.before[row], 1, z + 2 * units, 1, next, units)
      ck_binary(ck_multiply, next, 1, z, 1, next, units)
      ck_binary(ck_add, next, 1, z + 2 * units, 1, next, units)
    }
  }

  private func advanceSimple(_ part: Part) {
    addStates(part, gateCount: 1)
    let (act, first) = (step.act, part.units.lowerBound)
    for row in part.rows {
      ck_unary(
        act.function, act.alpha, act.beta, gates(row, part.time) + first, part.next[row] + first,
        part.units.count)
    }
  }
}

extension [Float]? {
  /// Calls `body` with the elements' address, nil for none.
  fileprivate func withOptionalAddress(_ body: (UnsafePointer<Float>?) -> Void) {
    if let self { self.withUnsafeBufferPointer { body($0.baseAddress) } } else { body(nil) }
  }
}
