import ModelIR

/// The plain kernels, which can do everything: tensors in, tensors out, copied to where the plan wants them.
struct ReferenceBackend: Backend {
  func prepare(_ request: StepRequest) throws -> PreparedStep? {
    PreparedStep(
      step: ReferenceStep(op: request.op, operands: request.operands, results: request.results),
      operandLayouts: request.operands.map { _ in .rowMajor },
      resultLayouts: request.results.map { _ in .rowMajor })
  }
}

private struct ReferenceStep: Step {
  let op: Op
  let operands: [OperandForm]
  let results: [OperandForm]

  func run(_ memory: StepMemory) throws {
    var tensors: [Tensor] = []
    for (index, form) in operands.enumerated() { tensors.append(try tensor(memory.operand(index), form)) }
    let values = try ReferenceKernels.evaluate(op, tensors, results: results)
    for (index, form) in results.enumerated() { try values[index].copy(to: memory.result(index), form) }
  }

  private func tensor(_ address: UnsafeRawPointer, _ form: OperandForm) throws -> Tensor {
    guard form.dtype == .string else {
      return try Tensor(form.with(.rowMajor), at: address)
    }
    guard let tensor = address.assumingMemoryBound(to: Tensor?.self).pointee else {
      throw KernelError("a string operand has no value")
    }
    return tensor
  }
}
