#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How every model of a batch is converted.
struct BatchConversion: Sendable {
  /// The folder of outputs.
  let folder: String
  /// What a child is told beside the model and its output.
  let arguments: [String]
  /// The version and the options, as the log has them: an output made with others does not stand.
  let options: String
  let memoryLimit: Int
  let timeLimit: Int

  /// Where outputs lie until they are complete.
  static let workName = ".kconvert-batch"

  /// Converts a model, or finds that it has been.
  /// - Parameters:
  ///   - finished: what the log says of its output.
  ///   - slot: a number that no other conversion has at the time.
  func entry(for item: BatchItem, finished: FinishedEntry?, slot: Int) -> BatchEntry {
    var entry = BatchEntry(file: item.file, status: .failed, options: options)
    let start = ContinuousClock.now
    let end = start.advanced(by: .seconds(timeLimit))
    do {
      (entry.inputByteCount, entry.inputDigest) = try BatchConversion.content(of: item.file, until: end)
      if let finished, try stands(finished, entry.inputDigest, until: end) {
        (entry.status, entry.outputs) = (.kept, finished.outputs)
      } else {
        try convert(item, slot: slot, until: end, &entry)
      }
    } catch is ContentDigest.Late {
      (entry.code, entry.reason) = (Code.cannotOpen.rawValue, late(item.file))
    } catch {
      let failure = Failure(error)
      (entry.code, entry.reason) = (failure.code.rawValue, failure.message)
    }
    entry.seconds = start.duration(to: .now) / .seconds(1)
    return entry
  }

  /// Whether a finished conversion was of this content with these options, and its outputs are as they were.
  private func stands(
    _ finished: FinishedEntry, _ digest: String, until end: ContinuousClock.Instant
  ) throws -> Bool {
    guard finished.inputDigest == digest, finished.options == options else { return false }
    return try finished.outputs.allSatisfy { output in
      let path = "\(folder)/\(output.path)"
      var status = stat()
      guard stat(path, &status) == 0, Int(status.st_size) == output.byteCount else { return false }
      return try ContentDigest.hex(ofFile: path, until: end) == output.digest
    }
  }

  private func convert(
    _ item: BatchItem, slot: Int, until end: ContinuousClock.Instant, _ entry: inout BatchEntry
  ) throws {
    let work = "\(folder)/\(BatchConversion.workName)/\(slot)"
    let name = item.output.split(separator: "/").last.map(String.init) ?? item.output  // A name has no slash.
    try BatchFolder.make(work)
    defer { BatchFolder.remove(work) }
    // A name that begins with a dash is no option.
    let file = item.file.hasPrefix("-") ? "./\(item.file)" : item.file
    let child = try ChildProcess(
      ["batch-child", file, "-o", "\(work)/\(name)", "--quiet"] + arguments + [
        "--memory-limit", "\(memoryLimit)", "--time-limit", "\(timeLimit)", "--parent", "\(getpid())",
      ])
    let outcome = child.wait(until: end)
    take(outcome, &entry)
    guard entry.reason == nil else { return }
    entry.outputs = try publish(names: [name, "\(name).data"], from: work, as: item.output, until: end)
    entry.status = .converted
  }

  /// Reads what a child said.
  private func take(_ outcome: ChildProcess.Outcome, _ entry: inout BatchEntry) {
    entry.code = outcome.code
    let lines = outcome.output.split(whereSeparator: \.isNewline)
    let (error, warning) = ("kconvert: error: ", "kconvert: warning: ")
    entry.warnings = lines.filter { $0.hasPrefix(warning) }.map { String($0.dropFirst(warning.count)) }
    if outcome.isLate {
      entry.reason = late(entry.file)
    } else if let report = lines.last.flatMap(ChildReport.init) {
      (entry.reason, entry.unsupported) = (report.reason, report.unsupported)
    } else if let line = lines.last(where: { $0.hasPrefix(error) }), outcome.code != 0 {
      entry.reason = String(line.dropFirst(error.count))  // The watchdog's.
    } else if outcome.code != 0 {
      let isLarge = outcome.residentByteCount > memoryLimit << 20 / 4 * 3
      entry.reason =
        "\(entry.file): the process ended with code \(outcome.code)"
        + (isLarge ? ", out of the memory that --memory-limit gives it" : "")
    }
  }

  private func late(_ file: String) -> String { "\(file): not done after \(timeLimit) s" }

  /// Gives complete outputs their names.
  private func publish(
    names: [String], from work: String, as output: String, until end: ContinuousClock.Instant
  ) throws -> [BatchEntry.File] {
    let places = [output, "\(output).data"]
    var files: [BatchEntry.File] = []
    for (name, place) in zip(names, places) {
      var status = stat()
      guard stat("\(work)/\(name)", &status) == 0 else { continue }
      let digest = try ContentDigest.hex(ofFile: "\(work)/\(name)", until: end)
      files.append(BatchEntry.File(path: place, byteCount: Int(status.st_size), digest: digest))
    }
    guard files.first?.path == output else {
      throw Failure("\(folder)/\(output): the conversion left no file", .cannotWrite)
    }
    try BatchFolder.make(BatchFolder.parent("\(folder)/\(output)"))
    // A model never stands beside the weights of another one.
    if files.count > 1 { unlink("\(folder)/\(output)") }
    for (name, file) in zip(names, files).reversed() {
      guard rename("\(work)/\(name)", "\(folder)/\(file.path)") == 0 else {
        throw Failure("\(folder)/\(file.path): \(String(cString: strerror(errno)))", .cannotCreate)
      }
    }
    return files
  }

  /// The size and digest of a file, or of everything in a folder.
  private static func content(
    of path: String, until end: ContinuousClock.Instant
  ) throws -> (Int, String) {
    guard BatchFiles.isFolder(path) else {
      return (size(path), try ContentDigest.hex(ofFile: path, until: end))
    }
    let members = try BatchFiles.members(of: path)
    let digests = try members.map { try "\(ContentDigest.hex(ofFile: "\(path)/\($0)", until: end))  \($0)\n" }
    return (members.reduce(0) { $0 + size("\(path)/\($1)") }, try ContentDigest.hex(of: digests.joined()))
  }

  private static func size(_ path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0  // Reading it says what is wrong.
  }
}

/// Folders that a batch makes and removes.
enum BatchFolder {
  /// Makes a folder and those above it where they are missing.
  static func make(_ path: String) throws {
    if BatchFiles.isFolder(path) { return }
    let above = parent(path)
    if above != path, !above.isEmpty { try make(above) }
    // Another conversion may have been faster.
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
      throw Failure("\(path): \(String(cString: strerror(errno)))", .cannotCreate)
    }
  }

  /// Removes a folder with everything in it.
  static func remove(_ path: String) {
    // Absent: nothing to remove.
    for name in (try? BatchFiles.members(of: path)) ?? [] { unlink("\(path)/\(name)") }
    rmdir(path)
  }

  static func parent(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "" }
    return String(path[..<slash])
  }
}
