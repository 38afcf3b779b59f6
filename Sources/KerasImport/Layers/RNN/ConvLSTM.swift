import ModelIR

/// ConvLSTM1D, 2D, 3D: an LSTM whose products are convolutions; the input's with the layer's window, the state's
/// "same" with stride 1. Gates i f c o. Mask: passed when sequences are returned.
/// Source: `keras/src/layers/rnn/conv_lstm.py`.
///
/// - x: `[N, T, spatial..., C]`; kernel: `[K..., C, 4F]`; recurrent_kernel: `[K..., F, 4F]`; bias: `[4F]`.
struct ConvLSTM: Layer {
  let options: RecurrentOptions
  let cell: LayerObject
  var maskRule: MaskRule { .custom }
  var sublayers: [Sublayer] { [Sublayer("cell", cell)] }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    options = try RecurrentOptions(&config)
    let layer = try ConvLSTMCell(&config)
    cell = LayerObject(
      name: "cell", className: config.className + "Cell", module: "keras.layers", config: .object(config.json),
      layer: layer, policy: config.policy)
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    guard let layer = cell.layer as? ConvLSTMCell else { throw KerasImportError(.unsupported("this cell")) }
    let (input, given) = call.recurrentInputs
    guard let input else { throw KerasImportError(.invalidGraph("the call has no tensor")) }
    try scope.expectRank(layer.window.kernelSize.count + 3, of: input.value)
    let own = LoweringScope(state: scope.state, object: cell, path: "\(scope.path)/cell")
    let mask = call.operand("mask", at: 1)?.value ?? input.mask
    let body = try layer.body(scope.shape(of: input.value), hasMask: mask != nil, options, in: own)
    var operands = given.map(\.value)
    if operands.isEmpty {
      for index in 0..<2 {
        let type = body.graph.type(of: body.graph.inputs[index])
        let shape = type.shape.substituting(["step_batch": scope.shape(of: input.value)[0]])
        operands.append(try scope.emit(.expand(shape), scope.scalar(0, type.dtype)))
      }
    }
    // The output that masked steps repeat.
    let state = scope.shape(of: operands[0])
    if mask != nil { operands.append(try scope.emit(.expand(state), scope.scalar(0, like: input.value))) }
    operands.append(input.value)
    if let mask { operands.append(mask) }
    let attributes = ScanAttributes(
      body: body, stateCount: mask == nil ? 2 : 3, reverse: options.goBackwards)
    let results = try scope.emitAll(.scan(attributes), operands)
    var sequence = results[results.count - 1]
    let steps = scope.rank(of: sequence)
    let lastStep = options.goBackwards
      ? SliceRange(axis: 1, start: 0, stop: 1) : SliceRange(axis: 1, start: -1, stop: nil)
    let last = steps > 1 ? try scope.reshape(scope.emit(.slice([lastStep]), sequence), state) : results[0]
    if options.goBackwards { sequence = try scope.emit(.reverse(axes: [1]), sequence) }
    let output = Operand(options.returnSequences ? sequence : last, mask: options.returnSequences ? mask : nil)
    return [output] + (options.returnState ? [Operand(results[0]), Operand(results[1])] : [])
  }
}

