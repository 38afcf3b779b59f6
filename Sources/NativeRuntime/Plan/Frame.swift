import ModelIR

/// The memory of one run of a plan: the arena, and for each step the addresses it works on.
///
/// A frame serves one run at a time and is used again by later ones.
final class Frame: @unchecked Sendable {
  // Used by one thread at a time: a plan hands it out and takes it back.
  private let arena: UnsafeMutableRawBufferPointer
  private let boxes: UnsafeMutableBufferPointer<Tensor?>
  private let addresses: UnsafeMutableBufferPointer<UnsafeMutableRawPointer>
  /// The address of the arena's first byte.
  private let base: UnsafeMutableRawPointer
  private let scratch: UnsafeMutableRawPointer

  init(_ plan: Plan) throws {
    let total = plan.arenaByteCount + plan.scratchByteCount + ArenaLayout.alignment
    arena = try MemoryBudget.process.allocate(total)
    guard let base = arena.baseAddress else { throw KernelError("no memory for the values") }
    self.base = base
    scratch = base + plan.arenaByteCount
    boxes = .allocate(capacity: plan.boxCount)
    boxes.initialize(repeating: nil)
    addresses = .allocate(capacity: plan.places.count)
    addresses.initialize(repeating: base)
    for (index, place) in plan.places.enumerated() { addresses[index] = try address(of: place, in: plan) }
  }

  deinit {
    boxes.deinitialize()
    boxes.deallocate()
    addresses.deallocate()
    MemoryBudget.process.deallocate(arena)
  }

  private func address(of place: Plan.Place, in plan: Plan) throws -> UnsafeMutableRawPointer {
    switch place {
    case .arena(let offset): return base + offset
    // Set for each run.
    case .input, .result: return base
    case .box(let index):
      guard let boxes = boxes.baseAddress else { throw KernelError("no strings") }
      return UnsafeMutableRawPointer(boxes + index)
    case .constant(let index): return UnsafeMutableRawPointer(mutating: plan.constants[index].address)
    }
  }

  /// Points every use of an input or output at its bytes, which stay where they are during the run.
  func setAddress(_ uses: [Int], to bytes: UnsafeMutableRawPointer) {
    for use in uses { addresses[use] = bytes }
  }

  func setBox(_ index: Int, _ tensor: Tensor?) { boxes[index] = tensor }
  func box(_ index: Int) -> Tensor? { boxes[index] }
  func arenaBytes(at offset: Int) -> UnsafeRawPointer { UnsafeRawPointer(base + offset) }

  func memory(of step: Plan.PlannedStep) -> StepMemory {
    // A step without operands and results does not exist: the table has an entry for it.
    StepMemory(
      pointers: UnsafePointer(addresses.baseAddress.unsafelyUnwrapped + step.firstPlace),
      operandCount: step.operandCount, scratch: scratch)
  }
}
