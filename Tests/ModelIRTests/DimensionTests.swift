import ModelIR
import Testing

@Suite struct DimensionTests {
  let n = Dimension.symbol("n")
  let m = Dimension.symbol("m")

  @Test func `equal sizes compare equal however they were built`() {
    #expect((n + 1) + 2 == n + 3)
    #expect(n * 2 / 2 == n)
    #expect((n + m) * 2 == m * 2 + n * 2)
    #expect(n - n == 0)
    #expect((n * m) / n == m)
    #expect((n * m * 6) / (m * 3) == n * 2)
  }

  @Test func `a division keeps only what does not divide`() {
    #expect((n * 4 + 6) / 4 == n + 1)
    #expect(((n + 1) / 2 + 1) / 2 == (n + 3) / 4)
    #expect((n * 3 + 1) / 2 != n)
  }

  @Test(arguments: [0, 1, 2, 5, 7, 12])
  func `substitution gives what integer arithmetic gives`(size: Int) {
    let expression = ((n + 5) / 3 * 2 - 1) / 2
    let plain = (((size + 5) / 3) * 2 - 1) / 2
    // Floor and truncation differ below zero; the operands here stay above.
    #expect(expression.substituting(["n": .fixed(size)]).fixedSize == plain)
    #expect(Dimension.maximum(n - 3, 0).substituting(["n": .fixed(size)]).fixedSize == max(size - 3, 0))
    #expect(n.dividedRoundingUp(by: 4).substituting(["n": .fixed(size)]).fixedSize == (size + 3) / 4)
  }

  @Test func `arithmetic saturates instead of trapping`() {
    let huge = Dimension.fixed(Int.max / 2)
    #expect((huge * huge).fixedSize != nil)
    #expect((huge + huge).fixedSize != nil)
    #expect(n / Dimension.fixed(0) == Dimension.fixed(0))
  }

  @Test func `text is readable`() {
    #expect("\((n - 3) / 2 + 1)" == "(n + 1) / 2 - 1")
    #expect("\(n * 2 - 1)" == "2 * n - 1")
  }
}

@Suite struct SliceRangeTests {
  @Test(
    arguments: [
      (nil, nil, 1, 7), (1, nil, 1, 6), (nil, -1, 1, 6), (-3, nil, 1, 3), (2, 5, 2, 2), (nil, nil, -1, 7),
      (5, 1, -2, 2), (9, nil, 1, 0), (nil, 100, 3, 3), (-100, 2, 1, 2), (3, 3, 1, 0), (nil, -9, -1, 7),
    ] as [(Int?, Int?, Int, Int)])
  func `slices count as Python's do`(start: Int?, stop: Int?, step: Int, count: Int) {
    #expect(SliceRange(axis: 0, start: start, stop: stop, step: step).resolved(size: 7).count == count)
  }

  @Test func `a slice of a dynamic axis keeps the size symbolic`() throws {
    let type = TensorType(.float32, [.symbol("n"), 4])
    let op = Op.slice([SliceRange(axis: 0, start: 1, stop: nil)])
    #expect(try op.inferTypes([type])[0].shape[0] == .symbol("n") - 1)
    let reversed = Op.slice([SliceRange(axis: 0, start: nil, stop: nil, step: -1)])
    #expect(try reversed.inferTypes([type])[0].shape[0] == .symbol("n"))
  }
}

@Suite struct TypeInferenceTests {
  @Test func `broadcast refuses sizes that differ and names them`() {
    let a = TensorType(.float32, [.symbol("batch"), 4])
    let b = TensorType(.float32, [5])
    #expect(throws: GraphError("shapes [batch, 4] and [5] do not broadcast: 4 against 5", operand: 1)) {
      try Op.binary(.add).inferTypes([a, b])
    }
  }

  @Test func `a window larger than the data is refused`() {
    let x = TensorType(.float32, [1, 2, 2, 3])
    let kernel = TensorType(.float32, [3, 3, 3, 8])
    let conv = ConvAttributes(
      strides: [1, 1], dilations: [1, 1], padding: .explicit([PadPair(0, 0), PadPair(0, 0)]), groups: 1,
      layout: .channelsLast)
    #expect(throws: GraphError.self) { try Op.conv(conv).inferTypes([x, kernel]) }
  }

  @Test(arguments: [(5, 3, 2, 1, 1), (6, 3, 2, 0, 1), (7, 4, 1, 1, 2), (1, 1, 2, 0, 0), (224, 3, 2, 0, 1)])
  func `same padding puts the odd element after the data`(
    size: Int, window: Int, stride: Int, before: Int, after: Int
  ) {
    #expect(PadPair.same(size: size, window: window, stride: stride) == PadPair(before, after))
  }

  @Test func `einsum infers its result`() throws {
    let x = TensorType(.float32, [.symbol("batch"), .symbol("time"), 6])
    let kernel = TensorType(.float32, [6, 2, 3])
    let result = try Op.einsum("abc,cde->abde").inferTypes([x, kernel])[0]
    #expect(result.shape == [.symbol("batch"), .symbol("time"), 2, 3])
  }

  @Test func `a huge result is refused`() {
    var graph = Graph()
    let x = graph.input(name: "x", type: TensorType(.float32, [1_073_741_824]))
    #expect(throws: GraphError.self) { try graph.append(.tile([1 << 30]), [x], name: "tile") }
  }
}
