extension GraphRewriter {
  mutating func decomposedDense(_ attributes: Epilogue, _ x: [Value]) throws(GraphError) -> Value {
    if attributes.isEmpty { return try add(emit(.matMul, x[0], x[1]), x[2]) }
    let product = try emit(.dense(Epilogue()), x[0], x[1], x[2])
    return try decomposed(attributes, product, x)
  }

  /// What a product would do to its result, as nodes behind it.
  private mutating func decomposed(_ epilogue: Epilogue, _ product: Value, _ x: [Value]) throws(GraphError)
    -> Value
  {
    let sum = epilogue.addsOperand ? try add(product, x[x.count - 1]) : product
    return try epilogue.function.map { function throws(GraphError) in try unary(function, sum) } ?? sum
  }

  /// The epilogue behind the convolution; the kernel's axes in the other order.
  mutating func decomposed(_ attributes: ConvAttributes, _ x: [Value]) throws(GraphError) -> Value? {
    var plain = attributes
    if !attributes.epilogue.isEmpty {
      plain.epilogue = Epilogue()
      let product = try emitAll(.conv(plain), attributes.epilogue.addsOperand ? x.dropLast() : x)[0]
      return try decomposed(attributes.epilogue, product, x)
    }
    guard attributes.kernelOrder == .spatialFirst, attributes.layout == .channelsFirst else { return nil }
    plain.kernelOrder = .spatialLast
    return try emitAll(.conv(plain), [x[0], spatialLast(x[1])] + x.dropFirst(2), as: "Conv")[0]
  }

  private mutating func spatialLast(_ kernel: Value) throws(GraphError) -> Value {
    try computed(.transpose(KernelOrder.toSpatialLast(rank: shape(of: kernel).rank)), kernel)
  }

  /// The kernel's axes in the other order; more output padding than a stride is zeros (then the bias) behind the result.
  mutating func decomposed(_ attributes: ConvTransposeAttributes, _ x: [Value]) throws(GraphError) -> Value? {
    var plain = attributes
    if attributes.kernelOrder == .spatialFirst {
      guard attributes.layout == .channelsFirst else { return nil }
      plain.kernelOrder = .spatialLast
      return try emitAll(.convTranspose(plain), [x[0], spatialLast(x[1])] + x.dropFirst(2))[0]
    }
    var rest = attributes.outputPadding.map { _ in PadPair(0, 0) }
    for axis in rest.indices {
      let limit = max(attributes.strides[axis], attributes.dilations[axis]) - 1
      rest[axis].after = max(attributes.outputPadding[axis] - limit, 0)
      plain.outputPadding[axis] -= rest[axis].after
    }
    guard plain != attributes else { return nil }
    let bare = try emit(.convTranspose(plain), x[0], x[1])
    let pads = PadAttributes(pads: [PadPair(0, 0), PadPair(0, 0)] + rest, mode: .constant(0))
    let padded = try emit(.pad(pads), bare)
    return x.count > 2 ? try add(padded, along(x[2], axis: 1, rank: rest.count + 2)) : padded
  }
}
