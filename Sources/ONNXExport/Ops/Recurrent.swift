import ModelIR

extension GraphEmitter {
  /// The operands of a recurrent node by role.
  private struct Operands {
    var x, kernel, recurrentKernel: String
    var bias: String?
    var mask: String?
    var states: [String] = []
  }

  func emitRecurrent(
    _ attributes: RecurrentAttributes, _ node: Node, _ x: [String], _ y: [String]
  ) throws(ONNXExportError) {
    let dtype = type(node.inputs[0]).dtype
    guard let functions = attributes.onnxActivations else {
      throw ONNXExportError.unsupported(node: node.name, message: "an activation that ONNX's \(attributes.name) does not have")
    }
    var operands = Operands(x: x[0], kernel: "", recurrentKernel: "")
    operands.kernel = try weight(node.inputs[1], attributes, node)
    operands.recurrentKernel = try weight(node.inputs[2], attributes, node)
    let (values, named) = (attributes.byRole(node.inputs), attributes.byRole(x))
    operands.bias = try values.bias.map { value throws(ONNXExportError) in try bias(value, attributes, node) }
    operands.mask = named.mask
    operands.states = named.states
    let isDouble = dtype == .float64
    if isDouble { operands = inFloat32(operands) }
    var results = run(attributes, node, operands, functions)
    if isDouble { results = results.map { cast($0, .float64) } }
    for (result, output) in zip(results, y) { emit("Identity", [result], outputs: [output]) }
  }

  /// onnxruntime has recurrent kernels in float32 only.
  private func inFloat32(_ operands: Operands) -> Operands {
    var result = operands
    result.x = cast(operands.x, .float32)
    result.kernel = cast(operands.kernel, .float32)
    result.recurrentKernel = cast(operands.recurrentKernel, .float32)
    result.bias = operands.bias.map { cast($0, .float32) }
    result.states = operands.states.map { cast($0, .float32) }
    return result
  }

  // MARK: Weights

  /// `[C, G F]` with Keras's gates to `[1, G F, C]` with ONNX's.
  private func weight(_ value: Value, _ attributes: RecurrentAttributes, _ node: Node) throws(ONNXExportError) -> String {
    guard let tensor = graph.constant(value) else {
      let turned = one("Transpose", name(value), with: [("perm", .ints([1, 0]))])
      let gates = emit("Split", [turned, integers(Array(repeating: attributes.units, count: attributes.gateCount))], count: attributes.gateCount, [("axis", .int(0))])
      let ordered = emit("Concat", attributes.gateOrder.map { gates[$0] }, [("axis", .int(0))])[0]
      return one("Unsqueeze", ordered, integers([0]))
    }
    let rows = attributes.gateCount * attributes.units
    let name = graph.name(of: value)
    let turned = try Tensor.writing(name, tensor.writable.transposed([1, 0]))
    let ordered = try reordered(turned, attributes, rows: rows, node)
    return constant(try .writing(name, ordered.reshaped([1, rows, tensor.sizes[0]])), as: name)
  }

  /// The two biases of every gate, input then recurrent; Keras has one sum (but for GRU with reset_after).
  private func bias(_ value: Value, _ attributes: RecurrentAttributes, _ node: Node) throws(ONNXExportError) -> String {
    guard let tensor = constant(behind: value), let numbers = try? tensor.doubles() else {
      throw ONNXExportError.unsupported(node: node.name, message: "a bias that is not a constant")
    }
    let rows = attributes.gateCount * attributes.units
    var both: [Double] = []
    for part in 0..<2 {
      let from = part * rows
      for gate in attributes.gateOrder {
        for unit in 0..<attributes.units {
          let place = from + gate * attributes.units + unit
          both.append(place < numbers.count ? numbers[place] : 0)
        }
      }
    }
    let name = graph.name(of: value)
    let type = tensor.writable.dtype
    return constant(try .writing(name, Tensor(both, sizes: [1, 2 * rows], dtype: type)), as: name)
  }

  /// A constant, or what a cast makes of one: weights of mixed precision are kept in float32.
  private func constant(behind value: Value) -> Tensor? {
    if let tensor = graph.constant(value) { return tensor }
    guard let node = graph.producer(of: value), case .cast(let dtype) = node.op,
      let source = graph.constant(node.inputs[0])
    else { return nil }
    return try? source.converted(to: dtype)
  }

