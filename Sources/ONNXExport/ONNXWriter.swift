public import ModelIR
import ONNXFormat

/// Writes a graph as an ONNX file.
///
/// Inputs, outputs and nodes carry the graph's names; a dynamic axis has its name as `dim_param`. Constants are
/// streamed: memory does not grow with the model.
public struct ONNXWriter: Sendable {
  /// The highest version of ONNX's operators whose meaning is known and whose files are tested.
  package static let highestOpset = 25

  /// The version of ONNX's operators, 13 to 25.
  public var opset: Int
  /// Whether weights go into a side file beside the model; always so from 2 GiB on.
  public var usesExternalData: Bool
  /// The order of axes of image inputs and outputs; nil: as the model has it.
  public var layout: DataLayout?
  /// Whether weights are stored and everything is computed in float16; inputs and outputs keep their types.
  public var usesFloat16 = false
  /// Properties of the file (`metadata_props`), besides those that the source tells (`GraphSource.provenance`).
  public var properties: [String: String] = [:]
  /// The producer's version as it is written into the file.
  public var producerVersion: String

  /// A writer for a version of the operators; weights inside the file unless it would exceed 2 GiB.
  public init(opset: Int = 18, usesExternalData: Bool = false, producerVersion: String = "0.2.0") {
    self.opset = opset
    self.usesExternalData = usesExternalData
    self.producerVersion = producerVersion
  }

  /// Writes a model or a graph; the file appears under its name only when it is complete.
  /// - Parameter path: where the file goes.
  /// - Parameter source: a `KerasModel`, or a graph itself.
  /// - Throws: ``ONNXExportError``; nothing is left behind then.
  public func write(_ source: some GraphSource, to path: String) throws(ONNXExportError) {
    do { try write(source, to: path) { _ in } } catch { throw ONNXExportError(error) }
  }

  /// Writes a model or a graph; the file appears under its name only when it is complete.
  /// - Parameter confirm: asked when everything is written, and shown it; a file that is not confirmed never appears. A
  ///   source's checksums can so be verified while its bytes are written, and the file before anybody sees it.
  /// - Throws: ``ONNXExportError``, what lowering the model throws, or what `confirm` throws.
  package func write(_ source: some GraphSource, to path: String, confirm: (WrittenModel) throws -> Void)
    throws
  {
    let emitter = try emitter(for: source.makeGraph())
    var writer = self
    writer.properties.merge(source.provenance) { own, _ in own }
    try ModelFile(emitter.result, domains: emitter.usedDomains, writer: writer).write(
      to: path, confirm: confirm)
  }

  /// The graph in ONNX's terms.
  func emitter(for graph: Graph) throws(ONNXExportError) -> GraphEmitter {
    guard opset >= 13 else {
      throw ONNXExportError.opset(
        // The names are told only.
        node: graph.nodes.first?.name ?? "", op: graph.nodes.first?.op.name ?? "none", needed: 13,
        requested: opset)
    }
    guard opset <= ONNXWriter.highestOpset else {
      throw ONNXExportError.unsupported(
        node: graph.nodes.first?.name ?? "",  // A graph without nodes has none to name.
        message: "expected opset \(ONNXWriter.highestOpset) or lower, found \(opset)")
    }
    let prepared: Graph
    do throws(GraphError) {
      let pipeline = Pipeline.exchange(ONNXTable(opset: opset).target, layout: layout, float16: usesFloat16)
      prepared = try pipeline.run(on: graph)
    } catch {
      // The name is told only.
      throw ONNXExportError.unsupported(node: error.node ?? "", message: error.message)
    }
    let emitter = GraphEmitter(prepared, name: "keras", opset: opset)
    try emitter.emitWhole()
    return emitter
  }
}

extension GraphEmitter {
  /// Emits all nodes, with the graph's own inputs and outputs.
  func emitWhole() throws(ONNXExportError) {
    for input in graph.inputs {
      setName(input, unique(graph.name(of: input)))
      result.inputs.append(ONNXValue(name: name(input), type: inputType(input)))
    }
    let outputNames = reserveOutputs()
    for node in graph.nodes {
      origin = node.origin
      try emit(node, node.inputs.map { name($0) }, node.outputs.map { name($0) })
      describe(node.outputs.filter(isRead))
    }
    origin = ""
    for (output, wanted) in zip(graph.outputs, outputNames) {
      if name(output.value) != wanted { emit("Identity", [name(output.value)], outputs: [wanted]) }
      result.outputs.append(ONNXValue(name: wanted, type: type(output.value)))
    }
    guard !result.packed.isEmpty else { return }
    // What was packed anew is not needed as the graph has it.
    let used = result.usedNames
    result.initializers.removeAll { !used.contains($0.name) }
  }

