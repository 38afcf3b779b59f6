import ModelIR
import ONNXFormat

extension NodeReader {
  static let recurrent: [String: Reading] = [
    "LSTM": .other({ node throws(ONNXImportError) in try node.readRecurrent(.lstm) }),
    "GRU": .other({ node throws(ONNXImportError) in
      try node.readRecurrent(.gru(resetAfter: node.flag("linear_before_reset")))
    }),
    "RNN": .other({ node throws(ONNXImportError) in try node.readRecurrent(.simple) }),
    "Scan": .other({ node throws(ONNXImportError) in try node.readScan() }),
  ]

  private func readRecurrent(_ cell: RecurrentAttributes.Cell) throws(ONNXImportError) {
    var values = [try operand(0), try operand(1), try operand(2)]
    let attributes = SequenceRecurrentAttributes(
      directions: try directions(cell), hasBias: hasOperand(3), hasLengths: hasOperand(4),
      hasInitialState: hasOperand(5))
    for index in 3...4 where hasOperand(index) { values.append(try operand(index)) }
    if attributes.hasInitialState {
      for index in 0..<(cell == .lstm ? 2 : 1) { values.append(try operand(5 + index)) }
    }
    try emit(.sequenceRecurrent(attributes), values)
  }

  private func directions(_ cell: RecurrentAttributes.Cell) throws(ONNXImportError) -> [RecurrentAttributes] {
    let reverse: [Bool]
    switch try string("direction") {
    case "forward", nil: reverse = [false]
    case "reverse": reverse = [true]
    case "bidirectional": reverse = [false, true]
    case let other?: throw .damaged("a direction \"\(other.printable)\"")
    }
    let functions = try cellFunctions(cell, directions: reverse.count)
    let units = try required("hidden_size", int("hidden_size"))
    var directions: [RecurrentAttributes] = []
    for (index, isReverse) in reverse.enumerated() {
      let own = functions[(index * cell.functionCount)...].prefix(cell.functionCount)
      // An LSTM names the function of its new state twice.
      guard let gates = own.first, let state = own.last, cell != .lstm || own[own.startIndex + 1] == state
      else {
        throw .unsupported("different functions of a cell's new state and its output")
      }
      directions.append(
        RecurrentAttributes(
          cell: cell, units: units, activation: state, recurrentActivation: gates, hasBias: false,
          hasMask: false,
          hasInitialState: false, reverse: isReverse, zeroOutputForMask: false))
    }
    return directions
  }

  /// The functions of all directions; their parameters stand one after another in lists of their own.
  private func cellFunctions(
    _ cell: RecurrentAttributes.Cell, directions: Int
  ) throws(ONNXImportError) -> [RecurrentAttributes.Activation] {
    let count = directions * cell.functionCount
    let usual = Array(repeating: cell.usualFunctions, count: directions).flatMap { $0 }
    let names = try strings("activations") ?? usual  // ONNX's own where there are none.
    guard names.count == count else { throw .damaged("expected \(count) functions, found \(names.count)") }
    var alphas = try (floats("activation_alpha") ?? [])[...]  // Fewer than the functions take: refused below.
    var betas = try (floats("activation_beta") ?? [])[...]  // As above.
    var functions: [RecurrentAttributes.Activation] = []
    for name in names {
      guard let counts = RecurrentAttributes.Activation.onnxParameterCounts(name),
        counts.alphas <= alphas.count,
        counts.betas <= betas.count,
        let function = RecurrentAttributes.Activation(
          onnxName: name, alphas: Array(alphas.prefix(counts.alphas)),
          betas: Array(betas.prefix(counts.betas)))
      else { throw .unsupported("the function \"\(name.printable)\" in a cell") }
      alphas = alphas.dropFirst(counts.alphas)
      betas = betas.dropFirst(counts.betas)
      functions.append(function)
    }
    guard alphas.isEmpty, betas.isEmpty else { throw .damaged("more parameters than the functions take") }
    return functions
  }

  // MARK: Scan

  private func readScan() throws(ONNXImportError) {
    let body = try GraphReader(opset: graph.opset, parent: graph).read(required("body", body("body")))
    let sequences = try required("num_scan_inputs", int("num_scan_inputs"))
    guard (1...max(operandCount, 1)).contains(sequences) else { throw .damaged("\(sequences) sequences") }
    let states = operandCount - sequences
    guard body.outputs.count >= states, node.outputs.count == body.outputs.count else {
      throw .damaged("expected \(body.outputs.count) results, found \(node.outputs.count)")
    }
    let isReverse = try direction(sequences: sequences, stacked: body.outputs.count - states)
    try emit(.scan(ScanAttributes(body: Subgraph(body), stateCount: states, reverse: isReverse)), operands())
  }

  /// Whether the loop runs from the end; all sequences and results lie along axis 1 and run the same way.
  private func direction(sequences: Int, stacked: Int) throws(ONNXImportError) -> Bool {
    var directions: Set<Int> = []
    for (name, count) in [("input", sequences), ("output", stacked)] {
      let axes = try required("scan_\(name)_axes", ints("scan_\(name)_axes"))
      let own = try required("scan_\(name)_directions", ints("scan_\(name)_directions"))
      guard axes == Array(repeating: 1, count: count), own.count == count else {
        throw .unsupported("a loop over another axis than 1")
      }
      directions.formUnion(own)
    }
    switch directions {
    case [0]: return false
    case [1]: return true
    default: throw .unsupported("a loop in several directions")
    }
  }
}

extension RecurrentAttributes.Cell {
  /// The functions of a direction that names none.
  fileprivate var usualFunctions: [String] {
    switch self {
    case .lstm: ["Sigmoid", "Tanh", "Tanh"]
    case .gru: ["Sigmoid", "Tanh"]
    case .simple: ["Tanh"]
    }
  }

  /// How many functions ONNX names for a direction.
  fileprivate var functionCount: Int { usualFunctions.count }
}