  private func reordered(
    _ tensor: Tensor, _ attributes: RecurrentAttributes, rows: Int, _ node: Node
  ) throws(ONNXExportError) -> Tensor {
    if attributes.gateOrder == Array(0..<attributes.gateCount) { return tensor }
    let block = tensor.byteCount / attributes.gateCount
    do {
      let storage = try MemoryStorage(byteCount: tensor.byteCount) { target in
        try tensor.withBytes { bytes in
          for (place, gate) in attributes.gateOrder.enumerated() {
            let from = UnsafeRawBufferPointer(rebasing: bytes[(gate * block)..<((gate + 1) * block)])
            UnsafeMutableRawBufferPointer(rebasing: target[(place * block)...]).copyMemory(from: from)
          }
        }
      }
      return try Tensor(dtype: tensor.dtype, sizes: tensor.sizes, storage: storage)
    } catch {
      throw ONNXExportError.constant(name: node.name, message: "\(error)")
    }
  }

  // MARK: The node

  /// Time first, the native operator, batch first again.
  /// - Returns: sequence, last output, states.
  private func run(
    _ attributes: RecurrentAttributes, _ node: Node, _ operands: Operands, _ functions: RecurrentAttributes.ONNXFunctions
  ) -> [String] {
    let steps = graph.shape(of: node.inputs[0])[1]
    var x = operands.x
    var compaction: Compaction?
    if let mask = operands.mask {
      let made = Compaction(self, mask: mask, x: x, steps: steps, reverse: attributes.reverse)
      x = made.x
      compaction = made
    }
    let timeFirst = one("Transpose", x, with: [("perm", .ints([1, 0, 2]))])
    var inputs = [timeFirst, operands.kernel, operands.recurrentKernel, operands.bias ?? "", compaction?.lengths ?? ""]
    inputs += operands.states.map { one("Unsqueeze", $0, integers([0])) }
    while inputs.last == "" { inputs.removeLast() }
    var list: [(name: String, value: ONNXAttribute)] = [
      ("hidden_size", .int(attributes.units)), ("activations", .strings(functions.names)),
      ("direction", .string(attributes.reverse && compaction == nil ? "reverse" : "forward")),
    ]
    if !functions.alphas.isEmpty { list.append(("activation_alpha", .floats(functions.alphas))) }
    if !functions.betas.isEmpty { list.append(("activation_beta", .floats(functions.betas))) }
    if case .gru(let resetAfter) = attributes.cell { list.append(("linear_before_reset", .int(resetAfter ? 1 : 0))) }
    let results = emit(attributes.name, inputs, count: 1 + attributes.stateCount, as: node.name, list)
    // [T, 1, N, F] -> [N, T, F]
    let squeezed = one("Squeeze", results[0], integers([1]))
    var sequence = one("Transpose", squeezed, with: [("perm", .ints([1, 0, 2]))])
    var states = results.dropFirst().map { one("Squeeze", $0, integers([0])) }
    var last = states[0]
    if let compaction {
      let given = operands.states
      states = states.enumerated().map { index, state in
        compaction.keepEmptyRows(self, state, initial: index < given.count ? given[index] : nil)
      }
      sequence = compaction.spread(self, sequence, zeroOutput: attributes.zeroOutputForMask)
      last = compaction.lastOutput(self, sequence, reverse: attributes.reverse)
    }
    return [sequence, last] + states
  }

  /// Any mask with the native operator: the kept steps of each row are moved to the front in the order in which they
  /// are processed, the operator runs with their number as the sequence's length, and its results are put back. A
  /// masked step repeats the output of the kept step before it, zeros before the first.
  private struct Compaction {
    let x: String
    let lengths: String
    /// How many kept steps there are up to each step, in processing order: `[N, T]`, int64.
    private let counts: String
    private let mask: String
    private let isEmpty: String

