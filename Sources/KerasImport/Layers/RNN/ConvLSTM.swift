import ModelIR

/// ConvLSTM1D, 2D, 3D: an LSTM whose products are convolutions; the input's with the layer's window, the state's
/// "same" with stride 1. Gates i f c o. Mask: passed when sequences are returned.
/// Source: `keras/src/layers/rnn/conv_lstm.py`.
///
/// - x: `[N, T, spatial..., C]`; kernel: `[K..., C, 4F]`; recurrent_kernel: `[K..., F, 4F]`; bias: `[4F]`.
struct ConvLSTM: RecurrentLayer {
  let options: RecurrentOptions
  let cell: LayerObject
  var maskRule: MaskRule { .custom }
  var callParameters: [String] { RecurrentOptions.callParameters }
  var sublayers: [Sublayer] { [Sublayer("cell", cell)] }
  let dropout: Double
  var stateCount: Int { 2 }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    options = try RecurrentOptions(&config)
    let layer = try ConvLSTMCell(&config)
    dropout = layer.dropout
    cell = LayerObject(
      name: "cell", className: config.className + "Cell", module: "keras.layers",
      config: .object(config.json),
      layer: layer, policy: config.policy)
  }

  func run(_ x: Value, _ run: RecurrentRun, in scope: LoweringScope) throws(KerasImportError)
    -> RecurrentResult
  {
    guard let layer = cell.layer as? ConvLSTMCell else { throw KerasImportError(.unsupported("this cell")) }
    let x = try scope.sequence(x)
    try scope.expectRank(layer.window.kernelSize.count + 3, of: x)
    guard run.initialStates.isEmpty || run.initialStates.count == stateCount else {
      throw KerasImportError(.invalidGraph("expected 2 initial states, found \(run.initialStates.count)"))
    }
    let own = LoweringScope(state: scope.state, object: cell, path: "\(scope.path)/cell")
    let body = try layer.body(
      scope.shape(of: x), mask: run.mask.map { scope.shape(of: $0) },
      zeroOutputForMask: run.zeroOutputForMask, in: own)
    let operands = try self.operands(x, run, body.graph, in: scope)
    let stateCount = run.mask == nil ? 2 : 3
    let attributes = ScanAttributes(body: body, stateCount: stateCount, reverse: run.goBackwards)
    let results = try scope.emitAll(.scan(attributes), operands)
    let sequence = results[results.count - 1]
    let lastStep =
      run.goBackwards ? SliceRange(axis: 1, start: 0, stop: 1) : SliceRange(axis: 1, start: -1, stop: nil)
    let last = try scope.reshape(scope.emit(.slice([lastStep]), sequence), scope.shape(of: operands[0]))
    return RecurrentResult(
      sequence: run.goBackwards ? try scope.emit(.reverse(axes: [1]), sequence) : sequence, last: last,
      states: Array(results.prefix(2)))
  }

  /// The states, what masked steps repeat, the sequence and its mask.
  private func operands(
    _ x: Value, _ run: RecurrentRun, _ body: Graph, in scope: LoweringScope
  ) throws(KerasImportError) -> [Value] {
    let type = body.type(of: body.inputs[0])
    let state = type.shape.substituting([ConvLSTMCell.batchName: scope.shape(of: x)[0]])
    var operands = run.initialStates
    while operands.count < 2 { operands.append(try scope.emit(.expand(state), scope.scalar(0, type.dtype))) }
    guard let mask = run.mask else { return operands + [x] }
    return operands + [try scope.emit(.expand(state), scope.scalar(0, type.dtype)), x, mask]
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let (input, states) = call.recurrentInputs
    guard let input else { throw KerasImportError(.invalidGraph("the call has no tensor")) }
    try scope.expectNoDropout(dropout)
    let mask = try scope.stepMask(call, input)
    let run = RecurrentRun(
      mask: mask, initialStates: states.map(\.value), goBackwards: options.goBackwards,
      zeroOutputForMask: options.zeroOutputForMask)
    let result = try self.run(input.value, run, in: scope)
    let output = options.returnSequences ? Operand(result.sequence, mask: mask) : Operand(result.last)
    return [output] + (options.returnState ? result.states.map { Operand($0) } : [])
  }
}

/// One step of a ConvLSTM as a graph.
struct ConvLSTMCell: Layer {
  let window: ConvolutionWindow
  let filters: Int
  let activation: Activation
  let recurrentActivation: Activation
  let useBias: Bool
  let dropout: Double
  /// The batch axis inside the loop.
  static let batchName = "step_batch"
  var weights: [WeightSpec] {
    [WeightSpec("kernel"), WeightSpec("recurrent_kernel")] + (useBias ? [WeightSpec("bias")] : [])
  }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    window = try ConvolutionWindow(&config)
    filters = try config.count("filters")
    activation = try config.activation("activation", default: .tanh)
    recurrentActivation = try config.activation("recurrent_activation", default: .sigmoid)
    useBias = try config.bool("use_bias", default: true)
    dropout = max(
      try config.double("dropout", default: 0), try config.double("recurrent_dropout", default: 0))
    config.ignore("unit_forget_bias", "stateful")
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
    _ sequence: Shape, mask maskShape: Shape?, zeroOutputForMask: Bool, in outer: LoweringScope
  ) throws(KerasImportError) -> Subgraph {
    let state = LoweringState(weights: outer.state.weights)
    let scope = LoweringScope(state: state, object: outer.object, path: outer.path)
    let batch = Dimension.symbol(ConvLSTMCell.batchName)
    let hasMask = maskShape != nil
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
    // A mask has an entry for each step, or for each place of each step.
    let mask = maskShape.map { shape in
      state.graph.input(name: "mask", type: TensorType(.bool, Shape([batch] + shape.dimensions.dropFirst(2))))
    }
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
      output = try scope.emit(.select, keep, nextH, zeroOutputForMask ? scope.scalar(0, dtype) : previous)
      nextH = try scope.emit(.select, keep, nextH, h)
      nextC = try scope.emit(.select, keep, nextC, c)
    }
    let results = [nextH, nextC] + (hasMask ? [output] : []) + [output]
    state.graph.outputs = results.enumerated().map { Graph.Output(name: "result\($0)", value: $1) }
    return Subgraph(state.graph)
  }
}
