import ModelIR

/// The buffers of a plan being made, and the steps that read and write them.
struct PlanBuffers {
  private enum Kind {
    case arena(byteCount: Int)
    case input(Int)
    case result(Int)
    case constant(Int)
    case box(Int)
  }

  private struct Buffer {
    var kind: Kind
    var firstStep: Int
    var lastStep: Int
  }

  private var buffers = [Buffer(kind: .arena(byteCount: 0), firstStep: 0, lastStep: 0)]
  private var operandBuffers: [Int] = []
  private var parts = PlanParts()

  /// A buffer that stands for an operand which is not read.
  static let none = 0

  // MARK: Buffers

  private mutating func add(_ kind: Kind) -> Int {
    buffers.append(Buffer(kind: kind, firstStep: parts.steps.count, lastStep: parts.steps.count))
    return buffers.count - 1
  }

  private mutating func addBox() -> Int {
    parts.boxCount += 1
    return parts.boxCount - 1
  }

  mutating func addInput(_ form: OperandForm) -> Int {
    parts.inputs.append(form)
    guard form.dtype == .string else {
      parts.inputBoxes.append(nil)
      return add(.input(parts.inputs.count - 1))
    }
    let box = addBox()
    parts.inputBoxes.append(box)
    return add(.box(box))
  }

  /// A buffer for a value that the next step writes.
  mutating func add(_ form: OperandForm) -> Int {
    add(form.dtype == .string ? .box(addBox()) : .arena(byteCount: form.byteCount))
  }

  /// - Parameter tensor: aligned, its bytes staying where they are.
  mutating func addConstant(_ tensor: Tensor, _ form: OperandForm) throws -> Int {
    parts.constants.append(try Plan.Constant(tensor))
    return add(.constant(parts.constants.count - 1))
  }

  /// Whether the plan owns the buffer's bytes and each run makes them anew.
  func isOverwritable(_ buffer: Int) -> Bool {
    if case .arena = buffers[buffer].kind { return buffer != PlanBuffers.none }
    return false
  }

  // MARK: Steps

  mutating func addStep(
    name: String, opName: String, _ step: any Step, operands: [Int], results: [Int], cost: StepCost
  ) {
    let index = parts.steps.count
    for buffer in operands + results { buffers[buffer].lastStep = index }
    parts.steps.append(
      Plan.PlannedStep(
        name: name, opName: opName, step: step, firstPlace: operandBuffers.count,
        operandCount: operands.count,
        cost: cost))
    parts.scratchByteCount = max(parts.scratchByteCount, step.scratchByteCount)
    operandBuffers += operands + results
  }

  /// The arena, with a place for every buffer.
  /// - Parameter writesResults: whether steps write outputs where they stay; their memory has the arena's alignment.
  mutating func laidOut(
    outputs: [(buffer: Int, form: OperandForm)], writesResults: Bool
  ) throws -> PlanParts {
    for (index, output) in outputs.enumerated() {
      buffers[output.buffer].lastStep = parts.steps.count
      if writesResults, case .arena(output.form.byteCount) = buffers[output.buffer].kind {
        buffers[output.buffer].kind = .result(index)
      }
    }
    var arena = ArenaLayout()
    // Buffers are in the order of their first steps already.
    let places: [Plan.Place] = buffers.map { buffer in
      switch buffer.kind {
      case .arena(let byteCount):
        .arena(arena.place(byteCount: byteCount, firstStep: buffer.firstStep, lastStep: buffer.lastStep))
      case .input(let index): .input(index)
      case .result(let index): .result(index)
      case .constant(let index): .constant(index)
      case .box(let index): .box(index)
      }
    }
    guard arena.byteCount <= PlanBuffers.largestArena else {
      throw KernelError("the values do not fit in memory")
    }
    parts.arenaByteCount = arena.byteCount
    parts.places = operandBuffers.map { places[$0] }
    // A table that is empty has no address; a plan without steps needs none.
    if parts.places.isEmpty { parts.places = [.arena(0)] }
    parts.outputs = outputs.map { Plan.Output(place: places[$0.buffer], form: $0.form) }
    return parts
  }

  private static let largestArena = 1 << 38
}

extension Plan.Constant {
  /// - Parameter tensor: aligned, its bytes staying where they are while it lives; strings are held as a box.
  init(_ tensor: Tensor) throws {
    guard tensor.dtype != .string, tensor.elementCount > 0 else {
      let box = TensorBox(tensor)
      self.init(tensor: tensor, address: UnsafeRawPointer(box.pointer), box: box)
      return
    }
    guard let address = try tensor.withBytes({ $0.baseAddress }) else {
      throw KernelError("a constant has no bytes")
    }
    self.init(tensor: tensor, address: address, box: nil)
  }
}

/// A tensor at an address: what the memory of a string value holds.
final class TensorBox: @unchecked Sendable {
  // Written by `init` alone.
  let pointer: UnsafeMutablePointer<Tensor?>

  init(_ tensor: Tensor) {
    pointer = .allocate(capacity: 1)
    pointer.initialize(to: tensor)
  }

  deinit {
    pointer.deinitialize(count: 1)
    pointer.deallocate()
  }
}
