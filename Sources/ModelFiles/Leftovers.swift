import CSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The files that would be left behind if the process ended now, in a form that a signal handler may read.
package enum Leftovers {
  /// A place in the table.
  package struct Entry: Sendable { fileprivate let index: Int }

  private static let capacity = 64

  /// Paths as C strings. An entry is written whole, and a string is never freed, so that a handler that interrupts
  /// anything here finds either nothing or a path.
  nonisolated(unsafe) private static let paths: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> = {
    let paths = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: capacity)
    paths.initialize(repeating: nil, count: capacity)
    return paths
  }()
  private static let lock = Lazy<Bool>()

  /// Notes a path before there is a file; nil when the table is full, which loses no more than the tidying up.
  static func add(_ path: String) -> Entry? {
    lock.guarded {
      guard let index = (0..<capacity).first(where: { paths[$0] == nil }) else { return nil }
      paths[index] = strdup(path)
      return Entry(index: index)
    }
  }

  static func forget(_ entry: Entry) { lock.guarded { paths[entry.index] = nil } }

  /// How many threads are giving files their names, and the signal that came meanwhile. A signal handler reads and writes
  /// these, so that they are plain memory.
  nonisolated(unsafe) private static let held: UnsafeMutablePointer<Int32> = {
    let held = UnsafeMutablePointer<Int32>.allocate(capacity: 2)
    held.initialize(repeating: 0, count: 2)
    return held
  }()

  /// Whether files that belong together are getting their names now: a signal handler that ends the process waits.
  package static var areSignalsHeld: Bool { held[0] > 0 }

  /// Runs what gives files that belong together their names, while signals of ``removeOnSignals()`` wait for its end.
  static func holdingSignals<E: Error>(_ body: () throws(E) -> Void) throws(E) {
    lock.guarded { held[0] += 1 }
    defer {
      lock.guarded { held[0] -= 1 }
      if held[0] == 0, held[1] != 0 { end(held[1]) }
    }
    try body()
  }

  /// Ends the process by a signal as it does without a handler.
  private static func end(_ number: Int32) {
    removeAll()
    signal(number, SIG_DFL)
    raise(number)
  }

  /// Removes every file of the table; may be called from a signal handler.
  package static func removeAll() {
    for index in 0..<capacity {
      if let path = paths[index] { unlink(path) }
    }
  }

  /// Lets INT, TERM and HUP remove the files before they end the process as they always do; for commands. A signal that
  /// is ignored stays so.
  package static func removeOnSignals() {
    _ = (paths, held)
    cs_on_ending_signals { number in
      if Leftovers.held[0] > 0 { Leftovers.held[1] = number } else { Leftovers.end(number) }
    }
  }
}
