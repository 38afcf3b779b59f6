import CHDF5
import CSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A child process of limited time and memory that indexes a file while this process does other work.
///
/// libhdf5 crashes and hangs on some damaged files; this way that ends the child and becomes an error. A command with one
/// thread forks; a program with several starts ``IndexHelper``. The work is never done in this process instead: when there
/// can be no child, or it cannot be confined, that is an error.
///
/// Not to be used by two threads at once.
package final class IndexProcess: @unchecked Sendable {
  private let child: Int32
  /// Where the child's answers come from.
  private let answers: Int32
  private let seconds: Int32
  private let byteLimit: Int
  private var isReaped = false

  /// Starts a copy of this process; it has the bytes as they are now.
  /// - Parameters:
  ///   - seconds: of processor time; a machine that is busy with other things gets a little longer.
  ///   - parent: the process that it ends with; another than this one cannot be had.
  package convenience init(
    indexing bytes: UnsafeRawBufferPointer, seconds: Int32 = 5, parent: Int32 = getpid()
  ) throws(HDF5Error) {
    try self.init(byteCount: bytes.count, seconds: seconds) { output in
      // The lock is held so that the child starts with a library that nobody is using.
      let child = HDF5Library.guarded { chdf5_fork() }
      if child == 0 { IndexWork(answers: output).run(bytes, seconds: seconds, parent: parent) }
      return child
    }
  }

  /// - Parameter start: starts the child, which writes its answers to a descriptor; -1 where it cannot, and says why in
  ///   `errno`.
  init(byteCount: Int, seconds: Int32, _ start: (_ output: Int32) -> Int32) throws(HDF5Error) {
    var ends: [Int32] = [-1, -1]
    guard cs_pipe(&ends) == 0 else { throw IndexProcess.cannotStart }
    let child = start(ends[1])
    let code = errno
    close(ends[1])
    guard child > 0 else {
      close(ends[0])
      errno = code
      throw IndexProcess.cannotStart
    }
    (self.child, answers, self.seconds) = (child, ends[0], seconds)
    byteLimit = 64 * byteCount + 1 << 26
  }

  deinit {
    close(answers)
    if !isReaped { end() }
  }

  /// What the last call to the system says about it.
  static var cannotStart: HDF5Error {
    HDF5Error(
      .unsupported(
        "no process could be started to read it in (\(String(cString: strerror(errno)))); HDF5 files are not read without"
      ))
  }

  private static let damaged = HDF5Error(
    .corrupted("libhdf5 did not come to an end with this file, which is damaged"))

  /// Waits for what a program says first.
  /// - Parameter helper: where it is.
  func receive(_ greeting: [UInt8], from helper: String) throws(HDF5Error) {
    guard read(greeting.count) != greeting else { return }
    end()
    throw HDF5Error(
      .unsupported(
        "the program \"\(helper)\" is not kconvert-hdf5, or of another version; HDF5 files are not read without"
      ))
  }

  /// The attributes of the root group, which are there before everything else is; to be asked for first, and once.
  package func rootAttributes() throws(HDF5Error) -> [String: HDF5Index.Attribute] {
    try content(of: [.rootAttributes]).index.root.attributes
  }

  /// The whole index; to be asked for behind ``rootAttributes()``, and once.
  package func index() throws(HDF5Error) -> HDF5Index {
    var (kind, index) = try content(of: [.index, .part])
    if kind == .part { index.root.formUnion(try content(of: [.index]).index.root) }
    // What the child still has to clear up is not waited for.
    isReaped = waitpid(child, nil, WNOHANG) == child
    return index
  }

  private func content(of kinds: [Answer]) throws(HDF5Error) -> (kind: Answer, index: HDF5Index) {
    guard let head = read(1 + MemoryLayout<Int>.size), let found = Answer(rawValue: head[0]),
      let content = read(head.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 1, as: Int.self) })
    else {
      end()
      throw IndexProcess.damaged
    }
    switch found {
    case .rootAttributes, .part, .index:
      guard kinds.contains(found), let index = HDF5Index(encoded: content) else { throw IndexProcess.damaged }
      return (found, index)
    case .cannotBeConfined:
      throw HDF5Error(
        .unsupported("the process that reads it could not be confined; HDF5 files are not read without"))
    case .corrupted, .unsupported:
      let parts = content.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { throw IndexProcess.damaged }
      let text = String(decoding: parts[1], as: UTF8.self)
      throw HDF5Error(
        found == .unsupported ? .unsupported(text) : .corrupted(text),
        object: String(decoding: parts[0], as: UTF8.self))
    }
  }

  /// As many bytes; nil if the child ends before, or takes too long.
  private func read(_ count: Int) -> [UInt8]? {
    guard (0...byteLimit).contains(count) else { return nil }
    var isWhole = false
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      isWhole = fill(UnsafeMutableRawBufferPointer(buffer), &filled)
    }
    return isWhole ? bytes : nil
  }

  private func fill(_ buffer: UnsafeMutableRawBufferPointer, _ filled: inout Int) -> Bool {
    let end = time(nil) + Int(seconds + 2)
    while filled < buffer.count {
      let left = end - time(nil)
      guard left > 0 else { return false }
      var poll = pollfd(fd: answers, events: Int16(POLLIN), revents: 0)
      let ready = chdf5_poll(&poll, Int32(clamping: left * 1000))
      if ready < 0, errno == EINTR { continue }
      guard ready > 0 else { return false }
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
      let count = systemRead(answers, rest)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      filled += count
    }
    return true
  }

  /// Ends the child, if it has not come to its own end.
  private func end() {
    guard !isReaped else { return }
    kill(child, SIGKILL)
    while waitpid(child, nil, 0) < 0, errno == EINTR {}
    isReaped = true
  }
}

