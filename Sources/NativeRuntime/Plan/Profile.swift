package import ModelIR

/// Where the time of a forward pass goes, step by step.
package struct Profile: Sendable {
  package struct Step: Sendable {
    /// The node's name.
    package let name: String
    /// The operation.
    package let op: String
    /// The kernel that computes it: `brgconv:avx512_core`.
    package let kernel: String
    /// The shortest time of all runs.
    package var nanoseconds: UInt64
    /// Multiplications and additions.
    package let operations: Int
    /// The bytes of operands and results.
    package let bytes: Int
  }

  package let steps: [Step]
  /// The memory of all values of a run, outputs included, and of kernels' scratch.
  package let arenaByteCount: Int
}

/// Notes the shortest time of every step.
final class StepTimes: StepObserver {
  private let clock = ContinuousClock()
  private var started: ContinuousClock.Instant
  private(set) var shortest: [UInt64]

  init(count: Int) {
    started = clock.now
    shortest = Array(repeating: .max, count: count)
  }

  func willRun(_ step: Int) { started = clock.now }

  func didRun(_ step: Int) {
    let (seconds, attoseconds) = started.duration(to: clock.now).components
    shortest[step] = min(
      shortest[step], UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000))
  }
}

extension Session {
  /// Runs the model several times and times each step.
  /// - Throws: ``RuntimeError``.
  package func profile(_ inputs: [String: Tensor], runs: Int) throws(RuntimeError) -> Profile {
    let operands = try operands(inputs)
    let plan = try plan(operands)
    let times = StepTimes(count: plan.steps.count)
    for _ in 0..<max(runs, 1) { _ = try results(operands, observer: times) }
    var steps: [Profile.Step] = []
    for (step, nanoseconds) in zip(plan.steps, times.shortest) {
      if let samples = step.step as? SampleStep {
        steps += try samples.profile(total: nanoseconds, runs: runs)
      } else {
        steps.append(Profile.Step(step, nanoseconds: nanoseconds))
      }
    }
    return Profile(
      steps: steps, arenaByteCount: plan.arenaByteCount + plan.scratchByteCount + plan.resultByteCount)
  }
}

extension Profile.Step {
  fileprivate init(_ step: Plan.PlannedStep, nanoseconds: UInt64, count: Int = 1) {
    let cost = step.cost * count
    self.init(
      name: step.name, op: step.opName, kernel: step.step.name, nanoseconds: nanoseconds,
      operations: cost.operations, bytes: cost.bytes)
  }
}

extension SampleStep {
  /// What took the time of a run: the steps for one sample, timed by themselves on zeros, each with its share of the whole.
  fileprivate func profile(total: UInt64, runs: Int) throws(RuntimeError) -> [Profile.Step] {
    let times = StepTimes(count: plan.steps.count)
    let inputs = plan.inputs.map { UnsafeMutableRawPointer.zeros(byteCount: $0.byteCount) }
    let results = plan.outputs.map { UnsafeMutableRawPointer.zeros(byteCount: $0.form.byteCount) }
    defer { for pointer in inputs + results { pointer.deallocate() } }
    let outcome = ThreadLimit.$current.withValue(1) {
      Result { () throws(RuntimeError) in
        for _ in 0..<max(runs, 1) {
          try plan.run(inputs.map { UnsafeRawPointer($0) }, results: results, observer: times)
        }
      }
    }
    try outcome.get()
    let sum = max(times.shortest.reduce(0, +), 1)
    return zip(plan.steps, times.shortest).map { step, nanoseconds in
      let share = Double(total) * Double(nanoseconds) / Double(sum)
      return Profile.Step(step, nanoseconds: UInt64(share), count: count)
    }
  }
}

extension UnsafeMutableRawPointer {
  fileprivate static func zeros(byteCount: Int) -> UnsafeMutableRawPointer {
    let pointer = allocate(byteCount: max(byteCount, 64), alignment: 64)
    pointer.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    return pointer
  }
}
