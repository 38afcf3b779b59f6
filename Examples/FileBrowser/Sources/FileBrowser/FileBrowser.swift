import Foundation
import Kconvert

/// Shows what is in a folder: models, models with something unknown, weights, damaged files, and other things.
@main struct FileBrowser {
  static func main() throws {
    let folder = URL(filePath: CommandLine.arguments.dropFirst().first ?? "Data")
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .sorted { $0.lastPathComponent < $1.lastPathComponent }
    var found: [String: ModelReport.Status] = [:]
    var options = KerasModel.Options()
    options.hdf5Helper = helper
    for file in files {
      do {
        let report = try KerasModel.inspect(file, options: options)
        found[file.lastPathComponent] = report.status
        show(report, as: file.lastPathComponent)
      } catch {
        print("\(file.lastPathComponent): \(error.localizedDescription)")
      }
    }
    if CommandLine.arguments.count < 2, found != expected { throw Unexpected(found: found) }
  }

  /// Where libhdf5 looks at files, some of which crash it: a program of the package, which is built beside this one.
  static var helper: String? {
    Bundle.main.executableURL?.deletingLastPathComponent().appending(path: "kconvert-hdf5").path
  }

  /// One entry of the list.
  static func show(_ report: ModelReport, as name: String) {
    let count = report.trainable.parameters + report.nonTrainable.parameters
    switch report.status {
    case .supported: print("✓ \(name): \(report.format), \(report.layers.count) layers, \(count) parameters")
    case .unsupported:
      print("! \(name): \(report.format), \(report.layers.count) layers, \(count) parameters")
    case .weights: print("w \(name): \(report.weights.count) weights, \(count) parameters")
    default: print("x \(name)")
    }
    for layer in report.layers {
      let shapes = (layer.outputShapes ?? []).map {
        "(" + $0.map(\.description).joined(separator: ", ") + ")"
      }.joined(separator: ", ")
      print("    \(layer.isSupported ? " " : "?") \(layer.name) (\(layer.className)) \(shapes)")
    }
    for problem in report.problems {
      print("    \(problem.message)" + (problem.suggestion.map { ": \($0)" } ?? ""))
    }
  }

  /// What `Data` holds.
  static let expected: [String: ModelReport.Status] = [
    "alone.weights.h5": .weights, "custom-layer.h5": .unsupported, "cut.keras": .unreadable,
    "digits.keras": .supported, "notes.txt": .unreadable,
  ]

  /// The folder is told as something that it is not.
  struct Unexpected: Error {
    let found: [String: ModelReport.Status]
  }
}
