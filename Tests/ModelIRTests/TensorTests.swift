import ModelIR
import Testing

/// Elements out of tensors and into them: every pair of types, unaligned bytes, and what is refused.
@Suite struct TensorTests {
  /// Bytes that start at an odd address.
  final class OddStorage: ResidentStorage {
    let bytes: [UInt8]
    init(_ bytes: [UInt8]) { self.bytes = [0] + bytes }
    var byteCount: Int { bytes.count - 1 }
    func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
      try bytes.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0.dropFirst())) }
    }
  }

  static let numbers = DType.allCases.filter { $0 != .string }

  @Test(arguments: numbers, numbers)
  func `small integers survive every conversion`(_ from: DType, _ to: DType) throws {
    let isBool = from == .bool || to == .bool
    let values: [Double] = isBool ? [0, 1, 1] : [0, 1, 100]
    let tensor = try Tensor(values, sizes: [3], dtype: from)
    #expect(try tensor.converted(to: to).doubles() == values)
    #expect(try tensor.converted(to: to).byteCount == 3 * to.byteCount)
  }

  @Test func `floats become integers toward zero, within the range`() throws {
    let tensor = try Tensor([Float(1.9), -1.9, 300, -300, .nan, .infinity], sizes: [6])
    #expect(try [Int8](tensor) == [1, -1, 127, -128, 0, 127])
    #expect(try [UInt8](tensor) == [1, 0, 255, 0, 0, 255])
    #expect(try [Int64](Tensor([Double(1e30), -1e30], sizes: [2])) == [.max, .min])
    #expect(try [Bool](tensor) == [true, true, true, true, true, true])
    #expect(try [Bool](Tensor([Float(0), -0.0, 0.1], sizes: [3])) == [false, false, true])
  }

  @Test func `integers keep their low bits`() throws {
    #expect(try [UInt8](Tensor([Int32(300), -1], sizes: [2])) == [44, 255])
    #expect(try [Int64](Tensor([UInt64.max], sizes: [1])) == [-1])
    #expect(try [Double](Tensor([UInt64.max], sizes: [1])) == [0x1p64])
    #expect(try [Float](Tensor([Int64.max], sizes: [1])) == [0x1p63])
  }

  @Test func `sixteen-bit floats are rounded once`() throws {
    // Rounding to float32 on the way would end at the even neighbour.
    let above = 1 + 0x1p-11 + 0x1p-40
    let half = try Tensor([above, -above, 65520, 1e300, 0x1p-25, 0x1.01p-25], sizes: [6]).converted(
      to: .float16)
    #expect(try half.doubles() == [1 + 0x1p-10, -1 - 0x1p-10, .infinity, .infinity, 0, 0x1p-24])
    let brain = try Tensor([1 + 0x1p-8 + 0x1p-40, 1 + 0x1p-8], sizes: [2]).converted(to: .bfloat16)
    #expect(try brain.doubles() == [1 + 0x1p-7, 1])
    let wide: Int64 = 1 << 60 + 1 << 52
    let integers = try Tensor([wide - 1, wide, wide + 1], sizes: [3])
    #expect(try integers.converted(to: .bfloat16).doubles() == [0x1p60, 0x1p60, 0x1p60 + 0x1p53])
  }

  #if !(os(macOS) && arch(x86_64))
    @Test func `every float16 has Swift's value, and every one comes back`() throws {
      let bits = (0...UInt16.max).map { $0 }
      let tensor = bits.withUnsafeBytes { bytes in
        Result { try Tensor(dtype: .float16, sizes: [65536], bytes: bytes) }
      }
      let halves = try [Float16](tensor.get())
      let floats = try [Float](tensor.get())
      #expect(zip(halves, floats).allSatisfy { Float($0) == $1 || $0.isNaN && $1.isNaN })
      let back = try [Float16](Tensor(floats, sizes: [65536]))
      #expect(zip(halves, back).allSatisfy { $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN })
      var generator = SystemRandomNumberGenerator()
      let doubles = (0..<100_000).map { _ in Double.random(in: -70000...70000, using: &generator) * 0x1p-10 }
      let rounded = try [Float16](Tensor(doubles, sizes: [doubles.count]))
      #expect(zip(doubles, rounded).allSatisfy { Float16($0) == $1 })
    }
  #endif

  @Test func `unaligned bytes are read in place or copied`() throws {
    let floats: [Float] = [1.5, -2, 3]
    let tensor = try Tensor(
      dtype: .float32, sizes: [3], storage: OddStorage(floats.withUnsafeBytes(Array.init)))
    #expect(try [Float](tensor) == floats)
    #expect(try [Int16](tensor) == [1, -2, 3])
    #expect(try tensor.withUnsafeBufferPointer(of: Float.self, Array.init) == floats)
    #expect(try tensor.withUnsafeBytes(\.count) == 12)
  }

  @Test func `what does not fit is refused`() throws {
    let tensor = try Tensor([Float(1)], sizes: [1])
    #expect(throws: TensorError.self) { try tensor.withUnsafeBufferPointer(of: Double.self) { _ in } }
    #expect(throws: TensorError.self) { try [Float](Tensor(["a"], sizes: [1])) }
    let bytes: [UInt8] = [0, 0, 0]
    for sizes in [[1], [-1], [Int.max, 2]] {
      #expect(throws: TensorError.self) {
        try bytes.withUnsafeBytes { try Tensor(dtype: .float32, sizes: sizes, bytes: $0) }
      }
    }
    let lying = try Tensor(dtype: .float32, sizes: [2], storage: ComputedStorage(byteCount: 8) { tensor })
    #expect(throws: TensorError.self) { try [Float](lying) }
  }

  @Test(arguments: [
    ([2], 1), ([0], 1), ([], 0), ([-1], 1), ([1 << 40, 1 << 40, 0], 0), ([Int.max, 2], 1),
    (Array(repeating: 1, count: 65), 1),
  ])
  func `storage that is not exactly the elements is refused`(sizes: [Int], count: Int) throws {
    let values = [Float](repeating: 1, count: count)
    #expect(throws: TensorError.self) { try Tensor(values, sizes: sizes) }
    #expect(throws: TensorError.self) { try Tensor(values.map { "\($0)" }, sizes: sizes) }
    #expect(throws: TensorError.self) {
      try Tensor(dtype: .float32, sizes: sizes, storage: OddStorage([UInt8](repeating: 0, count: 4 * count)))
    }
  }

  @Test func `memory beyond the budget is an error`() throws {
    let budget = MemoryBudget(limit: 1000)
    let first = try budget.allocate(600)
    #expect(throws: TensorError.self) { try budget.allocate(600) }
    budget.deallocate(first)
    budget.deallocate(try budget.allocate(1000))
    #expect(throws: TensorError.self) { try MemoryStorage(byteCount: 1 << 60) }
  }
}
