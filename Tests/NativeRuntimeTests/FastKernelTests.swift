import ModelFiles
import ModelIR
import Testing

@testable import NativeRuntime

/// Fast kernels against the plain ones and against sums in float64, at sizes that only they are chosen for.
struct FastKernelTests {
  /// Numbers between -scale and scale without a pattern.
  private func random(_ sizes: Int..., seed: UInt32, scale: Float = 1) throws -> Tensor {
    var state = seed
    let values = (0..<sizes.reduce(1, *)).map { _ -> Float in
      state = state &* 1_664_525 &+ 1_013_904_223
      return Float(Int32(bitPattern: state)) * 0x1p-31 * scale
    }
    return try Tensor(values, sizes: sizes)
  }

  private func graph(_ op: Op, _ x: Tensor, _ constants: [Tensor]) throws -> Graph {
    var graph = Graph()
    var operands = [graph.input(name: "x", type: x.type)]
    for (index, tensor) in constants.enumerated() {
      operands.append(graph.constant(tensor, name: "w\(index)"))
    }
    let results = try graph.append(op, operands, name: "y")
    graph.outputs = [Graph.Output(name: "y", value: results[0])]
    return graph
  }

  private func result(
    _ graph: Graph, _ x: Tensor, _ change: (inout Session.Options) -> Void
  ) throws -> [Double] {
    var options = Session.Options()
    change(&options)
    return try Session(graph, options: options).run(["x": x])[0].value.doubles()
  }

  private func largestDifference(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(a.count == b.count ? 0 : .infinity) { max($0, abs($1.0 - $1.1)) }
  }

  /// Winograd's algorithm multiplies sums of neighbouring elements: of 64 channels in -1 ... 1 its largest error, against
  /// sums in float64, is at most 4e-6 of the largest result, the direct algorithm's 2e-6; `isExact` leaves it out.
  @Test func `the errors of Winograd's convolution are bounded`() throws {
    let (size, channels) = (28, 64)
    let x = try random(1, size, size, channels, seed: 1)
    let kernel = try random(3, 3, channels, channels, seed: 2)
    let attributes = ConvAttributes(
      strides: [1, 1], dilations: [1, 1], padding: .explicit([PadPair(1, 1), PadPair(1, 1)]), groups: 1,
      layout: .channelsLast)
    let graph = try graph(.conv(attributes), x, [kernel])
    let (pixels, taps) = (try x.doubles(), try kernel.doubles())
    var expected = [Double](repeating: 0, count: size * size * channels)
    for row in 0..<size {
      for column in 0..<size {
        for dy in 0..<3 where (0..<size).contains(row + dy - 1) {
          for dx in 0..<3 where (0..<size).contains(column + dx - 1) {
            let from = ((row + dy - 1) * size + column + dx - 1) * channels
            for c in 0..<channels {
              let tap = ((dy * 3 + dx) * channels + c) * channels
              let to = (row * size + column) * channels
              for f in 0..<channels { expected[to + f] += pixels[from + c] * taps[tap + f] }
            }
          }
        }
      }
    }
    let largest = expected.reduce(0) { max($0, abs($1)) }
    let fast = try result(graph, x) { $0.threads = 1 }
    let exact = try result(graph, x) { ($0.threads, $0.isExact) = (1, true) }
    #expect(largestDifference(fast, expected) <= 4e-6 * largest)
    #expect(largestDifference(exact, expected) <= 2e-6 * largest)
  }

  @Test(
    arguments: [RecurrentAttributes.Cell.lstm, .gru(resetAfter: true), .gru(resetAfter: false), .simple],
    [1, 2, 5, 9])
  func `recurrent layers on threads are what the plain kernels compute`(
    cell: RecurrentAttributes.Cell, batch: Int
  ) throws {
    // 256 units: two threads share them; 40: the last panel is not full.
    for units in [40, 256] {
      let attributes = RecurrentAttributes(
        cell: cell, units: units, activation: .tanh, recurrentActivation: .sigmoid, hasBias: false,
        hasMask: false,
        hasInitialState: false, reverse: true, zeroOutputForMask: false)
      let x = try random(batch, 6, 12, seed: 3)
      let gates = attributes.gateCount * units
      let graph = try graph(
        .recurrent(attributes), x, [random(12, gates, seed: 4), random(units, gates, seed: 5, scale: 0.1)])
      let plain = try result(graph, x) { $0.usesReferenceKernels = true }
      for threads in [1, 2] {
        let fast = try result(graph, x) { ($0.threads, $0.prefersOneDNN) = (threads, false) }
        #expect(largestDifference(fast, plain) <= 2e-5)
      }
    }
  }

