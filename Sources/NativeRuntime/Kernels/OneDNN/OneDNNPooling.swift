import COneDNN
import ModelIR

extension OneDNNBackend {
  /// Pooling in whatever layout the operand has, when every window holds an element of the data.
  func preparePooling(_ attributes: PoolAttributes, _ request: StepRequest) -> PreparedStep? {
    let sizes = request.operands[0].sizes
    // oneDNN walks through a window's padding; the reference kernel only through what lies inside the data.
    guard attributes.kernelSize.allSatisfy({ $0 <= 1 << 12 }) else { return nil }
    let count = attributes.kernelSize.count
    guard count <= 3, kdnn_load() != 0 else { return nil }
    let spatial = attributes.layout.spatialAxes(rank: sizes.count)
    var pads = attributes.padding.pairs(
      sizes: spatial.map { sizes[$0] }, window: attributes.kernelSize, strides: attributes.strides,
      dilations: attributes.kernelSize.map { _ in 1 })
    for (index, axis) in spatial.enumerated() {
      // The library wants the padding that the last window reaches, no more.
      let end =
        (request.results[0].sizes[axis] - 1) * attributes.strides[index] + attributes.kernelSize[index]
      pads[index].after = end - sizes[axis] - pads[index].before
      let kernel = attributes.kernelSize[index]
      guard pads[index].before < kernel, pads[index].after < kernel else { return nil }
    }
    let axes = OneDNNLayout.imageAxes(attributes.layout, rank: sizes.count)
    guard let x = OneDNNLayout(request.operands[0], axes: axes),
      let y = OneDNNLayout(sizes: axes.map { request.results[0].sizes[$0] }, strides: nil)
    else { return nil }
    var problem = kdnn_pooling()
    (problem.x, problem.y) = (x.value, y.value)
    problem.is_maximum = attributes.function == .maximum ? 1 : 0
    problem.kernel = triple(attributes.kernelSize)
    problem.strides = triple(attributes.strides)
    problem.before = triple(pads.map(\.before))
    problem.after = triple(pads.map(\.after))
    guard let step = withUnsafePointer(to: problem, { OneDNNPrimitive(kdnn_pooling_create($0)) }) else {
      return nil
    }
    return PreparedStep(
      step: OneDNNStep(primitive: step, x: .operand(0)), operandLayouts: [request.operands[0].layout],
      resultLayouts: [step.layout(kdnn_argument_y).planned(request.results[0], axes: axes)])
  }
}
