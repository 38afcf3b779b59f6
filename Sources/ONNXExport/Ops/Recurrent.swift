import ModelIR

extension GraphEmitter {
  func emitSequenceRecurrent(
    _ attributes: SequenceRecurrentAttributes, _ node: Node, _ x: [String], _ y: [String]
  ) throws(ONNXExportError) {
    let operands = attributes.byRole(x)
    var inputs = [
      operands.x, operands.kernel, operands.recurrentKernel, operands.bias ?? "", operands.lengths ?? "",
    ]
    inputs += operands.states
    while inputs.last == "" { inputs.removeLast() }
    var functions = RecurrentAttributes.ONNXFunctions()
    for direction in attributes.directions {
      guard let own = direction.onnxFunctions else { throw unexpected(node) }
      functions.append(own)
    }
    var list: [(name: String, value: ONNXAttribute)] = [
      ("hidden_size", .int(attributes.cell.units)), ("activations", .strings(functions.names)),
      ("direction", .string(attributes.onnxDirection)),
    ]
    if !functions.alphas.isEmpty { list.append(("activation_alpha", .floats(functions.alphas))) }
    if !functions.betas.isEmpty { list.append(("activation_beta", .floats(functions.betas))) }
    if case .gru(let resetAfter) = attributes.cell.cell {
      list.append(("linear_before_reset", .int(resetAfter ? 1 : 0)))
    }
    emit(attributes.name, inputs, outputs: used(node.outputs, y), list)
  }

  /// Names of results that nothing reads are left out at the end.
  private func used(_ values: [Value], _ names: [String]) -> [String] {
    var kept = zip(values, names).map { isRead($0) ? $1 : "" }
    while kept.last == "" { kept.removeLast() }
    return kept
  }

  /// A loop over axis 1 as ONNX's Scan, whose body is emitted as a graph of its own.
  func emitScan(_ attributes: ScanAttributes, _ node: Node, _ x: [String], _ y: [String])
    throws(ONNXExportError)
  {
    let body = GraphEmitter(attributes.body.graph, name: "\(node.name)/body", opset: opset, parent: self)
    try body.emitWhole()
    usedDomains.formUnion(body.usedDomains)
    let sequences = x.count - attributes.stateCount
    let stacked = y.count - attributes.stateCount
    let direction = Array(repeating: attributes.reverse ? 1 : 0, count: max(sequences, stacked))
    emit(
      "Scan", x, outputs: y,
      [
        ("body", .graph(body.result)), ("num_scan_inputs", .int(sequences)),
        ("scan_input_axes", .ints(Array(repeating: 1, count: sequences))),
        ("scan_output_axes", .ints(Array(repeating: 1, count: stacked))),
        ("scan_input_directions", .ints(Array(direction[..<sequences]))),
        ("scan_output_directions", .ints(Array(direction[..<stacked]))),
      ])
  }
}

extension SequenceRecurrentAttributes {
  fileprivate var onnxDirection: String {
    if directions.count > 1 { return "bidirectional" }
    return cell.reverse ? "reverse" : "forward"
  }
}

extension RecurrentAttributes {
  /// The `activations` attribute and its parameters.
  struct ONNXFunctions {
    var names: [String] = []
    var alphas: [Double] = []
    var betas: [Double] = []

    mutating func append(_ other: ONNXFunctions) {
      names += other.names
      alphas += other.alphas
      betas += other.betas
    }
  }

  /// The cell's functions as ONNX names them; nil when one has no name.
  var onnxFunctions: ONNXFunctions? {
    var functions = ONNXFunctions()
    let order: [Activation]
    switch cell {
    case .lstm: order = [recurrentActivation, activation, activation]
    case .gru: order = [recurrentActivation, activation]
    case .simple: order = [activation]
    }
    for function in order {
      guard let known = function.onnxFunction else { return nil }
      functions.append(known)
    }
    return functions
  }
}

extension RecurrentAttributes.Activation {
  fileprivate var onnxFunction: RecurrentAttributes.ONNXFunctions? {
    switch self {
    case .linear: .init(names: ["Affine"], alphas: [1], betas: [0])
    case .tanh: .init(names: ["Tanh"])
    case .sigmoid: .init(names: ["Sigmoid"])
    case .relu: .init(names: ["Relu"])
    case .softplus: .init(names: ["Softplus"])
    case .softsign: .init(names: ["Softsign"])
    case .hardSigmoid(let alpha, let beta): .init(names: ["HardSigmoid"], alphas: [alpha], betas: [beta])
    case .elu(let alpha): .init(names: ["Elu"], alphas: [alpha])
    case .leakyRelu(let slope): .init(names: ["LeakyRelu"], alphas: [slope])
    case .graph: nil
    }
  }
}
