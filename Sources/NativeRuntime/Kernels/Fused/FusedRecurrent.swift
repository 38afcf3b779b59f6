import CKernels
import ModelIR

extension FusedBackend {
  /// LSTM, GRU and simple RNN with constant kernels: one packed product of all gates a step, the products of the inputs of
  /// all steps at once.
  func prepareRecurrent(_ attributes: RecurrentAttributes, _ request: StepRequest) throws -> PreparedStep? {
    let roles = attributes.byRole(Array(request.operands.indices))
    let isFloat = request.operands.indices.allSatisfy {
      $0 == roles.mask || request.operands[$0].dtype == .float32
    }
    guard isFloat, let act = ElementFunction(attributes.activation),
      let gate = ElementFunction(attributes.recurrentActivation),
      let kernel = request.constants[roles.kernel], let recurrent = request.constants[roles.recurrentKernel],
      roles.bias.map({ request.constants[$0] != nil }) ?? true
    else { return nil }
    // The cells' kernels take a new state's function without parameters.
    guard act.isPlain else { return nil }
    let sizes = request.operands[0].sizes
    let units = attributes.units
    let gates = attributes.gateCount * units
    let bias = try roles.bias.flatMap { request.constants[$0] }.map { try [Float]($0.tensor) }
    var step = RecurrentStep(
      attributes: attributes, batch: sizes[0], steps: sizes[1], channels: sizes[2], roles: roles,
      cell: ck_cell(gate: gate.function, alpha: gate.alpha, beta: gate.beta, act: act.function), act: act,
      inputBias: bias.map { Array($0.prefix(gates)) } ?? Array(repeating: 0, count: gates),
      recurrentBias: bias.flatMap { $0.count > gates ? Array($0[gates...]) : nil },
      kernel: try request.packed(kernel, columns: 0..<gates))
    if attributes.cell == .gru(resetAfter: false) {
      step.recurrent = try request.packed(recurrent, columns: 0..<(2 * units))
      step.candidate = try request.packed(recurrent, columns: (2 * units)..<gates)
    } else {
      step.recurrent = try request.packed(recurrent, columns: 0..<gates)
    }
    var layouts: [Layout?] = request.operands.map { _ in .rowMajor }
    for index in [roles.kernel, roles.recurrentKernel] { layouts[index] = nil }
    if let bias = roles.bias { layouts[bias] = nil }
    return PreparedStep(
      step: step, operandLayouts: layouts, resultLayouts: request.results.map { _ in .rowMajor })
  }
}

extension ElementFunction {
  /// Whether the function is what it is without its parameters, or with 1 for the first.
  fileprivate var isPlain: Bool {
    function != ck_hard_sigmoid && function != ck_leaky_relu && (alpha == 0 || alpha == 1)
  }
}

extension StepRequest {
  /// Some columns of a constant matrix, in the panels of the packed product.
  fileprivate func packed(_ matrix: PlanConstant, columns: Range<Int>) throws -> PackedConstant {
    let (rows, all) = (matrix.tensor.sizes[0], matrix.tensor.sizes[1])
    let form = [UInt8]("panels \(columns)".utf8)
    return try store.packed(matrix, form: form, byteCount: 4 * ck_packed_count(rows, columns.count)) {
      target in
      let tensor = columns.count == all ? matrix.tensor : try matrix.tensor.columns(columns)
      let values = try [Float](tensor)
      ck_pack(values, rows, columns.count, target.assumingMemoryBound(to: Float.self))
      matrix.tensor.storage.releasePages()
    }
  }
}