  /// Gives values their types (`value_info`). Names of sizes would be taken for equal where inputs share one, and may not
  /// be: then they are left out.
  private func describe(_ values: [Value]) {
    let named = parent == nil && graph.inputs.count == 1
    for value in values where !graph.outputs.contains(where: { $0.value == value }) {
      let type = type(value)
      guard named || type.shape.fixedSizes != nil else { continue }
      result.values.append(ONNXValue(name: name(value), type: type))
    }
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

  /// Writes one node; the graph holds none that ONNX does not have.
  private func emit(_ node: Node, _ x: [String], _ y: [String]) throws(ONNXExportError) {
    switch node.op {
    case .unary(.clip(let minimum, let maximum)): emitClip(minimum, maximum, node, x, y)
    case .unary(let function):
      emit(try named(function.onnxName, node), x, outputs: y, function.onnxAttributes)
    case .binary(let function):
      emit(try named(function.onnxName, node), x, outputs: y, function.onnxAttributes)
    case .compare(let comparison): emit(try named(comparison.onnxName, node), x, outputs: y)
    case .select: emit("Where", x, outputs: y)
    case .cast(let dtype): emit("Cast", x, outputs: y, [("to", .int(Int(dtype.onnxType)))])
    case .matMul: emit("MatMul", x, outputs: y)
    case .dense: emit("Gemm", x, outputs: y)
    case .einsum(let equation): emit("Einsum", x, outputs: y, [("equation", .string(equation))])
    case .attention(let attributes): emitAttention(attributes, x, y)
    case .dequantize(let attributes): try emitDequantize(attributes, node, x, y)
    case .conv(let attributes): emitConv(attributes, node, x, y)
    case .convTranspose(let attributes): emitConvTranspose(attributes, node, x, y)
    case .pool(let attributes): emitPool(attributes, x, y)
    case .reduce(let function, let axes, let keepDims):
      try emitReduce(function, axes, keepDims, node, x[0], y)
    case .argReduce(let function, let axis, let keepDims):
      emit(
        function == .maximum ? "ArgMax" : "ArgMin", x, outputs: y,
        [("axis", .int(axis)), ("keepdims", .int(keepDims ? 1 : 0))])
    case .cumulative(.sum, let axis, let isReverse, let isExclusive):
      emitCumulative(axis, isReverse: isReverse, isExclusive: isExclusive, x[0], y)
    case .topK(let k, let axis, let largest): try emitTopK(k, axis, isLargest: largest, x[0], y)
    case .batchNormalization(_, let epsilon):
      emit("BatchNormalization", x, outputs: y, [("epsilon", .float(epsilon))])
    case .normalization(let normalization, let epsilon): emitNormalization(normalization, epsilon, x, y)
    case .softmax(let axis): emit("Softmax", x, outputs: y, [("axis", .int(axis))])
    case .logSoftmax(let axis): emit("LogSoftmax", x, outputs: y, [("axis", .int(axis))])
    case .reshape(let shape): try emitReshape(shape, node, x[0], y)
    case .transpose(let permutation): emit("Transpose", x, outputs: y, [("perm", .ints(permutation))])
    case .concat(let axis): emit("Concat", x, outputs: y, [("axis", .int(axis))])
    case .split(let axis, let sizes):
      emit("Split", [x[0], try shape(Shape(sizes))], outputs: y, [("axis", .int(axis))])
    case .slice(let ranges): emitSlice(ranges, x[0], y)
    case .pad(let attributes): try emitPad(attributes, node, x[0], y)
    case .expand(let target): emit("Expand", [x[0], try shape(target)], outputs: y)
    case .tile(let repeats): emit("Tile", [x[0], integers(repeats)], outputs: y)
    case .gather(let axis): emit("Gather", x, outputs: y, [("axis", .int(axis))])
    case .gatherElements(let axis):
      emit("GatherElements", try axis == 0 ? x : spread(node.inputs, x), outputs: y, [("axis", .int(axis))])
    case .gatherND(let batchDims): emit("GatherND", x, outputs: y, [("batch_dims", .int(batchDims))])
    case .scatterND(let reduction):
      emit("ScatterND", x, outputs: y, reduction == .none ? [] : [("reduction", .string(reduction.onnxName))])
    case .triangle(let isUpper, let k):
      emit("Trilu", [x[0], scalar(Int64(k))], outputs: y, [("upper", .int(isUpper ? 1 : 0))])
    case .range(let size): try emitRange(size, y)
    case .count: emit("Range", [scalar(Int64(0)), x[0], scalar(Int64(1))], outputs: y)
    case .sizes(let sizes): emit("Identity", [try shape(Shape(sizes))], outputs: y)
    case .sequenceRecurrent(let attributes): try emitSequenceRecurrent(attributes, node, x, y)
    case .scan(let attributes): try emitScan(attributes, node, x, y)
    case .resize(let attributes): try emitResize(attributes, node, x[0], y)
    case .lookup(let table): emitLookup(table, x[0], y)
    case .vectorize(let attributes): try emitVectorize(attributes, node, x[0], y)
    case .cumulative, .reverse, .recurrent, .hash: throw unexpected(node)
    }
  }

  private func emitAttention(_ attributes: AttentionAttributes, _ x: [String], _ y: [String]) {
    emit(
      "Attention", x, outputs: y,
      [
        ("q_num_heads", .int(attributes.heads)), ("kv_num_heads", .int(attributes.keyHeads)),
        ("scale", .float(attributes.scale)),
      ])
  }

  /// A bound that is missing in front is an empty name, one at the end is left out.
  private func emitClip(_ minimum: Double?, _ maximum: Double?, _ node: Node, _ x: [String], _ y: [String]) {
    let dtype = graph.dtype(of: node.inputs[0])
    // ONNX's name for an operand that is not given.
    let bounds = [minimum, maximum].map { $0.map { scalar($0, dtype) } ?? "" }
    emit("Clip", x + (maximum == nil ? [bounds[0]] : bounds), outputs: y)
  }

  private func emitTopK(
    _ k: Dimension, _ axis: Int, isLargest: Bool, _ x: String, _ y: [String]
  ) throws(ONNXExportError) {
    emit(
      "TopK", [x, try size(k)], outputs: y,
      [("axis", .int(axis)), ("largest", .int(isLargest ? 1 : 0)), ("sorted", .int(1))])
  }

  func named(_ name: String?, _ node: Node) throws(ONNXExportError) -> String {
    guard let name else { throw unexpected(node) }
    return name
  }

  /// The error of a node that the passes should have taken apart.
  func unexpected(_ node: Node) -> ONNXExportError {
    .unsupported(node: node.name, message: "ONNX has no operator for \(node.op.name)")
  }
}
