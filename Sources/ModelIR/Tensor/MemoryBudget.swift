#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How many bytes the tensors of this process may hold in memory together: what the machine has free, or less.
///
/// An allocation beyond it is an error, as is one that the system refuses. Mapped files do not count.
package final class MemoryBudget: @unchecked Sendable {
  // Guarded by the mutex, which has a fixed address for its life.
  private var limit: Int
  private var used = 0
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

  /// The process's budget; at first nine tenths of the memory that is free.
  package static let process = MemoryBudget(limit: freeByteCount() / 10 * 9)

  package init(limit: Int) {
    self.limit = limit
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  private func locked<R>(_ body: () -> R) -> R {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body()
  }

  /// Lowers the budget; it is never raised.
  package func lower(to byteCount: Int) { locked { limit = min(limit, byteCount) } }

  /// The bytes that may still be allocated.
  package var left: Int { locked { max(limit - used, 0) } }

  /// Zeroed memory of these bytes, 64-byte aligned, to be given back with ``deallocate(_:)``.
  /// - Throws: ``TensorError`` when the budget or the system does not have as many.
  package func allocate(_ byteCount: Int) throws(TensorError) -> UnsafeMutableRawBufferPointer {
    let left = locked {
      let left = limit - used
      if byteCount <= left { used += byteCount }
      return left
    }
    guard byteCount >= 0, byteCount <= left else {
      throw TensorError("\(byteCount) bytes are more than the \(max(left, 0)) that may be used")
    }
    guard let start = MemoryBudget.zeros(byteCount) else {
      locked { used -= byteCount }
      throw TensorError("the system has no \(byteCount) bytes of memory left")
    }
    return UnsafeMutableRawBufferPointer(start: start, count: byteCount)
  }

  package func deallocate(_ bytes: UnsafeMutableRawBufferPointer) {
    if bytes.count >= MemoryBudget.pagesFrom {
      munmap(bytes.baseAddress, bytes.count)
    } else {
      free(bytes.baseAddress)
    }
    locked { used -= bytes.count }
  }

  /// Blocks of this size get pages of their own, which are zeros without being touched and leave the process when they are
  /// given back: in the allocator's heap packed kernels lie between those read for packing, whose holes stay. ResNet50
  /// ready to run takes 174 MB so, 214 from 32 MiB on, 175 from 1 MiB on; EfficientNetB0 65, 68 and 68.
  private static let pagesFrom = 512 << 10

  private static func zeros(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    if byteCount >= pagesFrom {
      let start = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
      return start == MAP_FAILED ? nil : start
    }
    var start: UnsafeMutableRawPointer?
    guard posix_memalign(&start, 64, max(byteCount, 1)) == 0, let start else { return nil }
    memset(start, 0, byteCount)
    return start
  }

  /// The bytes of memory that a process can still get without pushing others out: the least of what the system and its
  /// control group say.
  private static func freeByteCount() -> Int {
    let pages = Int(sysconf(Int32(_SC_PHYS_PAGES)))
    let physical = pages > 0 ? pages * Int(sysconf(Int32(_SC_PAGESIZE))) : Int.max
    var free = min(physical, systemFreeByteCount() ?? physical)
    if let group = number(in: "/sys/fs/cgroup/memory.max"),
      let held = number(in: "/sys/fs/cgroup/memory.current")
    {
      free = min(free, max(group - held, 0))
    }
    return free
  }

  /// Linux's estimate, `MemAvailable` in KiB.
  private static func systemFreeByteCount() -> Int? {
    guard let text = text(of: "/proc/meminfo") else { return nil }
    for line in text.split(separator: "\n") where line.hasPrefix("MemAvailable:") {
      return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }  // Of a text.
    }
    return nil
  }

  private static func number(in path: String) -> Int? {
    text(of: path).flatMap { Int($0.prefix { $0.isNumber }) }
  }

  /// The beginning of one of the system's own files.
  private static func text(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = read(descriptor, &buffer, buffer.count)
    return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
  }
}
