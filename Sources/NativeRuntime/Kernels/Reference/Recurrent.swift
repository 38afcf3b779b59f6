import ModelIR

func recurrent(_ attributes: RecurrentAttributes, _ operands: [Tensor]) throws -> [Tensor] {
  switch operands[0].dtype {
  case .float32: try recurrent(attributes, attributes.byRole(operands), Float.self)
  case .float64: try recurrent(attributes, attributes.byRole(operands), Double.self)
  default: throw KernelError("\(attributes.name) of \(operands[0].dtype.rawValue)")
  }
}

private func recurrent<T: ProductElement>(
  _ attributes: RecurrentAttributes, _ operands: RecurrentOperands<Tensor>, _ type: T.Type
) throws -> [Tensor] {
  let (batch, steps, units) = (operands.x.sizes[0], operands.x.sizes[1], attributes.units)
  let gates = attributes.gateCount * units
  // The input products of all steps at once, with the input bias.
  var inputs = try matMul(
    Tensor(dtype: T.dtype, sizes: [batch * steps, operands.x.sizes[2]], storage: operands.x.storage),
    operands.kernel)
  var recurrentBias: [T] = Array(repeating: 0, count: gates)
  if let bias = operands.bias {
    let values = try bias.elements(as: T.self)
    inputs = try binary(.add, inputs, Tensor(Array(values[..<gates]), sizes: [gates]))
    if values.count > gates { recurrentBias = Array(values[gates...]) }
  }
  var cell = CellStep<T>(
    attributes, recurrentKernel: try operands.recurrentKernel.elements(), recurrentBias, batch: batch)
  if let h = operands.states.first { cell.h = try h.elements() }
  if operands.states.count > 1 { cell.c = try operands.states[1].elements() }
  let mask = try operands.mask?.elements(as: Bool.self)
  let projected = try inputs.elements(as: T.self)
  var sequence = [T](repeating: 0, count: batch * steps * units)
  var output = [T](repeating: 0, count: batch * units)
  for step in 0..<steps {
    let time = attributes.reverse ? steps - 1 - step : step
    let kept = (0..<batch).map { mask?[$0 * steps + time] ?? true }
    try cell.advance(kept) { row in projected[(row * steps + time) * gates..<(row * steps + time + 1) * gates]
    }
    for row in 0..<batch {
      for unit in 0..<units {
        if kept[row] {
          output[row * units + unit] = cell.h[row * units + unit]
        } else if attributes.zeroOutputForMask {
          output[row * units + unit] = 0
        }
        sequence[(row * steps + time) * units + unit] = output[row * units + unit]
      }
    }
  }
  let state = [batch, units]
  var results = [
    try Tensor(sequence, sizes: [batch, steps, units]), try Tensor(output, sizes: state),
    try Tensor(cell.h, sizes: state),
  ]
  if attributes.cell == .lstm { results.append(try Tensor(cell.c, sizes: state)) }
  return results
}

/// The state of a cell for a batch, and its step.
private struct CellStep<T: ProductElement> {
  let attributes: RecurrentAttributes
  let recurrentKernel: [T]
  let recurrentBias: [T]
  let units: Int
  var h: [T]
  var c: [T]
  private var sums: [T]

  init(_ attributes: RecurrentAttributes, recurrentKernel: [T], _ recurrentBias: [T], batch: Int) {
    self.attributes = attributes
    self.recurrentKernel = recurrentKernel
    self.recurrentBias = recurrentBias
    units = attributes.units
    h = Array(repeating: 0, count: batch * attributes.units)
    c = attributes.cell == .lstm ? h : []
    sums = Array(repeating: 0, count: attributes.gateCount * attributes.units)
  }

  mutating func advance(_ kept: [Bool], _ input: (Int) -> ArraySlice<T>) throws {
    for row in kept.indices where kept[row] {
      let x = Array(input(row))
      let state = Array(h[(row * units)..<((row + 1) * units)])
      switch attributes.cell {
      case .lstm: try stepLSTM(x, state, row)
      case .gru(let resetAfter): try stepGRU(x, state, row, resetAfter)
      case .simple:
        recurrentProduct(state, 0..<units)
        let next = try activate(attributes.activation, (0..<units).map { x[$0] + sums[$0] })
        for unit in 0..<units { h[row * units + unit] = next[unit] }
      }
    }
  }

  /// `sums[columns] = state . recurrentKernel[:, columns] + recurrentBias[columns]`.
  private mutating func recurrentProduct(_ state: [T], _ columns: Range<Int>) {
    let gates = attributes.gateCount * units
    recurrentKernel.withUnsafeBufferPointer { kernel in
      sums.withUnsafeMutableBufferPointer { sums in
        for column in columns { sums[column] = recurrentBias[column] }
        for unit in 0..<units {
          let value = state[unit]
          let row = unit * gates
          for column in columns { sums[column] += value * kernel[row + column] }
        }
      }
    }
  }

  private mutating func stepLSTM(_ x: [T], _ state: [T], _ row: Int) throws {
    recurrentProduct(state, 0..<(4 * units))
    func gate(_ index: Int) -> [T] { (index * units..<(index + 1) * units).map { x[$0] + sums[$0] } }
    let i = try activate(attributes.recurrentActivation, gate(0))
    let f = try activate(attributes.recurrentActivation, gate(1))
    let g = try activate(attributes.activation, gate(2))
    let o = try activate(attributes.recurrentActivation, gate(3))
    let next = (0..<units).map { f[$0] * c[row * units + $0] + i[$0] * g[$0] }
    let squashed = try activate(attributes.activation, next)
    for unit in 0..<units {
      c[row * units + unit] = next[unit]
      h[row * units + unit] = o[unit] * squashed[unit]
    }
  }

  private mutating func stepGRU(_ x: [T], _ state: [T], _ row: Int, _ resetAfter: Bool) throws {
    recurrentProduct(state, 0..<(resetAfter ? 3 : 2) * units)
    let z = try activate(attributes.recurrentActivation, (0..<units).map { x[$0] + sums[$0] })
    let r = try activate(attributes.recurrentActivation, (units..<2 * units).map { x[$0] + sums[$0] })
    if !resetAfter { recurrentProduct((0..<units).map { r[$0] * state[$0] }, 2 * units..<3 * units) }
    let candidate = (0..<units).map { unit in
      let sum = sums[2 * units + unit]
      return x[2 * units + unit] + (resetAfter ? r[unit] * sum : sum)
    }
    let hh = try activate(attributes.activation, candidate)
    for unit in 0..<units { h[row * units + unit] = z[unit] * state[unit] + (1 - z[unit]) * hh[unit] }
  }

  private func activate(_ activation: RecurrentAttributes.Activation, _ values: [T]) throws -> [T] {
    let function: UnaryFunction
    switch activation {
    case .linear: return values
    case .tanh: function = .tanh
    case .sigmoid: function = .sigmoid
    case .relu: function = .relu
    case .softplus: function = .softplus
    case .softsign: function = .softsign
    case .hardSigmoid(let alpha, let beta): function = .hardSigmoid(alpha: alpha, beta: beta)
    case .elu(let alpha): function = .elu(alpha: alpha)
    case .leakyRelu(let slope): function = .leakyRelu(slope: slope)
    }
    guard let scalar = function.scalar else { return values }
    return values.map { T(scalar(Double($0))) }
  }
}
