import Foundation
import ModelFiles
import ModelIR
import NativeFormat
import Testing

@testable import KerasImport

/// The files are made by fixtures/generate/archives.py.
@Suite struct ArchiveTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "fixtures/archive")

  func path(_ name: String) -> String { ArchiveTests.folder.appending(path: name).path }

  func archive(_ name: String) throws -> KerasArchive {
    guard case .archive(let archive) = try ModelFile(at: path(name)).content else { throw Failure() }
    return archive
  }

  /// The text of the error that opening a file gives.
  func refusal(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch let error as KerasImportError {
      return "\(error.reason)"
    } catch {
      return "another error: \(error)"
    }
  }

  @Test(arguments: ["stored.keras", "deflated.keras", "zip64.keras", "folder"])
  func `archives are read in every form`(name: String) throws {
    let archive = try archive(name)
    #expect(archive.config["class_name"]?.string == "Sequential")
    #expect(archive.metadata?["keras_version"]?.string == "3.15.1")
    guard case .hdf5(let file) = archive.weights else { throw Failure() }
    let tree = try file.weightTree()
    #expect(tree.tensors.keys.sorted() == ["layers/dense/vars/0", "layers/dense/vars/1"])
    #expect(tree.names == ["layers/dense/vars": "d"])
    let kernel = try #require(tree.tensors["layers/dense/vars/0"])
    #expect(kernel.sizes == [2, 3])
    #expect(try kernel.elements(as: Float.self) == [0, 1, 2, 3, 4, 5])
    let vocabulary = try #require(try archive.member("assets/lookup/vocabulary.txt"))
    #expect(vocabulary.withBytes { String(decoding: $0, as: UTF8.self) } == "[UNK]\none\ntwo")
    #expect(try archive.member("assets/none.txt") == nil)
    try archive.verifyChecksums()
  }

  @Test func `names of members do not lead out of a folder`() throws {
    let archive = try archive("folder")
    #expect(try archive.member("../stored.keras") == nil)
    #expect(try archive.member("assets//lookup/vocabulary.txt") == nil)
    #expect(try archive.member("/etc/passwd") == nil)
  }

  @Test(arguments: [
    ("bzip2.keras", "is packed with method 12; only deflate is read"),
    ("refused_config_checksum.keras", "\"config.json\\\" of the archive has a wrong checksum"),
    ("refused_truncated.keras", "has no directory at its end; it may be truncated"),
    ("refused_bomb.keras", "\"metadata.json\\\" of the archive has an impossible size"),
    ("refused_twice.keras", "\"config.json\\\" comes twice in the archive"),
    ("refused_encrypted.keras", "\"metadata.json\\\" of the archive is encrypted"),
    ("refused_other.zip", "it has no member \\\"config.json\\\""),
  ])
  func `damaged archives are refused`(name: String, message: String) {
    let text = refusal { _ = try archive(name) }
    #expect(
      text.contains(message.replacingOccurrences(of: "\\", with: "")) || text.contains(message), "\(text)")
  }

  @Test func `the checksum of stored weights is compared on demand`() throws {
    let archive = try archive("refused_weights_checksum.keras")
    #expect(refusal { try archive.verifyChecksums() }.contains("has a wrong checksum"))
  }

  @Test(arguments: ["stored.keras", "deflated.keras", "folder"])
  func `a checksum that is begun ahead is the same`(name: String) throws {
    let archive = try archive(name)
    archive.verifyAhead()
    try archive.verifyChecksums()
  }

  @Test func `a wrong checksum that is begun ahead is told`() throws {
    let archive = try archive("refused_weights_checksum.keras")
    archive.verifyAhead()
    #expect(refusal { try archive.verifyChecksums() }.contains("has a wrong checksum"))
  }

  @Test(arguments: ["stored.keras", "deflated.keras", "zip64.keras"])
  func `a file that is given a head start is read as any other`(name: String) throws {
    let names = try HDF5File.$indexingPlace.withValue(.copy) {
      HeadStart.begin(at: path(name))
      guard case .hdf5(let file) = try archive(name).weights else { throw Failure() }
      return try file.weightTree().tensors.keys.sorted()
    }
    #expect(names == ["layers/dense/vars/0", "layers/dense/vars/1"])
  }

  @Test(arguments: ["refused_truncated.keras", "refused_other.zip", "folder", "none.keras"])
  func `what is wrong with a file is told when it is opened`(name: String) {
    let plain = refusal { _ = try archive(name) }
    HeadStart.begin(at: path(name))
    #expect(refusal { _ = try archive(name) } == plain)
  }

  @Test func `a checksum in parts equals that of the whole`() throws {
    // 123456789 is the check value of CRC-32; zeros of this length have the checksum that Python's zlib gives.
    let check = HeldBytes.copy(of: Array("123456789".utf8))
    #expect(Checksum.crc32(check) == 0xCBF4_3926)
    let long = HeldBytes.copy(of: [UInt8](repeating: 0, count: 20_000_003))
    #expect(Checksum.crc32(long) == 0x1E1C_31B6)
  }

  @Test func `shards are put together`() throws {
    guard case .json(let index) = try ModelFile(at: path("shards/model.weights.json")).content else {
      throw Failure()
    }
    #expect(ShardedWeights.isIndex(index))
    let tree = try ShardedWeights.weightTree(index: index, folder: path("shards"))
    #expect(tree.tensors.keys.sorted() == (0..<3).map { "layers/dense/vars/\($0)" })
  }

  @Test func `a shard outside the folder of the index is refused`() throws {
    let text = try String(contentsOfFile: path("shards/refused_outside.weights.json"), encoding: .utf8)
    let index = try JSONValue(parsing: text)
    let message = refusal { _ = try ShardedWeights.weightTree(index: index, folder: path("shards")) }
    #expect(message.contains("is not in the folder of its index"))
  }

  @Test func `what cannot be opened is an io error`() {
    #expect(refusal { _ = try ModelFile(at: path("absent.keras")) }.contains("No such file or directory"))
    #expect(refusal { _ = try ModelFile(at: path("shards")) }.contains("config.json"))
  }

  @Test(arguments: [
    ("", nil), ("PK\u{3}\u{4}", ModelFileKind.archive), (" \n{", .json), ("[1]", .json),
    ("class_name: Sequential", .yaml), ("just words", nil), ("\u{8}\0\0\0\0\0\0\0{\"a\":1}", .safetensors),
    (String(repeating: "\0", count: 1024) + "\u{FFFD}HDF", nil),
  ])
  func `formats are told by content`(text: String, kind: ModelFileKind?) {
    #expect(ModelFileKind(of: .copy(of: Array(text.utf8))) == kind)
  }

  @Test(arguments: [0, 512, 1024, 2048]) func `the signature of HDF5 may follow a user block`(offset: Int) {
    let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
    let file = [UInt8](repeating: 0, count: offset) + signature
    #expect(ModelFileKind(of: .copy(of: file)) == .hdf5)
  }

  struct Failure: Error {}
}

extension HeldBytes {
  static func copy(of bytes: [UInt8]) -> HeldBytes {
    let memory = FilledMemory(byteCount: bytes.count) {
      $0.copyBytes(from: bytes); return true
    }
    return memory?.content
      ?? HeldBytes(UnsafeRawBufferPointer(start: nil, count: 0), owner: StringStorage([]))
  }
}