/// One step of a ConvLSTM as a graph.
struct ConvLSTMCell: Layer {
  let window: ConvolutionWindow
  let filters: Int
  let activation: Activation
  let recurrentActivation: Activation
  let useBias: Bool
  var weights: [WeightSpec] {
    [WeightSpec("kernel"), WeightSpec("recurrent_kernel")] + (useBias ? [WeightSpec("bias")] : [])
  }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    window = try ConvolutionWindow(&config)
    filters = try config.count("filters")
    activation = try config.activation("activation", default: .tanh)
    recurrentActivation = try config.activation("recurrent_activation", default: .sigmoid)
    useBias = try config.bool("use_bias", default: true)
    config.ignore("dropout", "recurrent_dropout", "unit_forget_bias", "stateful")
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    throw KerasImportError(.unsupported("a recurrent cell called outside a recurrent layer"))
  }

  /// The states' shape: that of the convolved input, with this layer's filters.
  private func convolvedShape(_ step: Shape, in outer: LoweringScope) throws(KerasImportError) -> Shape {
    let state = LoweringState(weights: outer.state.weights)
    let scope = LoweringScope(state: state, object: outer.object, path: outer.path)
    let axis = window.layout.channelAxis(rank: step.rank)
    let sizes = window.kernelSize.map(Dimension.fixed)
    let kernel = try scope.weight("kernel", Shape(sizes + [step[axis], .fixed(4) * .fixed(filters)]))
    let x = state.graph.input(name: "x", type: TensorType(scope.computeDType, step))
    var shape = scope.shape(of: try window.convolve(x, kernel, bias: nil, groups: 1, in: scope))
    shape[axis] = .fixed(filters)
    return shape
  }

  /// `h, c, [previous output], x, [mask] -> h', c', [output], output`.
  func body(
    _ sequence: Shape, hasMask: Bool, _ options: RecurrentOptions, in outer: LoweringScope
  ) throws(KerasImportError) -> Subgraph {
    let state = LoweringState(weights: outer.state.weights)
    let scope = LoweringScope(state: state, object: outer.object, path: outer.path)
    let batch = Dimension.symbol("step_batch")
    let step = Shape([batch] + sequence.dimensions[2...])
    let channelAxis = window.layout.channelAxis(rank: step.rank)
    let channels = step[channelAxis]
    let gates = Dimension.fixed(4) * .fixed(filters)
    let sizes = window.kernelSize.map(Dimension.fixed)
    let dtype = scope.computeDType
    let kernel = try scope.weight("kernel", Shape(sizes + [channels, gates]))
    let recurrentKernel = try scope.weight("recurrent_kernel", Shape(sizes + [.fixed(filters), gates]))
    let bias = useBias ? try scope.weight("bias", [gates]) : nil
    let shape = try convolvedShape(step, in: outer)
    let h = state.graph.input(name: "h", type: TensorType(dtype, shape))
    let c = state.graph.input(name: "c", type: TensorType(dtype, shape))
    let previous = hasMask ? state.graph.input(name: "previous", type: TensorType(dtype, shape)) : nil
    let x = state.graph.input(name: "x", type: TensorType(dtype, step))
    let mask = hasMask ? state.graph.input(name: "mask", type: TensorType(.bool, [batch])) : nil
    let fromInput = try window.convolve(x, kernel, bias: bias, groups: 1, in: scope)
    let pads = window.kernelSize.map { size in
      window.isTheanoSame
        ? PadPair(size / 2, size - 1 - size / 2) : Padding.same(size: 1 << 20, window: size, stride: 1)
    }
    let unit = window.kernelSize.map { _ in 1 }
    let plain = ConvAttributes(
      strides: unit, dilations: unit, padding: .explicit(pads), groups: 1, layout: window.layout)
    let sum = try scope.add(fromInput, scope.emit(.conv(plain), h, recurrentKernel))
    let parts = try scope.emitAll(
      .split(axis: channelAxis, sizes: Array(repeating: .fixed(filters), count: 4)), [sum])
    let i = try recurrentActivation.apply(parts[0], in: scope)
    let f = try recurrentActivation.apply(parts[1], in: scope)
    let g = try activation.apply(parts[2], in: scope)
    let o = try recurrentActivation.apply(parts[3], in: scope)
    var nextC = try scope.add(scope.multiply(f, c), scope.multiply(i, g))
    var nextH = try scope.multiply(o, activation.apply(nextC, in: scope))
    var output = nextH
    if let mask, let previous {
      let keep = try scope.trailing(mask, rank: step.rank)
      output = try scope.emit(.select, keep, nextH, options.zeroOutputForMask ? scope.scalar(0, dtype) : previous)
      nextH = try scope.emit(.select, keep, nextH, h)
      nextC = try scope.emit(.select, keep, nextC, c)
    }
    let results = [nextH, nextC] + (hasMask ? [output] : []) + [output]
    state.graph.outputs = results.enumerated().map { Graph.Output(name: "result\($0)", value: $1) }
    return Subgraph(state.graph)
  }
}
