import ModelIR

/// The steps that a mask keeps, row by row: at the others the states stay, and the output repeats or is zero.
struct MaskedRecurrentStep: Step {
  private let weights: RecurrentWeights
  private let primitives: [(length: Int, primitive: OneDNNPrimitive)]
  private let x, mask: Int
  private let states: [Int]
  private let batch, steps, stepByteCount, stateByteCount, stateCount, statesOffset: Int
  private let isReversed, zeroesOutput: Bool

  init(
    _ attributes: RecurrentAttributes, _ weights: RecurrentWeights,
    _ primitives: [(length: Int, primitive: OneDNNPrimitive)], x: Int, mask: Int, states: [Int],
    _ sizes: [Int]
  ) {
    (self.weights, self.primitives) = (weights, primitives)
    (self.x, self.mask, self.states) = (x, mask, states)
    (batch, steps, stepByteCount) = (sizes[0], sizes[1], 4 * sizes[2])
    (stateByteCount, stateCount) = (4 * attributes.units, attributes.cell == .lstm ? 2 : 1)
    (isReversed, zeroesOutput) = (attributes.reverse, attributes.zeroOutputForMask)
    let scratch = primitives.map(\.primitive.scratchByteCount).max() ?? 0  // No steps, nothing to keep.
    statesOffset = (scratch + 63) / 64 * 64
  }

  var name: String { primitives.last?.primitive.name ?? "" }  // No steps, nothing to name.
  /// The primitives', the states before and after a call, and the inputs and outputs of the kept steps.
  var scratchByteCount: Int {
    statesOffset + 2 * stateCount * stateByteCount + steps * (stepByteCount + stateByteCount)
  }

  func run(_ memory: StepMemory) throws {
    for row in 0..<batch {
      let (old, new) = (
        memory.scratch + statesOffset, memory.scratch + statesOffset + stateCount * stateByteCount
      )
      let inputs = new + stateCount * stateByteCount
      let outputs = inputs + steps * stepByteCount
      setStates(old, row, memory)
      var kept = 0
      for place in places(row) where isKept(place, memory) {
        (inputs + kept * stepByteCount).copyMemory(
          from: memory.operand(x) + place * stepByteCount, byteCount: stepByteCount)
        kept += 1
      }
      let last = try walk(kept, inputs, outputs, (old, new), memory)
      for state in 0..<stateCount {
        (memory.result(2 + state) + row * stateByteCount).copyMemory(
          from: last + state * stateByteCount, byteCount: stateByteCount)
      }
      spread(outputs, row, memory)
    }
  }

  /// The steps of a row in the order in which they are gone through.
  private func places(_ row: Int) -> StrideTo<Int> {
    isReversed
      ? stride(from: (row + 1) * steps - 1, to: row * steps - 1, by: -1)
      : stride(from: row * steps, to: (row + 1) * steps, by: 1)
  }

  private func isKept(_ place: Int, _ memory: StepMemory) -> Bool {
    memory.operand(mask).load(fromByteOffset: place, as: Bool.self)
  }

  private func setStates(_ target: UnsafeMutableRawPointer, _ row: Int, _ memory: StepMemory) {
    for state in 0..<stateCount {
      let place = target + state * stateByteCount
      if states.isEmpty {
        place.initializeMemory(as: UInt8.self, repeating: 0, count: stateByteCount)
      } else {
        place.copyMemory(
          from: memory.operand(states[state]) + row * stateByteCount, byteCount: stateByteCount)
      }
    }
  }

  /// Goes through the kept steps.
  /// - Returns: where the last states are.
  private func walk(
    _ count: Int, _ inputs: UnsafeMutableRawPointer, _ outputs: UnsafeMutableRawPointer,
    _ states: (UnsafeMutableRawPointer, UnsafeMutableRawPointer), _ memory: StepMemory
  ) throws -> UnsafeMutableRawPointer {
    var (old, new) = states
    var done = 0
    try withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: 1 + 2 * stateCount) { others in
      others[0] = weights.recurrent.pointer
      for (length, primitive) in primitives {
        while count - done >= length {
          for state in 0..<stateCount {
            others[1 + state] = UnsafeRawPointer(new + state * stateByteCount)
            others[1 + stateCount + state] = UnsafeRawPointer(old + state * stateByteCount)
          }
          try weights.run(
            primitive, inputs + done * stepByteCount, outputs + done * stateByteCount,
            UnsafePointer(others.baseAddress), scratch: memory.scratch)
          (old, new) = (new, old)
          done += length
        }
      }
    }
    return old
  }

  /// Puts the outputs of the kept steps where they belong, and what there is at the others.
  private func spread(_ outputs: UnsafeMutableRawPointer, _ row: Int, _ memory: StepMemory) {
    let last = memory.result(1) + row * stateByteCount
    last.initializeMemory(as: UInt8.self, repeating: 0, count: stateByteCount)
    var kept = 0
    for place in places(row) {
      if isKept(place, memory) {
        last.copyMemory(from: outputs + kept * stateByteCount, byteCount: stateByteCount)
        kept += 1
      } else if zeroesOutput {
        last.initializeMemory(as: UInt8.self, repeating: 0, count: stateByteCount)
      }
      (memory.result(0) + place * stateByteCount).copyMemory(from: last, byteCount: stateByteCount)
    }
  }
}
