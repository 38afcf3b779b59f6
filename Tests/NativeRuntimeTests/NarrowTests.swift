import ModelIR
import Testing

@testable import NativeRuntime

/// Large matrices of small numbers, multiplied as they are stored.
struct NarrowTests {
  private let depth = 1029
  private let columns = 1037

  private func bytes(_ sizes: [Int], _ dtype: DType) throws -> Tensor {
    var state: UInt32 = 7
    let values = (0..<sizes.reduce(1, *)).map { _ -> Double in
      state = state &* 1_664_525 &+ 1_013_904_223
      let byte = UInt8(truncatingIfNeeded: state >> 17)
      return dtype == .int8 ? Double(Int8(bitPattern: byte)) : Double(byte)
    }
    return try Tensor(values, sizes: sizes, dtype: dtype)
  }

  private func numbers(_ sizes: [Int], scale: Double = 1, dtype: DType = .float32) throws -> Tensor {
    let values = (0..<sizes.reduce(1, *)).map { index -> Double in
      let number = (index * 7919 + 11) % 61 - 30
      return Double(number) / 32 * scale
    }
    return try Tensor(values, sizes: sizes, dtype: dtype)
  }

  /// Runs a dense layer over a matrix by the small kernel and by the reference's; their largest difference.
  private func difference(rows: Int, threads: Int, _ matrix: (inout Graph) throws -> Value) throws -> Double {
    var graph = Graph()
    let x = graph.input(name: "x", type: TensorType(.float32, [.symbol("batch"), .fixed(depth)]))
    let kernel = try matrix(&graph)
    let bias = graph.constant(try numbers([columns]), name: "bias")
    let y = try graph.append(.dense(Epilogue(function: .relu)), [x, kernel, bias], name: "y")[0]
    graph.outputs = [Graph.Output(name: "y", value: y)]
    var options = Session.Options()
    (options.threads, options.prefersOneDNN) = (threads, false)
    let session = try Session(graph, options: options)
    let feed = try numbers([rows, depth])
    #expect(try session.plan([feed]).steps.map { $0.step.name } == ["NarrowProduct"])
    let found = try session.run(["x": feed])[0].value.doubles()
    options.usesReferenceKernels = true
    let expected = try Session(graph, options: options).run(["x": feed])[0].value.doubles()
    return zip(found, expected).reduce(found.count == expected.count ? 0 : .infinity) {
      max($0, abs($1.0 - $1.1) / max(1, abs($1.1)))
    }
  }

  /// How scales and zero points are shared.
  enum Sharing: CaseIterable { case whole, columns, rows, blocks }

  private func dequantized(
    _ graph: inout Graph, _ numbers: DequantizeAttributes.Numbers, _ dtype: DType, _ sharing: Sharing
  ) throws -> Value {
    let isPacked = numbers != .bytes
    let stored = try bytes([depth, isPacked ? columns / 2 + 1 : columns], dtype)
    let (axis, block, sizes): (Int, Int?, [Int]) =
      switch sharing {
      case .whole: (0, nil, [])
      case .columns: (1, nil, [columns])
      case .rows: (0, nil, [depth])
      case .blocks: (0, 128, [depth / 128 + 1, columns])
      }
    let scale = try self.numbers(sizes, scale: 0.01)
    var operands = [graph.constant(stored, name: "q"), graph.constant(scale, name: "scale")]
    if sharing == .blocks { operands.append(graph.constant(try bytes(sizes, dtype), name: "zero")) }
    let attributes = DequantizeAttributes(numbers, axis: axis, blockSize: block)
    return try graph.append(.dequantize(attributes), operands, name: "kernel")[0]
  }

  @Test(arguments: [DType.int8, .uint8], Sharing.allCases)
  func `8-bit matrices stay small`(dtype: DType, sharing: Sharing) throws {
    for (rows, threads) in [(1, 1), (5, 2), (16, 2)] {
      // Sums of a thousand products of numbers up to 127, in another order.
      #expect(
        try difference(rows: rows, threads: threads) { try dequantized(&$0, .bytes, dtype, sharing) } <= 2e-4)
    }
  }

  @Test(arguments: [true, false], Sharing.allCases)
  func `4-bit matrices stay small`(isSigned: Bool, sharing: Sharing) throws {
    let numbers = DequantizeAttributes.Numbers.nibbles(isSigned: isSigned, count: columns)
    for (rows, threads) in [(1, 2), (3, 1)] {
      #expect(
        try difference(rows: rows, threads: threads) {
          try dequantized(&$0, numbers, isSigned ? .int8 : .uint8, sharing)
        } <= 2e-4)
    }
  }

  @Test(arguments: [DType.float16, .bfloat16]) func `matrices of half precision stay small`(dtype: DType)
    throws
  {
    let difference = try difference(rows: 2, threads: 2) { graph in
      graph.constant(
        try numbers([depth, columns], dtype: dtype).convertedWhenRead(to: .float32), name: "kernel")
    }
    #expect(difference <= 1e-5)
  }
}
