import COneDNN
import Dispatch

/// The number of threads that kernels use.
enum ThreadLimit {
  /// Set by a session for the time of a run.
  @TaskLocal static var current: Int = processorCount
}

/// Runs `body` on consecutive ranges of `0 ..< count`, in parallel when a range is worth a thread.
///
/// There is one pool: oneDNN's, once it is loaded, so that its kernels and these never compete for cores. The ranges
/// depend on the count and the number of threads alone.
func parallel(_ count: Int, grain: Int, _ body: @Sendable (Range<Int>) -> Void) {
  let threads = ThreadLimit.current
  let pieces = min((count - 1) / max(grain, 1) + 1, threads)
  guard pieces > 1 else {
    if count > 0 { body(0..<count) }
    return
  }
  @Sendable func run(_ piece: Int) { body((count * piece / pieces)..<(count * (piece + 1) / pieces)) }
  guard kdnn_has_pool() != 0 else { return DispatchQueue.concurrentPerform(iterations: pieces, execute: run) }
  withoutActuallyEscaping(run) { run in
    var call: (Int) -> Void = run
    withUnsafeMutablePointer(to: &call) { pointer in
      kdnn_parallel(
        Int32(pieces),
        { context, piece in context?.assumingMemoryBound(to: ((Int) -> Void).self).pointee(Int(piece)) },
        pointer)
    }
  }
}

/// Runs `body` on several threads of the pool at the same time, so that they may wait for one another: with a member's
/// number and how many there are, which is one where the pool has no more to give.
func team(_ size: Int, _ body: @Sendable (_ member: Int, _ count: Int) -> Void) {
  withoutActuallyEscaping(body) { body in
    var call: (Int, Int) -> Void = body
    withUnsafeMutablePointer(to: &call) { pointer in
      kdnn_team(
        Int32(size),
        { context, member, count in
          context?.assumingMemoryBound(to: ((Int, Int) -> Void).self).pointee(Int(member), Int(count))
        }, pointer)
    }
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
