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
  /// The memory of all values of a run, and of kernels' scratch.
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
    let steps = zip(plan.steps, times.shortest).map { step, nanoseconds in
      Profile.Step(
        name: step.name, op: step.opName, kernel: step.step.name, nanoseconds: nanoseconds,
        operations: step.cost.operations, bytes: step.cost.bytes)
    }
    return Profile(steps: steps, arenaByteCount: plan.arenaByteCount + plan.scratchByteCount)
  }
}
