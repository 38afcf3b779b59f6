import ModelIR

/// LocallyConnected1D, LocallyConnected2D: a convolution whose kernel is another at each place, plus a bias at each
/// place. Mask: none. Source: tf.keras 2.15 `layers/locally_connected/`, `backend.local_conv`; stand-alone Keras and
/// Keras 1 have `implementation` 1 only.
///
/// With P places of the result, K places of a window and C channels the kernel is stored as
/// - implementation 1: `[P, K * C, F]`, windows row by row, channels last (`channels_first`: `[P, C * K, F]`);
/// - implementation 2: dense, `[inputs..., C, outputs..., F]` (`channels_first`: `[C, inputs..., F, outputs...]`), of
///   which only what lies inside the windows counts;
/// - implementation 3: that matrix's elements inside the windows, by place of the result, then of the input.
///
/// bias: `[outputs..., F]`; with `channels_first` Keras reads the same numbers as `[F, outputs...]`.
struct LocallyConnected: Layer {
  let window: ConvolutionWindow
  let filters: Int
  let implementation: Int
  let useBias: Bool
  let activation: Activation
  var sublayers: [Sublayer] { activation.sublayers }
  var weights: [WeightSpec] { [WeightSpec("kernel")] + (useBias ? [WeightSpec("bias")] : []) }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    window = try ConvolutionWindow(&config)
    filters = try config.count("filters")
    implementation = try config.int("implementation", default: 1)
    useBias = try config.bool("use_bias", default: true)
    activation = try config.activation()
    guard (1...3).contains(implementation) else {
      throw config.invalid("implementation", expected: "1, 2 or 3", found: "\(implementation)")
    }
    guard window.padding == .valid || (window.padding == .same && implementation > 1) else {
      throw config.invalid("padding", expected: "\"valid\"", found: "\"\(window.padding.rawValue)\"")
    }
    guard window.dilations.allSatisfy({ $0 == 1 }) else {
      throw config.invalid("dilation_rate", expected: "1", found: "\(window.dilations)")
    }
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    let shape = scope.shape(of: x)
    let windows = try LocalWindows(window, shape: shape)
    let kernel = try kernel(windows, in: scope)
    let flat = try scope.reshape(x, [shape[0], .fixed(windows.inputCount * windows.channels)])
    let patches = try scope.emit(
      .gather(axis: 1), flat, scope.constant(windows.indices(implementation: implementation)))
    var y = try scope.emit(.einsum("npk,pkf->npf"), patches, kernel)
    let outputs = windows.outputs.map(Dimension.fixed)
    y = try scope.reshape(y, Shape([shape[0]] + outputs + [.fixed(filters)]))
    let rank = shape.rank
    if window.layout == .channelsFirst { y = try scope.transpose(y, [0, rank - 1] + Array(1..<(rank - 1))) }
    if useBias {
      let bias = try scope.weight("bias", Shape(outputs + [.fixed(filters)]))
      let isFirst = window.layout == .channelsFirst
      y = try scope.add(y, isFirst ? scope.reshape(bias, Shape([.fixed(filters)] + outputs)) : bias)
    }
    return [Operand(try activation.apply(y, in: scope))]
  }

  /// The kernel as `[P, K * C, F]`.
  private func kernel(_ windows: LocalWindows, in scope: LoweringScope) throws(KerasImportError) -> Value {
    let (places, inputs) = (windows.outputs.map(Dimension.fixed), windows.inputs.map(Dimension.fixed))
    let (channels, filters) = (Dimension.fixed(windows.channels), Dimension.fixed(filters))
    let isFirst = window.layout == .channelsFirst
    let stored: Shape
    switch implementation {
    case 1:
      return try scope.weight(
        "kernel", [.fixed(windows.outputCount), .fixed(windows.cellCount) * channels, filters])
    case 2:
      stored = Shape(
        isFirst ? [channels] + inputs + [filters] + places : inputs + [channels] + places + [filters])
    default: stored = [.fixed(windows.insideCount) * channels * filters]
    }
    _ = try scope.weight("kernel", stored)
    let tensor = try scope.tensor("kernel")
    let sizes = [windows.outputCount, windows.cellCount * windows.channels, self.filters]
    let (implementation, count, layout) = (implementation, self.filters, window.layout)
    let rows = try computedTensor(dtype: tensor.dtype, sizes: sizes) {
      let values = try tensor.doubles()
      let sources = windows.sources(implementation: implementation, filters: count, layout: layout)
      return sources.map { $0 < 0 ? 0 : values[$0] }
    }
    let isFloating = scope.computeDType.isFloatingPoint
    return try scope.cast(
      scope.constant(rows, as: "kernel"), to: isFloating ? scope.computeDType : tensor.dtype)
  }
}

/// Which elements of the input each place of the result sees.
struct LocalWindows: Sendable {
  /// The spatial sizes of input and result.
  let inputs: [Int]
  let outputs: [Int]
  let channels: Int
  /// K.
  let cellCount: Int
  /// The flat spatial index of each place of each window, row-major, -1 outside the input.
  private let cells: [Int]
  private let layout: DataLayout

