import Foundation
import ModelIR
import NativeFormat
import Testing

@testable import KerasImport

/// The files and expected.json, which holds what h5py reads from them, are made by fixtures/generate/hdf5_files.py.
@Suite struct HDF5DataTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "fixtures/hdf5")

  func file(_ name: String) throws -> HDF5File {
    let path = HDF5DataTests.folder.appending(path: name).path
    guard case .hdf5(let file) = try ModelFile(at: path).content else { throw Failure() }
    return file
  }

  @Test(arguments: [
    "types.h5", "layouts.h5", "layouts_latest.h5", "user_block.h5", "user_block_chunks.h5",
    "user_block_latest.h5",
    "small_chunks.h5",
  ])
  func `every type and layout gives the numbers that h5py gives`(name: String) throws {
    let text = try String(contentsOf: HDF5DataTests.folder.appending(path: "expected.json"), encoding: .utf8)
    let expected = try #require(try JSONValue(parsing: text)[name]?.object)
    let file = try file(name)
    #expect(expected.count > 0)
    for (path, value) in expected {
      let tensor = try file.tensor(at: path)
      #expect(tensor.sizes == value["sizes"]?.array?.compactMap(\.int), "\(path)")
      #expect(try tensor.doubles() == value["values"]?.array?.compactMap(\.double), "\(path)")
    }
    #expect(try file.weightTree().tensors.count == expected.count)
  }

  @Test(arguments: [
    ("external_storage", "raw", "its data is in another file"), ("virtual", "virtual", "it is virtual"),
    ("filtered", "lzf", "the filter"), ("filtered", "text", "data of strings"),
    ("huge", "huge", "were never written"),
  ])
  func `data that is not read is refused by name`(file name: String, path: String, message: String) throws {
    let file = try file("refused_\(name).h5")
    do {
      _ = try file.tensor(at: path)
      Issue.record("no error")
    } catch {
      #expect("\(error.reason)".contains(message))
      guard case .weight(path) = error.path.first else {
        Issue.record("no place")
        return
      }
    }
  }

  @Test func `a damaged chunk is noticed when it is read`() throws {
    let path = HDF5DataTests.folder.appending(path: "layouts.h5")
    let whole = try file("layouts.h5")
    for name in ["gzip", "gzip_shuffle_checksum"] {
      guard case .chunked(let chunks) = try whole.index.root.dataset(at: name)?.layout else {
        throw Failure()
      }
      var data = try Data(contentsOf: path)
      data[chunks.chunks[0].offset + 7] ^= 0x55
      let damaged = HDF5File(index: try whole.index, bytes: .copy(of: Array(data)))
      let error = #expect(throws: TensorError.self) { try damaged.tensor(at: name).doubles() }
      #expect(error?.cause is KerasImportError)
    }
  }

  @Test func `an index that does not fit the bytes is refused`() throws {
    let whole = try file("layouts.h5")
    let short = try #require(whole.bytes.slice(offset: 0, count: 600))
    for path in ["contiguous", "chunked", "gzip"] {
      #expect(throws: KerasImportError.self) {
        try HDF5File(index: whole.index, bytes: short).tensor(at: path)
      }
    }
  }

  struct Failure: Error {}
}
