#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The record of a folder of outputs: one line of JSON for every model that was worked on, the newest last.
///
/// A line is appended by one call, after the outputs have their names. Whatever ends the process, the log holds whole
/// lines and at most one that is cut, which counts as not written.
final class BatchLog {
  static let name = "kconvert-batch.jsonl"

  private let descriptor: Int32
  private let path: String
  /// The last finished entry of each output.
  let finished: [String: FinishedEntry]

  /// Opens or makes the log, and keeps other batches out of the folder as long as it is open.
  /// - Throws: ``Failure`` when it cannot be written, or another batch is at work in the folder.
  init(in folder: String) throws {
    path = "\(folder)/\(BatchLog.name)"
    descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw BatchLog.failure(path, .cannotCreate) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw Failure(
        "\(folder): another batch is at work in this folder", .cannotCreate,
        hint: "wait for it, or name another with --out")
    }
    var reader = LineReader(descriptor)
    var finished: [String: FinishedEntry] = [:]
    while let line = reader.next() {
      if let entry = FinishedEntry(line: line), let output = entry.outputs.first {
        finished[output.path] = entry
      }
    }
    self.finished = finished
    // What a killed process left of a line ends here.
    if reader.isCut { try append("\n") }
  }

  deinit { close(descriptor) }

  /// Adds a line.
  /// - Throws: ``Failure`` when it cannot be written.
  func append(_ line: String) throws {
    let bytes = Array(line.utf8)
    guard bytes.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) == bytes.count else {
      throw BatchLog.failure(path, .cannotWrite)
    }
  }

  private static func failure(_ path: String, _ code: Code) -> Failure {
    Failure("\(path): \(String(cString: strerror(errno)))", code)
  }
}

/// The lines of a file, in bounded memory.
private struct LineReader {
  private let descriptor: Int32
  private var bytes: [UInt8] = []
  private var start = 0
  private var buffer = [UInt8](repeating: 0, count: 1 << 16)

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  /// True if the file does not end with the end of a line.
  var isCut: Bool { start < bytes.count }

  /// The next whole line, without its end.
  mutating func next() -> ArraySlice<UInt8>? {
    var searched = start
    while true {
      if let end = bytes[searched...].firstIndex(of: 0x0A) {
        defer { start = end + 1 }
        return bytes[start..<end]
      }
      bytes.removeFirst(start)
      (start, searched) = (0, bytes.count)
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0 else { return nil }
      bytes += buffer[..<count]
    }
  }
}
