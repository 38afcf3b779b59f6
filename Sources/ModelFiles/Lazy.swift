#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A value that is computed when it is first asked for and kept from then on; safe from several threads.
package final class Lazy<Value: Sendable>: @unchecked Sendable {
  // Guarded by the mutex, which has a fixed address for its life.
  private var kept: Value?
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

  package init() {
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  /// The value; others who ask meanwhile wait. A failure is thrown and not kept.
  package func value<E: Error>(_ make: () throws(E) -> Value) throws(E) -> Value {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    if let kept { return kept }
    let made = try make()
    kept = made
    return made
  }

  /// Runs `body` while no other thread runs one on this object.
  package func guarded<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body()
  }

  /// The value if it has been computed.
  package var existing: Value? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return kept
  }
}
