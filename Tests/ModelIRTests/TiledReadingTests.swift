import Foundation
import ModelFiles
import ModelIR
import Testing

/// Storages that are read in tiles against the same elements found one by one.
@Suite struct TiledReadingTests {
  /// Elements that are all different, as far as their type allows.
  func counted(_ dtype: DType, _ sizes: [Int]) throws -> Tensor {
    let count = sizes.reduce(dtype.byteCount, *)
    let storage = try MemoryStorage(byteCount: count) { target in
      for index in 0..<count {
        target[index] = UInt8(truncatingIfNeeded: index / dtype.byteCount * 31 + index)
      }
    }
    return try Tensor(dtype: dtype, sizes: sizes, storage: storage)
  }

  /// The bytes as tiles in turned order give them.
  func tiles(_ tensor: Tensor, each byteCount: Int) throws -> [UInt8] {
    let reader = try tensor.storage.reader()
    var result = [UInt8](repeating: 0, count: tensor.byteCount)
    for start in stride(from: 0, to: tensor.byteCount, by: byteCount).reversed() {
      let range = start..<min(start + byteCount, tensor.byteCount)
      try result.withUnsafeMutableBytes { result in
        try reader.read(range, into: UnsafeMutableRawBufferPointer(rebasing: result[range]))
      }
    }
    return result
  }

