import Foundation
import Testing

@testable import HDF5

/// The files are made by fixtures/generate/hdf5_files.py.
@Suite struct HDF5IndexTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "fixtures/hdf5")

  func index(_ name: String) throws -> HDF5Index {
    let data = try Data(contentsOf: HDF5IndexTests.folder.appending(path: name))
    return try data.withUnsafeBytes { try HDF5Index(indexing: $0) }
  }

  @Test func `a file is indexed at any alignment`() throws {
    let data = try Data(contentsOf: HDF5IndexTests.folder.appending(path: "types.h5"))
    let expected = try index("types.h5")
    for shift in 1..<8 {
      let shifted = [UInt8](repeating: 7, count: shift) + data
      let found = try shifted.withUnsafeBytes {
        try HDF5Index(indexing: UnsafeRawBufferPointer(rebasing: $0[shift...]))
      }
      #expect(found == expected)
    }
  }

  private func part(_ share: IndexBuilder.Share, of data: Data) throws -> HDF5Index {
    try data.withUnsafeBytes { bytes in
      try HDF5Library.locked { () throws(HDF5Error) in
        var builder = IndexBuilder(fileByteCount: bytes.count, share: share)
        return try builder.index(bytes)
      }
    }
  }

  @Test(arguments: ["types.h5", "layouts.h5", "attributes.h5", "soft_links.h5", "user_block.h5"])
  func `two halves of a file are the whole`(name: String) throws {
    let data = try Data(contentsOf: HDF5IndexTests.folder.appending(path: name))
    var joined = try part(.first, of: data)
    joined.root.formUnion(try part(.second, of: data).root)
    #expect(try joined == index(name))
  }

  @Test func `a large file is indexed by two processes`() throws {
    var data = try Data(contentsOf: HDF5IndexTests.folder.appending(path: "types.h5"))
    let first = try part(.first, of: data)
    #expect(try first.root.datasets.count < index("types.h5").root.datasets.count)
    data.append(Data(repeating: 0, count: 2 << 20))  // What lies behind the file's end is not looked at.
    let apart = try data.withUnsafeBytes { try HDF5Index(indexingApart: $0) }
    #expect(try apart == index("types.h5"))
  }

  @Test func `element types are recognised`() throws {
    let root = try index("types.h5").root
    let types: [String: HDF5Index.ElementType] = [
      "float_lef2": .float16, "float_bef4": .float32, "float_bef8": .float64, "inti1": .int8, "intu1": .uint8,
      "int_bei2": .int16, "int_leu8": .uint64, "bool": .bool, "bfloat16": .bfloat16,
    ]
    for (name, type) in types {
      let dataset = try #require(root.dataset(at: name))
      #expect(dataset.elementType == type, "\(name)")
      #expect(dataset.isBigEndian == name.contains("_be"), "\(name)")
    }
    #expect(root.dataset(at: "scalar")?.sizes == [])
    #expect(root.dataset(at: "empty")?.sizes == [0, 3])
  }

  @Test(arguments: ["layouts.h5", "layouts_latest.h5"])
  func `layouts are recognised`(name: String) throws {
    let root = try index(name).root
    func layout(_ name: String) -> HDF5Index.Layout? { root.dataset(at: name)?.layout }
    guard case .contiguous(_, 140) = layout("contiguous") else { throw Failure() }
    guard case .compact(let bytes) = layout("compact") else { throw Failure() }
    #expect(bytes.count == 24)
    #expect(layout("zeros") == .unallocated)
    #expect(layout("filled") == .unallocated)
    #expect(root.dataset(at: "filled")?.fillValue == [0, 0, 0xC0, 0x3F])
    guard case .chunked(let plain) = layout("chunked") else { throw Failure() }
    #expect(plain.sizes == [3, 2])
    #expect(plain.filters == [])
    #expect(plain.chunks.count == 9)
    guard case .chunked(let all) = layout("gzip_shuffle_checksum") else { throw Failure() }
    #expect(all.filters == [.shuffle(elementByteCount: 4), .deflate, .fletcher32])
    guard case .chunked(let partly) = layout("partly") else { throw Failure() }
    #expect(partly.chunks.map(\.origin) == [[0, 0]])
  }

  @Test func `offsets count from the start of the file, user block included`() throws {
    let name = "user_block.h5"
    let data = try Data(contentsOf: HDF5IndexTests.folder.appending(path: name))
    guard case .contiguous(let offset, 16) = try index(name).root.dataset(at: "a/data")?.layout else {
      throw Failure()
    }
    let first = data.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Float.self) }
    #expect(first == -1.75)
  }

  @Test func `attributes are read in every form that h5py writes`() throws {
    let attributes = try #require(try index("attributes.h5").root.group(at: "model_weights")).attributes
    #expect(attributes["variable_utf8"]?.string == "größe")
    #expect(attributes["variable_list"]?.strings == ["dense/kernel:0", "dense/bias:0"])
    #expect(attributes["fixed_list"]?.strings == ["a", "abc", "ab"])
    #expect(attributes["fixed"]?.string == "2.2.4")
    #expect(attributes["empty_list"]?.strings == [])
    #expect(attributes["integer"]?.int == 7)
    #expect(attributes["floats"] == .numbers([0.5, 1.5], sizes: [2]))
    #expect(attributes["bool"]?.int == 1)
    #expect(attributes["none"]?.strings == [])
    #expect(attributes["long"]?.string?.count == 66_000)
    #expect(attributes["layer_names1"]?.strings == ["three"])
  }

  @Test(arguments: [
    ("external_link", HDF5Error(.unsupported("external links are not followed"), object: "inside/away")),
    ("user_link", HDF5Error(.unsupported("user-defined links are not followed"), object: "inside/own")),
    ("soft_link_away", HDF5Error(.unsupported("external links are not followed"), object: "a")),
    (
      "soft_link_loop",
      HDF5Error(
        .corrupted("soft links that lead round in a circle, or through too many others"), object: "one")
    ),
    (
      "soft_link_dangling",
      HDF5Error(.corrupted("a soft link that leads to nothing: \"none/data\""), object: "group/soft")
    ),
  ])
  func `links that are not followed are refused by name`(name: String, error: HDF5Error) {
    #expect(throws: error) { try index("refused_\(name).h5") }
  }

  @Test func `soft links lead to objects of the same file`() throws {
    let root = try index("soft_links.h5").root
    let (data, below) = (
      try #require(root.dataset(at: "data")), try #require(root.dataset(at: "group/below"))
    )
    #expect(root.dataset(at: "absolute") == data)
    #expect(root.dataset(at: "group/relative") == below)
    #expect(root.dataset(at: "through") == below)
    #expect(root.group(at: "again") == root.group(at: "group"))
    // A way back to a group around it adds nothing.
    #expect(root.group(at: "group/round") == nil)
  }

  @Test(arguments: ["user_block_chunks.h5", "small_chunks.h5"])
  func `a child gives the same index`(name: String) throws {
    let data = try Data(contentsOf: HDF5IndexTests.folder.appending(path: name))
    #expect(try data.withUnsafeBytes { try HDF5Index(indexingApart: $0) } == index(name))
  }

  /// 700 links to one dataset of 2,000 chunks, which would be 1,400,000 in the index of 100 KB.
  @Test func `links to the same objects count as often as there are`() {
    let error = #expect(throws: HDF5Error.self) { try index("refused_copies.h5") }
    #expect(error?.description.contains("links to the same objects") == true)
  }

  @Test func `strings in a heap of 2^30 bytes that the file does not have are refused`() throws {
    #expect(throws: HDF5Error.self) { try index("refused_pool.h5") }
    let data = try Data(contentsOf: HDF5IndexTests.folder.appending(path: "refused_pool.h5"))
    #expect(throws: HDF5Error.self) { try data.withUnsafeBytes { try HDF5Index(indexingApart: $0) } }
  }

  @Test func `a group that is linked from inside itself loads without that link`() throws {
    let root = try index("refused_loop.h5").root
    #expect(root.group(at: "a/b") != nil)
    #expect(root.group(at: "a/b/again") == nil)
  }

  @Test(arguments: [
    ("external_storage", "raw", "its data is in another file"),
    ("virtual", "virtual", "it is virtual: its data is in other datasets"),
    ("filtered", "lzf", "its data went through the filter \"lzf\" (number 32000)"),
  ])
  func `data that is not read says why`(file: String, name: String, reason: String) throws {
    #expect(try index("refused_\(file).h5").root.dataset(at: name)?.layout == .unsupported(reason))
  }

  @Test func `strings as data are an element type that is not read`() throws {
    #expect(try index("refused_filtered.h5").root.dataset(at: "text")?.elementType == .other("strings"))
  }

  @Test func `a truncated file is refused`() {
    #expect(throws: HDF5Error.self) { try index("refused_truncated.h5") }
  }

  @Test func `a file of other bytes is refused`() {
    #expect(throws: HDF5Error.self) {
      try Array("not HDF5".utf8).withUnsafeBytes { try HDF5Index(indexing: $0) }
    }
  }

  struct Failure: Error {}
}

extension HDF5IndexTests {
  @Test(arguments: ["types.h5", "layouts.h5", "layouts_latest.h5", "attributes.h5", "refused_virtual.h5"])
  func `an index survives the way to another process`(name: String) throws {
    let whole = try index(name)
    let bytes = whole.encoded()
    #expect(HDF5Index(encoded: bytes) == whole)
    #expect(HDF5Index(encoded: Array(bytes.dropLast())) == nil)
    #expect(HDF5Index(encoded: bytes + [0]) == nil)
  }

  @Test func `another process gives the same index and the same refusals`() throws {
    for name in ["types.h5", "attributes.h5"] {
      let data = try Data(contentsOf: HDF5IndexTests.folder.appending(path: name))
      let apart = try data.withUnsafeBytes { try HDF5Index(indexingApart: $0) }
      #expect(try index(name) == apart)
    }
    let data = try Data(contentsOf: HDF5IndexTests.folder.appending(path: "refused_soft_link_away.h5"))
    #expect(throws: HDF5Error(.unsupported("external links are not followed"), object: "a")) {
      try data.withUnsafeBytes { try HDF5Index(indexingApart: $0) }
    }
  }
}
