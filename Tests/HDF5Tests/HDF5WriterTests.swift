import Foundation
import Testing

@testable import HDF5

/// Files laid out by the writer, read back by libhdf5; `Scripts/judge_keras.py` has h5py read them.
@Suite struct HDF5WriterTests {
  @Test func `groups, attributes and datasets of every type are where the writer says`() throws {
    let types: [HDF5Index.ElementType] = [
      .float16, .bfloat16, .float32, .float64, .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64,
      .uint64, .bool,
    ]
    var writer = HDF5Writer()
    writer.groups = [("layers/dense/vars", [("name", "größe")])]
    writer.datasets = types.enumerated().map { number, type in
      HDF5Writer.Dataset(path: "layers/dense/vars/\(number)", elementType: type, sizes: [2, number + 1])
    }
    writer.datasets.append(HDF5Writer.Dataset(path: "scalar", elementType: .float32, sizes: []))
    writer.datasets.append(HDF5Writer.Dataset(path: "empty", elementType: .float32, sizes: [3, 0]))
    let offsets = try writer.layout().offsets
    let bytes = try whole(writer)
    let index = try bytes.withUnsafeBytes { try HDF5Index(indexing: $0) }
    #expect(index.root.group(at: "layers/dense/vars")?.attributes["name"]?.string == "größe")
    for (number, type) in types.enumerated() {
      let dataset = try #require(index.root.dataset(at: "layers/dense/vars/\(number)"))
      #expect(dataset.elementType == type)
      #expect(dataset.sizes == [2, number + 1])
      guard case .contiguous(let offset, let count) = dataset.layout else {
        Issue.record("\(type) is not contiguous")
        continue
      }
      #expect(offset == offsets[number])
      #expect(offset + count <= bytes.count)
    }
    #expect(index.root.dataset(at: "scalar")?.sizes == [])
    #expect(index.root.dataset(at: "empty")?.sizes == [3, 0])
    #expect(offsets.last == .some(nil))
  }

  @Test func `a type that has no form in the file is refused`() {
    var writer = HDF5Writer()
    writer.datasets = [HDF5Writer.Dataset(path: "text", elementType: .other("strings"), sizes: [1])]
    do {
      _ = try writer.layout()
      Issue.record("no error")
    } catch { #expect("\(error)" == "dataset \"text\": elements of strings") }
  }

  /// The bytes of a file whose values are zeros.
  private func whole(_ writer: HDF5Writer) throws -> [UInt8] {
    let layout = try writer.layout()
    return layout.metadata + [UInt8](repeating: 0, count: layout.byteCount - layout.metadata.count)
  }

  /// 8 symbols make a node, 32 of those a node above them, 32 of those one above that.
  @Test(arguments: [0, 1, 8, 9, 255, 256, 257, 8_192, 8_193, 9_000])
  func `groups of any size are found by libhdf5, and by the plain reader`(count: Int) throws {
    var writer = HDF5Writer()
    writer.groups = [("layers", [])]
    for number in 0..<count {
      writer.groups.append(("layers/\(number)", number % 3 == 0 ? [("name", "n\(number)")] : []))
    }
    let bytes = try whole(writer)
    let index = try bytes.withUnsafeBytes { try HDF5Index(indexing: $0) }
    let layers = try #require(index.root.groups["layers"])
    #expect(layers.groups.count == count)
    for number in 0..<count {
      let name = layers.groups["\(number)"]?.attributes["name"]?.string
      #expect(name == (number % 3 == 0 ? "n\(number)" : nil))
    }
    #expect(bytes.withUnsafeBytes { HDF5Index(plain: $0) } == index)
  }

  @Test func `a path that is taken is refused`() {
    var writer = HDF5Writer()
    writer.datasets = ["a", "a/b"].map { HDF5Writer.Dataset(path: $0, elementType: .int8, sizes: []) }
    do {
      _ = try writer.layout()
      Issue.record("no error")
    } catch { #expect("\(error)".contains("a dataset is where a group has to be")) }
  }
}
