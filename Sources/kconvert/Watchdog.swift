import ModelFiles
import ModelIR

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The last line of defence: what a command may use, by the size of the files it is given.
///
/// Every stage bounds its own work. What slips through is stopped here: a file of 1 MB gets less than 10 s and 1 GB, a
/// larger one more than any that is well formed needs. A timer's signal looks at both; a thread would be in the way of
/// the fork that indexes HDF5 files.
///
/// The signal comes at any instruction, inside `malloc` and inside the runtime's own book-keeping. Its handler therefore
/// works on memory that is there already, through pointers, with plain loops: even a temporary buffer or a variable whose
/// accesses are checked would be memory errors in debug builds.
enum Watchdog {
  private struct Limits {
    var seconds = 0.0
    var residentByteCount = 0
    var pageByteCount = 4096
    var ticks = 0
    /// A literal would be copied to the heap at each call.
    var statistics: UnsafeMutablePointer<CChar>?
    /// What is printed, made in advance: a signal handler allocates nothing.
    var tooLong: UnsafeMutablePointer<CChar>?
    var tooLarge: UnsafeMutablePointer<CChar>?
  }

  nonisolated(unsafe) private static let limits: UnsafeMutablePointer<Limits> = {
    let limits = UnsafeMutablePointer<Limits>.allocate(capacity: 1)
    limits.initialize(to: Limits())
    return limits
  }()
  private static let bufferByteCount = 64
  nonisolated(unsafe) private static let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: 64)

  /// Starts watching.
  /// - Parameters:
  ///   - paths: the files that are read; nil ones, and those that do not exist, count nothing.
  ///   - samples: how many the user asks to be computed at once, each of which may take as much.
  static func start(reading paths: [String?], samples: Int = 1) {
    let given = paths.compactMap { $0 }
    let byteCount = given.reduce(0) { min($0 + size(of: $1), largestByteCount) }
    let excess = max(0, byteCount - 1 << 20)
    let factor = min(max(1, samples), 1 << 16)
    MemoryBudget.process.lower(to: (640 << 20 + 256 * excess) * factor)
    limits.pointee.seconds = (8.5 + 60 * Double(excess) / 0x1p20) * Double(factor)
    limits.pointee.residentByteCount = (960 << 20 + 256 * excess) * factor
    // The name is told only.
    let name = (given.first ?? "").printable.shortened(to: 1000)
    limits.pointee.tooLong = strdup(
      "kconvert: error: \(name): not done after \(Int(limits.pointee.seconds)) s, which is too long for files of \(byteCount) bytes\n"
    )
    limits.pointee.tooLarge = strdup(
      "kconvert: error: \(name): more than \(limits.pointee.residentByteCount >> 20) MB of memory, too much for files of \(byteCount) bytes\n"
    )
    prepare()
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in Watchdog.look() }
    action.sa_flags = SA_RESTART
    sigaction(SIGALRM, &action, nil)
    let interval = timeval(tv_sec: 0, tv_usec: 50_000)
    var timer = itimerval(it_interval: interval, it_value: interval)
    setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &timer, nil)
  }

  /// Makes what the handler may not: memory for the numbers it reads.
  static func prepare() {
    limits.pointee.statistics = strdup("/proc/self/statm")
    limits.pointee.pageByteCount = Int(sysconf(Int32(_SC_PAGESIZE)))
    _ = (buffer, Leftovers.areSignalsHeld)
  }

  /// Ends watching: what follows is as long as the user asked for.
  static func stop() {
    var timer = itimerval()
    setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &timer, nil)
  }

  /// Called by the timer: nothing here may allocate or wait.
  private static func look() {
    // What the handler interrupts may be about to look at it.
    let code = errno
    defer { errno = code }
    if Leftovers.areSignalsHeld { return }
    if residentByteCount() > limits.pointee.residentByteCount { end(limits.pointee.tooLarge) }
    if isLate() { end(limits.pointee.tooLong) }
  }

  /// Late is who has used up the time on a clock, and has had a processor for a good part of it: a busy machine is not the
  /// file's fault.
  private static func isLate() -> Bool {
    limits.pointee.ticks += 1
    guard Double(limits.pointee.ticks) * 0.05 >= limits.pointee.seconds else { return false }
    var used = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used)
    return Double(used.tv_sec) >= limits.pointee.seconds / 4
  }

  private static func end(_ message: UnsafeMutablePointer<CChar>?) {
    Leftovers.removeAll()
    if let message { _ = write(STDERR_FILENO, message, strlen(message)) }
    _exit(Code.unsupported.rawValue)
  }

  /// The second number of Linux's `/proc/self/statm`, in pages; 0 elsewhere.
  static func residentByteCount() -> Int {
    guard let path = limits.pointee.statistics else { return 0 }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return 0 }
    defer { close(descriptor) }
    let count = read(descriptor, buffer, bufferByteCount)
    var (number, field, index) = (0, 0, 0)
    while index < count {
      let digit = Int(buffer[index]) &- 48
      if digit >= 0, digit <= 9 {
        number = number &* 10 &+ digit
      } else {
        if field == 1 { break }
        number = 0
        field += 1
      }
      index += 1
    }
    return number &* limits.pointee.pageByteCount
  }

  /// Files without content may claim any size; what is counted is multiplied.
  private static let largestByteCount = 1 << 38

  /// A file's size, or that of everything in a folder, as far as it is counted.
  private static func size(of path: String) -> Int {
    var status = stat()
    guard stat(path, &status) == 0 else { return 0 }
    guard status.st_mode & S_IFMT == S_IFDIR else { return min(Int(status.st_size), largestByteCount) }
    return Folder.members(of: path).reduce(0) { sum, member in
      var status = stat()
      guard lstat(member, &status) == 0 else { return sum }
      return min(sum + min(Int(status.st_size), largestByteCount), largestByteCount)
    }
  }
}
