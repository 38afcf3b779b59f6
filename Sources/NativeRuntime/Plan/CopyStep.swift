/// Copies a value's bytes, whatever their layout.
struct CopyStep: Step {
  let byteCount: Int

  func run(_ memory: StepMemory) {
    memory.result(0).copyMemory(from: memory.operand(0), byteCount: byteCount)
  }
}
