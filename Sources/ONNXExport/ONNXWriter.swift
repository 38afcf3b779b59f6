public import ModelIR

/// Writes a graph as an ONNX file.
///
/// Inputs, outputs and nodes carry the graph's names; a dynamic axis has its name as `dim_param`. Constants are
/// streamed: memory does not grow with the model.
public struct ONNXWriter: Sendable {
  /// The version of ONNX's operators, 13 or higher.
  public var opset: Int
  /// Weights in a side file beside the model; always so from 2 GiB on.
  public var externalData: Bool
  /// The order of axes of image inputs and outputs; nil: as the model has it.
  public var layout: DataLayout?
  /// Store weights and compute in float16; inputs and outputs keep their types.
  public var float16 = false
  /// The producer's version as it is written into the file.
  public var producerVersion: String

  /// A writer for a version of the operators; weights inside the file unless it would exceed 2 GiB.
  public init(opset: Int = 18, externalData: Bool = false, producerVersion: String = "0.1.0") {
    self.opset = opset
    self.externalData = externalData
    self.producerVersion = producerVersion
  }

  /// Writes a model or a graph; the file appears under its name only when it is complete.
  /// - Parameter source: a `KerasModel`, or a graph itself.
  /// - Throws: ``ONNXExportError``, or what lowering the model throws.
  public func write(_ source: some GraphSource, to path: String) throws { try write(source, to: path) {} }

  /// Writes a model or a graph; the file appears under its name only when it is complete.
  /// - Parameter confirm: asked when everything is written; a file that is not confirmed never appears. A source's
  ///   checksums can so be verified while its bytes are written.
  /// - Throws: ``ONNXExportError``, what lowering the model throws, or what `confirm` throws.
  package func write(_ source: some GraphSource, to path: String, confirm: () throws -> Void) throws {
    try makeFile(source.makeGraph()).write(to: path, confirm: confirm)
  }

  private func makeFile(_ graph: Graph) throws(ONNXExportError) -> ModelFile {
    guard opset >= 13 else {
      throw ONNXExportError.opset(
        node: graph.nodes.first?.name ?? "", op: "any", needed: 13, requested: opset)
    }
    let prepared: Graph
    do {
      var source = graph
      if let layout { source = try InterfaceLayout(layout).run(on: source) }
      if float16 { source = try HalfPrecisionGraph.run(on: source) }
      prepared = try ChannelsFirst.run(on: source)
    } catch {
      throw ONNXExportError.unsupported(node: error.node ?? "", message: error.message)
    }
    let emitter = GraphEmitter(prepared, name: "keras", opset: opset)
    try emitter.emitWhole()
    return ModelFile(emitter.result, domains: emitter.usedDomains, writer: self)
  }
}

extension GraphEmitter {
  /// Emits all nodes, with the graph's own inputs and outputs.
  func emitWhole() throws(ONNXExportError) {
    for input in graph.inputs {
      setName(input, unique(graph.name(of: input)))
      result.inputs.append(ONNXValue(name: name(input), type: type(input)))
    }
    let outputNames = reserveOutputs()
    let live = graph.liveNodes()
    for (index, node) in graph.nodes.enumerated() where live[index] { try emit(node) }
    for (output, wanted) in zip(graph.outputs, outputNames) {
      if name(output.value) != wanted { emit("Identity", [name(output.value)], outputs: [wanted]) }
      result.outputs.append(ONNXValue(name: wanted, type: type(output.value)))
    }
    // A kernel that was written in ONNX's layout is not needed in its own.
    let used = result.usedNames
    result.initializers.removeAll { !used.contains($0.name) }
  }

  /// Outputs made by a node give it their name; inputs, constants and values given out twice need an Identity.
  private func reserveOutputs() -> [String] {
    var named: Set<Int> = []
    return graph.outputs.map { output in
      let name = unique(output.name)
      if case .node = graph.source(of: output.value), named.insert(output.value.index).inserted {
        setName(output.value, name)
      }
      return name
    }
  }

  /// Emits one node; arithmetic in bfloat16 is float32 rounded after each operation, since onnxruntime's CPU kernels
  /// have no bfloat16.
  func emit(_ node: Node) throws(ONNXExportError) {
    let isRounded = node.outputs.first.map { graph.dtype(of: $0) == .bfloat16 } ?? false
    let finals = node.outputs.map { name($0) }
    guard isRounded, !node.op.onlyChooses else {
      try emitOp(node, node.inputs.map { name($0) }, finals)
      return
    }
    let wide = finals.map { unique("\($0)/float32") }
    try emitOp(node, node.inputs.map { name($0) }, wide)
    for (index, output) in node.outputs.enumerated() {
      guard graph.dtype(of: output) == .bfloat16 else {
        emit("Identity", [wide[index]], outputs: [finals[index]])
        continue
      }
      emit(
        "Cast", [cast(wide[index], .bfloat16)], outputs: [finals[index]],
        [("to", .int(Int(DType.float32.onnxType)))])
    }
  }

