import CKernels
import ModelIR

/// A recurrent layer: the product of all inputs, then step after step that of the states.
///
/// No thread waits for another from step to step, unless the states' matrix is large. With 100 steps on 2 threads:
/// - 64 units, one row: 0.05 ms on one thread; a hand-over costs a tenth of that, up to 0.04 ms when the other sleeps.
/// - 512 units (two layers), one row: 9.5 ms on one thread, which is the time that 4 MB take from the third cache for
///   every step; each thread with half of the units, which meet after every step, takes half of it.
struct RecurrentStep: Step {
  let attributes: RecurrentAttributes
  let batch, steps, channels: Int
  let roles: RecurrentOperands<Int>
  let cell: ck_cell
  let act: ElementFunction
  let inputBias: [Float]
  /// Of a GRU that resets after the product.
  let recurrentBias: [Float]?
  let kernel: PackedConstant
  var recurrent: PackedConstant?
  /// Of a GRU that resets before the product: the columns of the candidate.
  var candidate: PackedConstant?

  var units: Int { attributes.units }
  var gates: Int { attributes.gateCount * units }
  var name: String { "packed product, \(attributes.name)" }

  /// The products of all inputs; for each row the products of its state, its states before the step, and its output.
  var scratchByteCount: Int { 4 * batch * (steps * gates + gates + 3 * units) + 64 }

  func run(_ memory: StepMemory) throws {
    let projected = SharedPointer(memory.scratch.assumingMemoryBound(to: Float.self))
    project(ReadPointer(memory.floats(roles.x)), to: projected)
    let run = RecurrentRun(self, memory, projected.pointer)
    run.setStates()
    let teamSize = sharedUnits(ThreadLimit.current)
    if teamSize > 1 {
      var barrier = ck_barrier()
      withUnsafeMutablePointer(to: &barrier) { barrier in
        let barrier = SharedPointer(barrier)
        team(teamSize) { member, count in
          let share = Range(member, of: count, units)
          run.walk(0..<batch, share) { ck_barrier_wait(barrier.pointer, Int32(count)) }
        }
      }
    } else {
      // Up to four rows take as long as one: what takes the time is the matrix on its way to the registers.
      parallel(batch, grain: 4) { rows in
        if run.mask == nil { run.walk(rows, 0..<units) {} } else { run.walkMasked(rows) }
      }
    }
  }

  /// The gates' part of all inputs of all steps at once.
  private func project(_ x: ReadPointer<Float>, to projected: SharedPointer<Float>) {
    // A range that another thread takes is worth 10 microseconds and more.
    parallel(batch * steps, grain: max(8, (1 << 20) / (channels * gates))) { [self] range in
      let first = range.lowerBound
      ck_packed_product(
        x.pointer + first * channels, channels, range.count, kernel.floats, channels, gates, inputBias,
        projected.pointer + first * gates, gates, ck_product_mode(0))
    }
  }

  /// How many threads share the units of every step: where a step is worth several meetings of theirs, and each has whole
  /// panels of each gate.
  private func sharedUnits(_ threads: Int) -> Int {
    guard threads > 1, roles.mask == nil, candidate == nil, 4 * units * gates >= 1 << 18,
      units % (threads * Int(ck_panel_width)) == 0
    else { return 1 }
    return threads
  }
}

extension Range<Int> {
  /// One of `count` shares of `total`, in whole panels where those can be shared.
  fileprivate init(_ member: Int, of count: Int, _ total: Int) {
    let panel = Int(ck_panel_width)
    let panels = (total + panel - 1) / panel
    self =
      Swift.min(
        panels * member / count * panel, total)..<Swift.min(panels * (member + 1) / count * panel, total)
  }
}

extension PackedConstant {
  var floats: UnsafePointer<Float> { pointer.assumingMemoryBound(to: Float.self) }
}
