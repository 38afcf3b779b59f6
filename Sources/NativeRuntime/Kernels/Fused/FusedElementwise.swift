import CKernels
import ModelIR

extension FusedBackend {
  /// A function of one element, in whatever order the elements are.
  func prepareUnary(_ function: UnaryFunction, _ request: StepRequest) -> PreparedStep? {
    guard let kernel = ElementFunction(function) else { return nil }
    let form = request.operands[0]
    let layout = form.layout.isDense ? form.layout : .rowMajor
    return PreparedStep(
      step: UnaryStep(function: kernel, count: form.elementCount), operandLayouts: [layout],
      resultLayouts: [layout],
      overwritable: [0])
  }

  /// A function of two elements with broadcasting.
  func prepareBinary(_ function: BinaryFunction, _ request: StepRequest) throws -> PreparedStep? {
    guard let kernel = function.kernel else { return nil }
    let (a, b) = (request.operands[0], request.operands[1])
    if a == b, a.layout.isDense {
      let step = BinaryStep(function: kernel, rows: StridedRows([a.elementCount], [[1], [1]]))
      return PreparedStep(
        step: step, operandLayouts: [a.layout, a.layout], resultLayouts: [a.layout], overwritable: [0, 1])
    }
    let sizes = request.results[0].sizes
    let rows = StridedRows(
      sizes, [broadcastStrides(a.sizes, to: sizes), broadcastStrides(b.sizes, to: sizes)])
    let whole = [0, 1].filter { request.operands[$0].elementCount == request.results[0].elementCount }
    if let repeated = try prepareRepeated(kernel, rows, request) { return repeated }
    return request.rowMajor(BinaryStep(function: kernel, rows: rows), overwritable: whole)
  }

  /// A constant along short rows (the three channels of an image): written out for many rows, because a call for each row
  /// takes longer than its elements. EfficientNetB0's division of 224 x 224 x 3 elements: 0.97 ms by rows of 3.
  private func prepareRepeated(
    _ function: ck_binary_function, _ rows: StridedRows, _ request: StepRequest
  ) throws -> PreparedStep? {
    let count = request.results[0].elementCount
    guard let constant = request.constants[1]?.tensor, constant.elementCount == rows.rowCount,
      rows.rowCount < 64, rows.repeatsRow(of: 1),
      request.operands[0].elementCount == count
    else { return nil }
    let values = try [Float](constant)
    let repeats = max(1, 4096 / values.count)
    let pattern = (0..<repeats).flatMap { _ in values }
    return PreparedStep(
      step: PatternStep(function: function, pattern: pattern, count: count),
      operandLayouts: [.rowMajor, nil],
      resultLayouts: [.rowMajor], overwritable: [0])
  }

  /// A normalization by constant statistics: a factor and a summand for each channel, made in float64.
  func prepareAffine(_ axis: Int, _ epsilon: Double, _ request: StepRequest) throws -> PreparedStep? {
    let x = request.operands[0].sizes
    let parameters = request.constants.dropFirst().compactMap { $0?.tensor }
    guard parameters.count == 4 else { return nil }
    let values = try parameters.map { try $0.doubles() }
    let factor =
      x[axis] == 0 ? [] : (0..<x[axis]).map { values[0][$0] / (values[3][$0] + epsilon).squareRoot() }
    let offset = (0..<x[axis]).map { values[1][$0] - values[2][$0] * factor[$0] }
    let inner = x[(axis + 1)...].reduce(1, *)
    func spread(_ values: [Double]) -> [Float] {
      values.flatMap { Array(repeating: Float($0), count: inner) }
    }
    // Channels first: the pair is written out for every element of an image, unless that is too large to stay in cache.
    guard x[axis] * inner <= 1 << 14 || inner == 1 else { return nil }
    let step = AffineStep(
      scale: spread(factor), offset: spread(offset), rows: x[..<axis].reduce(1, *), columns: x[axis] * inner)
    return PreparedStep(
      step: step, operandLayouts: [.rowMajor, nil, nil, nil, nil], resultLayouts: [.rowMajor],
      overwritable: [0])
  }
}

extension Layout {
  /// Whether there is nothing but the elements, so that equal functions may go through them in any order.
  var isDense: Bool {
    switch self {
    case .rowMajor: true
    case .opaque(let layout): layout.isDense
    }
  }
}

/// A function of one element as the C kernels know it.
struct ElementFunction: Sendable {
  let function: ck_function
  var alpha: Float = 0
  var beta: Float = 0

  private init(_ function: ck_function, _ alpha: Double = 0, _ beta: Double = 0) {
    self.function = function
    self.alpha = Float(alpha)
    self.beta = Float(beta)
  }

