import CHDF5

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension HDF5Index {
  /// Indexes a file in a child process of limited time and memory.
  ///
  /// libhdf5 crashes and hangs on some damaged files; this way that ends the child and becomes an error. Meant for
  /// commands: a program with many threads may prefer ``init(indexing:)``. The work is never done in this process
  /// instead: when there can be no child, or it cannot be confined, that is an error.
  /// - Parameter seconds: of processor time; a machine that is busy with other things gets a little longer.
  /// - Throws: ``HDF5Error``, also when the child did not come back.
  package init(
    indexingApart bytes: UnsafeRawBufferPointer, seconds: Int32 = 5
  ) throws(HDF5Error) {
    var ends: [Int32] = [-1, -1]
    guard chdf5_pipe(&ends) == 0 else { throw IndexProcess.cannotStart }
    let parent = getpid()
    // The lock is held so that the child starts with a library that nobody is using.
    let child = try HDF5Library.locked { chdf5_fork() }
    if child == 0 {
      close(ends[0])
      IndexProcess.run(bytes, seconds: seconds, answer: ends[1], parent: parent)
    }
    close(ends[1])
    defer { close(ends[0]) }
    guard child > 0 else { throw IndexProcess.cannotStart }
    let answer = IndexProcess.read(ends[0], seconds: seconds + 2, byteLimit: 64 * bytes.count + 1 << 26)
    if answer == nil { kill(child, SIGKILL) }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    self = try IndexProcess.index(answer ?? [])  // No bytes are no index: refused there.
  }
}

/// The two ends of indexing in a child process. An answer is a kind, 0 for an index, and its content.
private enum IndexProcess {
  /// What a child may use beyond what its parent has, and beyond the file itself.
  static let memoryByteCount: UInt64 = 512 << 20

  static var cannotStart: HDF5Error {
    HDF5Error(
      .unsupported(
        "no process could be started to read it in (\(String(cString: strerror(errno)))); HDF5 files are not read without"
      ))
  }

  static func run(_ bytes: UnsafeRawBufferPointer, seconds: Int32, answer: Int32, parent: Int32) -> Never {
    guard chdf5_confine(memoryByteCount + 4 * UInt64(bytes.count), UInt64(seconds), parent) == 0 else {
      send([3], to: answer)
    }
    var message: [UInt8]
    do {
      var builder = IndexBuilder(fileByteCount: bytes.count, leavesFileOpen: true)
      message = [0] + (try builder.index(bytes)).encoded()
    } catch {
      let (kind, text): (UInt8, String)
      switch error.reason {
      case .corrupted(let reason): (kind, text) = (1, reason)
      case .unsupported(let reason): (kind, text) = (2, reason)
      }
      message = [kind] + Array(error.object.utf8) + [0] + Array(text.utf8)
    }
    send(message, to: answer)
  }

  /// Writes an answer and ends the process.
  private static func send(_ message: [UInt8], to answer: Int32) -> Never {
    message.withUnsafeBytes { message in
      var rest = message[...]
      while !rest.isEmpty {
        let count = write(answer, rest.base.baseAddress.map { $0 + rest.startIndex }, rest.count)
        if count <= 0 { break }
        rest = rest.dropFirst(count)
      }
    }
    _exit(0)
  }

  /// Everything the child writes; nil if it takes too long.
  static func read(_ descriptor: Int32, seconds: Int32, byteLimit: Int) -> [UInt8]? {
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let end = time(nil) + Int(seconds)
    while true {
      let left = end - time(nil)
      guard left > 0 else { return nil }
      var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = chdf5_poll(&poll, Int32(clamping: left * 1000))
      if ready < 0, errno == EINTR { continue }
      guard ready > 0 else { return nil }
      let count = systemRead(descriptor, &buffer)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return answer }
      answer += buffer[..<count]
      guard answer.count <= byteLimit else { return nil }
    }
  }

  static func index(_ answer: [UInt8]) throws(HDF5Error) -> HDF5Index {
    let damaged = HDF5Error(.corrupted("libhdf5 did not come to an end with this file, which is damaged"))
    guard let kind = answer.first else { throw damaged }
    if kind == 0 {
      guard let index = HDF5Index(encoded: Array(answer.dropFirst())) else { throw damaged }
      return index
    }
    if kind == 3 {
      throw HDF5Error(
        .unsupported("the process that reads it could not be confined; HDF5 files are not read without"))
    }
    let parts = answer.dropFirst().split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw damaged }
    let text = String(decoding: parts[1], as: UTF8.self)
    throw HDF5Error(
      kind == 2 ? .unsupported(text) : .corrupted(text), object: String(decoding: parts[0], as: UTF8.self))
  }
}

/// `read(2)`, under a name that a function called `read` does not hide.
private func systemRead(_ descriptor: Int32, _ buffer: inout [UInt8]) -> Int {
  let count = buffer.count
  return buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, count) }
}
