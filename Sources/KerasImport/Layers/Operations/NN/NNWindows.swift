import ModelIR

/// Convolutions, pooling and blocks of `keras/src/ops/nn.py`: windows as the layers of the same names have them.
extension OperationCall {
  /// Numbers for each spatial axis; one counts for all.
  private func spatial(_ name: String, count: Int, default standard: Int? = nil) throws(KerasImportError)
    -> [Int]
  {
    let given = try required(name, ints(name) ?? standard.map { [$0] })
    let numbers = given.count == 1 ? Array(repeating: given[0], count: max(count, 0)) : given
    guard numbers.count == count, numbers.allSatisfy({ (1..<1 << 31).contains($0) }) else {
      throw KerasImportError(
        .invalidValue(key: name, expected: "\(count) positive integers", found: "\(given)"))
    }
    return numbers
  }

  private func padding() throws(KerasImportError) -> ConvolutionWindow.PaddingName {
    let text = try string("padding") ?? "valid"
    guard let padding = ConvolutionWindow.PaddingName(rawValue: text.lowercased()), padding != .causal else {
      throw KerasImportError(.unsupported("padding \"\(text)\""))
    }
    return padding
  }

  private func window(of kernel: Value, for x: Value) throws(KerasImportError) -> ConvolutionWindow {
    let count = scope.rank(of: x) - 2
    try scope.expectRank(count + 2, of: kernel)
    let sizes = scope.shape(of: kernel).dimensions.prefix(max(count, 0)).compactMap(\.fixedSize)
    guard sizes.count == count, sizes.allSatisfy({ $0 > 0 }) else {
      throw KerasImportError(.unsupported("a kernel of shape \(scope.shape(of: kernel))"))
    }
    return ConvolutionWindow(
      kernelSize: sizes, strides: try spatial("strides", count: count, default: 1),
      dilations: try spatial("dilation_rate", count: count, default: 1), padding: try padding(),
      layout: try layout())
  }

  /// Largest or mean element of windows (`pool_size`, `strides` like it unless given).
  func pool(_ function: PoolFunction) throws(KerasImportError) -> Value {
    let x = try tensor("inputs", at: 0)
    let count = scope.rank(of: x) - 2
    let sizes = try spatial("pool_size", count: count)
    let strides = try value("strides") == nil ? sizes : spatial("strides", count: count)
    let window = ConvolutionWindow(
      kernelSize: sizes, strides: strides, dilations: sizes.map { _ in 1 }, padding: try padding(),
      layout: try layout())
    let attributes = PoolAttributes(
      function: function, kernelSize: sizes, strides: strides,
      padding: try window.resolved(scope.shape(of: x)),
      layout: window.layout)
    ignore("strides")
    return try scope.emit(.pool(attributes), x)
  }

  /// So many cells along each spatial axis; cell i of o covers `floor(i n / o) ..< ceil((i + 1) n / o)`.
  func adaptivePool(_ function: ReduceFunction) throws(KerasImportError) -> Value {
    var x = try tensor("inputs", at: 0)
    let layout = try layout()
    let count = scope.rank(of: x) - 2
    let cells = try spatial("output_size", count: count)
    for (index, axis) in layout.spatialAxes(rank: count + 2).enumerated() {
      x = try scope.adaptivePool(function, x, axis: axis, cells: cells[index])
    }
    return x
  }

  /// Cross-correlation; kernel `[K..., C / groups, F]`.
  func convolution() throws(KerasImportError) -> Value {
    let x = try floatingOperands("inputs", "kernel")
    let window = try window(of: x[1], for: x[0])
    return try scope.convolve(x[0], x[1], window)
  }

  /// Each channel with its own kernels; kernel `[K..., C, M]`.
  func depthwiseConvolution() throws(KerasImportError) -> Value {
    let x = try floatingOperands("inputs", "kernel")
    return try scope.convolveDepthwise(x[0], x[1], window(of: x[1], for: x[0]))
  }

