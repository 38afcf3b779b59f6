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

  /// Removes every file of the table; may be called from a signal handler.
  package static func removeAll() {
    for index in 0..<capacity {
      if let path = paths[index] { unlink(path) }
    }
  }

  /// Lets INT, TERM and HUP remove the files before they end the process as they always do; for commands. A signal that
  /// is ignored stays so.
  package static func removeOnSignals() {
    _ = paths
    cs_on_ending_signals { number in
      Leftovers.removeAll()
      signal(number, SIG_DFL)
      raise(number)
    }
  }
}
