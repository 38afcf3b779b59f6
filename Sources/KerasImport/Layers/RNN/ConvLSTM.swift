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

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    options = try RecurrentOptions(&config)
    guard !options.timeMajor else {
      throw KerasImportError(.unsupported("time_major of \(config.className)"))
    }
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
    let x = try scope.inComputeType(x)
    try scope.expectRank(layer.window.kernelSize.count + 3, of: x)
    return try scope.scanned(Sublayer("cell", cell), x, run)
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let (input, states) = call.recurrentInputs
    guard let input else { throw KerasImportError(.invalidGraph("the call has no tensor")) }
    try scope.expectNoDropout(dropout)
    let mask = try scope.stepMask(call, input, options, masksBesideStates: options.masksBesideStates)
    let run = RecurrentRun(
      mask: mask, initialStates: states.map(\.value), goBackwards: options.goBackwards,
      zeroOutputForMask: options.zeroOutputForMask)
    let result = try self.run(input.value, run, in: scope)
    let output =
      options.returnSequences
      ? Operand(result.sequence, mask: call.operand("mask")?.value ?? input.mask) : Operand(result.last)
    return [output] + (options.returnState ? result.states.map { Operand($0) } : [])
  }
}

/// One step of a ConvLSTM.
struct ConvLSTMCell: CellLayer {
  let window: ConvolutionWindow
  let filters: Int
  let activation: Activation
  let recurrentActivation: Activation
  let useBias: Bool
  let dropout: Double
  /// The batch axis inside the loop.
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

  func stateShapes(for input: Shape, in scope: LoweringScope) throws(KerasImportError) -> [Shape] {
    let shape = try convolvedShape(input, in: scope)
    return [shape, shape]
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let (x, states) = try call.step(states: 2)
    let rank = scope.rank(of: x)
    let channelAxis = window.layout.channelAxis(rank: rank)
    let gates = Dimension.fixed(4) * .fixed(filters)
    let sizes = window.kernelSize.map(Dimension.fixed)
    let kernel = try scope.weight("kernel", Shape(sizes + [scope.shape(of: x)[channelAxis], gates]))
    let recurrentKernel = try scope.weight("recurrent_kernel", Shape(sizes + [.fixed(filters), gates]))
    let bias = useBias ? try scope.weight("bias", [gates]) : nil
    let fromInput = try window.convolve(x, kernel, bias: bias, groups: 1, in: scope)
    let sum = try scope.add(fromInput, scope.emit(.conv(recurrentWindow), states[0], recurrentKernel))
    let parts = try scope.emitAll(
      .split(axis: channelAxis, sizes: Array(repeating: .fixed(filters), count: 4)), [sum])
    let i = try recurrentActivation.apply(parts[0], in: scope)
    let f = try recurrentActivation.apply(parts[1], in: scope)
    let g = try activation.apply(parts[2], in: scope)
    let o = try recurrentActivation.apply(parts[3], in: scope)
    let c = try scope.add(scope.multiply(f, states[1]), scope.multiply(i, g))
    let h = try scope.multiply(o, activation.apply(c, in: scope))
    return [Operand(h), Operand(h), Operand(c)]
  }

  /// "same" with stride 1.
  private var recurrentWindow: ConvAttributes {
    let pads = window.kernelSize.map { size in
      window.isTheanoSame
        ? PadPair(size / 2, size - 1 - size / 2) : PadPair.same(size: 1 << 20, window: size, stride: 1)
    }
    let unit = window.kernelSize.map { _ in 1 }
    return ConvAttributes(
      strides: unit, dilations: unit, padding: .explicit(pads), groups: 1, layout: window.layout)
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
}