  /// A depthwise convolution, then one of size 1; kernels `[K..., C, M]`, `[1..., C M, F]`.
  func separableConvolution() throws(KerasImportError) -> Value {
    let x = try floatingOperands("inputs", "depthwise_kernel", "pointwise_kernel")
    let window = try window(of: x[1], for: x[0])
    let y = try scope.convolveDepthwise(x[0], x[1], window)
    let ones = window.kernelSize.map { _ in 1 }
    let point = ConvolutionWindow(
      kernelSize: ones, strides: ones, dilations: ones, padding: .valid, layout: window.layout)
    return try scope.convolve(y, x[2], point)
  }

  /// The transposed convolution; kernel `[K..., F, C]`.
  func transposedConvolution() throws(KerasImportError) -> Value {
    let x = try floatingOperands("inputs", "kernel")
    let window = try window(of: x[1], for: x[0])
    let count = window.kernelSize.count
    let padding: [Int]? = try ints("output_padding").map { given in
      given.count == 1 ? Array(repeating: given[0], count: count) : given
    }
    guard padding.map({ $0.count == count && $0.allSatisfy { (0..<1 << 31).contains($0) } }) ?? true else {
      throw KerasImportError(.invalidGraph("output_padding \(padding ?? [])"))
    }
    return try scope.emit(
      .convTranspose(ConvTransposeAttributes(window: window, outputPadding: padding)), x[0], x[1])
  }

  /// Blocks of channels spread over space: `[N, H b, W b, C / b^2]`.
  func depthToSpace() throws(KerasImportError) -> Value {
    try inChannelsLast(tensor("x", at: 0)) { x, block throws(KerasImportError) in
      try scope.depthToSpace(x, block: block)
    }
  }

  /// Blocks of space put into channels: `[N, H / b, W / b, C b^2]`.
  func spaceToDepth() throws(KerasImportError) -> Value {
    try inChannelsLast(tensor("x", at: 0)) { x, block throws(KerasImportError) in
      try scope.spaceToDepth(x, block: block)
    }
  }

  private func inChannelsLast(
    _ x: Value, _ body: (Value, Int) throws(KerasImportError) -> Value
  ) throws(KerasImportError) -> Value {
    let block = try required("block_size", int("block_size"))
    guard (1..<1 << 20).contains(block) else { throw KerasImportError(.invalidGraph("blocks of \(block)")) }
    try scope.expectRank(4, of: x)
    guard try layout() == .channelsFirst else { return try body(x, block) }
    return try scope.transpose(body(scope.transpose(x, [0, 2, 3, 1]), block), [0, 3, 1, 2])
  }

  // MARK: Sliding blocks

  private struct Blocks { var kernel, dilation, padding, stride: [Int] }

  private func blocks() throws(KerasImportError) -> Blocks {
    let padding = try ints("padding") ?? [0]
    guard padding.count <= 2, padding.allSatisfy({ (0..<1 << 20).contains($0) }), let last = padding.last
    else {
      throw KerasImportError(.invalidGraph("padding \(padding)"))
    }
    return Blocks(
      kernel: try spatial("kernel_size", count: 2), dilation: try spatial("dilation", count: 2, default: 1),
      padding: [padding[0], last], stride: try spatial("stride", count: 2, default: 1))
  }

