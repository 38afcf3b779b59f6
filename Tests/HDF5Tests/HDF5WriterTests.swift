import Foundation
import Testing

@testable import HDF5

/// Files laid out with libhdf5, read back by its index; `Scripts/judge_keras.py` has h5py read them.
@Suite struct HDF5WriterTests {
  @Test func `groups, attributes and datasets of every type are where the writer says`() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "kconvert-\(UUID().uuidString).h5").path
    defer { try? FileManager.default.removeItem(atPath: path) }
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
    let offsets = try writer.write(to: path)
    let bytes = try Data(contentsOf: URL(filePath: path))
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
    let path = FileManager.default.temporaryDirectory.appending(path: "kconvert-\(UUID().uuidString).h5").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    do {
      _ = try writer.write(to: path)
      Issue.record("no error")
    } catch { #expect("\(error)" == "dataset \"text\": elements of strings") }
  }
}
