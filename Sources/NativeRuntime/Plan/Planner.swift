import ModelIR

/// Makes a plan of a graph for one set of input sizes.
struct Planner {
  private let graph: Graph
  private let options: RuntimeOptions
  private let store: ConstantStore
  /// The sizes of named axes.
  private let bindings: [String: Dimension]
  /// Of a plan for one sample: the part of the graph that is planned.
  private let samples: SampleSplit?
  private let readers: ValueReaders
  /// What is known of each value so far.
  private var values: [Int: PlannedValue] = [:]
  private var buffers = PlanBuffers()
  /// For each buffer the last node that reads one of its values: views of the same bytes are values with uses of their own.
  private var lastReaders: [Int: Int] = [:]
  /// Multiplications that wait for the products which read their results, by these.
  private var gated: [Value: GatedProduct] = [:]

  /// - Parameters:
  ///   - known: the sizes of dimensions that depend on the data.
  ///   - samples: of a plan for one sample, the part that the graph is and the sizes of named axes in the whole.
  /// - Throws: ``RuntimeError`` when operands do not fit at these sizes, or a constant cannot be read.
  static func plan(
    _ graph: Graph, sizes: [[Int]], known: [String: Dimension] = [:],
    samples: (split: SampleSplit, bindings: [String: Dimension])? = nil, options: RuntimeOptions,
    store: ConstantStore
  ) throws(RuntimeError) -> Plan {
    let bindings = samples?.bindings ?? graph.bindings(sizes, known)
    var planner = Planner(graph, bindings: bindings, samples: samples?.split, options: options, store: store)
    planner.addInputs(sizes)
    let split = samples == nil && known.isEmpty ? try planner.addSamples(sizes) : nil
    for (index, isLive) in graph.liveNodes().enumerated() where isLive && split?.nodes.contains(index) != true
    {
      let node = graph.nodes[index]
      do {
        try Cancellation.check()
        try planner.add(node, at: index)
      } catch let error as KernelError {
        throw RuntimeError.operation(node: node.name, message: error.message)
      } catch let error as GraphError {
        throw RuntimeError.operation(node: node.name, message: error.message)
      } catch let error as RuntimeError {
        throw error
      } catch {
        throw RuntimeError.operation(node: node.name, message: "\(error)")
      }
    }
    do { return try planner.finished() } catch {
      throw RuntimeError.operation(node: "", message: "\(error)")
    }
  }

  private init(
    _ graph: Graph, bindings: [String: Dimension], samples: SampleSplit?, options: RuntimeOptions,
    store: ConstantStore
  ) {
    self.graph = graph
    self.options = options
    self.store = store
    self.bindings = bindings
    self.samples = samples
    readers = ValueReaders(graph)
  }

  private mutating func addInputs(_ sizes: [[Int]]) {
    for (value, sizes) in zip(graph.inputs, sizes) {
      let form = OperandForm(dtype: graph.dtype(of: value), sizes: sizes)
      values[value.index] = PlannedValue(form: form, buffer: buffers.addInput(form))
    }
  }

  /// A step for the part of the graph that is better computed sample by sample, if there is one.
  private mutating func addSamples(_ sizes: [[Int]]) throws(RuntimeError) -> SampleSplit? {
    guard options.splitsBatches,
      let split = SampleSplit(graph, sizes: sizes, bindings: bindings, options: options)
    else { return nil }
    let name = "\(split.count) samples of \(split.nodes.count) operations"
    do {
      let step = try SampleStep(
        split, graph, operands: sizes, bindings: bindings, options: options, store: store)
      let operands = try graph.inputs.map { try rowMajor($0) }
      let forms = zip(split.results, step.plan.outputs).map { value, output in
        OperandForm(
          dtype: output.form.dtype,
          sizes: split.sizes(output.form.sizes, of: value, sampleCount: split.count))
      }
      let results = forms.map { buffers.add($0) }
      for (value, (form, buffer)) in zip(split.results, zip(forms, results)) {
        set(value, PlannedValue(form: form, buffer: buffer))
      }
      let cost = step.plan.steps.reduce(StepCost(bytes: 0, operations: 0)) { $0 + $1.cost * split.count }
      buffers.addStep(name: name, opName: "Samples", step, operands: operands, results: results, cost: cost)
    } catch let error as RuntimeError { throw error } catch {
      throw RuntimeError.operation(node: name, message: "\(error)")
    }
    return split
  }

