import ArgumentParser
import CSystem
import KerasImport
import NativeFormat

/// The conversion of one model of a batch, in a process of its own: `batch` starts it, nobody else.
///
/// Its last line on standard output says how it ended, as JSON.
struct BatchChild: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "batch-child", shouldDisplay: false)

  @OptionGroup var conversion: Convert
  @Option var memoryLimit: Int
  @Option var timeLimit: Int
  @Option var parent: Int32

  func run() throws {
    let seconds = UInt64(clamping: timeLimit.multipliedReportingOverflow(by: 64).partialValue)
    guard cs_confine(UInt64(clamping: memoryLimit) << 20, max(seconds, 1), parent) == 0 else {
      throw ExitCode(Code.cannotOpen.rawValue)
    }
    do {
      try conversion.perform()
    } catch {
      let failure = Failure(error)
      try StandardOutput.json(ChildReport(failure, unsupported: ChildReport.classes(error)).line)
      throw ExitCode(failure.code.rawValue)
    }
  }
}

/// How a child says why it failed.
struct ChildReport {
  var reason: String
  var unsupported: [(className: String, layers: [String])]

  init(_ failure: Failure, unsupported: [(className: String, layers: [String])]) {
    reason = failure.message
    self.unsupported = unsupported
  }

  /// nil if the line is something else.
  init?(line: Substring) {
    guard line.hasPrefix("{"), let json = try? JSONValue(parsing: String(line)),  // Something else.
      let reason = json["reason"]?.string, let classes = json["unsupported"]?.object
    else { return nil }
    self.reason = reason
    // Written below: always arrays.
    unsupported = classes.map { ($0.key, $0.value.array?.compactMap(\.string) ?? []) }
  }

  var line: String {
    let classes = unsupported.map { ($0.className, JSONValue.array($0.layers.map { .string($0) })) }
    let members: [(String, JSONValue)] = [
      ("reason", .string(reason.shortened(to: 1000))), ("unsupported", .object(JSONObject(classes))),
    ]
    return JSONValue.object(JSONObject(members)).text(.compact) + "\n"
  }

  /// The classes that an error names as not supported, in order, each with its layers.
  static func classes(_ error: any Error) -> [(className: String, layers: [String])] {
    guard let error = error as? KerasImportError else { return [] }
    var classes: [(className: String, layers: [String])] = []
    for (className, layer) in error.unsupportedLayers {
      if let index = classes.firstIndex(where: { $0.className == className }) {
        classes[index].layers.append(layer)
      } else {
        classes.append((className, [layer]))
      }
    }
    return classes
  }
}
