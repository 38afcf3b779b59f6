import Dispatch

/// The number of threads that kernels use.
enum ThreadLimit {
  /// Set by a session for the time of a run.
  @TaskLocal static var current: Int = processorCount
}

/// How many threads the kernels of a run may use.
enum Threads {
  @TaskLocal static var limit = processorCount
}

/// Runs `body` on consecutive ranges of `0 ..< count`, in parallel when a range is worth a thread.
func parallel(_ count: Int, grain: Int, _ body: @Sendable (Range<Int>) -> Void) {
  let threads = ThreadLimit.current
  let pieces = min((count - 1) / max(grain, 1) + 1, threads >= processorCount ? processorCount * 4 : threads)
  guard pieces > 1, threads > 1 else {
    if count > 0 { body(0..<count) }
    return
  }
  DispatchQueue.concurrentPerform(iterations: pieces) { piece in
    body((count * piece / pieces)..<(count * (piece + 1) / pieces))
  }
}

/// A pointer that threads may share because they write to different places.
struct SharedPointer<T>: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<T>
  init(_ pointer: UnsafeMutablePointer<T>) { self.pointer = pointer }
}

/// A pointer that threads only read.
struct ReadPointer<T>: @unchecked Sendable {
  let pointer: UnsafePointer<T>
  init(_ pointer: UnsafePointer<T>) { self.pointer = pointer }
}