  var inputCount: Int { inputs.reduce(1, *) }
  var outputCount: Int { outputs.reduce(1, *) }
  /// How many window places lie inside the input, over all windows.
  let insideCount: Int

  /// - Throws: `invalidGraph` unless the sizes of `shape` after the batch are known and of a reasonable number.
  init(_ window: ConvolutionWindow, shape: Shape) throws(KerasImportError) {
    let count = window.kernelSize.count
    guard shape.rank == count + 2, let sizes = Shape(Array(shape.dimensions.dropFirst())).fixedSizes else {
      throw KerasImportError(
        .invalidGraph("expected rank \(count + 2) and known sizes after the batch, found \(shape)"))
    }
    layout = window.layout
    let isFirst = layout == .channelsFirst
    channels = isFirst ? sizes[0] : sizes[count]
    inputs = Array(isFirst ? sizes[1...] : sizes[..<count])
    let isSame = window.padding == .same
    var outputs: [Int] = []
    for axis in 0..<count {
      let room = isSame ? inputs[axis] : inputs[axis] - window.kernelSize[axis] + 1
      guard room > 0 else {
        throw KerasImportError(
          .invalidGraph("a window of \(window.kernelSize[axis]) does not fit \(inputs[axis]) elements"))
      }
      outputs.append((room - 1) / window.strides[axis] + 1)
    }
    self.outputs = outputs
    let total = Shape(outputs + window.kernelSize + [channels]).elementCount.fixedSize ?? .max
    guard total < 1 << 24, Shape(sizes).elementCount.fixedSize ?? .max < 1 << 40 else {
      throw KerasImportError(.invalidGraph("the windows have too many elements"))
    }
    cellCount = window.kernelSize.reduce(1, *)
    var cells = [0]
    for axis in 0..<count {
      // Places so far, each with the next axis's output, then cells so far, each with the next axis's offset.
      cells = LocalWindows.extended(
        cells, outputs: Array(outputs[..<axis]), window: Array(window.kernelSize[..<axis]),
        size: inputs[axis],
        nextOutput: outputs[axis], nextWindow: window.kernelSize[axis], stride: window.strides[axis],
        before: isSame ? window.kernelSize[axis] / 2 : 0)
    }
    self.cells = cells
    insideCount = cells.count { $0 >= 0 }
  }

  /// One axis more: `[places, cells]` becomes `[places, next places, cells, next cells]`.
  private static func extended(
    _ cells: [Int], outputs: [Int], window: [Int], size: Int, nextOutput: Int, nextWindow: Int, stride: Int,
    before: Int
  ) -> [Int] {
    let (places, width) = (outputs.reduce(1, *), window.reduce(1, *))
    var result: [Int] = []
    result.reserveCapacity(cells.count * nextOutput * nextWindow)
    for place in 0..<places {
      for output in 0..<nextOutput {
        for cell in 0..<width {
          let base = cells[place * width + cell]
          for offset in 0..<nextWindow {
            let position = output * stride - before + offset
            result.append(base < 0 || position < 0 || position >= size ? -1 : base * size + position)
          }
        }
      }
    }
    return result
  }

  /// The flat input element of each place of each window, `[P, K * C]`; places outside have element 0, whose kernel
  /// is 0.
  func indices(implementation: Int) throws(KerasImportError) -> Tensor {
    let isChannelFirst = layout == .channelsFirst
    var result: [Int64] = []
    result.reserveCapacity(cells.count * channels)
    for place in 0..<outputCount {
      let own = cells[(place * cellCount)..<((place + 1) * cellCount)]
      func element(_ cell: Int, _ channel: Int) -> Int64 {
        Int64(cell < 0 ? 0 : isChannelFirst ? channel * inputCount + cell : cell * channels + channel)
      }
      if isChannelFirst, implementation == 1 {
        for channel in 0..<channels { for cell in own { result.append(element(cell, channel)) } }
      } else {
        for cell in own { for channel in 0..<channels { result.append(element(cell, channel)) } }
      }
    }
    return try checkedTensor(Tensor(result, sizes: [outputCount, cellCount * channels]))
  }

  /// Where each element of a kernel `[P, K * C, F]` is in the stored one; -1 for what lies outside the input.
  func sources(implementation: Int, filters: Int, layout: DataLayout) -> [Int] {
    let isFirst = layout == .channelsFirst
    var result: [Int] = []
    result.reserveCapacity(cells.count * channels * filters)
    var before = 0
    for place in 0..<outputCount {
      let own = cells[(place * cellCount)..<((place + 1) * cellCount)]
      let inside = own.count { $0 >= 0 }
      var rank = 0
      for cell in own {
        for channel in 0..<channels {
          for filter in 0..<filters {
            if cell < 0 {
              result.append(-1)
            } else if implementation == 2 {
              result.append(
                isFirst
                  ? ((channel * inputCount + cell) * filters + filter) * outputCount + place
                  : ((cell * channels + channel) * outputCount + place) * filters + filter)
            } else {
              result.append(
                isFirst
                  ? (filter * insideCount + before) * channels + channel * inside + rank
                  : (before * filters + filter * inside) * channels + rank * channels + channel)
            }
          }
        }
        if cell >= 0 { rank += 1 }
      }
      before += inside
    }
    return result
  }
}
