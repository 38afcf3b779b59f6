import COneDNN
import ModelIR

extension OneDNNBackend {
  /// A product of matrices: with one constant matrix, packed, or of batches of matrices that broadcast.
  func prepareProduct(_ epilogue: Epilogue, _ request: StepRequest) throws -> PreparedStep? {
    let (a, b, y) = (request.operands[0].sizes, request.operands[1].sizes, request.results[0].sizes)
    guard kdnn_load() != 0, a.reduce(1, *) > 0, b.reduce(1, *) > 0, StreamedProduct(request) == nil,
      !NarrowProduct.suits(request)
    else {
      return nil
    }
    let isFlat = b.count == 2 || b.dropLast(2).allSatisfy { $0 == 1 }
    let rank = isFlat ? 2 : y.count
    guard rank <= Int(KDNN_MAX_RANK) else { return nil }
    func widened(_ sizes: [Int]) -> [Int] {
      if isFlat { return [sizes.dropLast().reduce(1, *), sizes[sizes.count - 1]] }
      return Array(repeating: 1, count: rank - sizes.count) + sizes
    }
    let isPacked = isFlat && request.constants[1] != nil
    let second = isFlat ? Array(b.suffix(2)) : widened(b)
    guard let first = OneDNNLayout.plain(widened(a)), let plain = OneDNNLayout.plain(second),
      let best = isPacked ? OneDNNLayout(sizes: second, strides: nil) : plain,
      let result = OneDNNLayout.plain(widened(y))
    else { return nil }
    var problem = kdnn_product()
    (problem.a, problem.b, problem.y) = (first.value, best.value, result.value)
    guard let posts = kdnn_posts(epilogue) else { return nil }
    problem.posts = posts
    let hasBias = request.operands.count > (epilogue.addsOperand ? 3 : 2)
    if hasBias {
      guard let bias = OneDNNLayout.plain([1, second[1]]) else { return nil }
      problem.bias = bias.value
      problem.has_bias = 1
    }
    guard let step = withUnsafePointer(to: problem, { OneDNNPrimitive(kdnn_product_create($0)) }) else {
      return nil
    }
    let kernel =
      isPacked ? try request.packed(1, from: plain, to: step.layout(kdnn_argument_kernel)) : .operand(1)
    guard let kernel else { return nil }
    let bias = hasBias ? try request.aligned(2) ?? .operand(2) : nil
    var layouts: [Layout?] = request.operands.map { _ in .rowMajor }
    if isPacked { layouts[1] = nil }
    if case .constant? = bias { layouts[2] = nil }
    return PreparedStep(
      step: OneDNNStep(primitive: step, x: .operand(0), kernel: kernel, bias: bias), operandLayouts: layouts,
      resultLayouts: [.rowMajor], accumulated: epilogue.addsOperand ? request.operands.count - 1 : nil)
  }
}

extension OneDNNLayout {
  /// Row-major.
  static func plain(_ sizes: [Int]) -> OneDNNLayout? {
    OneDNNLayout(sizes: sizes, strides: NativeRuntime.strides(of: sizes))
  }
}
