extension RecurrentAttributes {
  /// The operation's name as ONNX has it.
  package var name: String {
    switch cell {
    case .lstm: "LSTM"
    case .gru: "GRU"
    case .simple: "RNN"
    }
  }

  /// Keras's gates in the order of exchange formats, which ``Op/sequenceRecurrent(_:)`` has: LSTM i o f c, GRU z r h.
  package var exchangeGateOrder: [Int] {
    switch cell {
    case .lstm: [0, 3, 1, 2]
    case .gru: [0, 1, 2]
    case .simple: [0]
    }
  }

  /// The shape that the bias must have.
  package var biasShape: Shape {
    if case .gru(resetAfter: true) = cell { return [2, .fixed(gateCount * units)] }
    return [.fixed(gateCount * units)]
  }

  /// The number of units is multiplied from here on.
  fileprivate func expectUnits() throws(GraphError) {
    guard units > 0, units < 1 << 32 else {
      throw GraphError("expected a positive number of units, found \(units)")
    }
  }

  func inferTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    let x = operands[0]
    try x.expectRank(3...3)
    try expectUnits()
    let gates = Dimension.fixed(gateCount * units)
    let state: Shape = [x.shape[0], .fixed(units)]
    try operands[1].expectShape([x.shape[2], gates], operand: 1)
    try operands[2].expectShape([.fixed(units), gates], operand: 2)
    for (index, (role, operand)) in zip(operandRoles, operands).enumerated().dropFirst(3) {
      try operand.expectDType(role == .mask ? .bool : x.dtype, operand: index)
      if role == .bias { try operand.expectShape(biasShape, operand: index) }
      if role == .mask { try operand.expectShape([x.shape[0], x.shape[1]], operand: index) }
      if role == .state { try operand.expectShape(state, operand: index) }
    }
    try expectEqualDTypes(Array(operands[..<3]))
    let sequence = TensorType(x.dtype, [x.shape[0], x.shape[1], .fixed(units)])
    return [sequence] + Array(repeating: TensorType(x.dtype, state), count: 1 + stateCount)
  }
}

extension SequenceRecurrentAttributes {
  /// The operation's name as ONNX has it.
  package var name: String { cell.name }
  /// The first direction, of which all have the kind of cell and the units.
  package var cell: RecurrentAttributes { directions[0] }
  package var stateCount: Int { cell.stateCount }

  func inferTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    let x = operands[0]
    try x.expectRank(3...3)
    try cell.expectUnits()
    let (count, gates) = (Dimension.fixed(directions.count), Dimension.fixed(cell.gateCount * cell.units))
    let state: Shape = [count, x.shape[1], .fixed(cell.units)]
    try operands[1].expectShape([count, gates, x.shape[2]], operand: 1)
    try operands[2].expectShape([count, gates, .fixed(cell.units)], operand: 2)
    try expectEqualDTypes(Array(operands[..<3]))
    for (index, (role, operand)) in zip(operandRoles, operands).enumerated().dropFirst(3) {
      try operand.expectDType(role == .lengths ? .int32 : x.dtype, operand: index)
      if role == .bias { try operand.expectShape([count, gates * 2], operand: index) }
      if role == .lengths { try operand.expectShape([x.shape[1]], operand: index) }
      if role == .state { try operand.expectShape(state, operand: index) }
    }
    let sequence = TensorType(x.dtype, [x.shape[0], count, x.shape[1], .fixed(cell.units)])
    return [sequence] + Array(repeating: TensorType(x.dtype, state), count: stateCount)
  }
}

extension ScanAttributes {
  func inferTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    let body = body.graph
    guard body.inputs.count == operands.count, body.outputs.count >= stateCount, operands.count > stateCount
    else {
      throw GraphError("expected \(body.inputs.count) operands, found \(operands.count)")
    }
    // Names that the body gives to sizes of its operands stand for those outside of it.
    var sizes: [String: Dimension] = [:]
    for (index, input) in body.inputs.enumerated() {
      let expected = body.type(of: input)
      var found = operands[index].shape.dimensions
      if index >= stateCount, found.count > 1 { found.remove(at: 1) }
      for (name, size) in zip(expected.shape.dimensions, found) {
        if let name = name.symbolName, sizes[name] == nil { sizes[name] = size }
      }
      try operands[index].expectDType(expected.dtype, operand: index)
      if index < stateCount {
        try operands[index].expectShape(expected.shape, operand: index)
      } else {
        try operands[index].expectRank((expected.shape.rank + 1)...(expected.shape.rank + 1), operand: index)
        try TensorType(expected.dtype, operands[index].shape.removing(axis: 1)).expectShape(
          expected.shape, operand: index)
      }
    }
    let steps = operands[stateCount].shape[1]
    return body.outputs.enumerated().map { index, output in
      var type = body.type(of: output.value)
      type.shape = type.shape.substituting(sizes)
      if index >= stateCount { type.shape.dimensions.insert(steps, at: 1) }
      return type
    }
  }
}

extension Shape {
  func removing(axis: Int) -> Shape {
    var shape = self
    shape.dimensions.remove(at: axis)
    return shape
  }
}

extension ResizeAttributes {
  func inferType(_ x: TensorType) throws(GraphError) -> TensorType {
    guard axes.count == sizes.count else {
      throw GraphError("expected a size for each of \(axes.count) axes")
    }
    var shape = x.shape
    for (axis, size) in zip(axes, sizes) {
      try x.expectAxis(axis)
      shape[axis] = size
    }
    return TensorType(x.dtype, shape)
  }
}