  /// Nil for functions there is no kernel for.
  init?(_ function: UnaryFunction) {
    switch function {
    case .negate: self.init(ck_negate)
    case .absolute: self.init(ck_abs)
    case .square: self.init(ck_square)
    case .sqrt: self.init(ck_sqrt)
    case .reciprocal: self.init(ck_reciprocal)
    case .exp: self.init(ck_exp)
    case .tanh: self.init(ck_tanh)
    case .erf: self.init(ck_erf)
    case .sigmoid: self.init(ck_sigmoid)
    case .relu: self.init(ck_relu)
    case .leakyRelu(let slope): self.init(ck_leaky_relu, slope)
    case .elu(let alpha): self.init(ck_elu, alpha)
    case .selu: self.init(ck_selu)
    case .hardSigmoid(let alpha, let beta): self.init(ck_hard_sigmoid, alpha, beta)
    case .softsign: self.init(ck_softsign)
    case .gelu(approximate: false): self.init(ck_gelu)
    case .gelu(approximate: true): self.init(ck_gelu_tanh)
    case .swish: self.init(ck_swish)
    case .hardSwish: self.init(ck_hard_swish)
    case .mish: self.init(ck_mish)
    case .clip(let minimum, let maximum): self.init(ck_clip, minimum ?? -.infinity, maximum ?? .infinity)
    case .sign, .log, .expm1, .log1p, .floor, .ceil, .round, .truncate, .sin, .cos, .tan, .asin, .acos, .atan,
      .sinh,
      .cosh, .asinh, .acosh, .atanh, .softplus, .isNaN, .isInfinite, .logicalNot, .bitwiseNot:
      return nil
    }
  }

  /// Nil for functions of a cell there is no kernel for.
  init?(_ activation: RecurrentAttributes.Activation) {
    switch activation {
    case .linear: self.init(ck_identity)
    case .tanh: self.init(ck_tanh)
    case .sigmoid: self.init(ck_sigmoid)
    case .relu: self.init(ck_relu)
    case .softsign: self.init(ck_softsign)
    case .hardSigmoid(let alpha, let beta): self.init(ck_hard_sigmoid, alpha, beta)
    case .elu(let alpha): self.init(ck_elu, alpha)
    case .leakyRelu(let slope): self.init(ck_leaky_relu, slope)
    case .softplus: return nil
    }
  }
}

extension BinaryFunction {
  /// Nil for functions there is no kernel for.
  fileprivate var kernel: ck_binary_function? {
    switch self {
    case .add: ck_add
    case .subtract: ck_subtract
    case .multiply: ck_multiply
    case .divide: ck_divide
    case .maximum: ck_maximum
    case .minimum: ck_minimum
    case .power, .modulo, .remainder, .floorDivide, .atan2, .logicalAnd, .logicalOr, .logicalXor, .bitwiseAnd,
      .bitwiseOr,
      .bitwiseXor, .shiftLeft, .shiftRight:
      nil
    }
  }
}

private struct UnaryStep: Step {
  let function: ElementFunction
  let count: Int

  func run(_ memory: StepMemory) {
    let (x, y) = (ReadPointer(memory.floats(0)), SharedPointer(memory.floatResult(0)))
    parallel(count, grain: 1 << 14) { [function] range in
      let first = range.lowerBound
      ck_unary(
        function.function, function.alpha, function.beta, x.pointer + first, y.pointer + first, range.count)
    }
  }
}

private struct BinaryStep: Step {
  let function: ck_binary_function
  let rows: StridedRows

  func run(_ memory: StepMemory) {
    let (x, y) = (ReadPointer(memory.floats(0)), ReadPointer(memory.floats(1)))
    let z = SharedPointer(memory.floatResult(0))
    rows.forEach { [function, rows] row, offsets, range in
      let first = range.lowerBound
      ck_binary(
        function, x.pointer + offsets[0] + first * rows.steps[0], Int32(rows.steps[0]),
        y.pointer + offsets[1] + first * rows.steps[1], Int32(rows.steps[1]),
        z.pointer + row * rows.rowCount + first,
        range.count)
    }
  }
}

/// A function of each element and of one of a pattern that repeats.
private struct PatternStep: Step {
  let function: ck_binary_function
  let pattern: [Float]
  let count: Int

  func run(_ memory: StepMemory) {
    let (x, z) = (ReadPointer(memory.floats(0)), SharedPointer(memory.floatResult(0)))
    let blocks = (count + pattern.count - 1) / pattern.count
    parallel(blocks, grain: 4) { [self] range in
      for block in range {
        let first = block * pattern.count
        ck_binary(
          function, x.pointer + first, 1, pattern, 1, z.pointer + first, min(pattern.count, count - first))
      }
    }
  }
}

private struct AffineStep: Step {
  let scale: [Float]
  let offset: [Float]
  let rows: Int
  let columns: Int

  func run(_ memory: StepMemory) {
    let (x, y) = (ReadPointer(memory.floats(0)), SharedPointer(memory.floatResult(0)))
    parallel(rows, grain: max(1, (1 << 14) / columns)) { [self] range in
      let first = range.lowerBound * columns
      ck_affine(x.pointer + first, scale, offset, y.pointer + first, range.count, columns)
    }
  }
}