  // MARK: Nodes

  private mutating func add(_ node: Node, at index: Int) throws {
    if deferred(node) { return }
    if let first = node.inputs.first, let waiting = gated.removeValue(forKey: first) {
      if try addProduct(node, waiting, at: index) { return }
      try addStep(waiting.node, at: index)
    }
    try addStep(node, at: index)
  }

  private mutating func addStep(_ node: Node, at index: Int) throws {
    let op = op(of: node)
    let operands = try node.inputs.map { try planned($0) }
    let types = try op.inferTypes(operands.map { TensorType($0.form.dtype, Shape($0.form.sizes)) })
    let sizes = op.bodyBindings(operands.map(\.form))
    let results = try types.map { try OperandForm(TensorType($0.dtype, $0.shape.substituting(sizes))) }
    let constants = operands.map(\.constant)
    if constants.allSatisfy({ $0 != nil }), Planner.isWorthFolding(operands, results) {
      return try fold(node, op, constants.compactMap { $0?.tensor }, results)
    }
    if case .dequantize(let attributes) = op,
      let tensor = try restored(attributes, constants.compactMap(\.self), results[0], of: operands.count)
    {
      let constant = PlanConstant(tensor: tensor, index: node.outputs[0].index)
      return set(node.outputs[0], PlannedValue(form: results[0], buffer: nil, constant: constant))
    }
    if op.keepsElementOrder(operands[0].form, results[0]) {
      let source = try rowMajor(node.inputs[0])
      set(node.outputs[0], PlannedValue(form: results[0], buffer: source))
      return
    }
    if case .transpose(let permutation) = op,
      let layout = layout(of: node.outputs[0], seenIn: operands[0].form, permutation)
    {
      let source = try buffer(of: node.inputs[0], in: operands[0].form.layout)
      return set(node.outputs[0], PlannedValue(form: results[0].with(layout), buffer: source))
    }
    let request = StepRequest(
      name: node.name, op: op, operands: operands.map(\.form), constants: constants, results: results,
      readingPermutation: node.outputs.first.flatMap { readers.permutation(of: $0) }, options: options,
      store: store)
    for backend in options.backends {
      guard let prepared = try backend.prepare(request) else { continue }
      return try add(prepared, for: node, reading: node.inputs, request, at: index)
    }
    throw RuntimeError.unsupported(node: node.name, message: "no backend computes \(op.name)")
  }

  /// A node's operation at these sizes, of one sample where only one is planned.
  private func op(of node: Node) -> Op {
    let whole = node.op.substituting(bindings)
    return samples?.single(whole, node) ?? whole
  }

  /// Leaves a multiplication by a gate to the product that reads it, which comes later; its operands must live until then.
  private mutating func deferred(_ node: Node) -> Bool {
    guard !options.isExact,
      let product = GatedProduct(node, in: graph, readers: readers, sizes: { values[$0.index]?.form.sizes })
    else { return false }
    for value in [product.image, product.gate] {
      guard let buffer = values[value.index]?.buffer else { return false }
      lastReaders[buffer] = max(lastReaders[buffer, default: 0], product.reader)
    }
    gated[node.outputs[0]] = product
    return true
  }

  /// Whether a backend computes a product together with the multiplication before it.
  private mutating func addProduct(_ node: Node, _ gated: GatedProduct, at index: Int) throws -> Bool {
    let inputs = gated.operands(node)
    let operands = try inputs.dropLast().map { try planned($0) }
    let op = op(of: node)
    let types = try op.inferTypes(operands.map { TensorType($0.form.dtype, Shape($0.form.sizes)) })
    let request = StepRequest(
      name: node.name, op: op, operands: operands.map(\.form), constants: operands.map(\.constant),
      results: try types.map { try OperandForm($0) }, options: options, store: store)
    for backend in options.backends {
      guard let prepared = try backend.prepareGated(request) else { continue }
      try add(prepared, for: node, reading: inputs, request, at: index)
      return true
    }
    return false
  }

  /// The layout in which a transpose's result is its operand as it lies, where those who read it can.
  private func layout(of result: Value, seenIn operand: OperandForm, _ permutation: [Int]) -> Layout? {
    for backend in options.backends {
      guard let layout = backend.transposed(operand, by: permutation) else { continue }
      return layout == .rowMajor || readers.areProducts(of: result) ? layout : nil
    }
    return nil
  }

