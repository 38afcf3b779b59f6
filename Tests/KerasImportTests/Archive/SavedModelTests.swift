import Foundation
import ModelFiles
import ModelIR
import Testing

@testable import KerasImport

/// The files are made by fixtures/generate/saved_models.py.
@Suite struct SavedModelTests {
  static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "fixtures")
  static let files = [
    "saved_model.pb", "keras_metadata.pb", "variables/variables.index",
    "variables/variables.data-00000-of-00001",
  ]

  func path(_ name: String) -> String { SavedModelTests.fixtures.appending(path: name).path }

  /// A copy of the small model, with one file changed.
  func changed(_ name: String, _ change: (inout Data?) -> Void) throws -> String {
    let folder = FileManager.default.temporaryDirectory.appending(path: "saved-\(UUID().uuidString)")
    try FileManager.default.copyItem(atPath: path("savedmodel/small"), toPath: folder.path)
    let file = folder.appending(path: name)
    var data: Data? = try Data(contentsOf: file)
    change(&data)
    try FileManager.default.removeItem(at: file)
    try data?.write(to: file)
    return folder.path
  }

  /// The text of the error that opening gives, without the place of the folder.
  func refusal(_ path: String, _ options: KerasModel.Options = .init()) -> String {
    do {
      try KerasModel(contentsOfFile: path, options: options).verifyChecksums()
      return "no error"
    } catch {
      let suggestion = error.suggestion.map { "; \($0)" } ?? ""
      return "\(error)".replacing("\(path): ", with: "") + suggestion
    }
  }

  @Test(arguments: ["", "/saved_model.pb", "/keras_metadata.pb"])
  func `a folder and each of its files open the model`(file: String) throws {
    let model = try KerasModel(contentsOfFile: path("savedmodel/small\(file)"))
    #expect(model.format == "TensorFlow 2.15 SavedModel")
    #expect(model.kerasVersion == "2.15.0")
    #expect(model.weights.names == ["dense/kernel", "dense/bias"])
    #expect(try model.weights.tensor("dense/kernel").sizes == [3, 2])
    try model.verifyChecksums()
  }

  @Test func `a zipped folder is read with the folder's name in front`() throws {
    let model = try KerasModel(contentsOfFile: path("eras/tfkeras2.15/saved_functional/model"))
    #expect(model.format == "TensorFlow 2.15 SavedModel")
    #expect(model["inner"] != nil)
    try model.verifyChecksums()
  }

  @Test func `before 2_5 the configuration is among the graph's objects`() throws {
    let model = try KerasModel(contentsOfFile: path("eras/tfkeras2.4/saved_functional/model"))
    #expect(model.format == "TensorFlow 2.4 SavedModel")
    #expect(model.kerasVersion == "2.4.0")
  }

  @Test func `a checkpoint's weights have the names of its objects`() throws {
    let weights = try KerasWeights(contentsOfFile: path("eras/tfkeras2.15/saved_partitioned/weights"))
    #expect(
      weights.names == [
        "layer_with_weights-0/embeddings", "layer_with_weights-1/bias", "layer_with_weights-1/kernel",
      ])
    #expect(try weights.tensor("layer_with_weights-0/embeddings").sizes == [130, 2])
  }

  // MARK: Refusals

  @Test(arguments: [
    (
      "savedmodel/subclass",
      "\"Program\" is a class of the program that made it, whose calls no file holds; load the model there and save it "
        + "as a functional model in .keras"
    ),
    (
      "savedmodel/module",
      "the SavedModel holds functions of TensorFlow but no Keras model (as model.export, tf.saved_model.save and TF Hub "
        + "write it); load the Keras model where it was made and save it as .keras"
    ),
    (
      "eras/tfkeras2.15/saved_checkpoint/weights",
      "the checkpoint holds weights but no model; open the architecture with this file as its weights (KerasModel.Options.weights)"
    ),
  ])
  func `what holds no model of layers is told as that`(name: String, message: String) {
    #expect(refusal(path(name)) == message)
  }

  @Test func `missing files are named`() throws {
    #expect(
      refusal(try changed("variables/variables.index") { $0 = nil })
        == "the file \"variables/variables.index\" is missing; put the folder variables back, or name other weights"
    )
    #expect(
      refusal(try changed("variables/variables.data-00000-of-00001") { $0 = nil })
        == "the file \"variables/variables.data-00000-of-00001\" is missing; put it back, it holds the weights"
    )
    #expect(
      refusal(try changed("keras_metadata.pb") { $0 = nil }).hasPrefix(
        "the SavedModel holds functions of TensorFlow but no Keras model"))
  }

  @Test func `the folder's architecture takes other weights`() throws {
    var options = KerasModel.Options()
    options.weights = path("savedmodel/small")
    let folder = try changed("variables/variables.index") { $0 = nil }
    let model = try KerasModel(contentsOfFile: folder, options: options)
    #expect(model.weights.count == 2)
  }

  @Test func `weights of another model are told with what was expected`() {
    var options = KerasModel.Options()
    options.weights = path("eras/tfkeras2.15/saved_checkpoint/weights.index")
    #expect(refusal(path("savedmodel/small"), options).contains("expected 1 layers, 1 of them with weights"))
  }

  @Test func `damaged data is found by its checksum`() throws {
    let folder = try changed("variables/variables.data-00000-of-00001") { $0?[3] ^= 1 }
    #expect(refusal(folder).hasSuffix("its data has a wrong checksum"))
  }

  @Test func `a truncated shard and a truncated index are told`() throws {
    let shard = try changed("variables/variables.data-00000-of-00001") { $0 = $0?.prefix(30) }
    #expect(refusal(shard).hasSuffix("its data does not lie in the shard; it may be truncated"))
    let index = try changed("variables/variables.index") { $0 = $0?.dropLast(4) }
    #expect(
      refusal(index)
        == "variables/variables.index: it does not end as a table of LevelDB; it may be truncated")
  }

  /// Every byte of a block is in its checksum; what points to the blocks is checked with it. That leaves the padding.
  @Test func `no changed byte of the index goes unnoticed`() throws {
    let original = try Data(contentsOf: URL(filePath: path("savedmodel/small/\(SavedModelTests.files[2])")))
    var unnoticed: [Int] = []
    for offset in original.indices {
      let folder = try changed(SavedModelTests.files[2]) { $0?[offset] ^= 0x15 }
      if refusal(folder) == "no error" { unnoticed.append(offset) }
      try FileManager.default.removeItem(atPath: folder)
    }
    #expect(unnoticed.allSatisfy { (original.count - 44..<original.count - 8).contains($0) }, "\(unnoticed)")
  }

  @Test(arguments: files)
  func `damaged and truncated files neither crash nor hang`(name: String) throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<60 {
      let folder = try changed(name) { data in
        guard let count = data?.count else { return }
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          data?[Int.random(in: 0..<count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        if Bool.random() { data = data?.prefix(Int.random(in: 0..<count, using: &random)) }
      }
      _ = refusal(folder)
      try FileManager.default.removeItem(atPath: folder)
    }
  }
}

