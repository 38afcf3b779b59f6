import CSystem
import Dispatch

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// This executable once more, in a process group of its own that ends when its time is up.
struct ChildProcess {
  /// How a child ended.
  struct Outcome {
    /// Its exit code, or 128 and the signal's number, as a shell says it.
    var code: Int32
    /// The end of what it printed on standard output and standard error.
    var output: String
    /// True if it was ended because its time was up.
    var isLate = false
    /// The largest resident size.
    var residentByteCount: Int
  }

  private let process: pid_t
  private let output: Int32
  private static let outputByteLimit = 1 << 18

  /// Starts this executable.
  /// - Throws: ``Failure`` when the system starts no process.
  init(_ arguments: [String]) throws {
    (process, output) = try Spawning.queue.sync { try ChildProcess.spawn(arguments) }
  }

  /// Waits until it has ended; one that takes longer is killed with all that it started.
  func wait(until end: ContinuousClock.Instant) -> Outcome {
    var text = OutputTail(limit: ChildProcess.outputByteLimit)
    var isLate = !text.read(output, until: end)
    close(output)
    var status: Int32 = 0
    var usage = rusage()
    while !isLate, wait4(process, &status, WNOHANG, &usage) != process {
      isLate = ContinuousClock.now >= end
      usleep(2000)  // It has closed its output: its end is near.
    }
    kill(-process, SIGKILL)  // What it started may outlive it.
    if isLate { while wait4(process, &status, 0, &usage) < 0, errno == EINTR {} }
    let signal = status & 0x7F
    return Outcome(
      code: signal == 0 ? (status >> 8) & 0xFF : 128 + signal, output: text.text, isLate: isLate,
      residentByteCount: Int(usage.ru_maxrss) * ChildProcess.residentUnit)
  }

  #if os(macOS)
    private static let residentUnit = 1
  #else
    private static let residentUnit = 1024
  #endif

  private static func spawn(_ arguments: [String]) throws -> (pid_t, Int32) {
    var ends: [Int32] = [-1, -1]
    guard cs_pipe(&ends) == 0 else { throw failure(errno) }
    defer { close(ends[1]) }
    var actions = Spawning.Actions()
    posix_spawn_file_actions_init(&actions.value)
    defer { posix_spawn_file_actions_destroy(&actions.value) }
    posix_spawn_file_actions_addopen(&actions.value, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    for stream in [STDOUT_FILENO, STDERR_FILENO] {
      posix_spawn_file_actions_adddup2(&actions.value, ends[1], stream)
    }
    var attributes = Spawning.Attributes()
    posix_spawnattr_init(&attributes.value)
    defer { posix_spawnattr_destroy(&attributes.value) }
    posix_spawnattr_setflags(&attributes.value, Int16(POSIX_SPAWN_SETPGROUP))
    posix_spawnattr_setpgroup(&attributes.value, 0)
    var words = (["kconvert"] + arguments).map { strdup($0) } + [nil]
    defer { words.forEach { free($0) } }
    var process: pid_t = 0
    let code = posix_spawn(&process, executable, &actions.value, &attributes.value, &words, environ)
    guard code == 0 else {
      close(ends[0])
      throw failure(code)
    }
    return (process, ends[0])
  }

  private static func failure(_ code: Int32) -> Failure {
    Failure("no process could be started: \(String(cString: strerror(code)))", .cannotOpen)
  }

  /// The path of this executable, also when it was replaced or removed since it was started.
  private static var executable: String {
    #if os(macOS)
      var size: UInt32 = 4096
      var buffer = [CChar](repeating: 0, count: Int(size))
      guard _NSGetExecutablePath(&buffer, &size) == 0 else { return CommandLine.arguments[0] }
      return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    #else
      return "/proc/self/exe"
    #endif
  }
}

/// What starting processes takes.
private enum Spawning {
  /// Some systems close a pipe in other children only from the moment it is marked; meanwhile none may be started.
  static let queue = DispatchQueue(label: "kconvert.spawning")

  #if os(macOS)
    struct Actions { var value: posix_spawn_file_actions_t? }
    struct Attributes { var value: posix_spawnattr_t? }
  #else
    struct Actions { var value = posix_spawn_file_actions_t() }
    struct Attributes { var value = posix_spawnattr_t() }
  #endif
}

/// The end of what a child prints.
private struct OutputTail {
  let limit: Int
  private var bytes: [UInt8] = []

  init(limit: Int) { self.limit = limit }

  var text: String { String(decoding: bytes, as: UTF8.self) }

  /// Reads until the other end is closed.
  /// - Returns: false if it is not closed in time.
  mutating func read(_ descriptor: Int32, until end: ContinuousClock.Instant) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let left = ContinuousClock.now.duration(to: end) / .milliseconds(1)
      guard left > 0 else { return false }
      var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = poll(&entry, 1, Int32(min(left + 1, 60_000)))
      if ready == 0 || (ready < 0 && errno == EINTR) { continue }
      let count = systemRead(descriptor, &buffer)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return true }
      bytes += buffer[..<count]
      if bytes.count > 2 * limit { bytes.removeFirst(bytes.count - limit) }
    }
  }
}

/// `read(2)`, under a name that a method called `read` does not hide.
private func systemRead(_ descriptor: Int32, _ buffer: inout [UInt8]) -> Int {
  let count = buffer.count
  return buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, count) }
}