  private mutating func set(_ value: Value, _ planned: PlannedValue) {
    values[value.index] = planned
    guard let buffer = planned.buffer else { return }
    lastReaders[buffer] = max(lastReaders[buffer] ?? -1, readers.last(of: value) ?? -1)
  }

  /// A constant is read when the first node asks for it.
  private mutating func planned(_ value: Value) throws -> PlannedValue {
    if let known = values[value.index] { return known }
    guard let tensor = graph.constant(value) else { throw KernelError("an operand has no value") }
    let form = OperandForm(dtype: tensor.dtype, sizes: tensor.sizes)
    let constant = PlanConstant(tensor: tensor, index: value.index)
    let made = PlannedValue(form: form, buffer: nil, constant: constant)
    values[value.index] = made
    return made
  }

  // MARK: Constants

  /// Whether values computed from constants are kept rather than computed in each run: not when they are much larger
  /// than what they are made of.
  private static func isWorthFolding(_ operands: [PlannedValue], _ results: [OperandForm]) -> Bool {
    let needed = results.reduce(0) { $0 + $1.byteCount }
    return needed <= max(1 << 20, 2 * operands.reduce(0) { $0 + $1.form.byteCount })
  }

  private mutating func fold(_ node: Node, _ op: Op, _ operands: [Tensor], _ results: [OperandForm]) throws {
    let aligned = try operands.map { try $0.aligned() }
    let tensors = try ReferenceKernels.evaluate(op, aligned, results: results)
    for (value, tensor) in zip(node.outputs, tensors) {
      let form = OperandForm(dtype: tensor.dtype, sizes: tensor.sizes)
      values[value.index] = PlannedValue(
        form: form, buffer: nil, constant: PlanConstant(tensor: tensor, index: nil))
    }
  }

  /// What constant numbers of few bits stand for, made when a kernel packs it; nil when they are not constant.
  private func restored(
    _ attributes: DequantizeAttributes, _ operands: [PlanConstant], _ result: OperandForm, of count: Int
  ) throws -> Tensor? {
    guard operands.count == count else { return nil }
    let tensors = try operands.map { operand in
      try operand.index.map { try store.tensor($0, operand.tensor) } ?? operand.tensor.aligned()
    }
    let storage = DequantizedStorage(attributes, tensors, byteCount: result.byteCount)
    return try Tensor(dtype: result.dtype, sizes: result.sizes, storage: storage)
  }

  // MARK: Steps

  private mutating func add(
    _ prepared: PreparedStep, for node: Node, reading inputs: [Value], _ request: StepRequest, at index: Int
  ) throws {
    var operands: [Int] = []
    for (value, layout) in zip(inputs, prepared.operandLayouts) {
      // An operand that is not read stands for nothing; any buffer does, and the first is always there.
      operands.append(try layout.map { try buffer(of: value, in: $0) } ?? PlanBuffers.none)
    }
    var results: [Int] = []
    for (position, value) in node.outputs.enumerated() {
      let form = request.results[position].with(prepared.resultLayouts[position])
      let buffer =
        try position == 0
        ? firstResult(prepared, inputs, request.name, form, operands, at: index) : buffers.add(form)
      results.append(buffer)
      set(value, PlannedValue(form: form, buffer: buffer))
    }
    buffers.addStep(
      name: node.name, opName: request.op.name, prepared.step, operands: operands, results: results,
      cost: StepCost(request))
  }

  /// The memory of the first result: an operand's if the step allows, filled with an operand if the step needs it.
  private mutating func firstResult(
    _ prepared: PreparedStep, _ inputs: [Value], _ name: String, _ form: OperandForm, _ operands: [Int],
    at index: Int
  ) throws -> Int {
    let candidates = prepared.accumulated.map { [$0] } ?? prepared.overwritable
    if let operand = overwritable(candidates, prepared, inputs, form, at: index) { return operands[operand] }
    let buffer = buffers.add(form)
    if let operand = prepared.accumulated {
      buffers.addStep(
        name: name, opName: "Copy", CopyStep(byteCount: form.byteCount), operands: [operands[operand]],
        results: [buffer], cost: StepCost(bytes: 2 * form.byteCount, operations: 0))
    }
    return buffer
  }

