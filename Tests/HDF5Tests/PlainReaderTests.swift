import Foundation
import Testing

@testable import HDF5

/// The files are those of all fixtures; what libhdf5 finds in them is the measure.
@Suite struct PlainReaderTests {
  private static let fixtures = HDF5IndexTests.folder.deletingLastPathComponent()

  private static let files: [URL] = {
    guard let all = FileManager.default.enumerator(at: fixtures, includingPropertiesForKeys: nil) else {
      return []
    }
    return all.compactMap { $0 as? URL }.filter { ["h5", "hdf5"].contains($0.pathExtension) }
  }()

  @Test func `it finds in every file what libhdf5 does, or leaves it to it`() throws {
    var plainCount = 0
    for file in PlainReaderTests.files {
      let data = try Data(contentsOf: file)
      guard let plain = data.withUnsafeBytes({ HDF5Index(plain: $0) }) else { continue }
      plainCount += 1
      #expect(try plain == data.withUnsafeBytes { try HDF5Index(indexing: $0) }, "\(file.path)")
    }
    #expect(plainCount > 20)
  }

  /// A file with each thing that is read, and one of another form.
  private func small(_ change: (inout HDF5Writer) -> Void = { _ in }) throws -> [UInt8] {
    var writer = HDF5Writer()
    writer.groups = [("layers/dense/vars", [("name", "größe")])]
    writer.datasets = [HDF5Writer.Dataset(path: "layers/dense/vars/0", elementType: .float32, sizes: [3])]
    change(&writer)
    let layout = try writer.layout()
    return layout.metadata + [UInt8](repeating: 0, count: layout.byteCount - layout.metadata.count)
  }

  @Test func `no change and no cut of a file leads out of it`() throws {
    let bytes = try small()
    #expect(bytes.withUnsafeBytes { HDF5Index(plain: $0) } != nil)
    for place in bytes.indices {
      for value in [0, 1, 0x7F, 0xFF, bytes[place] ^ 0x10] {
        var changed = bytes
        changed[place] = value
        let index = changed.withUnsafeBytes { HDF5Index(plain: $0) }
        let dataset = index?.root.dataset(at: "layers/dense/vars/0")
        if case .contiguous(let offset, let count)? = dataset?.layout {
          #expect(offset >= 0 && count >= 0 && offset + count <= bytes.count)
        }
      }
    }
    for count in bytes.indices {
      #expect(bytes[..<count].withUnsafeBytes { HDF5Index(plain: $0) } == nil)
    }
  }

  @Test func `what it has no form for is left to libhdf5`() throws {
    let opaque = try small { $0.datasets[0].elementType = .bfloat16 }
    #expect(opaque.withUnsafeBytes { HDF5Index(plain: $0) } == nil)
    #expect(try opaque.withUnsafeBytes { try HDF5Index(indexing: $0) }.root.groups.count == 1)
  }
}