extension HDF5Index {
  /// Indexes a file in an ``IndexProcess`` and waits for it.
  /// - Throws: ``HDF5Error``, also when the child did not come back.
  package init(indexingApart bytes: UnsafeRawBufferPointer, seconds: Int32 = 5) throws(HDF5Error) {
    let process = try IndexProcess(indexing: bytes, seconds: seconds)
    _ = try process.rootAttributes()
    self = try process.index()
  }
}

/// What a child's answer is: a byte, the number of bytes of its content, and that.
enum Answer: UInt8 {
  /// An index of the root group's attributes alone.
  case rootAttributes
  /// An index that the next one adds to.
  case part
  case index
  /// The path of an object, a zero, and what is wrong.
  case corrupted, unsupported
  case cannotBeConfined
}

/// The work of the child, and of the one that it shares it with.
struct IndexWork {
  let answers: Int32

  /// What a child may use beyond what its parent has, and beyond the file itself.
  static let memoryByteCount: UInt64 = 512 << 20

  /// Files of this size are read by two processes where there are two processors: MobileNetV2's 577 objects take one 9 ms.
  private static let sharedByteCount = 1 << 20

  func run(_ bytes: UnsafeRawBufferPointer, seconds: Int32, parent: Int32) -> Never {
    if let problem = HDF5Library.problem { end(.unsupported, [0] + Array(problem.utf8)) }
    if bytes.count >= IndexWork.sharedByteCount, sysconf(Int32(_SC_NPROCESSORS_ONLN)) > 1,
      let helper = startHelper(bytes, seconds: seconds)
    {
      read(bytes, .first, seconds: seconds, parent: parent, helper: helper)
    }
    read(bytes, .all, seconds: seconds, parent: parent)
  }

  /// Starts a process that reads the second half of a file with the library that is loaded now, before the limits, under
  /// which there are no pipes.
  /// - Returns: where its answer comes from; nil when there is none and one process does all.
  private func startHelper(_ bytes: UnsafeRawBufferPointer, seconds: Int32) -> Int32? {
    var ends: [Int32] = [-1, -1]
    let parent = getpid()
    guard cs_pipe(&ends) == 0 else { return nil }
    let child = chdf5_fork()
    if child == 0 {
      close(ends[0])
      close(answers)
      IndexWork(answers: ends[1]).read(bytes, .second, seconds: seconds, parent: parent)
    }
    close(ends[1])
    if child > 0 { return ends[0] }
    close(ends[0])
    return nil
  }

  /// Reads a file or half of it, answers and ends the process.
  /// - Parameter helper: where the other half comes from.
  private func read(
    _ bytes: UnsafeRawBufferPointer, _ share: IndexBuilder.Share, seconds: Int32, parent: Int32,
    helper: Int32? = nil
  ) -> Never {
    guard cs_confine_reader(IndexWork.memoryByteCount + 4 * UInt64(bytes.count), UInt64(seconds), parent) == 0
    else { end(.cannotBeConfined, []) }
    do {
      var builder = IndexBuilder(fileByteCount: bytes.count, leavesFileOpen: true, share: share)
      if share != .second {
        builder.didReadRootAttributes = { attributes in
          var root = HDF5Index.Group()
          root.attributes = attributes
          send(.rootAttributes, HDF5Index(root: root).encoded())
        }
      }
      let index = try builder.index(bytes).encoded()
      guard let helper else { end(.index, index) }
      send(.part, index)
      relay(helper)
    } catch {
      let place = Array(error.object.utf8) + [0]
      switch error.reason {
      case .corrupted(let text): end(.corrupted, place + Array(text.utf8))
      case .unsupported(let text): end(.unsupported, place + Array(text.utf8))
      }
    }
  }

  /// Hands on what another process answers, and ends. Who asked waits no longer for it than for this one.
  private func relay(_ helper: Int32) -> Never {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = buffer.withUnsafeMutableBytes { systemRead(helper, $0) }
      if count < 0, errno == EINTR { continue }
      if count <= 0 { _exit(0) }
      send(Array(buffer[..<count]))
    }
  }

  /// Sends the last answer and ends the process.
  private func end(_ kind: Answer, _ content: [UInt8]) -> Never {
    send(kind, content)
    _exit(0)
  }

  private func send(_ kind: Answer, _ content: [UInt8]) {
    var message = [kind.rawValue]
    withUnsafeBytes(of: content.count) { message.append(contentsOf: $0) }
    send(message + content)
  }

  func send(_ message: [UInt8]) {
    message.withUnsafeBytes { message in
      var rest = message[...]
      while !rest.isEmpty {
        let count = write(answers, rest.base.baseAddress.map { $0 + rest.startIndex }, rest.count)
        if count <= 0 { _exit(1) }
        rest = rest.dropFirst(count)
      }
    }
  }
}

/// `read(2)`, under a name that a function called `read` does not hide.
private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
  read(descriptor, buffer.baseAddress, buffer.count)
}