  /// Sliding windows as columns: `[N, C, H, W]` to `[N, C kH kW, L]`.
  func unfold() throws(KerasImportError) -> Value {
    let given = try tensor("x", at: 0)
    try scope.expectRank(4, of: given)
    let blocks = try blocks()
    let pads = [PadPair(0, 0), PadPair(0, 0)] + blocks.padding.map { PadPair($0, $0) }
    let x = try scope.padded(given, by: pads, mode: "constant", filler: 0)
    let s = scope.shape(of: x)
    let counts = (0..<2).map {
      scope.windowCount(s[2 + $0], blocks.kernel[$0], blocks.stride[$0], blocks.dilation[$0])
    }
    var parts: [Value] = []
    for i in 0..<blocks.kernel[0] {
      for j in 0..<blocks.kernel[1] {
        let rows = try scope.strided(
          x, axis: 2, from: i * blocks.dilation[0], count: counts[0], step: blocks.stride[0])
        let part = try scope.strided(
          rows, axis: 3, from: j * blocks.dilation[1], count: counts[1], step: blocks.stride[1])
        parts.append(try scope.reshape(part, [s[0], s[1], 1, counts[0] * counts[1]]))
      }
    }
    let taps = Dimension.fixed(parts.count)
    return try scope.reshape(scope.concat(parts, axis: 2), [s[0], s[1] * taps, counts[0] * counts[1]])
  }

  /// The sum of overlapping blocks: `[N, C kH kW, L]` to `[N, C, H, W]`.
  func fold() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    try scope.expectRank(3, of: x)
    let blocks = try blocks()
    let output = try spatial("output_size", count: 2)
    let wide = (0..<2).map { output[$0] + 2 * blocks.padding[$0] }
    let counts = (0..<2).map { axis -> Int in
      let extent = blocks.dilation[axis] * (blocks.kernel[axis] - 1)
      return (wide[axis] - extent - 1) / blocks.stride[axis] + 1
    }
    let taps = blocks.kernel[0] * blocks.kernel[1]
    guard counts.allSatisfy({ $0 > 0 }), taps <= 1 << 12, wide.allSatisfy({ $0 <= 1 << 12 }) else {
      throw KerasImportError(.invalidGraph("blocks that do not fit"))
    }
    let s = scope.shape(of: x)
    let channels = s[1] / .fixed(taps)
    let (kh, kw) = (Dimension.fixed(blocks.kernel[0]), Dimension.fixed(blocks.kernel[1]))
    let split = try scope.reshape(x, [s[0], channels, kh, kw, .fixed(counts[0]), .fixed(counts[1])])
    // One matrix per axis puts tap i of block n at place n * stride + i * dilation.
    let rows = try scope.placement(
      blocks.kernel[0], counts[0], blocks.stride[0], blocks.dilation[0], wide[0], like: x)
    let columns = try scope.placement(
      blocks.kernel[1], counts[1], blocks.stride[1], blocks.dilation[1], wide[1], like: x)
    var y = try scope.emit(.einsum("abijuv,iuh->abjvh"), split, rows)
    y = try scope.emit(.einsum("abjvh,jvw->abhw"), y, columns)
    for axis in 0..<2 where blocks.padding[axis] > 0 {
      y = try scope.slice(
        y, axis: 2 + axis, from: blocks.padding[axis], to: wide[axis] - blocks.padding[axis])
    }
    return y
  }
}

extension ConvolutionWindow {
  init(kernelSize: [Int], strides: [Int], dilations: [Int], padding: PaddingName, layout: DataLayout) {
    self.kernelSize = kernelSize
    self.strides = strides
    self.dilations = dilations
    self.padding = padding
    self.layout = layout
    isTheanoSame = false
  }
}

extension LoweringScope {
  /// A convolution whose groups follow from the kernel's channels.
  func convolve(_ x: Value, _ kernel: Value, _ window: ConvolutionWindow) throws(KerasImportError) -> Value {
    let count = window.kernelSize.count
    let channels = shape(of: x)[window.layout.channelAxis(rank: count + 2)]
    guard let outer = channels.fixedSize, let inner = shape(of: kernel)[count].fixedSize, inner > 0,
      outer % inner == 0
    else {
      throw KerasImportError(.invalidGraph("a kernel of shape \(shape(of: kernel)) for \(channels) channels"))
    }
    return try window.convolve(x, kernel, bias: nil, groups: outer / inner, in: self)
  }

