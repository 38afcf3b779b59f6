import Foundation
import KerasImport
import ModelFiles
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

  /// Runs a model on a case's arrays and compares with Keras's.
  private func check(_ model: URL, _ folder: URL, in scratch: URL) throws {
    let target = scratch.appending(path: "outputs.npz")
    let outcome = try CommandTests.run(
      "run", model.path, "--inputs", folder.appending(path: "inputs.npz").path, "--outputs", target.path)
    #expect(outcome.error == "")
    let (found, wanted) = (try arrays(target), try arrays(folder.appending(path: "outputs.npz")))
    #expect(found.map(\.sizes) == wanted.map(\.sizes))
    for (result, numbers) in zip(found, wanted) {
      for (a, b) in zip(try result.doubles(), try numbers.doubles()) { #expect(abs(a - b) < 1e-5) }
    }
  }

  @Test func `inputs may have batches of their own where Keras takes them`() throws {
    let scratch = try CommandTests.scratch()
    defer { try? FileManager.default.removeItem(at: scratch) }
    try check(Self.folder.appending(path: "model.keras"), Self.folder, in: scratch)
  }

  @Test func `vectors beside samples keep sizes of their own in ONNX`() throws {
    let scratch = try CommandTests.scratch()
    defer { try? FileManager.default.removeItem(at: scratch) }
    let folder = CommandTests.repository.appending(path: "fixtures/commands/vectors_beside_samples")
    let written = scratch.appending(path: "model.onnx")
    let model = folder.appending(path: "model.keras").path
    #expect(try CommandTests.run(model, "--to", "onnx", "-o", written.path).code == 0)
    try check(written, folder, in: scratch)
  }
}