  private func emitOp(_ node: Node, _ x: [String], _ y: [String]) throws(ONNXExportError) {
    switch node.op {
    case .unary(let function): try emitUnary(function, node, x[0], y)
    case .binary(let function): try emitBinary(function, node, x, y)
    case .compare(let comparison): emitCompare(comparison, node, x, y)
    case .select: emitSelect(node, x, y)
    case .cast(let dtype): emitCast(dtype, node, x, y)
    case .matMul: emit("MatMul", x, outputs: y)
    case .einsum(let equation): emit("Einsum", x, outputs: y, [("equation", .string(equation))])
    case .conv(let attributes): try emitConv(attributes, node, x, y)
    case .convTranspose(let attributes): try emitConvTranspose(attributes, node, x, y)
    case .pool(let attributes): try emitPool(attributes, node, x, y)
    case .reduce(let function, let axes, let keepDims): emitReduce(function, axes, keepDims, node, x[0], y)
    case .argReduce(let function, let axis, let keepDims):
      emitArgReduce(function, axis, keepDims, node, x[0], y)
    case .cumulative(let function, let axis, let reverse, let exclusive):
      try emitCumulative(function, axis, reverse, exclusive, node, x[0], y)
    case .topK(let k, let axis, let largest):
      emit(
        "TopK", [x[0], size(k)], outputs: y,
        [("axis", .int(axis)), ("largest", .int(largest ? 1 : 0)), ("sorted", .int(1))])
    case .batchNormalization(let axis, let epsilon): emitBatchNormalization(axis, epsilon, node, x, y)
    case .layerNormalization(let axis, let epsilon): emitLayerNormalization(axis, epsilon, node, x, y)
    case .softmax(let axis): emit("Softmax", x, outputs: y, [("axis", .int(axis))])
    case .logSoftmax(let axis): emit("LogSoftmax", x, outputs: y, [("axis", .int(axis))])
    case .reshape(let shape): emitReshape(shape, node, x[0], y)
    case .transpose(let permutation): emit("Transpose", x, outputs: y, [("perm", .ints(permutation))])
    case .concat(let axis): emit("Concat", x, outputs: y, [("axis", .int(axis))])
    case .split(let axis, let sizes): emit("Split", [x[0], shape(Shape(sizes))], outputs: y, [("axis", .int(axis))])
    case .slice(let ranges): emitSlice(ranges, x[0], y)
    case .pad(let attributes): emitPad(attributes, node, x[0], y)
    case .expand(let target): emit("Expand", [x[0], shape(target)], outputs: y)
    case .tile(let repeats): emit("Tile", [x[0], integers(repeats)], outputs: y)
    case .reverse(let axes):
      emitSlice(axes.map { SliceRange(axis: $0, start: nil, stop: nil, step: -1) }, x[0], y)
    case .gather(let axis): emit("Gather", [x[0], index(x[1], node)], outputs: y, [("axis", .int(axis))])
    case .gatherElements(let axis):
      emit("GatherElements", [x[0], index(x[1], node)], outputs: y, [("axis", .int(axis))])
    case .gatherND(let batchDims):
      emit("GatherND", [x[0], cast(x[1], .int64)], outputs: y, [("batch_dims", .int(batchDims))])
    case .scatterND(let reduction): try emitScatter(reduction, node, x, y)
    case .triangle(let upper, let k): emitTriangle(upper, k, node, x[0], y)
    case .range(let size): emitRange(size, y)
    case .sizes(let sizes): emit("Identity", [shape(Shape(sizes))], outputs: y)
    case .dense, .sequenceRecurrent:
      throw ONNXExportError.unsupported(node: node.name, message: "\(node.op.name) before its time")
    case .recurrent(let attributes): try emitRecurrent(attributes, node, x, y)
    case .scan(let attributes): try emitScan(attributes, node, x, y)
    case .resize(let attributes): emitResize(attributes, node, x[0], y)
    case .lookup(let table): emitLookup(table, x[0], y)
    case .vectorize:
      throw ONNXExportError.unsupported(node: node.name, message: "ONNX has no operator that cuts texts into tokens")
    case .hash(let attributes): try emitHash(attributes, node, x, y)
    }
  }

  /// Indices in a type that ONNX takes.
  private func index(_ name: String, _ node: Node) -> String {
    let dtype = graph.dtype(of: node.inputs[1])
    return dtype == .int64 || dtype == .int32 ? name : cast(name, .int64)
  }

  func require(_ needed: Int, _ op: String, _ node: Node) throws(ONNXExportError) {
    if opset < needed {
      throw ONNXExportError.opset(node: node.name, op: op, needed: needed, requested: opset)
    }
  }
}