  /// The operand whose memory the first result may take: it fits, and nothing reads it later.
  private func overwritable(
    _ candidates: [Int], _ prepared: PreparedStep, _ inputs: [Value], _ form: OperandForm, at index: Int
  ) -> Int? {
    candidates.first { operand in
      let value = inputs[operand]
      guard let planned = values[value.index], let buffer = planned.buffer, planned.constant == nil,
        planned.form.byteCount == form.byteCount, prepared.operandLayouts[operand] == planned.form.layout,
        buffers.isOverwritable(buffer), isReadOnce(buffer, among: inputs)
      else { return false }
      return lastReaders[buffer, default: .max] <= index
    }
  }

  /// Whether only one of a step's operands lies in a buffer: two may be read in different orders.
  private func isReadOnce(_ buffer: Int, among inputs: [Value]) -> Bool {
    inputs.count { values[$0.index]?.buffer == buffer } == 1
  }

  /// The buffer with a value's elements in a layout; a step is added that brings them into it.
  private mutating func buffer(of value: Value, in layout: Layout) throws -> Int {
    var known = try planned(value)
    if known.form.layout == layout { return try materialized(value, &known) }
    if let made = known.reordered[layout] { return made }
    guard let buffer = known.buffer else { throw KernelError("a constant has no layout but its own") }
    let form = known.form.with(layout)
    for backend in options.backends {
      guard let step = try backend.reorder(known.form, to: layout) else { continue }
      let made = buffers.add(form)
      buffers.addStep(
        name: graph.name(of: value), opName: "Reorder", step, operands: [buffer], results: [made],
        cost: StepCost(bytes: known.form.byteCount + form.byteCount, operations: 0))
      known.reordered[layout] = made
      values[value.index] = known
      return made
    }
    throw KernelError("no backend brings \(known.form.sizes) into the order a step needs")
  }

  private mutating func rowMajor(_ value: Value) throws -> Int { try buffer(of: value, in: .rowMajor) }

  /// The buffer of a value in its own layout; a constant gets one when a step first reads it as it is.
  private mutating func materialized(_ value: Value, _ known: inout PlannedValue) throws -> Int {
    if let buffer = known.buffer { return buffer }
    guard let constant = known.constant else { throw KernelError("an operand has no value") }
    let tensor = try constant.index.map { try store.tensor($0, constant.tensor) } ?? constant.tensor.aligned()
    let buffer = try buffers.addConstant(tensor, known.form)
    known.buffer = buffer
    values[value.index] = known
    return buffer
  }

  // MARK: The end

  private mutating func finished() throws -> Plan {
    var outputs: [(buffer: Int, form: OperandForm)] = []
    for output in graph.outputs {
      let buffer = try rowMajor(output.value)
      let form = try planned(output.value).form.with(.rowMajor)
      outputs.append((buffer, form))
    }
    return Plan(try buffers.laidOut(outputs: outputs, writesResults: samples == nil))
  }
}

/// What a planner knows of a value.
private struct PlannedValue {
  let form: OperandForm
  /// The buffer with the elements in the form's layout; nil for constants that no step has read.
  var buffer: Int?
  var constant: PlanConstant?
  /// Buffers with the elements in other layouts.
  var reordered: [Layout: Int] = [:]
}

extension Op {
  /// Whether the result has the operand's elements in the operand's order, so that it is the operand under other sizes.
  fileprivate func keepsElementOrder(_ operand: OperandForm, _ result: OperandForm) -> Bool {
    guard operand.dtype == result.dtype, operand.elementCount == result.elementCount, operand.dtype != .string
    else {
      return false
    }
    switch self {
    case .reshape, .expand, .cast: return true
    case .transpose(let permutation):
      let moved = permutation.filter { operand.sizes[$0] != 1 }
      return moved == moved.sorted()
    case .slice(let ranges): return ranges.allSatisfy { $0.step > 0 }
    case .tile: return true
    case .concat, .split, .pad, .reverse, .gather, .gatherElements, .gatherND, .triangle: return false
    case .unary, .binary, .compare, .select, .matMul, .dense, .dequantize, .einsum, .attention, .conv,
      .convTranspose,
      .pool, .reduce,
      .argReduce,
      .cumulative, .topK, .batchNormalization, .normalization, .softmax, .logSoftmax, .scatterND, .range,
      .count,
      .sizes,
      .recurrent, .sequenceRecurrent, .scan, .resize, .lookup, .hash, .vectorize:
      return false
    }
  }
}
