import COneDNN
import ModelIR

extension OneDNNSubstitutes {
  /// A function of one element, in whatever order the elements are.
  func prepareUnary(_ function: UnaryFunction, _ request: StepRequest) -> PreparedStep? {
    guard let post = kdnn_post(function) else { return nil }
    let form = request.operands[0]
    let layout = form.layout.isDense ? form.layout : .rowMajor
    guard let x = OneDNNLayout.plain([form.elementCount]) else { return nil }
    let step = withUnsafePointer(to: x.value) {
      OneDNNPrimitive(kdnn_unary_create(post.function, post.alpha, post.beta, $0))
    }
    return step.map {
      PreparedStep(
        step: OneDNNStep(primitive: $0, x: .operand(0)), operandLayouts: [layout], resultLayouts: [layout],
        overwritable: [0])
    }
  }

  /// A function of two elements, of which the second may be repeated; the first where their order does not matter.
  func prepareBinary(_ function: BinaryFunction, _ request: StepRequest) -> PreparedStep? {
    let whole = request.results[0]
    guard let (kernel, commutes) = function.oneDNN, whole.sizes.count <= Int(KDNN_MAX_RANK) else {
      return nil
    }
    let first = [0, 1].first { request.operands[$0].elementCount == whole.elementCount }
    guard let first, first == 0 || commutes else { return nil }
    let second = 1 - first
    func layout(_ form: OperandForm) -> OneDNNLayout? {
      let sizes = Array(repeating: 1, count: whole.sizes.count - form.sizes.count) + form.sizes
      return OneDNNLayout.plain(sizes.isEmpty ? [1] : sizes)
    }
    guard let x = layout(request.operands[first]), let y = layout(request.operands[second]),
      let z = layout(whole)
    else { return nil }
    let step = withUnsafePointer(to: x.value) { x in
      withUnsafePointer(to: y.value) { y in
        withUnsafePointer(to: z.value) { z in OneDNNPrimitive(kdnn_binary_create(kernel, x, y, z)) }
      }
    }
    return step.map {
      request.rowMajor(
        OneDNNStep(primitive: $0, x: .operand(first), kernel: .operand(second)), overwritable: [first])
    }
  }

  func prepareSoftmax(_ axis: Int, _ request: StepRequest) -> PreparedStep? {
    let (outer, size, inner) = around(request.operands[0].sizes, axis)
    guard let x = OneDNNLayout.plain(inner == 1 ? [outer, size] : [outer, size, inner]) else { return nil }
    let step = withUnsafePointer(to: x.value) { OneDNNPrimitive(kdnn_softmax_create($0, 1)) }
    return step.map { request.rowMajor(OneDNNStep(primitive: $0, x: .operand(0)), overwritable: [0]) }
  }

  func prepareLayerNormalization(_ axis: Int, _ epsilon: Double, _ request: StepRequest) -> PreparedStep? {
    let sizes = request.operands[0].sizes
    let rows = sizes[..<axis].reduce(1, *)
    guard let x = OneDNNLayout.plain([rows, sizes[axis...].reduce(1, *)]),
      let statistics = OneDNNLayout.plain([rows])
    else { return nil }
    let step = withUnsafePointer(to: x.value) { x in
      withUnsafePointer(to: statistics.value) {
        OneDNNPrimitive(kdnn_layer_norm_create(x, $0, Float(epsilon)))
      }
    }
    return step.map {
      request.rowMajor(
        OneDNNStep(primitive: $0, x: .operand(0), kernel: .operand(1), bias: .operand(2)), overwritable: [0])
    }
  }
}

extension BinaryFunction {
  /// The library's function, and whether its operands may change places. Its maximum and minimum lose what is not a number.
  fileprivate var oneDNN: (kdnn_binary_function, commutes: Bool)? {
    switch self {
    case .add: (kdnn_add, true)
    case .subtract: (kdnn_subtract, false)
    case .multiply: (kdnn_multiply, true)
    case .divide: (kdnn_divide, false)
    case .maximum, .minimum, .power, .modulo, .remainder, .floorDivide, .atan2, .logicalAnd, .logicalOr,
      .logicalXor,
      .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft, .shiftRight:
      nil
    }
  }
}
