import CKernels
import Dispatch

/// The threads on which awaited runs compute, as many as there are cores.
///
/// A run may take seconds; Swift's own threads, on which every task of the program takes its turn, must not be held that
/// long.
final class RunThreads: Sendable {
  typealias Job = @Sendable () -> Void

  static let shared = RunThreads(limit: processorCount)

  private struct State {
    /// What waits, the next one last.
    var jobs: [Job] = []
    var threads = 0
    /// Threads that wait for a job.
    var idle = 0
  }

  private let limit: Int
  private let state = Locked(State())
  private let arrivals = DispatchSemaphore(value: 0)

  init(limit: Int) { self.limit = limit }

  /// Runs a job on one of the threads, in turn; on this one where the system gives none.
  func submit(_ job: @escaping Job) {
    let isNeeded = state.withLock { state -> Bool in
      state.jobs.insert(job, at: 0)
      guard state.jobs.count > state.idle, state.threads < limit else { return false }
      state.threads += 1
      return true
    }
    if isNeeded, !start() {
      let isAlone = state.withLock { state -> Bool in
        state.threads -= 1
        return state.threads == 0
      }
      if isAlone { return next()?() ?? () }
    }
    arrivals.signal()
  }

  private func start() -> Bool {
    let threads = Unmanaged.passRetained(self)
    let body: @convention(c) (UnsafeMutableRawPointer?) -> Void = { context in
      guard let context else { return }
      Unmanaged<RunThreads>.fromOpaque(context).takeRetainedValue().work()
    }
    if ck_thread_start(body, threads.toOpaque()) != 0 { return true }
    threads.release()
    return false
  }

  /// Takes jobs for as long as the program runs.
  private func work() -> Never {
    while true {
      state.withLock { $0.idle += 1 }
      arrivals.wait()
      state.withLock { $0.idle -= 1 }
      next()?()
    }
  }

  private func next() -> Job? { state.withLock { $0.jobs.popLast() } }
}

/// Whether the run that is going on is still wanted.
package final class Cancellation: Sendable {
  /// That of this thread's run; nil for one that cannot be cancelled.
  @TaskLocal package static var current: Cancellation?

  private let flag = Locked(false)

  package var isCancelled: Bool { flag.withLock { $0 } }
  func cancel() { flag.withLock { $0 = true } }

  /// - Throws: `CancellationError` when nobody waits for this thread's run any more.
  static func check() throws { if current?.isCancelled ?? false { throw CancellationError() } }
}

/// Computes something on ``RunThreads``; where the task is cancelled, ``Cancellation/check()`` ends the work at its next
/// step.
/// - Throws: what `body` throws, and `CancellationError`.
package func offPool<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
  let cancellation = Cancellation()
  return try await withTaskCancellationHandler {
    try await withCheckedThrowingContinuation { continuation in
      RunThreads.shared.submit {
        let result = Cancellation.$current.withValue(cancellation) {
          Result {
            try Cancellation.check()
            return try body()
          }
        }
        // What a step made of the cancellation on its way is the cancellation still.
        continuation.resume(with: result.mapError { cancellation.isCancelled ? CancellationError() : $0 })
      }
    }
  } onCancel: {
    cancellation.cancel()
  }
}
