import ModelIR

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
    case .quotient(let a, let b): name = emit("Div", [try size(a), try size(b)])[0]
    case .maximum(let a, let b): name = emit("Max", [try size(a), try size(b)])[0]
    case .minimum(let a, let b): name = emit("Min", [try size(a), try size(b)])[0]
    }
    sizeNames[dimension] = name
    return name
  }

  private func fold(_ op: String, _ parts: [Dimension]) throws(ONNXExportError) -> String {
    var name = try size(parts[0])
    for part in parts.dropFirst() { name = emit(op, [name, try size(part)])[0] }
    return name
  }

  /// The size of a named axis, read off the first input that has it; a loop's body asks the graph around it, too.
  private func symbolSize(_ symbol: String) throws(ONNXExportError) -> String {
    for value in graph.inputs {
      let dimensions = graph.shape(of: value).dimensions
      guard let axis = dimensions.firstIndex(where: { $0.symbolName == symbol }) else { continue }
      if opset >= 15 {
        return emit("Shape", [name(value)], [("start", .int(axis)), ("end", .int(axis + 1))])[0]
      }
      return emit("Gather", [emit("Shape", [name(value)])[0], integers([axis])], [("axis", .int(0))])[0]
    }
    guard let parent else {
      throw ONNXExportError.unsupported(node: result.name, message: "no input has an axis \"\(symbol)\"")
    }
    return try parent.size(.symbol(symbol))
  }
}
