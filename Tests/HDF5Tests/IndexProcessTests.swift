import CHDF5
import CSystem
import Foundation
import Testing

@testable import HDF5

/// What the child process that indexes a file may do, and what happens when it cannot be kept to that.
@Suite(.serialized) struct IndexProcessTests {
  private static func content(_ name: String) throws -> Data {
    try Data(contentsOf: HDF5IndexTests.folder.appending(path: name))
  }

  @Test func `no program that is started inherits the pipe`() throws {
    var ends: [Int32] = [-1, -1]
    try #require(cs_pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    for end in ends { #expect(fcntl(end, F_GETFD) & FD_CLOEXEC != 0) }
  }

  /// The file is right, and the child its parent's, which it is told not to be: the first of the limits that fails.
  @Test func `a child that cannot be confined reads nothing, and nobody does in its place`() throws {
    let error = HDF5Error(
      .unsupported("the process that reads it could not be confined; HDF5 files are not read without"))
    try Self.content("types.h5").withUnsafeBytes { bytes in
      let process = try IndexProcess(indexing: bytes, parent: 1)
      #expect(throws: error) { try process.rootAttributes() }
    }
  }

  /// A process of its own that works as the confined child would, for ever.
  private static func child(seconds: UInt64, telling end: Int32, _ work: () -> Void) -> Int32 {
    let parent = getpid()
    let child = chdf5_fork()
    guard child == 0 else { return child }
    var isConfined: UInt8 = cs_confine_reader(512 << 20, seconds, parent) == 0 ? 1 : 0
    _ = write(end, &isConfined, 1)
    while true { work() }
  }

  @Test(.timeLimit(.minutes(1))) func `a child that works for too long is killed`() throws {
    var ends: [Int32] = [-1, -1]
    try #require(cs_pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    let child = Self.child(seconds: 1, telling: ends[1]) {}
    var (isConfined, status): (UInt8, Int32) = (0, 0)
    #expect(read(ends[0], &isConfined, 1) == 1 && isConfined == 1)
    #expect(waitpid(child, &status, 0) == child)
    #expect([SIGKILL, SIGXCPU].contains(status & 0x7F))
  }

  @Test(.timeLimit(.minutes(1))) func `a confined child opens no file`() throws {
    var ends: [Int32] = [-1, -1]
    try #require(cs_pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    let child = Self.child(seconds: 1, telling: ends[1]) {
      var opened: UInt8 = open("/dev/null", O_RDONLY) >= 0 ? 1 : 0
      _ = write(ends[1], &opened, 1)
      _exit(0)
    }
    var answers: [UInt8] = [0, 2]
    for place in answers.indices { #expect(read(ends[0], &answers[place], 1) == 1) }
    #expect(answers == [1, 0])
    #expect(waitpid(child, nil, 0) == child)
  }

  #if os(Linux)
    @Test(.timeLimit(.minutes(1))) func `a child dies with its parent`() throws {
      var ends: [Int32] = [-1, -1]
      try #require(cs_pipe(&ends) == 0)
      let parent = chdf5_fork()
      if parent == 0 {
        _ = Self.child(seconds: 60, telling: ends[1]) { pause() }
        while true { pause() }
      }
      close(ends[1])
      defer { close(ends[0]) }
      var byte: UInt8 = 0
      #expect(read(ends[0], &byte, 1) == 1 && byte == 1)
      kill(parent, SIGKILL)
      #expect(waitpid(parent, nil, 0) == parent)
      // The end of the pipe, which the child holds while it lives.
      #expect(read(ends[0], &byte, 1) == 0)
    }
  #endif
}
