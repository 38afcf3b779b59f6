import Foundation
import KerasImport
import ModelIR
import NativeFormat
import Testing

/// `kconvert run` on arrays that say more than the model's file.
@Suite struct RunCommandTests {
  private static let folder = CommandTests.repository.appending(
    path: "fixtures/commands/batches_of_their_own")

  /// The arrays of an `.npz` in the order of the file.
  private func arrays(_ file: URL) throws -> [Tensor] {
    let archive = try ZipArchive(MappedFile(path: file.path).content)
    return try archive.members.values.sorted { $0.position < $1.position }.map { member in
      try member.verifiedContent().withBytes { bytes in Result { try NumpyArray.decode(bytes) } }.get()
    }
  }

  @Test func `inputs may have batches of their own where Keras takes them`() throws {
    let scratch = try CommandTests.scratch()
    defer { try? FileManager.default.removeItem(at: scratch) }
    let target = scratch.appending(path: "outputs.npz")
    let outcome = try CommandTests.run(
      "run", Self.folder.appending(path: "model.keras").path, "--inputs",
      Self.folder.appending(path: "inputs.npz").path, "--outputs", target.path)
    #expect(outcome.error == "")
    let (found, wanted) = (try arrays(target), try arrays(Self.folder.appending(path: "outputs.npz")))
    #expect(found.map(\.sizes) == wanted.map(\.sizes))
    for (result, numbers) in zip(found, wanted) {
      for (a, b) in zip(try result.doubles(), try numbers.doubles()) { #expect(abs(a - b) < 1e-5) }
    }
  }
}