  /// The bytes of a permuted tensor, element by element.
  func permuted(_ tensor: Tensor, _ permutation: [Int]) throws -> [UInt8] {
    let (sizes, width) = (tensor.sizes, tensor.dtype.byteCount)
    var strides = sizes.map { _ in 1 }
    for axis in sizes.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * sizes[axis + 1] }
    let bytes = try tensor.withBytes { Array($0) }
    var result: [UInt8] = []
    for element in 0..<tensor.elementCount {
      var (rest, place) = (element, 0)
      for axis in permutation.reversed() {
        place += rest % sizes[axis] * strides[axis]
        rest /= sizes[axis]
      }
      result += bytes[place * width..<(place + 1) * width]
    }
    return result
  }

  static let permutations = [
    [3, 2, 0, 1], [2, 3, 0, 1], [3, 0, 1, 2], [0, 3, 1, 2], [1, 0, 2, 3], [3, 2, 1, 0],
  ]

  @Test(arguments: permutations, [DType.int8, .float16, .float32, .float64])
  func `blocks of every width give the permuted elements`(_ permutation: [Int], _ dtype: DType) throws {
    for sizes in [[3, 3, 17, 21], [1, 5, 4, 33], [2, 2, 32, 16]] {
      let tensor = try counted(dtype, sizes)
      let expected = try permuted(tensor, permutation)
      let view = try tensor.transposed(permutation)
      #expect(try view.withBytes { Array($0) } == expected)
      for each in [8, 8 * 37, 8 * 144] { #expect(try tiles(view, each: each) == expected) }
    }
  }

  @Test func `a view of several megabytes is the same in tiles`() throws {
    let tensor = try counted(.float32, [3, 3, 150, 220])
    let view = try tensor.transposed([3, 2, 0, 1])
    #expect(view.storage.tileByteCount < view.byteCount)
    #expect(try view.withBytes { Array($0) } == permuted(tensor, [3, 2, 0, 1]))
  }

  @Test func `what is converted is converted in its new order`() throws {
    let tensor = try counted(.float32, [3, 3, 17, 21])
    for type in [DType.float16, .bfloat16, .int32] {
      let converted = tensor.convertedWhenRead(to: type)
      let expected = try permuted(tensor.converted(to: type), [3, 2, 0, 1])
      #expect(try converted.transposed([3, 2, 0, 1]).withBytes { Array($0) } == expected)
    }
  }

  /// In place where the target is aligned, through memory of its own elsewhere.
  @Test(arguments: [DType.float32, .float64, .float16], [0, 1])
  func `folded arithmetic gives the same at every address`(dtype: DType, shift: Int) throws {
    let numbers = (0..<5000).map { Double($0 % 97) - 40 }
    let source = try Tensor(numbers, sizes: [50, 100], dtype: dtype)
    let factors = (0..<100).map { Double($0) / 8 - 3 }
    let small = try Tensor(factors, sizes: [100], dtype: dtype)
    let folded = try Pipeline([ConstantFolding()]).run(on: product(source, small))
    let tensor = try #require(folded.outputs.first.flatMap { folded.constant($0.value) })
    let reader = try tensor.storage.reader()
    var target = [UInt8](repeating: 0, count: tensor.byteCount + 16)
    try target.withUnsafeMutableBytes { target in
      let whole = UnsafeMutableRawBufferPointer(rebasing: target[shift..<shift + tensor.byteCount])
      try reader.read(0..<tensor.byteCount, into: whole)
    }
    let expected = try Tensor(
      numbers.indices.map { numbers[$0] * factors[$0 % 100] }, sizes: [50, 100], dtype: dtype)
    #expect(try Array(target[shift..<shift + tensor.byteCount]) == expected.withBytes { Array($0) })
  }

  private func product(_ a: Tensor, _ b: Tensor) throws -> Graph {
    var graph = Graph()
    let operands = [graph.constant(a, name: "a"), graph.constant(b, name: "b")]
    let result = try graph.append(.binary(.multiply), operands, name: "y")[0]
    graph.outputs.append(Graph.Output(name: "y", value: result))
    return graph
  }

  @Test(arguments: [0, 1])
  func `joined parts may be cut anywhere`(axis: Int) throws {
    let parts = try [3, 5, 2].map { size in try counted(.float32, axis == 0 ? [size, 7] : [7, size]) }
    let joined = try #require(try Tensor.joined(parts, axis: axis, sizes: axis == 0 ? [10, 7] : [7, 10]))
    let whole = try joined.withBytes { Array($0) }
    for each in [4, 12, 40, 44, 84] { #expect(try tiles(joined, each: each) == whole) }
  }

  /// Against the numbers one by one, for rows of even and odd length.
  @Test(arguments: [1, 2, 7, 8, 33])
  func `4-bit numbers may be cut anywhere, however they are arranged`(rowLength: Int) throws {
    let (rows, count) = (5, 5 * rowLength)
    let numbers = (0..<count).map { (index: Int) -> UInt8 in UInt8((index * 7 + index / 5) % 16) }
    func paired(_ numbers: ArraySlice<UInt8>) -> [UInt8] {
      stride(from: numbers.startIndex, to: numbers.endIndex, by: 2).map { index in
        numbers[index] | (index + 1 < numbers.endIndex ? numbers[index + 1] << 4 : 0)
      }
    }
    let (dense, wide) = (paired(numbers[...]), try Tensor(numbers, sizes: [rows, rowLength]))
    let gapped = (0..<rows).flatMap { paired(numbers[$0 * rowLength..<($0 + 1) * rowLength]) }
    let filled = try Tensor(gapped, sizes: [rows, gapped.count / rows])
    let packed = try Tensor(dense, sizes: [dense.count])
    for each in [1, 3, 4, 1000] {
      #expect(try tiles(.nibbles(wide), each: each) == dense)
      #expect(try tiles(.nibbles(withoutGaps: filled, rowLength: rowLength), each: each) == dense)
      #expect(try tiles(.nibbles(withGaps: packed, sizes: wide.sizes), each: each) == gapped)
      let unsigned = try Tensor.numbers(ofNibbles: packed, sizes: wide.sizes, isSigned: false)
      #expect(try tiles(unsigned, each: each) == numbers)
      let signed = try Tensor.numbers(ofNibbles: packed, sizes: wide.sizes, isSigned: true)
      #expect(try tiles(signed, each: each) == numbers.map { $0 > 7 ? $0 | 0xF0 : $0 })
    }
    #expect(throws: TensorError.self) { try Tensor.nibbles(withGaps: packed, sizes: [rows + 2, rowLength]) }
  }

  /// Every 16-bit pattern, and what rounds at the borders.
  @Test func `conversions of halves agree with the one of a single number`() throws {
    let halves = try Tensor((0...UInt16.max).map { $0 }, sizes: [65536])
    let bits = (0..<65536).map { UInt32($0) << 16 | UInt32($0 * 7919 & 0xFFFF) }
    let floats = bits.map(Float.init(bitPattern:)) + [65519.99, 65520, -65520, 0x1p-24, 0x1p-25, 0x1.8p-24]
    for (type, widen, narrow) in [
      (DType.float16, HalfPrecision.float(float16Bits:), HalfPrecision.float16Bits),
      (.bfloat16, HalfPrecision.float(bfloat16Bits:), HalfPrecision.bfloat16Bits),
    ] {
      let small = try Tensor(dtype: type, sizes: [65536], storage: halves.storage)
      let wide: [Float] = try small.converted(to: .float32).elements()
      #expect(wide.map(\.bitPattern) == (0...UInt16.max).map { widen($0).bitPattern })
      let narrowed = try Tensor(floats, sizes: [floats.count]).converted(to: type)
      let found = try narrowed.withBytes { bytes in Array(bytes.bindMemory(to: UInt16.self)) }
      #expect(found == floats.map(narrow))
    }
  }

  @Test func `memory that is used again is never used twice at a time`() {
    for byteCount in [1, 1000, 1 << 18, 1_300_000, 1 << 20] {
      withScratch(byteCount) { first in
        withScratch(byteCount) { second in
          #expect(first.count == byteCount && second.count == byteCount)
          for index in 0..<byteCount { (first[index], second[index]) = (1, 2) }
          #expect(first.allSatisfy { $0 == 1 } && second.allSatisfy { $0 == 2 })
        }
      }
    }
    Scratch.shared.releaseUnused()
  }

  @Test func `a mapped file's pages come back after they were dropped`() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let bytes = (0..<300_001).map { UInt8(truncatingIfNeeded: $0 * 7) }
    try Data(bytes).write(to: URL(filePath: path))
    let storage = HeldStorage(try MappedFile(path: path).content)
    for _ in 0..<500 {
      var last: UInt8?
      try storage.forEachPiece { last = $0.last }
      #expect(last == bytes.last)
    }
    #expect(try storage.withBytes { Array($0) } == bytes)
  }

  @Test func `a file has its parts in order whatever their sizes`() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "\(UUID())").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let file = try OutputFile(replacing: "\(folder)/parts")
    var expected: [UInt8] = []
    for index in 0..<40 {
      let head = Array(repeating: UInt8(index), count: index)
      let tensor = try counted(.float32, [index % 7 == 0 ? 300_001 : index * 3])
      try file.write(head)
      file.append(tensor.storage)
      expected += head + (try tensor.withBytes { Array($0) })
    }
    #expect(file.byteCount == expected.count)
    let tiles = try file.flush { bytes in bytes.reduce(0) { $0 &+ Int($1) } }
    #expect(tiles.reduce(0) { $0 + $1.byteCount } == expected.count)
    #expect(tiles.reduce(0) { $0 + $1.digest } == expected.reduce(0) { $0 + Int($1) })
    try file.finish()
    #expect(try Array(Data(contentsOf: URL(filePath: "\(folder)/parts"))) == expected)
    // The same copied from the file, by the system where it can.
    let copy = try OutputFile(replacing: "\(folder)/copy")
    copy.append(HeldStorage(try MappedFile(path: "\(folder)/parts").content))
    try copy.flush()
    try copy.finish()
    #expect(try Array(Data(contentsOf: URL(filePath: "\(folder)/copy"))) == expected)
  }
}
