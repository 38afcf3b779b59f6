import ModelIR
import ONNXFormat

extension GraphEmitter {
  func emitSequenceRecurrent(
    _ attributes: SequenceRecurrentAttributes, _ node: Node, _ x: [String], _ y: [String]
  ) throws(ONNXExportError) {
    let operands = attributes.byRole(x)
    var inputs = [
      // ONNX's name for an operand that is not given.
      operands.x, operands.kernel, operands.recurrentKernel, operands.bias ?? "", operands.lengths ?? "",
    ]
    inputs += operands.states
    while inputs.last == "" { inputs.removeLast() }
    var functions = RecurrentAttributes.ONNXFunctions()
    for direction in attributes.directions {
      let own = direction.onnxFunctions
      functions.append(own)
    }
    var list: [(name: String, value: ONNXAttribute)] = [("hidden_size", .int(attributes.cell.units))]
    // OpenVINO has a kernel for both directions where the attribute is left out, which is 20 times faster but goes by no
    // lengths; with it, it goes by them.
    if attributes.hasLengths || !attributes.directions.allSatisfy(\.hasUsualFunctions) {
      list.append(("activations", .strings(functions.names)))
    }
    list.append(("direction", .string(attributes.onnxDirection)))
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