  /// Permutations of attention's heads, and others that have gaps within rows.
  @Test(arguments: [
    ([0, 2, 1, 3], [0, 2, 3, 1]), ([2, 0, 1, 3], [2, 0, 3, 1]), ([3, 2, 0, 1], [3, 2, 1, 0]),
    ([0, 1, 2, 3], [0, 1, 3, 2]), ([1, 3, 2, 0], [1, 3, 0, 2]),
  ])
  func `products read and write what lies transposed`(rows: [Int], columns: [Int]) throws {
    let x = try random(3, 5, 4, 6, seed: 11)
    var graph = Graph()
    let input = graph.input(name: "x", type: x.type)
    let half = try graph.append(.unary(.tanh), [input], name: "half")[0]
    let a = try graph.append(.transpose(rows), [half], name: "a")[0]
    let b = try graph.append(.transpose(columns), [half], name: "b")[0]
    let c = try graph.append(.transpose(columns), [input], name: "c")[0]
    let scores = try graph.append(.matMul, [a, b], name: "scores")[0]
    let mixed = try graph.append(.matMul, [scores, a], name: "mixed")[0]
    let others = try graph.append(.matMul, [scores, a], name: "others")[0]
    let back = try graph.append(.transpose([0, 2, 1, 3]), [mixed], name: "back")[0]
    // Read by a transpose and as it is; transposed for a product and for something else.
    let turned = try graph.append(.transpose([3, 2, 1, 0]), [others], name: "turned")[0]
    let seen = try graph.append(.unary(.exp), [c], name: "seen")[0]
    let product = try graph.append(.matMul, [a, c], name: "product")[0]
    let outputs = [
      "scores": scores, "back": back, "others": others, "turned": turned, "seen": seen, "product": product,
      "half": half,
    ]
    graph.outputs = outputs.sorted { $0.key < $1.key }.map { Graph.Output(name: $0.key, value: $0.value) }
    var options = Session.Options(threads: 2)
    let fast = try Session(graph, options: options).run(["x": x])
    options.usesReferenceKernels = true
    let plain = try Session(graph, options: options).run(["x": x])
    for name in outputs.keys {
      let (a, b) = (try #require(fast[name]), try #require(plain[name]))
      #expect(a.sizes == b.sizes)
      #expect(try largestDifference(a.doubles(), b.doubles()) <= 1e-5, "\(name)")
    }
  }

  @Test(arguments: [1, 3, 8]) func `a large matrix is multiplied where it is in the file`(rows: Int) throws {
    let (depth, columns) = (2053, 2065)
    let values = try random(depth, columns, seed: 6)
    // At an address that no float has by itself.
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: values.byteCount + 1, alignment: 64)
    try values.withBytes { UnsafeMutableRawBufferPointer(rebasing: bytes[1...]).copyMemory(from: $0) }
    let held = HeldBytes(UnsafeRawBufferPointer(rebasing: bytes[1...]), owner: Block(bytes))
    let matrix = try Tensor(dtype: .float32, sizes: [depth, columns], storage: HeldStorage(held))
    let x = try random(rows, depth, seed: 7)
    let bias = try random(columns, seed: 8)
    let graph = try graph(.dense(Epilogue(function: .relu)), x, [matrix, bias])
    let plain = try result(graph, x) { $0.usesReferenceKernels = true }
    // Sums of 2,053 products up to 60, in float32 in different orders.
    let tolerance = 4e-4
    for threads in [1, 2] {
      #expect(try largestDifference(result(graph, x) { $0.threads = threads }, plain) <= tolerance)
    }
  }

  /// Memory that is given back with the object.
  private final class Block: @unchecked Sendable {
    // Written before the object is made.
    private let bytes: UnsafeMutableRawBufferPointer
    init(_ bytes: UnsafeMutableRawBufferPointer) { self.bytes = bytes }
    deinit { bytes.deallocate() }
  }
}
