import COneDNN
import ModelIR

extension OneDNNBackend {
  /// A convolution whose kernel is constant.
  func prepareConvolution(_ attributes: ConvAttributes, _ request: StepRequest) throws -> PreparedStep? {
    let count = attributes.strides.count
    guard request.constants[1] != nil, count <= 3, attributes.kernelOrder == .spatialFirst else { return nil }
    let kernel = OneDNNLayout.kernel(
      request.operands[1].sizes, groups: attributes.groups, isTransposed: false)
    let problem = kdnn_convolution(attributes, request)
    if !request.options.isExact, attributes.paysWinograd(request) {
      var fewer = problem
      fewer.is_winograd = 1
      if let step = try prepare(fewer, kernel, attributes.layout, attributes.epilogue, request) {
        return step
      }
    }
    return try prepare(problem, kernel, attributes.layout, attributes.epilogue, request)
  }

  /// A transposed convolution whose kernel is constant and whose result has no elements beyond the last window.
  func prepareTransposed(_ attributes: ConvTransposeAttributes, _ request: StepRequest) throws
    -> PreparedStep?
  {
    let count = attributes.strides.count
    guard request.constants[1] != nil, count <= 3, attributes.kernelOrder == .spatialFirst else { return nil }
    var problem = kdnn_convolution()
    problem.is_transposed = 1
    problem.strides = triple(attributes.strides)
    problem.dilations = triple(attributes.dilations.map { $0 - 1 })
    problem.before = triple(attributes.pads.map(\.before))
    // The library counts elements taken away at the end; further elements are taken away less.
    problem.after = triple(zip(attributes.pads, attributes.outputPadding).map { $0.after - $1 })
    let kernel = OneDNNLayout.kernel(request.operands[1].sizes, groups: 1, isTransposed: true)
    return try prepare(problem, kernel, attributes.layout, Epilogue(), request)
  }

  private func prepare(
    _ problem: kdnn_convolution, _ kernel: (sizes: [Int], strides: [Int]), _ layout: DataLayout,
    _ epilogue: Epilogue, _ request: StepRequest
  ) throws -> PreparedStep? {
    var problem = problem
    let axes = OneDNNLayout.imageAxes(layout, rank: request.operands[0].sizes.count)
    guard kdnn_load() != 0,
      let x = OneDNNLayout(sizes: axes.map { request.operands[0].sizes[$0] }, strides: nil),
      let y = OneDNNLayout(sizes: axes.map { request.results[0].sizes[$0] }, strides: nil),
      let plain = OneDNNLayout(sizes: kernel.sizes, strides: kernel.strides),
      let best = OneDNNLayout(sizes: kernel.sizes, strides: nil)
    else { return nil }
    (problem.x, problem.y, problem.kernel) = (x.value, y.value, best.value)
    guard let posts = kdnn_posts(epilogue) else { return nil }
    problem.posts = posts
    let hasBias = request.operands.count > (epilogue.addsOperand ? 3 : 2)
    if hasBias {
      guard let bias = OneDNNLayout(request.operands[2], axes: [0]) else { return nil }
      problem.bias = bias.value
      problem.has_bias = 1
    }
    guard let step = withUnsafePointer(to: problem, { OneDNNPrimitive(kdnn_convolution_create($0)) }),
      let weights = try request.packed(1, from: plain, to: step.layout(kdnn_argument_kernel))
    else { return nil }
    var layouts: [Layout?] = request.operands.map { _ in nil }
    layouts[0] = step.layout(kdnn_argument_x).planned(request.operands[0], axes: axes)
    let bias = hasBias ? try request.aligned(2) ?? .operand(2) : nil
    if case .operand? = bias { layouts[2] = .rowMajor }
    let result = step.layout(kdnn_argument_y).planned(request.results[0], axes: axes)
    let residual = epilogue.addsOperand ? request.operands.count - 1 : nil
    if let residual { layouts[residual] = result }
    return PreparedStep(
      step: OneDNNStep(primitive: step, x: .operand(0), kernel: weights, bias: bias), operandLayouts: layouts,
      resultLayouts: [result], accumulated: residual)
  }
}

extension OneDNNLayout {
  /// A kernel of Keras's, `[K..., C / groups, F]` (transposed: `[K..., F, C]`), in the library's order,
  /// `[(groups,) F / groups, C / groups, K...]`.
  static func kernel(_ kernel: [Int], groups: Int, isTransposed: Bool) -> (sizes: [Int], strides: [Int]) {
    let count = kernel.count - 2
    let steps = NativeRuntime.strides(of: kernel)
    let window = (sizes: Array(kernel[..<count]), strides: Array(steps[..<count]))
    if isTransposed {
      return (
        [kernel[count], kernel[count + 1]] + window.sizes, [steps[count], steps[count + 1]] + window.strides
      )
    }
    let filters = kernel[count + 1] / groups
    let sizes = [filters, kernel[count]] + window.sizes
    let strides = [1, steps[count]] + window.strides
    return groups == 1 ? (sizes, strides) : ([groups] + sizes, [filters] + strides)
  }
}

extension ConvAttributes {
  /// Whether Winograd's algorithm is worth its transforms: 3×3 windows in steps of 1 over many channels, and images of
  /// more than a few tiles, because its kernels are up to 4 times as large and must be read. ResNet50 on one thread, batch
  /// 1 and 8, against the direct algorithm: 14×14 of 256 channels 0.58 for 0.79 ms and 4.3 for 6.2, 7×7 of 512 channels
  /// 0.93 for 0.98 ms and 6.8 for 6.4.
  func paysWinograd(_ request: StepRequest) -> Bool {
    let kernel = request.operands[1].sizes
    let result = request.results[0].sizes
    let pixels = layout.spatialAxes(rank: result.count).reduce(1) { $0 * result[$1] }
    guard pixels >= 10 * 10 else { return false }
    return kernel.count == 4 && kernel[0] == 3 && kernel[1] == 3 && strides == [1, 1] && dilations == [1, 1]
      && groups == 1 && kernel[2] >= 64 && kernel[3] >= 64
  }
}

extension Padding {
  /// The elements added along each axis of known size.
  func pairs(sizes: [Int], window: [Int], strides: [Int], dilations: [Int]) -> [PadPair] {
    switch self {
    case .explicit(let pairs): pairs
    case .sameUpper:
      sizes.indices.map {
        PadPair.same(size: sizes[$0], window: window[$0], stride: strides[$0], dilation: dilations[$0])
      }
    }
  }
}

extension kdnn_convolution {
  /// Steps, windows and padding of a convolution; layouts are to be added.
  fileprivate init(_ attributes: ConvAttributes, _ request: StepRequest) {
    self.init()
    let x = request.operands[0].sizes
    let pads = attributes.padding.pairs(
      sizes: attributes.layout.spatialAxes(rank: x.count).map { x[$0] },
      window: Array(request.operands[1].sizes.prefix(attributes.strides.count)), strides: attributes.strides,
      dilations: attributes.dilations)
    strides = triple(attributes.strides)
    dilations = triple(attributes.dilations.map { $0 - 1 })
    before = triple(pads.map(\.before))
    after = triple(pads.map(\.after))
  }
}

/// Up to three numbers as C has them.
func triple(_ values: [Int]) -> (Int64, Int64, Int64) {
  func value(_ index: Int) -> Int64 { index < values.count ? Int64(values[index]) : 0 }
  return (value(0), value(1), value(2))
}