/// The parts of the formats.
@Suite struct TensorBundleTests {
  @Test func `CRC-32C has its check value, in parts too`() {
    // The check value of the catalogue of CRCs for CRC-32C (iSCSI); RFC 3720 B.4 for 32 zeros.
    let check = Array("123456789".utf8).withUnsafeBytes { CRC32C.extended(0, over: $0) }
    #expect(check == 0xE306_9283)
    let zeros = [UInt8](repeating: 0, count: 32).withUnsafeBytes { CRC32C.extended(0, over: $0) }
    #expect(zeros == 0x8A91_36AA)
    let long = (0..<9_000_001).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 >> 9) }
    let whole = long.withUnsafeBytes { CRC32C.extended(0, over: $0) }
    #expect(CRC32C.masked(HeldBytes.copy(of: long)) == CRC32C.masked(whole))
  }

  func message(_ bytes: [UInt8]) -> ProtobufMessage { ProtobufMessage(HeldBytes.copy(of: bytes)) }

  @Test func `fields are read by number and type`() throws {
    let fields = message([0x08, 0x96, 0x01, 0x12, 2, 0x68, 0x69, 0x1A, 2, 3, 4, 0x18, 5, 0x25, 1, 0, 0, 0])
    #expect(try fields.number(1) == 150)
    #expect(try fields.text(2) == "hi")
    #expect(try fields.numbers(3) == [3, 4, 5])
    #expect(try fields.message(9) == nil)
    #expect(throws: KerasImportError.self) { try fields.message(1) }
  }

  @Test(arguments: [
    ([0x08], "it ends within a field"),
    ([0x12, 5, 1], "it ends within a field"),
    ([0x0B], "a field has the wire type 3, which does not exist"),
    ([0x08] + [UInt8](repeating: 0xFF, count: 10), "a number does not fit in 64 bits"),
    ([0x12] + [UInt8](repeating: 0xFF, count: 9) + [1], "a length is impossible"),
  ])
  func `messages that break the format are refused`(bytes: [UInt8], message text: String) {
    let error = #expect(throws: KerasImportError.self) { try message(bytes).forEachField { _, _ in } }
    #expect(error.map { "\($0)" } == text)
  }

  /// A table with one data block of these entries, all checksums right.
  /// - Parameter handles: how often the index names the block.
  func table(
    _ entries: [UInt8], restarts: UInt8 = 1, compression: UInt8 = 0, handles: Int = 1
  ) -> HeldBytes {
    var bytes: [UInt8] = []
    func add(_ entries: [UInt8], restarts: UInt8 = 1) -> [UInt8] {
      let offset = bytes.count
      let block = entries + [UInt8](repeating: 0, count: 4 * Int(restarts)) + [restarts, 0, 0, 0]
      let sum = CRC32C.masked(HeldBytes.copy(of: block + [compression]))
      bytes += block + [compression] + withUnsafeBytes(of: sum.littleEndian) { Array($0) }
      return [UInt8(offset), UInt8(block.count)]
    }
    let data = add(entries, restarts: restarts)
    let index = add((0..<handles).flatMap { _ in [0, 1, 2, 0x7A] + data })
    let footer = index + index + [UInt8](repeating: 0, count: 36)
    bytes += footer + withUnsafeBytes(of: LevelDBTable.magic.littleEndian) { Array($0) }
    return HeldBytes.copy(of: bytes)
  }

  func keys(_ table: HeldBytes) throws(KerasImportError) -> [String] {
    var keys: [String] = []
    try LevelDBTable.forEachEntry(of: table) { key, _ in keys.append(String(decoding: key, as: UTF8.self)) }
    return keys
  }

  /// Each would be read as often as it is named, and a block without keys can be named without end.
  @Test func `a block that is named many times is refused`() {
    let error = #expect(throws: KerasImportError.self) { try keys(table([], restarts: 15, handles: 12)) }
    #expect(error.map { "\($0)" } == "blocks that overlap")
  }

  @Test func `keys share prefixes`() throws {
    #expect(try keys(table([0, 3, 0, 0x61, 0x62, 0x63, 2, 1, 1, 0x64, 0xFF])) == ["abc", "abd"])
  }

  @Test(arguments: [
    ([0, 1, 0, 0x61, 2, 1, 0, 0x62], 0, "a key shares 2 bytes with one of 1"),
    ([0, 1, 0, 0x62, 0, 1, 0, 0x61], 0, "its keys are not in ascending order"),
    ([0, 1, 0, 0x62, 1, 0, 0], 0, "its keys are not in ascending order"),
    ([0, 9, 0, 0x62], 0, "it ends within a field"),
    ([0, 1, 0, 0x61], 1, "a compressed block"),
  ])
  func `tables that break the format are refused`(entries: [UInt8], compression: UInt8, text: String) {
    let error = #expect(throws: KerasImportError.self) { try keys(table(entries, compression: compression)) }
    #expect(error.map { "\($0)" } == text)
  }
}
