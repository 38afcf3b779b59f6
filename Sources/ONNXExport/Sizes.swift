import ModelIR
import ONNXFormat

/// Sizes that are only known when the file runs. In the graph a dimension is an expression that operations hold as an
/// attribute; where ONNX wants an operand, the expression is written as nodes, each once.
extension GraphEmitter {
  /// A shape as an int64 vector: an initializer when all sizes are known, else computed.
  func shape(_ shape: Shape) throws(ONNXExportError) -> String {
    if let sizes = shape.fixedSizes { return integers(sizes) }
    if let known = shapeNames[shape] { return known }
    var parts: [String] = []
    for dimension in shape.dimensions { parts.append(try size(dimension)) }
    let name = parts.count == 1 ? parts[0] : emit("Concat", parts, [("axis", .int(0))])[0]
    shapeNames[shape] = name
    return name
  }

  /// A size as an int64 vector of one element.
  func size(_ dimension: Dimension) throws(ONNXExportError) -> String {
    if let known = sizeNames[dimension] { return known }
    let name: String
    switch dimension.expression {
    case .constant(let number): name = integers([number])
    case .symbol(let symbol): name = try symbolSize(symbol)
    case .sum(let parts): name = try fold("Add", parts)
    case .product(let parts): name = try fold("Mul", parts)
    case .quotient(let a, let b): name = try quotient(a, b)
    case .maximum(let a, let b): name = emit("Max", [try size(a), try size(b)])[0]
    case .minimum(let a, let b): name = emit("Min", [try size(a), try size(b)])[0]
    }
    sizeNames[dimension] = name
    return name
  }

  /// The quotient rounded down, where ONNX rounds toward zero: what may be negative is lifted above it by a multiple of the
  /// divisor, which readers of the file can take away again. A sum of axes stays within 32 bits, in which OpenVINO computes.
  private func quotient(_ a: Dimension, _ b: Dimension) throws(ONNXExportError) -> String {
    if a.isNeverNegative { return emit("Div", [try size(a), try size(b)])[0] }
    var lift = Dimension.fixed(1 << 32)
    if a.isSumOfAxes, let divisor = b.fixedSize, divisor > 0 { lift = .fixed(max(1, (1 << 30) / divisor)) }
    let lifted = emit("Div", [try size(a + b * lift), try size(b)])[0]
    return emit("Add", [lifted, try size(lift * -1)])[0]
  }

  private func fold(_ op: String, _ parts: [Dimension]) throws(ONNXExportError) -> String {
    var name = try size(parts[0])
    for part in parts.dropFirst() { name = emit(op, [name, try size(part)])[0] }
    return name
  }

  /// The size of a named axis, read off the inputs that have it; a loop's body asks the graph around it, too.
  /// The largest, as Keras spreads an input of one sample (a table of positions, a mask) over the batch of the others.
  private func symbolSize(_ symbol: String) throws(ONNXExportError) -> String {
    let sizes = graph.inputs.compactMap { sizeRead(symbol, off: $0) }
    if sizes.count > 1 { return emit("Max", sizes)[0] }
    if let size = sizes.first { return size }
    guard let parent else {
      throw ONNXExportError.unsupported(node: result.name, message: "no input has an axis \"\(symbol)\"")
    }
    return try parent.size(.symbol(symbol))
  }

  private func sizeRead(_ symbol: String, off value: Value) -> String? {
    guard let axis = graph.shape(of: value).dimensions.firstIndex(where: { $0.symbolName == symbol }) else {
      return nil
    }
    if opset >= 15 {
      return emit("Shape", [name(value)], [("start", .int(axis)), ("end", .int(axis + 1))])[0]
    }
    return emit("Gather", [emit("Shape", [name(value)])[0], integers([axis])], [("axis", .int(0))])[0]
  }
}

/// Inputs of different batches: Keras broadcasts them where they meet.
extension GraphEmitter {
  /// An input's type. The batches of several inputs have a name each: sizes of one name are taken for equal by
  /// runtimes, which then reuse buffers.
  func inputType(_ input: Value) -> TensorType {
    let declared = type(input)
    guard let symbol = declared.shape.dimensions.first?.symbolName,
      let first = graph.inputs.first(where: { graph.shape(of: $0).dimensions.first?.symbolName == symbol }),
      first != input
    else { return declared }
    return TensorType(
      declared.dtype, Shape([.symbol("\(symbol)_\(name(input))")] + declared.shape.dimensions.dropFirst()))
  }

  /// Operands of an operation that does not broadcast, spread over the batch where inputs may differ in it.
  func spread(_ operands: [Value], _ names: [String]) throws(ONNXExportError) -> [String] {
    var result: [String] = []
    for (operand, name) in zip(operands, names) {
      let wide = graph.shape(of: operand)
      let symbol = wide.dimensions.first?.symbolName
      let sharing = graph.inputs.count {
        symbol != nil && graph.shape(of: $0).dimensions.first?.symbolName == symbol
      }
      result.append(sharing > 1 ? emit("Expand", [name, try shape(wide)])[0] : name)
    }
    return result
  }
}
