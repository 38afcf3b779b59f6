import Foundation
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
    var bytes: [UInt8] = []
    try SafetensorsWriter.write(file.tensors, metadata: [("note", "größe \"1\"\n")]) { bytes += $0 }
    let expected = try Data(contentsOf: URL(filePath: SafetensorsTests.path))
    #expect(bytes == Array(expected))
  }

  @Test func `a file appears only when it is complete`() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "out.safetensors").path
    let good = Tensor([Float](repeating: 1, count: 100_000), sizes: [100_000])
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

  final class BrokenStorage: TensorStorage {
    let error: any Error
    init(error: any Error) { self.error = error }
    var byteCount: Int { 4 }
    func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R { throw error }
  }

  /// A bad header and what is said about it; the data has 8 bytes.
  struct Refusal: CustomTestStringConvertible {
    var header: String
    var message: String
    var testDescription: String { message }
    init(_ header: String, _ message: String) { (self.header, self.message) = (header, message) }
  }

  @Test(arguments: [
    Refusal(
      #" {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, #"its header does not start with "{""#),
    Refusal("", #"its header does not start with "{""#),
    Refusal(#"{"a""#, #"header: invalid JSON at byte 4: the text ends where ":" is expected"#),
    Refusal(#"{}x"#, "header: invalid JSON at byte 2: text after the value"),
    Refusal(
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{}}"#,
      #"header: invalid JSON at byte 54: key "a" comes twice"#),
    Refusal(#"{"a":{"shape":[2],"data_offsets":[0,8]}}"#, #"tensor "a" has no "dtype""#),
    Refusal(
      #"{"a":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}"#,
      #"tensor "a" has the unknown dtype "F8_E4M3""#),
    Refusal(#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, #"tensor "a" has no valid "shape""#),
    Refusal(
      #"{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}"#, #"tensor "a" has no valid "shape""#),
    Refusal(#"{"a":{"dtype":"F32","data_offsets":[0,8]}}"#, #"tensor "a" has no valid "shape""#),
    Refusal(#"{"a":{"dtype":"F32","shape":[2]}}"#, #"tensor "a" has no valid "data_offsets""#),
    Refusal(
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, #"tensor "a" has no valid "data_offsets""#),
    Refusal(
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}"#, #"tensor "a" has no valid "data_offsets""#),
    Refusal(
      #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#,
      #"tensor "a": expected 12 bytes for F32 [3], found 8"#),
    Refusal(
      #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#,
      #"tensor "a" has a shape that overflows"#),
    Refusal(
      #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#, "expected 12 bytes of tensors, found 8"),
    Refusal(
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "expected 4 bytes of tensors, found 8"),
    Refusal(
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, #"tensor "a" leaves a hole before it"#),
    Refusal(
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
      #"tensor "b" overlaps the tensor before it"#),
    Refusal(#"{"__metadata__":{"a":1}}"#, #"metadata "a" is not a string"#),
    Refusal(#"{"__metadata__":[]}"#, "its metadata is not an object"),
    Refusal("{}", "expected 0 bytes of tensors, found 8"),
  ])
  func `a header that breaks a rule is refused`(refusal: Refusal) {
    let header = Array(refusal.header.utf8)
    let size = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
    expectRefusal(size + header + [UInt8](repeating: 0, count: 8), refusal.message)
  }

  @Test func `a header that does not lie in the file or is too large is refused`() {
    expectRefusal([1, 0, 0], "the file is too short for a header")
    expectRefusal(
      [9, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D],
      "its header of 9 bytes does not lie in the file; it may be truncated")
    expectRefusal(
      [0xFF, 0xFF, 0xFF, 0x7F, 0, 0, 0, 0, 0x7B], "its header of 2147483647 bytes is larger than 100000000")
  }

  func expectRefusal(_ bytes: [UInt8], _ message: String) {
    let memory = MemoryStorage(byteCount: bytes.count) { $0.copyBytes(from: bytes) }
    do {
      try memory.withBytes { _ = try SafetensorsFile(HeldBytes($0, owner: memory)) }
      Issue.record("no error, expected: \(message)")
    } catch {
      #expect("\(error)" == "safetensors: \(message)")
    }
  }
}
