import ModelIR

extension GraphEmitter {
  func emitConv(_ attributes: ConvAttributes, _ node: Node, _ x: [String], _ y: [String]) throws(ONNXExportError) {
    let kernel = graph.shape(of: node.inputs[1])
    // [K..., C / groups, F] -> [F, C / groups, K...]
    let spatial = Array(0..<attributes.strides.count)
    let weights = try permuted(node.inputs[1], [kernel.rank - 1, kernel.rank - 2] + spatial)
    var list: [(name: String, value: ONNXAttribute)] = [
      ("dilations", .ints(attributes.dilations)), ("group", .int(attributes.groups)),
      ("kernel_shape", .ints(spatial.map { kernel[$0].fixedSize ?? 1 })), ("strides", .ints(attributes.strides)),
    ]
    list.append(padding(attributes.padding, axes: spatial.count))
    if attributes.padding == .sameUpper, attributes.dilations.contains(where: { $0 > 1 }) {
      throw ONNXExportError.unsupported(
        node: node.name, message: "\"same\" padding with strides and dilation on a dynamic size; fix it with --input-shape")
    }
    try emitInFloat(node, [x[0], weights] + x.dropFirst(2), y, "Conv", list)
  }

  func emitConvTranspose(
    _ attributes: ConvTransposeAttributes, _ node: Node, _ x: [String], _ y: [String]
  ) throws(ONNXExportError) {
    let kernel = graph.shape(of: node.inputs[1])
    let spatial = Array(0..<attributes.strides.count)
    let weights = try permuted(node.inputs[1], [kernel.rank - 1, kernel.rank - 2] + spatial)
    // ONNX wants less output padding than stride; what is more is padded with zeros (then the bias) afterwards.
    var inner = attributes.outputPadding
    var rest = inner.map { _ in 0 }
    for axis in inner.indices where inner[axis] >= max(attributes.strides[axis], attributes.dilations[axis]) {
      rest[axis] = inner[axis] - (max(attributes.strides[axis], attributes.dilations[axis]) - 1)
      inner[axis] -= rest[axis]
    }
    let list: [(name: String, value: ONNXAttribute)] = [
      ("dilations", .ints(attributes.dilations)), ("kernel_shape", .ints(spatial.map { kernel[$0].fixedSize ?? 1 })),
      ("strides", .ints(attributes.strides)), ("output_padding", .ints(inner)),
      ("pads", .ints(attributes.pads.map(\.before) + attributes.pads.map(\.after))),
    ]
    guard rest.contains(where: { $0 > 0 }) else {
      try emitInFloat(node, [x[0], weights] + x.dropFirst(2), y, "ConvTranspose", list)
      return
    }
    let bare = emit("ConvTranspose", [x[0], weights], list)[0]
    let pads = [0, 0] + rest.map { _ in 0 } + [0, 0] + rest
    let padded = one("Pad", bare, integers(pads))
    guard x.count > 2 else { emit("Identity", [padded], outputs: y); return }
    let bias = one("Reshape", x[2], integers([1, -1] + rest.map { _ in 1 }))
    emit("Add", [padded, bias], outputs: y)
  }

  func emitPool(_ attributes: PoolAttributes, _ node: Node, _ x: [String], _ y: [String]) throws(ONNXExportError) {
    var list: [(name: String, value: ONNXAttribute)] = [
      ("kernel_shape", .ints(attributes.kernelSize)), ("strides", .ints(attributes.strides)),
    ]
    list.append(padding(attributes.padding, axes: attributes.strides.count))
    let isMaximum = attributes.function == .maximum
    if !isMaximum { list.append(("count_include_pad", .int(0))) }
    try emitInFloat(node, x, y, isMaximum ? "MaxPool" : "AveragePool", list)
  }

  /// onnxruntime has convolutions in float32 (and float16 through it); doubles are computed with 24 bits and integers
  /// through float32.
  private func emitInFloat(
    _ node: Node, _ x: [String], _ y: [String], _ op: String, _ attributes: [(name: String, value: ONNXAttribute)]
  ) throws(ONNXExportError) {
    let dtype = type(node.outputs[0]).dtype
    if dtype == .float32 || dtype == .float16 { emit(op, x, outputs: y, attributes); return }
    if op == "MaxPool", dtype == .float64 { emit(op, x, outputs: y, attributes); return }
    let result = emit(op, x.map { cast($0, .float32) }, attributes)[0]
    emit("Cast", [result], outputs: y, [("to", .int(Int(dtype.onnxType)))])
  }

  private func padding(_ padding: Padding, axes: Int) -> (name: String, value: ONNXAttribute) {
    switch padding {
    case .sameUpper: ("auto_pad", .string("SAME_UPPER"))
    case .explicit(let pairs): ("pads", .ints(pairs.map(\.before) + pairs.map(\.after)))
    }
  }

  /// A constant with its axes in another order, transposed as it is written; other values by a node.
  func permuted(_ value: Value, _ permutation: [Int]) throws(ONNXExportError) -> String {
    if let tensor = graph.constant(value) {
      let name = graph.name(of: value)
      return constant(try .writing(name, tensor.writable.transposed(permutation)), as: name)
    }
    return one("Transpose", name(value), with: [("perm", .ints(permutation))])
  }

  func emitBatchNormalization(_ axis: Int, _ epsilon: Double, _ node: Node, _ x: [String], _ y: [String]) {
    let rank = graph.shape(of: node.inputs[0]).rank
    let dtype = type(node.inputs[0]).dtype
    if axis == 1 {
      emit("BatchNormalization", x, outputs: y, [("epsilon", .float(epsilon))])
      return
    }
    // (x - mean) * (gamma / sqrt(variance + epsilon)) + beta along another axis.
    let root = one("Sqrt", one("Add", x[4], scalar(epsilon, dtype)))
    let factor = one("Div", x[1], root)
    let offset = one("Sub", x[2], one("Mul", x[3], factor))
    let sizes = integers((0..<rank).map { $0 == axis ? -1 : 1 })
    let isLast = axis == rank - 1
    let scaled = one("Mul", x[0], isLast ? factor : one("Reshape", factor, sizes))
    emit("Add", [scaled, isLast ? offset : one("Reshape", offset, sizes)], outputs: y)
  }

  func emitLayerNormalization(_ axis: Int, _ epsilon: Double, _ node: Node, _ x: [String], _ y: [String]) {
    if opset >= 17 {
      emit("LayerNormalization", x, outputs: y, [("axis", .int(axis)), ("epsilon", .float(epsilon))])
      return
    }
    let dtype = type(node.inputs[0]).dtype
    let axes = Array(axis..<graph.shape(of: node.inputs[0]).rank)
    let centered = one("Sub", x[0], reduced("ReduceMean", x[0], axes, keepDims: true))
    let variance = reduced("ReduceMean", one("Mul", centered, centered), axes, keepDims: true)
    let normal = one("Div", centered, one("Sqrt", one("Add", variance, scalar(epsilon, dtype))))
    emit("Add", [one("Mul", normal, x[1]), x[2]], outputs: y)
  }
}
