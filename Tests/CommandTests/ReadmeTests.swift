import Foundation
import Testing

/// Every command that the README shows with its output is run, and gives that output.
@Suite struct ReadmeTests {
  /// A command and what the README shows below it.
  struct Shown: CustomTestStringConvertible {
    var command: String
    var output: [String]
    var testDescription: String { command }
  }

  static let shown: [Shown] = {
    let readme = CommandTests.repository.appending(path: "README.md")
    // The count below tells.
    guard let text = try? String(contentsOf: readme, encoding: .utf8) else { return [] }
    var found: [Shown] = []
    var isOpen = false
    for line in text.components(separatedBy: "\n") {
      let content = String(line.dropFirst(4))
      if line.hasPrefix("    $ ") {
        found.append(Shown(command: String(content.dropFirst(2)), output: []))
        isOpen = true
      } else if isOpen, line.hasPrefix("    ") {
        found[found.count - 1].output.append(content)
      } else if !line.isEmpty {
        isOpen = false
      }
    }
    return found.filter { !$0.command.hasPrefix("python") }  // For Python packages that need not be here.
  }()

  /// A checkout's fixtures, and what earlier commands of the README make of them.
  private static func folder() throws -> URL {
    let folder = try CommandTests.scratch()
    try FileManager.default.createSymbolicLink(
      at: folder.appending(path: "fixtures"),
      withDestinationURL: CommandTests.repository.appending(path: "fixtures"))
    let model = folder.appending(path: "cnn.keras").path
    try FileManager.default.copyItem(atPath: CommandTests.fixture("seed/cnn/model.keras"), toPath: model)
    let native = folder.appending(path: "cnn.safetensors").path
    #expect(try CommandTests.run(model, "--to", "native", "-o", native).code == 0)
    return folder
  }

  /// Times are the machine's, and empty lines end a shown block as well as they are in it.
  private static func comparable(_ lines: [String]) -> [String] {
    lines.filter { !$0.isEmpty }.map {
      $0.replacingOccurrences(of: "[0-9]+\\.[0-9]+ s\\)", with: "T s)", options: .regularExpression)
    }
  }

  @Test func `the README shows commands`() { #expect(Self.shown.count >= 8) }

  @Test(arguments: shown) func `a command gives what the README shows`(_ shown: Shown) throws {
    let folder = try Self.folder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let process = Process()
    process.currentDirectoryURL = folder
    process.executableURL = URL(filePath: "/bin/sh")
    let command = shown.command.contains("--to native") ? shown.command + " --force" : shown.command
    process.arguments = ["-c", "{ \(command); } 2>&1"]
    let place = CommandTests.executable.deletingLastPathComponent().path
    process.environment = ["PATH": "\(place):/usr/local/bin:/usr/bin:/bin"]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(Self.comparable(text.components(separatedBy: "\n")) == Self.comparable(shown.output))
  }
}
