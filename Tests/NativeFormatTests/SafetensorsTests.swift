import Foundation
import ModelFiles
import ModelIR
import Testing

@testable import NativeFormat

/// types.safetensors is made by fixtures/generate/safetensors_file.py with the format's own implementation.
@Suite struct SafetensorsTests {
  static let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "fixtures/native/types.safetensors").path

  func file() throws -> SafetensorsFile {
    try SafetensorsFile(try MappedFile(path: SafetensorsTests.path).content)
  }

  @Test func `every type is read`() throws {
    let file = try file()
    #expect(file.metadata == ["note": "größe \"1\"\n"])
    #expect(file.names.count == 16)
    for name in DType.allCases.map(\.rawValue) where !["bool", "string", "bfloat16"].contains(name) {
      let tensor = try #require(file.tensors[name])
      #expect(tensor.dtype.rawValue == name)
      #expect(tensor.sizes == [2, 3])
      #expect(try tensor.doubles() == [0, 3, 6, 9, 12, 15], "\(name)")
    }
    #expect(try file.tensors["flags"]?.elements(as: Bool.self) == [true, false, true])
    #expect(try file.tensors["bfloat16"]?.doubles() == [1, -2.5])
    #expect(file.tensors["scalar"]?.sizes == [])
    #expect(try file.tensors["a/b"]?.doubles() == [0.5])
    #expect(file.tensors["empty"]?.sizes == [0, 4])
  }

  @Test func `the same tensors give the same bytes as the format's own implementation`() throws {
    let file = try file()
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try SafetensorsWriter.write(file.tensors, metadata: [("note", "größe \"1\"\n")], to: path)
    let expected = try Data(contentsOf: URL(filePath: SafetensorsTests.path))
    #expect(try Data(contentsOf: URL(filePath: path)) == expected)
  }

  @Test func `a file appears only when it is complete`() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "out.safetensors").path
    let good = try Tensor([Float](repeating: 1, count: 100_000), sizes: [100_000])
    try SafetensorsWriter.write(["x": good], to: path)
    #expect(throws: SafetensorsError.self) {
      try SafetensorsWriter.write(["x": good, "s": Tensor(["a"], sizes: [1])], to: path)
    }
    struct Broken: Error {}
    #expect(throws: SafetensorsError.self) {
      try SafetensorsWriter.write(
        ["a": good, "z": Tensor(dtype: .float32, sizes: [1], storage: BrokenStorage(error: Broken()))],
        to: path)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["out.safetensors"])
    let back = try SafetensorsFile(try MappedFile(path: path).content)
    #expect(try back.tensors["x"]?.elements(as: Float.self) == [Float](repeating: 1, count: 100_000))
    #expect(throws: SafetensorsError.self) {
      try SafetensorsWriter.write(["x": good], to: "\(path)/below/it")
    }
  }

  final class BrokenStorage: ResidentStorage {
    let error: any Error
    init(error: any Error) { self.error = error }
    var byteCount: Int { 4 }
    func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R { throw error }
  }

  /// A file `refused_<name>.safetensors` and what is said about it.
  struct Refusal: CustomTestStringConvertible {
    var name: String
    var message: String
    var testDescription: String { name }
    init(_ name: String, _ message: String) { (self.name, self.message) = (name, message) }
  }

  static let refusals = [
    Refusal("too_short", "the file is too short for a header"),
    Refusal("header_beyond_file", "its header of 9 bytes does not lie in the file; it may be truncated"),
    Refusal("header_too_large", "its header of 100000001 bytes is larger than 100000000"),
    Refusal("header_size_negative", "its header of 18446744073709551615 bytes is larger than 100000000"),
    Refusal("header_starts_with_space", #"its header does not start with "{""#),
    Refusal("header_empty", #"its header does not start with "{""#),
    Refusal("header_cut", #"header: invalid JSON at byte 4: the text ends where ":" is expected"#),
    Refusal("header_text_after", "header: invalid JSON at byte 54: text after the value"),
    Refusal("header_not_utf8", "header: invalid JSON at byte 3: a string that is not UTF-8"),
    Refusal("name_twice", #"header: invalid JSON at byte 54: key "a" comes twice"#),
    Refusal("key_twice", #"header: invalid JSON at byte 20: key "dtype" comes twice"#),
    Refusal("entry_not_object", #"tensor "a" has no "dtype""#),
    Refusal("dtype_missing", #"tensor "a" has no "dtype""#),
    Refusal("dtype_unknown", #"tensor "a" has the unknown dtype "F8_E4M3""#),
    Refusal("shape_missing", #"tensor "a" has no valid "shape""#),
    Refusal("shape_negative", #"tensor "a" has no valid "shape""#),
    Refusal("shape_fraction", #"tensor "a" has no valid "shape""#),
    Refusal("shape_overflows", #"tensor "a" has a shape that overflows"#),
    Refusal("shape_other_size", #"tensor "a": expected 12 bytes for F32 [3], found 8"#),
    Refusal("offsets_missing", #"tensor "a" has no valid "data_offsets""#),
    Refusal("offsets_one", #"tensor "a" has no valid "data_offsets""#),
    Refusal("offsets_reversed", #"tensor "a" has no valid "data_offsets""#),
    Refusal("offsets_beyond", "expected 12 bytes of tensors, found 8"),
    Refusal("offsets_huge", #"tensor "a" has no valid "data_offsets""#),
    Refusal("data_longer", "expected 4 bytes of tensors, found 8"),
    Refusal("data_without_tensors", "expected 0 bytes of tensors, found 8"),
    Refusal("hole_first", #"tensor "a" leaves a hole before it"#),
    Refusal("hole_between", #"tensor "b" leaves a hole before it"#),
    Refusal("overlap", #"tensor "b" overlaps the tensor before it"#),
    Refusal("same_bytes_twice", #"tensor "b" overlaps the tensor before it"#),
    Refusal("metadata_not_object", "its metadata is not an object"),
    Refusal("metadata_not_string", #"metadata "a" is not a string"#),
  ]

  /// The files are made by fixtures/generate/native_files.py.
  @Test(arguments: refusals)
  func `a file that breaks a rule is refused`(refusal: Refusal) throws {
    let folder = URL(filePath: SafetensorsTests.path).deletingLastPathComponent()
    let path = folder.appending(path: "refused_\(refusal.name).safetensors").path
    let content = try MappedFile(path: path).content
    #expect(throws: SafetensorsError.self) { try SafetensorsFile(content) }
    do { _ = try SafetensorsFile(content) } catch { #expect("\(error)" == "safetensors: \(refusal.message)") }
  }
}
