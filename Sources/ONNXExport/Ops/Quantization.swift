import ModelIR
import ONNXFormat

extension GraphEmitter {
  /// DequantizeLinear where the opset has it for these numbers, else what it stands for.
  func emitDequantize(
    _ attributes: DequantizeAttributes, _ node: Node, _ x: [String], _ y: [String]
  ) throws(ONNXExportError) {
    if let linear = try linearForm(attributes, node, x) {
      var options: [(name: String, value: ONNXAttribute)] = [
        ("axis", .int(attributes.axis + linear.leadingAxes))
      ]
      if let block = attributes.blockSize { options.append(("block_size", .int(block))) }
      guard linear.leadingAxes > 0 else {
        emit("DequantizeLinear", linear.operands, outputs: y, options)
        return
      }
      let floats = emit("DequantizeLinear", linear.operands, options)[0]
      emit("Squeeze", [floats, integers([0])], outputs: y)
      return
    }
    let scale = type(node.inputs[1])
    var value = cast(try unpacked(attributes, node, x[0]), scale.dtype)
    if node.inputs.count > 2 {
      let zero = try spread(x[2], scale.shape, attributes, node)
      value = one("Sub", value, cast(zero, scale.dtype))
    }
    emit("Mul", [value, try spread(x[1], scale.shape, attributes, node)], outputs: y)
  }

  /// The operands of DequantizeLinear; nil where the opset has no such form. 4-bit numbers become an initializer of
  /// their own type.
  ///
  /// A matrix gets an axis in front, to be taken away behind: onnxruntime would make one node of a matrix and
  /// the product it goes into, and round the product's other operand to 8 bits there.
  private func linearForm(
    _ attributes: DequantizeAttributes, _ node: Node, _ x: [String]
  ) throws(ONNXExportError) -> (operands: [String], leadingAxes: Int)? {
    let scale = graph.dtype(of: node.inputs[1])
    guard scale == .float32 || scale == .float16 && opset >= 19, attributes.blockSize == nil || opset >= 21
    else { return nil }
    guard case .nibbles(let isSigned, let count) = attributes.numbers else {
      let isSameType =
        node.inputs.count < 3 || graph.dtype(of: node.inputs[2]) == graph.dtype(of: node.inputs[0])
      guard isSameType else { return nil }
      let isPlain = node.inputs.count == 2 && graph.shape(of: node.inputs[1]).rank == 0
      let isKernel = isPlain && graph.constant(node.inputs[0])?.rank == 2
      return isKernel ? ([one("Unsqueeze", x[0], integers([0])), x[1]], 1) : (x, 0)
    }
    guard opset >= 21, let packed = graph.constant(node.inputs[0]) else { return nil }
    let isMatrix = packed.rank == 2
    let lead = isMatrix ? [1] : []
    let hasBlocks = isMatrix && attributes.blockSize != nil
    func name(_ index: Int) -> String { graph.name(of: node.inputs[index]) }
    let sizes = lead + Array(packed.sizes.dropLast()) + [count]
    var operands = [try packedInitializer(packed, sizes: sizes, isSigned: isSigned, as: name(0))]
    operands.append(hasBlocks ? one("Unsqueeze", x[1], integers([0])) : x[1])
    if node.inputs.count > 2 {
      guard let zero = graph.constant(node.inputs[2]) else { return nil }
      let zeroSizes = (hasBlocks ? [1] : []) + zero.sizes
      let packedZero = try checked(name(2), Tensor.nibbles(zero))
      operands.append(try packedInitializer(packedZero, sizes: zeroSizes, isSigned: isSigned, as: name(2)))
    }
    return (operands, lead.count)
  }

  /// ONNX packs all numbers of a tensor without a gap; the graph fills up each row.
  private func packedInitializer(_ packed: Tensor, sizes: [Int], isSigned: Bool, as wanted: String)
    throws(ONNXExportError) -> String
  {
    let name = unique("\(wanted)/int4")
    var bytes = packed
    if let rowLength = sizes.last, rowLength % 2 != 0, packed.sizes.dropLast().reduce(1, *) > 1 {
      bytes = try checked(wanted, Tensor.nibbles(withoutGaps: packed, rowLength: rowLength))
    }
    result.packed.append(ONNXPackedTensor(name: name, bytes: bytes, sizes: sizes, isSigned: isSigned))
    return name
  }

  /// A tensor made of another for a value; its error as this module's.
  private func checked(
    _ name: String, _ make: @autoclosure () throws(TensorError) -> Tensor
  ) throws(ONNXExportError) -> Tensor {
    do { return try make() } catch { throw .constant(name: name, message: error.message) }
  }

  /// The numbers as an integer tensor of their own shape.
  private func unpacked(
    _ attributes: DequantizeAttributes, _ node: Node, _ x: String
  ) throws(ONNXExportError) -> String {
    guard case .nibbles(let isSigned, let count) = attributes.numbers else { return x }
    let shape = graph.shape(of: node.inputs[0])
    // As a number of 0...255, whatever type holds the byte.
    let wide = cast(x, .int32)
    let positive = one("Mod", one("Add", wide, scalar(256, .int32)), scalar(256, .int32))
    let low = one("Mod", positive, scalar(16, .int32))
    let high = one("Div", positive, scalar(16, .int32))
    let last = integers([shape.rank])
    let halves = one(
      "Concat", one("Unsqueeze", low, last), one("Unsqueeze", high, last), with: [("axis", .int(shape.rank))])
    let row = Array(shape.dimensions.dropLast()) + [Dimension.fixed((count / 2 + count % 2) * 2)]
    var numbers = one("Reshape", halves, try self.shape(Shape(row)))
    if count % 2 == 1 {
      numbers = one("Slice", numbers, integers([0]), integers([count]), integers([shape.rank - 1]))
    }
    guard isSigned else { return numbers }
    let eight = scalar(8, .int32)
    // 0...7, 8...15 to 0...7, -8...-1.
    let turned = one("Mod", one("Add", numbers, eight), scalar(16, .int32))
    return one("Sub", turned, eight)
  }

  /// A scale or zero point for each number, broadcast against them.
  private func spread(
    _ parameter: String, _ shape: Shape, _ attributes: DequantizeAttributes, _ node: Node
  ) throws(ONNXExportError) -> String {
    let numbers = graph.shape(of: node.outputs[0])
    if let block = attributes.blockSize {
      guard let size = numbers[attributes.axis].fixedSize else {
        throw ONNXExportError.unsupported(node: node.name, message: "blocks along an axis of unknown size")
      }
      let groups = integers((0..<size).map { $0 / block })
      return one("Gather", parameter, groups, with: [("axis", .int(attributes.axis))])
    }
    guard shape.rank == 1, attributes.axis < numbers.rank - 1 else { return parameter }
    var sizes = Array(repeating: Dimension.fixed(1), count: numbers.rank - attributes.axis)
    sizes[0] = numbers[attributes.axis]
    return one("Reshape", parameter, try self.shape(Shape(sizes)))
  }
}

extension GraphEmitter {
  /// Adds a node of one result.
  func one(
    _ op: String, _ inputs: String..., with attributes: [(name: String, value: ONNXAttribute)] = []
  ) -> String { emit(op, inputs, attributes)[0] }

  func cast(_ x: String, _ dtype: DType) -> String {
    emit("Cast", [x], [("to", .int(Int(dtype.onnxType)))])[0]
  }
}
