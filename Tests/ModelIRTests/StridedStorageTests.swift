import Foundation
import ModelFiles
import ModelIR
import Testing

/// Views of tensors against elements picked one by one.
@Suite struct StridedStorageTests {
  /// All bytes as the whole and as pieces show them, which must be the same.
  func bytes(_ tensor: Tensor) throws -> [UInt8] {
    var pieces: [UInt8] = []
    try tensor.storage.forEachPiece { pieces += $0 }
    let whole = try tensor.withBytes { Array($0) }
    #expect(pieces == whole)
    #expect(whole.count == tensor.byteCount)
    return whole
  }

  /// A tensor of bytes counted up, so that every element is another pattern, NaNs with payloads among them.
  func counted(_ dtype: DType, _ sizes: [Int]) throws -> Tensor {
    let count = sizes.reduce(dtype.byteCount, *)
    let storage = try MemoryStorage(byteCount: count) { target in
      for index in 0..<count { target[index] = UInt8(truncatingIfNeeded: index &* 31 &+ index >> 8) }
    }
    return try Tensor(dtype: dtype, sizes: sizes, storage: storage)
  }

  /// The elements at these indices, one after another.
  func picked(_ tensor: Tensor, _ indices: [Int]) throws -> [UInt8] {
    let width = tensor.dtype.byteCount
    return try tensor.withBytes { bytes in indices.flatMap { Array(bytes[$0 * width..<($0 + 1) * width]) } }
  }

  @Test(arguments: [DType.bool, .int8, .float16, .bfloat16, .float32, .int32, .float64, .uint64])
  func `views move elements as they are`(dtype: DType) throws {
    let tensor = try counted(dtype, [2, 3, 4])
    let all = Array(0..<24)
    #expect(
      try bytes(tensor.transposed([2, 0, 1]))
        == picked(
          tensor, (0..<4).flatMap { c in (0..<2).flatMap { a in (0..<3).map { b in a * 12 + b * 4 + c } } }))
    #expect(try bytes(tensor.flipped(axes: [0, 1, 2])) == picked(tensor, all.reversed()))
    #expect(
      try bytes(tensor.flipped(axes: [1]))
        == picked(
          tensor, (0..<2).flatMap { a in (0..<3).flatMap { b in (0..<4).map { a * 12 + (2 - b) * 4 + $0 } } })
    )
    #expect(try bytes(tensor.columns(1..<3)) == picked(tensor, all.filter { (1..<3).contains($0 % 4) }))
    let parts = try [tensor.columns(2..<4), tensor.columns(0..<2).transposed([0, 1, 2])]
    let joined = try #require(try Tensor.joinedOnLastAxis(parts))
    #expect(joined.sizes == [2, 3, 4])
    #expect(
      try bytes(joined) == picked(tensor, (0..<6).flatMap { row in [2, 3, 0, 1].map { row * 4 + $0 } }))
  }

  @Test func `empty axes and scalars are views too`() throws {
    #expect(try bytes(counted(.float32, [0, 3]).transposed([1, 0])) == [])
    #expect(try bytes(counted(.float32, [3, 0]).flipped(axes: [0, 1])) == [])
    #expect(try bytes(counted(.float32, [0, 3]).columns(1..<2)) == [])
    #expect(try bytes(counted(.int32, []).flipped(axes: [])) == picked(counted(.int32, []), [0]))
    let none = try #require(try Tensor.joinedOnLastAxis([counted(.int8, [0, 3]), counted(.int8, [0, 2])]))
    #expect(try bytes(none) == [])
    let misfits = try [counted(.int8, [2, 3]), counted(.int8, [3, 3])]
    #expect(try Tensor.joinedOnLastAxis(misfits) == nil)
  }

  @Test func `views of more elements than a tensor may have are errors`() throws {
    let one = try counted(.int8, [1])
    #expect(throws: TensorError.self) { try one.broadcast(to: [1 << 40, 1 << 40]) }
  }

  @Test func `views of a mapped file in many pieces give its pages back`() throws {
    let rows = 700
    let width = 1100
    let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    let tensor = try counted(.float32, [rows, width])
    try tensor.withBytes { try Data($0).write(to: URL(filePath: path)) }
    defer { try? FileManager.default.removeItem(atPath: path) }
    let content = try MappedFile(path: path).content
    let mapped = try Tensor(dtype: .float32, sizes: [rows, width], storage: HeldStorage(content))
    let all = 0..<rows * width
    #expect(try bytes(mapped.flipped(axes: [0, 1])) == picked(tensor, all.reversed()))
    #expect(
      try bytes(mapped.transposed([1, 0])) == picked(tensor, all.map { ($0 % rows) * width + $0 / rows }))
    let half = try #require(
      try Tensor.joinedOnLastAxis([mapped.columns(600..<1100), mapped.columns(0..<600)]))
    #expect(
      try bytes(half) == picked(tensor, all.map { $0 / width * width + ($0 % width + 600) % width }))
  }
}
