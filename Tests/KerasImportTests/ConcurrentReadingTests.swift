import Foundation
import KerasImport
import ModelIR
import Testing

/// Models opened, lowered and read by many threads at once, libhdf5 in this process and in the helper.
@Suite(.timeLimit(.minutes(2))) struct ConcurrentReadingTests {
  private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "fixtures")

  private static let models = [
    "cases/seed/cnn/model.keras", "hostile/odd-chunked.keras", "hostile/odd-hard-link-cycle.keras",
    "hostile/good.keras",
    "eras/keras2.3.1/cnn_last/model.h5", "savedmodel/small",
  ].map { fixtures.appending(path: $0).path }.filter { FileManager.default.fileExists(atPath: $0) }

  /// The program beside the test bundle, or beside the program that the tests are.
  private static let helper: String = {
    let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL
    let folder = bundle?.deletingLastPathComponent() ?? Bundle.main.bundleURL
    return folder.appending(path: "kconvert-hdf5").path
  }()

  /// A figure that every byte of the weights goes into.
  private static func sum(_ model: KerasModel) throws -> Double {
    try model.weights.reduce(0) { sum, weight in
      guard weight.tensor.dtype != .string else { return sum }
      return try weight.tensor.doubles().enumerated().reduce(sum) { $0 + Double($1.offset + 1) * $1.element }
    }
  }

  private static func options(_ helper: String?) -> KerasModel.Options {
    var options = KerasModel.Options()
    options.hdf5Helper = helper
    return options
  }

  @Test(arguments: [nil, helper]) func `many tasks open and read models at once`(helper: String?) async throws
  {
    #expect(Self.models.count >= 4)
    let options = Self.options(helper)
    var expected: [String: Double] = [:]
    for path in Self.models { expected[path] = try Self.sum(KerasModel(contentsOfFile: path)) }
    try await withThrowingTaskGroup(of: (String, Double).self) { group in
      for path in Self.models + Self.models + Self.models {
        group.addTask {
          let model = try KerasModel(contentsOfFile: path, options: options)
          _ = try model.lowered().graph
          try model.verifyChecksums()
          return (path, try Self.sum(model))
        }
      }
      for try await (path, sum) in group { #expect(sum == expected[path]) }
    }
  }

  @Test func `one model is read by many tasks at once`() async throws {
    let model = try KerasModel(
      contentsOfFile: Self.fixtures.appending(path: "hostile/odd-chunked.keras").path)
    let expected = try Self.sum(model)
    try await withThrowingTaskGroup(of: Double.self) { group in
      for _ in 0..<16 { group.addTask { try Self.sum(model) } }
      for _ in 0..<4 {
        group.addTask {
          try model.verifyChecksums()
          return expected
        }
      }
      for try await sum in group { #expect(sum == expected) }
    }
  }

  @Test func `bytes in memory and weights alone are read through the helper, too`() throws {
    let path = Self.fixtures.appending(path: "hostile/odd-chunked.keras").path
    let bytes = try Data(contentsOf: URL(filePath: path))
    let expected = try Self.sum(KerasModel(contentsOfFile: path))
    #expect(try Self.sum(KerasModel(bytes: bytes, options: Self.options(Self.helper))) == expected)
    let weights = try KerasWeights(contentsOfFile: path, hdf5Helper: Self.helper)
    #expect(weights.map(\.name) == (try KerasWeights(contentsOfFile: path).map(\.name)))
    #expect(try KerasWeights(bytes: bytes, hdf5Helper: Self.helper).count == weights.count)
    #expect(try KerasModel.inspect(path, options: Self.options(Self.helper)).problems.isEmpty)
  }

  @Test func `without its helper nothing reads HDF5, and everything else is read`() throws {
    let options = Self.options("/no/such/kconvert-hdf5")
    let path = Self.fixtures.appending(path: "hostile/good.keras").path
    let error = #expect(throws: KerasImportError.self) {
      try KerasModel(contentsOfFile: path, options: options)
    }
    #expect("\(try #require(error))".contains("No such file or directory); HDF5 files are not read without"))
    #expect(throws: KerasImportError.self) {
      try KerasWeights(contentsOfFile: path, hdf5Helper: "/no/such/kconvert-hdf5")
    }
    let saved = Self.fixtures.appending(path: "savedmodel/small").path
    #expect(
      try Self.sum(KerasModel(contentsOfFile: saved, options: options))
        == Self.sum(KerasModel(contentsOfFile: saved))
    )
  }

  /// What crashes or stops libhdf5 ends the helper and is an error here.
  @Test(arguments: ["kind-h5-child.h5", "kind-size-tracing.h5", "soft-loop.keras", "cve-2026-1669.keras"])
  func `hostile files are refused through the helper`(name: String) {
    let path = Self.fixtures.appending(path: "hostile/\(name)").path
    #expect(throws: KerasImportError.self) {
      try KerasModel(contentsOfFile: path, options: Self.options(Self.helper)).lowered()
    }
  }
}
