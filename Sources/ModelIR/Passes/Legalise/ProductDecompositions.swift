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

  /// Products of heads, which are split off the last axis; a head of keys and values stands once for each of queries.
  mutating func decomposed(_ attributes: AttentionAttributes, _ x: [Value]) throws(GraphError) -> Value {
    let query = try heads(x[0], attributes.heads, of: attributes.heads, [0, 2, 1, 3])
    let key = try heads(x[1], attributes.keyHeads, of: attributes.heads, [0, 2, 3, 1])
    let value = try heads(x[2], attributes.keyHeads, of: attributes.heads, [0, 2, 1, 3])
    var scores = try emit(.matMul, attributes.scale == 1 ? query : multiply(query, attributes.scale), key)
    if x.count > 3 { scores = try add(scores, x[3]) }
    let context = try emit(.matMul, emit(.softmax(axis: 3), scores), value)
    let turned = try emit(.transpose([0, 2, 1, 3]), context)
    let shape = shape(of: turned)
    return try reshape(turned, [shape[0], shape[1], shape[2] * shape[3]])
  }

  /// `[N, T, K D]` as `[N, K, T, D]` in an order of axes, each head so often in a row that there are `count`.
  private mutating func heads(
    _ x: Value, _ own: Int, of count: Int, _ order: [Int]
  ) throws(GraphError) -> Value {
    let shape = shape(of: x)
    guard let width = shape[2].fixedSize else {
      throw GraphError("expected heads of known size, found \(shape)")
    }
    let split = try reshape(x, [shape[0], shape[1], .fixed(own), .fixed(width / own)])
    let turned = try emit(.transpose(order), split)
    if own == count { return turned }
    let sizes = self.shape(of: turned)
    let wide: Shape = [sizes[0], .fixed(own), .fixed(count / own), sizes[2], sizes[3]]
    return try reshape(
      emit(.expand(wide), expandDims(turned, 2)), [sizes[0], .fixed(count), sizes[2], sizes[3]])
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
