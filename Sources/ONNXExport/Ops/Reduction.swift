import ModelIR

extension GraphEmitter {
  /// A reduction; from opset 18 on the axes are an operand, ReduceSum's from 13.
  func reduced(_ op: String, _ x: String, _ axes: [Int], keepDims: Bool, outputs: [String]? = nil) -> String {
    let keep: (name: String, value: ONNXAttribute) = ("keepdims", .int(keepDims ? 1 : 0))
    if opset >= 18 || op == "ReduceSum" { return emit(op, [x, integers(axes)], outputs: outputs, [keep])[0] }
    return emit(op, [x], outputs: outputs, [("axes", .ints(axes)), keep])[0]
  }

  func emitReduce(_ function: ReduceFunction, _ axes: [Int], _ keepDims: Bool, _ node: Node, _ x: String, _ y: [String]) {
    let dtype = type(node.inputs[0]).dtype
    if axes.isEmpty { emit("Identity", [x], outputs: y); return }
    switch function {
    case .any, .all:
      let op = function == .any ? "ReduceMax" : "ReduceMin"
      let result = reduced(op, cast(x, .int32), axes, keepDims: keepDims)
      emit("Cast", [result], outputs: y, [("to", .int(Int(DType.bool.onnxType)))])
    case .logSumExp:
      // Stable with infinities too: the largest element is taken out first.
      let largest = reduced("ReduceMax", x, axes, keepDims: true)
      let isInfinite = one("IsInf", largest)
      let shift = one("Where", isInfinite, scalar(0, dtype), largest)
      let sum = reduced("ReduceSum", one("Exp", one("Sub", x, shift)), axes, keepDims: true)
      let result = one("Add", one("Log", sum), shift)
      if keepDims { emit("Identity", [result], outputs: y) } else { emit("Squeeze", [result, integers(axes)], outputs: y) }
    case .sum, .mean, .maximum, .minimum, .product:
      let isPlain = dtype.isFloatingPoint || dtype == .int32 || (dtype == .int64 && function != .mean)
      if isPlain { _ = reduced(function.name, x, axes, keepDims: keepDims, outputs: y); return }
      let result = reduced(function.name, cast(x, function == .mean ? .int32 : .int64), axes, keepDims: keepDims)
      emit("Cast", [result], outputs: y, [("to", .int(Int(dtype.onnxType)))])
    }
  }

  func emitArgReduce(_ function: ArgFunction, _ axis: Int, _ keepDims: Bool, _ node: Node, _ x: String, _ y: [String]) {
    let dtype = type(node.inputs[0]).dtype
    let isPlain = dtype == .float32 || dtype == .float64 || dtype == .int32 || dtype == .float16
    let operand = isPlain ? x : cast(x, .float64)
    emit(
      function == .maximum ? "ArgMax" : "ArgMin", [operand], outputs: y,
      [("axis", .int(axis)), ("keepdims", .int(keepDims ? 1 : 0))])
  }

  func emitCumulative(
    _ function: CumulativeFunction, _ axis: Int, _ reverse: Bool, _ exclusive: Bool, _ node: Node, _ x: String,
    _ y: [String]
  ) throws(ONNXExportError) {
    let dtype = type(node.inputs[0]).dtype
    if function == .sum {
      let isPlain = dtype == .float32 || dtype == .float64 || dtype == .int32 || dtype == .int64
      let list: [(name: String, value: ONNXAttribute)] = [
        ("exclusive", .int(exclusive ? 1 : 0)), ("reverse", .int(reverse ? 1 : 0)),
      ]
      let place = constant(Tensor(Int64(axis)), as: "axis")
      if isPlain { emit("CumSum", [x, place], outputs: y, list); return }
      let wide = cast(x, dtype.isFloatingPoint ? .float32 : .int64)
      emit("Cast", [emit("CumSum", [wide, place], list)[0]], outputs: y, [("to", .int(Int(dtype.onnxType)))])
      return
    }
    guard let size = graph.shape(of: node.inputs[0])[axis].fixedSize, size > 0, size <= 1024, !exclusive || function == .product
    else {
      throw ONNXExportError.unsupported(node: node.name, message: "a running \(function) over a dynamic or long axis")
    }
    let op = switch function { case .sum: "Add"; case .product: "Mul"; case .maximum: "Max"; case .minimum: "Min" }
    let parts = emit("Split", [x, integers(Array(repeating: 1, count: size))], count: size, [("axis", .int(axis))])
    var running = reverse ? parts.reversed() : parts
    for index in running.indices.dropFirst() { running[index] = one(op, running[index - 1], running[index]) }
    if exclusive {
      // Each place has what was before it; before the first that is 1.
      running = [one("Expand", scalar(1, dtype), one("Shape", parts[0]))] + running.dropLast()
    }
    emit("Concat", reverse ? running.reversed() : running, outputs: y, [("axis", .int(axis))])
  }
}
