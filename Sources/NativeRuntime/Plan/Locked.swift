import Dispatch

/// A value that several threads change, one at a time.
final class Locked<Value>: @unchecked Sendable {
  // Touched only while the semaphore is held; bodies call nothing that locks.
  private var value: Value
  private let turn = DispatchSemaphore(value: 1)

  init(_ value: Value) { self.value = value }

  func withLock<R>(_ body: (inout Value) throws -> R) rethrows -> R {
    turn.wait()
    defer { turn.signal() }
    return try body(&value)
  }
}
