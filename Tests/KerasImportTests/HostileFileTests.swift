import Foundation
import KerasImport
import ModelIR
import Testing

/// Files that must be refused by name, and odd ones that must load. Made by fixtures/generate/hostile_files.py, which
/// also writes what each refusal says; `kind-` files stand for kinds of attacks that were found.
@Suite(.serialized) struct HostileFileTests {
  struct Entry: Decodable, Sendable, CustomTestStringConvertible {
    var file: String
    var says: String?
    var testDescription: String { file }
  }

  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "fixtures/hostile")

  static let entries: [Entry] = {
    guard let data = try? Data(contentsOf: folder.appending(path: "expected.json")) else { return [] }
    return (try? JSONDecoder().decode([Entry].self, from: data)) ?? []
  }()

  static let kinds: [String] = {
    let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
    return (names ?? []).filter { $0.hasPrefix("kind-") }.sorted()
  }()

  private func read(_ name: String) throws {
    try HDF5File.$indexingPlace.withValue(.copy) {
      let model = try KerasModel(contentsOfFile: HostileFileTests.folder.appending(path: name).path)
      let lowered = try model.lowered()
      _ = ModelSummary(model, lowered).text(width: 100)
      try model.verifyChecksums()
      for value in lowered.graph.values {
        do { _ = try lowered.graph.constant(value)?.doubles() } catch {
          throw KerasImportError(reading: error)
        }
      }
    }
  }

  @Test func `the list is there`() {
    #expect(HostileFileTests.entries.count > 30)
    #expect(HostileFileTests.kinds.count > 20)
  }

  @Test(arguments: HostileFileTests.entries)
  func `hostile files are refused by name, odd ones load`(entry: Entry) throws {
    guard let says = entry.says else { return try read(entry.file) }
    let error = #expect(throws: KerasImportError.self) { try read(entry.file) }
    #expect("\(try #require(error))".contains(says))
  }

  /// They may load where the attack needs inputs; what counts is that they come to an end.
  @Test(.timeLimit(.minutes(1)), arguments: HostileFileTests.kinds)
  func `kinds of attacks come to an end`(name: String) {
    do { try read(name) } catch is KerasImportError {} catch is TensorError {} catch { Issue.record(error) }
  }
}
