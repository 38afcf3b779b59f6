import ModelIR

/// Loops over time: the body has a plan of its own, made once, whose steps work on the caller's memory.
struct ScanBackend: Backend {
  func prepare(_ request: StepRequest) throws -> PreparedStep? {
    guard case .scan(let attributes) = request.op else { return nil }
    guard !(request.operands + request.results).contains(where: { $0.dtype == .string }) else {
      throw KernelError("a loop over strings")
    }
    let step = try ScanStep(attributes, request)
    return PreparedStep(
      step: step, operandLayouts: request.operands.map { _ in .rowMajor },
      resultLayouts: request.results.map { _ in .rowMajor })
  }
}

private struct ScanStep: Step {
  private let body: PlanCache
  private let plan: Plan
  private let attributes: ScanAttributes
  private let operands: [OperandForm]
  private let results: [OperandForm]
  private let batch: Int
  private let steps: Int

  init(_ attributes: ScanAttributes, _ request: StepRequest) throws {
    self.attributes = attributes
    operands = request.operands
    results = request.results
    let sequence = request.operands[attributes.stateCount].sizes
    (batch, steps) = (sequence[0], sequence[1])
    body = PlanCache(attributes.body.graph, options: request.options)
    plan = try body.plan(
      operands.enumerated().map { index, form in
        index < attributes.stateCount ? form.sizes : Array(form.sizes[..<1] + form.sizes[2...])
      })
    guard steps > 0 || results.count == attributes.stateCount else {
      throw KernelError("a loop over no steps")
    }
  }

  func run(_ memory: StepMemory) throws {
    var states = try (0..<attributes.stateCount).map { try Tensor(operands[$0], at: memory.operand($0)) }
    for step in 0..<steps {
      let time = attributes.reverse ? steps - 1 - step : step
      let slices = try (attributes.stateCount..<operands.count).map {
        try slice(memory.operand($0), operands[$0], time)
      }
      let values = try plan.run(states + slices)
      states = Array(values[..<attributes.stateCount])
      for index in attributes.stateCount..<results.count {
        try place(values[index], memory.result(index), results[index], time)
      }
    }
    for (index, state) in states.enumerated() { try state.copy(to: memory.result(index), results[index]) }
  }

  /// One step of a sequence: the bytes where they are for a batch of one, else a copy.
  private func slice(_ bytes: UnsafeRawPointer, _ form: OperandForm, _ time: Int) throws -> Tensor {
    let sizes = Array(form.sizes[..<1] + form.sizes[2...])
    let count = form.sizes[2...].reduce(form.dtype.byteCount, *)
    let step = OperandForm(dtype: form.dtype, sizes: sizes)
    if batch == 1 { return try Tensor(step, at: bytes + time * count) }
    let storage = try MemoryStorage(byteCount: batch * count) { target in
      guard let target = target.baseAddress else { return }
      for row in 0..<batch {
        (target + row * count).copyMemory(from: bytes + (row * steps + time) * count, byteCount: count)
      }
    }
    return try Tensor(dtype: form.dtype, sizes: sizes, storage: storage)
  }

  /// Puts a result of one step where it belongs in the sequence of results.
  private func place(_ value: Tensor, _ target: UnsafeMutableRawPointer, _ form: OperandForm, _ time: Int)
    throws
  {
    let count = form.sizes[2...].reduce(form.dtype.byteCount, *)
    guard value.dtype == form.dtype, value.byteCount == batch * count else {
      throw KernelError("a loop's result has shape \(value.sizes) at step \(time); expected \(form.sizes)")
    }
    try value.withBytes { bytes in
      guard let source = bytes.baseAddress else { return }
      for row in 0..<batch {
        (target + (row * steps + time) * count).copyMemory(from: source + row * count, byteCount: count)
      }
    }
  }
}
