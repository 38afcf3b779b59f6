import Foundation
import Testing

@testable import KconvertCommand

/// What ends a command that no limit of sizes has ended.
@Suite(.timeLimit(.minutes(2))) struct WatchdogTests {
  /// Four hundred convolutions with a window of 64 x 64, in 2 KB.
  private static let model = CommandTests.repository.appending(path: "fixtures/hostile/endless.keras").path

  @Test(arguments: [["check"], ["bench"], ["--to", "onnx", "--verify", "-o"]])
  func `work that does not end is ended, said in one line, and leaves nothing`(verb: [String]) throws {
    let folder = try CommandTests.scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let isConversion = verb.count > 1
    let outcome = try CommandTests.run(
      isConversion ? [Self.model] + verb + ["o.onnx"] : verb + [Self.model], in: folder)
    #expect(outcome.code == 3)
    #expect(
      outcome.error.hasPrefix(
        "kconvert: error: \(Self.model): not done after 8 s, which is too long for files of "))
    #expect(outcome.error.split(separator: "\n").count == 1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  #if os(Linux)
    /// The other half, what it compares with its limit: the number is the system's.
    @Test func `the memory that is watched is what the process has`() {
      Watchdog.prepare()
      let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 20, alignment: 4096)
      defer { block.deallocate() }
      let before = Watchdog.residentByteCount()
      block.initializeMemory(as: UInt8.self, repeating: 1)
      let added = Watchdog.residentByteCount() - before
      #expect(before > 1 << 20 && (48 << 20...256 << 20).contains(added))
    }
  #endif
}
