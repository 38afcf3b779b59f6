import Foundation
import Testing

/// What a command does to the places it writes to, the terminal among them.
@Suite struct OutputTests {
  private static let model = CommandTests.fixture("layers/dense/model.keras")

  @Test func `a replaced file keeps its permissions but no set-user-ID, and a link stays a link`() throws {
    let folder = try CommandTests.scratch()
    defer { try? FileManager.default.removeItem(at: folder) }
    let target = folder.appending(path: "target.onnx").path
    let link = folder.appending(path: "link.onnx").path
    try Data("old".utf8).write(to: URL(filePath: target))
    try FileManager.default.setAttributes([.posixPermissions: 0o604], ofItemAtPath: target)
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "target.onnx")
    chmod(target, 0o4604)
    #expect(try CommandTests.run(Self.model, "--to", "onnx", "-o", link, "--force").code == 0)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "target.onnx")
    let attributes = try FileManager.default.attributesOfItem(atPath: target)
    #expect(attributes[.posixPermissions] as? Int == 0o604)
    #expect(try #require(attributes[.size] as? Int) > 100)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 2)
  }

  @Test(arguments: ["onnx", "native", "keras"]) func `a device is not replaced`(format: String) throws {
    let outcome = try CommandTests.run(Self.model, "--to", format, "-o", "/dev/null", "--force")
    #expect([0, 73].contains(outcome.code))
    let attributes = try FileManager.default.attributesOfItem(atPath: "/dev/null")
    #expect(attributes[.type] as? FileAttributeType == .typeCharacterSpecial)
  }

  @Test func `names that would command a terminal are escaped`() throws {
    let path = CommandTests.repository.appending(path: "fixtures/hostile/kind-ansi-injection.keras").path
    for verb in [[path], ["check", path], [path, "--to", "onnx", "-o", "/no-such-folder/\u{1B}[2J.onnx"]] {
      let outcome = try CommandTests.run(verb)
      let text = (outcome.output + outcome.error).unicodeScalars
      #expect(!text.isEmpty)
      let isPlain = text.allSatisfy {
        $0 == "\n" || ![.control, .format].contains($0.properties.generalCategory)
      }
      #expect(isPlain, "\(verb)")
    }
  }
}
