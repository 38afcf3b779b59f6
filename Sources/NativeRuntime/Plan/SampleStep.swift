import COneDNN
import ModelIR

/// The first part of a graph, sample by sample: a plan for one, run for each, by as many threads as there are.
struct SampleStep: Step {
  /// The plan for one sample on one thread.
  let plan: Plan
  let count: Int
  private let threads: Int
  /// For each operand and result the bytes from one sample to the next; 0 for an operand without samples.
  private let operandSteps, resultSteps: [Int]

  /// - Parameters:
  ///   - operands: the sizes of the graph's inputs.
  init(
    _ split: SampleSplit, _ graph: Graph, operands: [[Int]], bindings: [String: Dimension],
    options: RuntimeOptions, store: ConstantStore
  ) throws {
    (count, threads) = (split.count, options.threads)
    var single = options
    single.threads = 1
    let part = split.graph(graph)
    let sizes = zip(graph.inputs, operands).map { split.sizes($1, of: $0, sampleCount: 1) }
    plan = try Planner.plan(part, sizes: sizes, samples: (split, bindings), options: single, store: store)
    kdnn_set_threads(Int32(options.threads))
    operandSteps = zip(graph.inputs, plan.inputs).map {
      split.sampled.contains($0.index) ? $1.byteCount : 0
    }
    resultSteps = plan.outputs.map(\.form.byteCount)
  }

  func run(_ memory: StepMemory) throws {
    let addresses = SampleAddresses(memory: memory)
    let failure = Locked<(any Error)?>(nil)
    let cancellation = Cancellation.current
    // What the threads of the pool do not inherit.
    parallel(count, grain: 1) { samples in
      ThreadLimit.$current.withValue(1) {
        Cancellation.$current.withValue(cancellation) {
          do { for sample in samples { try run(sample, addresses.memory) } } catch {
            failure.withLock { $0 = error }
          }
        }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }

  private func run(_ sample: Int, _ memory: StepMemory) throws {
    try plan.run(
      operandSteps.enumerated().map { memory.operand($0) + sample * $1 },
      results: resultSteps.enumerated().map { memory.result($0) + sample * $1 })
  }
}

/// The addresses of a step's memory, of which every thread uses the samples it was given.
private struct SampleAddresses: @unchecked Sendable {
  let memory: StepMemory
}