    init(_ emitter: GraphEmitter, mask: String, x: String, steps: Dimension, reverse: Bool) {
      let e = emitter
      self.mask = mask
      let kept = e.cast(mask, .int64)
      let axis = e.constant(Tensor(Int64(1)), as: "axis")
      counts = e.one("CumSum", kept, axis, with: [("reverse", .int(reverse ? 1 : 0))])
      let total = e.reduced("ReduceSum", kept, [1], keepDims: false)
      let one1 = e.constant(Tensor(vector: [Int64(1)]), as: "one")
      isEmpty = e.one("Equal", total, e.constant(Tensor(vector: [Int64(0)]), as: "zero"))
      // A row without a kept step runs one step, whose result is not used.
      lengths = e.cast(e.one("Max", total, one1), .int32)
      let size = e.size(steps)
      var time = e.one(
        "Range", e.constant(Tensor(Int64(0)), as: "zero"), e.one("Squeeze", size, e.integers([0])),
        e.constant(Tensor(Int64(1)), as: "one"))
      if reverse { time = e.one("Sub", e.one("Sub", size, one1), time) }
      // Different keys: kept steps in processing order, then the masked ones.
      let penalty = e.one("Mul", e.one("Sub", one1, kept), size)
      let keys = e.one("Add", time, penalty)
      let order = e.emit("TopK", [keys, size], count: 2, [("axis", .int(1)), ("largest", .int(0)), ("sorted", .int(1))])[1]
      self.x = e.one("GatherND", x, e.one("Unsqueeze", order, e.integers([2])), with: [("batch_dims", .int(1))])
    }

    /// The results in compacted order put back where they belong.
    func spread(_ e: GraphEmitter, _ sequence: String, zeroOutput: Bool) -> String {
      let one1 = e.constant(Tensor(vector: [Int64(1)]), as: "one")
      let zero = e.constant(Tensor(vector: [Int64(0)]), as: "zero")
      let place = e.one("Max", e.one("Sub", counts, one1), zero)
      let picked = e.one("GatherND", sequence, e.one("Unsqueeze", place, e.integers([2])), with: [("batch_dims", .int(1))])
      let shows = zeroOutput ? mask : e.one("Greater", counts, zero)
      return e.one("Where", e.one("Unsqueeze", shows, e.integers([2])), picked, e.scalar(0, .float32))
    }

    /// The output of the step processed last.
    func lastOutput(_ e: GraphEmitter, _ sequence: String, reverse: Bool) -> String {
      e.one("Gather", sequence, e.constant(Tensor(Int64(reverse ? 0 : -1)), as: "last"), with: [("axis", .int(1))])
    }

    /// Rows without a kept step keep their initial state.
    func keepEmptyRows(_ e: GraphEmitter, _ state: String, initial: String?) -> String {
      e.one("Where", e.one("Unsqueeze", isEmpty, e.integers([1])), initial ?? e.scalar(0, .float32), state)
    }
  }

  // MARK: Loops

  /// A loop over axis 1 as ONNX's Scan, whose body is emitted as a graph of its own.
  func emitScan(_ attributes: ScanAttributes, _ node: Node, _ x: [String], _ y: [String]) throws(ONNXExportError) {
    let prepared: Graph
    do {
      prepared = try ChannelsFirst.run(on: attributes.body.graph)
    } catch {
      throw ONNXExportError.unsupported(node: node.name, message: error.message)
    }
    let body = GraphEmitter(prepared, name: "\(node.name)/body", opset: opset, parent: self)
    try body.emitWhole()
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

extension RecurrentAttributes {
  /// Keras's gates in ONNX's order: LSTM i o f c, GRU z r h.
  var gateOrder: [Int] {
    switch cell {
    case .lstm: [0, 3, 1, 2]
    case .gru: [0, 1, 2]
    case .simple: [0]
    }
  }

  /// The `activations` attribute and its parameters.
  struct ONNXFunctions {
    var names: [String] = []
    var alphas: [Double] = []
    var betas: [Double] = []
  }

  /// The cell's functions as ONNX names them; nil when one has no name.
  var onnxActivations: ONNXFunctions? {
    var functions = ONNXFunctions()
    let order: [Activation]
    switch cell {
    case .lstm: order = [recurrentActivation, activation, activation]
    case .gru: order = [recurrentActivation, activation]
    case .simple: order = [activation]
    }
    for function in order {
      switch function {
      case .linear:
        functions.names.append("Affine")
        functions.alphas.append(1)
        functions.betas.append(0)
      case .tanh: functions.names.append("Tanh")
      case .sigmoid: functions.names.append("Sigmoid")
      case .relu: functions.names.append("Relu")
      case .softplus: functions.names.append("Softplus")
      case .softsign: functions.names.append("Softsign")
      case .hardSigmoid(let alpha, let beta):
        functions.names.append("HardSigmoid")
        functions.alphas.append(alpha)
        functions.betas.append(beta)
      case .elu(let alpha):
        functions.names.append("Elu")
        functions.alphas.append(alpha)
      case .leakyRelu(let slope):
        functions.names.append("LeakyRelu")
        functions.alphas.append(slope)
      case .graph: return nil
      }
    }
    return functions
  }
}
