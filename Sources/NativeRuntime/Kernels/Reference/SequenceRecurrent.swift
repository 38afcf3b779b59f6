import ModelIR

/// Each direction by the kernel of ``Op/recurrent(_:)``: batch first, weights in Keras's order, lengths as a mask.
func sequenceRecurrent(_ attributes: SequenceRecurrentAttributes, _ operands: [Tensor]) throws -> [Tensor] {
  let all = attributes.byRole(operands)
  let x = try transpose(all.x, [1, 0, 2])
  var perDirection: [[Tensor]] = []
  for (index, cell) in attributes.directions.enumerated() {
    func part(_ tensor: Tensor) throws -> Tensor {
      try tensor.split(axis: 0, sizes: Array(repeating: 1, count: tensor.sizes[0]))[index]
    }
    func flat(_ tensor: Tensor) throws -> Tensor {
      try part(tensor).reshaped(Array(tensor.sizes.dropFirst())).aligned()
    }
    var flags = cell
    flags.hasBias = all.bias != nil
    flags.hasMask = all.lengths != nil
    flags.hasInitialState = !all.states.isEmpty
    flags.zeroOutputForMask = true
    var inputs = [x]
    inputs.append(try cell.kerasGates(transpose(flat(all.kernel), [1, 0])))
    inputs.append(try cell.kerasGates(transpose(flat(all.recurrentKernel), [1, 0])))
    if let bias = all.bias { inputs.append(try cell.kerasBias(flat(bias))) }
    if let lengths = all.lengths { inputs.append(try mask(lengths, steps: x.sizes[1])) }
    for state in all.states { inputs.append(try flat(state)) }
    perDirection.append(try recurrent(flags, inputs))
  }
  // [N, T, F] of each direction to [T, D, N, F]; states [N, F] to [D, N, F].
  let sequences = try perDirection.map { try transpose(raised($0[0]), [2, 0, 1, 3]) }
  var results = [try movement(.concat(axis: 1), sequences)[0]]
  for state in 0..<attributes.stateCount {
    results.append(try movement(.concat(axis: 0), perDirection.map { try raised($0[2 + state]) })[0])
  }
  return results
}

private func raised(_ x: Tensor) throws -> Tensor { try x.reshaped([1] + x.sizes) }

private func mask(_ lengths: Tensor, steps: Int) throws -> Tensor {
  let counts = try [Int64](lengths)
  return try Tensor(
    counts.flatMap { count in (0..<steps).map { Int64($0) < count } }, sizes: [counts.count, steps])
}

extension RecurrentAttributes {
  /// Columns with gates in ONNX's order brought into Keras's.
  fileprivate func kerasGates(_ columns: Tensor) throws -> Tensor {
    let gates = try columns.split(axis: columns.rank - 1, sizes: Array(repeating: units, count: gateCount))
    let ordered = try exchangeGateOrder.inversePermutation.map { try gates[$0].aligned() }
    return try movement(.concat(axis: columns.rank - 1), ordered)[0]
  }

  /// The two biases as Keras has them: their sum, but for a GRU with `reset_after`.
  fileprivate func kerasBias(_ both: Tensor) throws -> Tensor {
    let rows = try kerasGates(both.reshaped([2, gateCount * units]))
    if case .gru(resetAfter: true) = cell { return rows }
    return try reduce(.sum, rows, [0], false)
  }
}