  /// A depthwise convolution: a kernel `[K..., C, M]` is, read row-major, `[K..., 1, C * M]`.
  func convolveDepthwise(_ x: Value, _ kernel: Value, _ window: ConvolutionWindow) throws(KerasImportError)
    -> Value
  {
    let count = window.kernelSize.count
    let sizes = shape(of: kernel).dimensions
    let flat = try reshapedWeight(
      kernel, Shape(Array(sizes.prefix(count)) + [1, sizes[count] * sizes[count + 1]]))
    return try convolve(x, flat, window)
  }

  /// Cells of an axis reduced; see ``OperationCall/adaptivePool(_:)``.
  func adaptivePool(_ function: ReduceFunction, _ x: Value, axis: Int, cells: Int) throws(KerasImportError)
    -> Value
  {
    guard let size = shape(of: x)[axis].fixedSize, cells > 0, cells <= 1 << 16 else {
      throw KerasImportError(.unsupported("adaptive pooling of an axis whose size is not known"))
    }
    var parts: [Value] = []
    for cell in 0..<cells {
      let part = try slice(
        x, axis: axis, from: cell * size / cells, to: ((cell + 1) * size + cells - 1) / cells)
      parts.append(try reduce(function, part, axes: [axis], keepDims: true))
    }
    return try concat(parts, axis: axis)
  }

  /// `[N, H, W, C]` to `[N, H b, W b, C / b^2]`.
  func depthToSpace(_ x: Value, block: Int) throws(KerasImportError) -> Value {
    let s = shape(of: x)
    let (b, channels) = (Dimension.fixed(block), s[3] / .fixed(block * block))
    let split = try reshape(x, [s[0], s[1], s[2], b, b, channels])
    return try reshape(transpose(split, [0, 1, 3, 2, 4, 5]), [s[0], s[1] * b, s[2] * b, channels])
  }

  /// `[N, H, W, C]` to `[N, H / b, W / b, C b^2]`.
  func spaceToDepth(_ x: Value, block: Int) throws(KerasImportError) -> Value {
    let s = shape(of: x)
    let b = Dimension.fixed(block)
    let split = try reshape(x, [s[0], s[1] / b, b, s[2] / b, b, s[3]])
    return try reshape(transpose(split, [0, 1, 3, 2, 4, 5]), [s[0], s[1] / b, s[2] / b, b * b * s[3]])
  }

  /// How many windows fit an axis.
  func windowCount(_ size: Dimension, _ kernel: Int, _ stride: Int, _ dilation: Int) -> Dimension {
    let extent = Dimension.fixed(kernel - 1) * .fixed(dilation)
    return (size - extent - 1) / .fixed(stride) + 1
  }

  /// So many elements of an axis, one in each `step`.
  func strided(_ x: Value, axis: Int, from start: Int, count: Dimension, step: Int) throws(KerasImportError)
    -> Value
  {
    guard step > 1 || count.fixedSize == nil else {
      return try part(x, axis: axis, start: .fixed(start), size: count)
    }
    guard let known = count.fixedSize else {
      let span = (count - 1) * .fixed(step) + 1
      return try slice(
        part(x, axis: axis, start: .fixed(start), size: span), axis: axis, from: nil, to: nil, step: step)
    }
    return try slice(x, axis: axis, from: start, to: start + (known - 1) * step + 1, step: step)
  }

  /// `[taps, blocks, size]`, 1 where a block's tap lies.
  fileprivate func placement(
    _ taps: Int, _ blocks: Int, _ stride: Int, _ dilation: Int, _ size: Int, like x: Value
  ) throws(KerasImportError) -> Value {
    var numbers = [Double](repeating: 0, count: taps * blocks * size)
    for tap in 0..<taps {
      for block in 0..<blocks { numbers[(tap * blocks + block) * size + block * stride + tap * dilation] = 1 }
    }
    return try constant(numbers, sizes: [taps, blocks, size], dtype: dtype(of: x), as: "placement")
  }
}
