import CHDF5

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The functions and identifiers of libhdf5 by their names there: `H5.Fclose`. Valid within ``HDF5Library/locked(_:)``,
/// which loads the library.
var H5: chdf5_library { chdf5_library().pointee }

/// libhdf5, used by one thread at a time: the library keeps its state in global variables without locks.
enum HDF5Library {
  private final class Lock: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    init() { pthread_mutex_init(mutex, nil) }
    func lock() { pthread_mutex_lock(mutex) }
    func unlock() { pthread_mutex_unlock(mutex) }
  }

  private static let lock = Lock()

  /// Runs `body` while no other thread uses the library, and with its printing of errors off.
  /// - Throws: ``HDF5Error/Reason/unsupported(_:)`` when the library is not there, and what `body` throws.
  static func locked<R>(_ body: () throws(HDF5Error) -> R) throws(HDF5Error) -> R {
    try guarded { () throws(HDF5Error) in
      if let problem { throw HDF5Error(.unsupported(problem)) }
      return try body()
    }
  }

  /// Runs `body` while no other thread uses the library, which need not be loaded.
  static func guarded<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    lock.lock()
    defer { lock.unlock() }
    return try body()
  }

  /// Loads the library; what is in the way of it, or nil. To be called by one thread at a time.
  static var problem: String? {
    if let problem = chdf5_load() { return String(cString: problem) }
    chdf5_mute()
    return nil
  }

  /// What the library says about the call that has just failed.
  static func message() -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      guard let start = buffer.baseAddress else { return "" }
      chdf5_message(start)
      return String(cString: start)
    }
  }
}

/// An identifier of libhdf5, closed when it goes out of use.
struct Handle: ~Copyable {
  let id: hid_t
  private let close: @convention(c) (hid_t) -> herr_t

  /// Takes over what an opening call returned; throws if the call failed.
  init(
    _ id: hid_t, closing close: @convention(c) (hid_t) -> herr_t, what: String
  ) throws(HDF5Error) {
    guard id >= 0 else {
      let message = HDF5Library.message()
      throw HDF5Error(.corrupted(message.isEmpty ? what : "\(what): \(message)"))
    }
    self.id = id
    self.close = close
  }

  /// Gives the identifier up without closing it.
  consuming func leaveOpen() { discard self }

  deinit { _ = close(id) }
}
