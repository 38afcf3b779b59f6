import ModelIR
import Testing

@testable import NativeRuntime

/// Batches that are computed sample by sample.
struct SampleTests {
  private func numbers(_ sizes: Int..., seed: Int) throws -> Tensor {
    let values = (0..<sizes.reduce(1, *)).map { index -> Float in
      let number = (index * 7919 + seed) % 61 - 30
      return Float(number) / 32
    }
    return try Tensor(values, sizes: sizes)
  }

  /// Two convolutions with a sum over both, a pooling over the image, and a dense layer: `batch` nil is a named axis.
  private func network(batch: Int?) throws -> Graph {
    var graph = Graph()
    let axis = batch.map(Dimension.fixed) ?? .symbol("batch")
    let x = graph.input(name: "x", type: TensorType(.float32, [axis, 64, 64, 16]))
    let attributes = ConvAttributes(
      strides: [1, 1], dilations: [1, 1], padding: .sameUpper, groups: 1, layout: .channelsLast)
    var y = x
    for index in 0..<2 {
      let kernel = graph.constant(try numbers(3, 3, 16, 16, seed: index), name: "kernel")
      let next = try graph.append(.conv(attributes), [y, kernel], name: "conv\(index)")[0]
      y = try graph.append(.binary(.add), [y, next], name: "add\(index)")[0]
    }
    let flat = try graph.append(.reshape([axis, .fixed(64 * 64), 16]), [y], name: "flat")[0]
    let mean = try graph.append(.reduce(.mean, axes: [1], keepDims: false), [flat], name: "mean")[0]
    let kernel = graph.constant(try numbers(16, 4, seed: 3), name: "dense")
    let dense = try graph.append(.matMul, [mean, kernel], name: "dense")[0]
    graph.outputs = [Graph.Output(name: "y", value: dense), Graph.Output(name: "map", value: y)]
    return graph
  }

  private func session(_ graph: Graph, threads: Int, reference: Bool = false) throws -> Session {
    var options = Session.Options()
    (options.threads, options.usesReferenceKernels) = (threads, reference)
    return try Session(graph, options: options)
  }

  private func splits(_ session: Session, _ x: Tensor) throws -> Bool {
    try session.plan([x]).steps.contains { $0.step is SampleStep }
  }

  /// `m` is only known when the graph runs: 2^61 elements for each sample.
  @Test func `sizes beyond any memory are an error`() throws {
    var graph = Graph()
    let x = graph.input(name: "x", type: TensorType(.float32, [.symbol("n"), .symbol("m")]))
    let y = try graph.append(.tile([1, 1 << 47]), [x], name: "tile")[0]
    graph.outputs = [Graph.Output(name: "y", value: y)]
    let session = try session(graph, threads: 1)
    #expect(throws: RuntimeError.self) { try session.run(["x": numbers(2, 1 << 14, seed: 1)]) }
  }

  /// No element, and 2^60 rows that kernels would multiply with others.
  @Test func `empty values have bounds, too`() throws {
    var graph = Graph()
    let x = graph.input(name: "x", type: TensorType(.float32, [.symbol("n"), .symbol("m"), .symbol("k")]))
    let y = try graph.append(.tile([1, 1 << 40, 1 << 40]), [x], name: "tile")[0]
    let z = try graph.append(.transpose([2, 1, 0]), [y], name: "transpose")[0]
    graph.outputs = [Graph.Output(name: "y", value: z)]
    let session = try session(graph, threads: 1)
    #expect(throws: RuntimeError.self) { try session.run(["x": numbers(0, 4, 4, seed: 1)]) }
  }

  @Test(arguments: [nil, 4], [1, 2])
  func `a batch of images is computed sample by sample`(batch: Int?, threads: Int) throws {
    let x = try numbers(4, 64, 64, 16, seed: 9)
    let session = try session(network(batch: batch), threads: threads)
    #expect(try splits(session, x))
    let expected = try self.session(network(batch: batch), threads: 1, reference: true).run(["x": x])
    let found = try session.run(["x": x])
    for (name, tensor) in expected {
      let difference = zip(try tensor.doubles(), try found[name]?.doubles() ?? []).map { abs($0 - $1) }.max()
      #expect(try #require(difference) <= 2e-4 && found[name]?.sizes == tensor.sizes)
    }
    let profile = try session.profile(["x": x], runs: 1)
    #expect(profile.steps.contains { $0.op == "Conv" } && !profile.steps.contains { $0.op == "Samples" })
  }

  @Test func `one sample, few bytes and samples that do not divide among threads are computed at once`()
    throws
  {
    let session = try session(network(batch: nil), threads: 2)
    #expect(try !splits(session, numbers(1, 64, 64, 16, seed: 9)))
    #expect(try !splits(session, numbers(3, 64, 64, 16, seed: 9)))
  }

  @Test func `an error in a sample is the run's`() throws {
    var graph = Graph()
    let x = graph.input(name: "x", type: TensorType(.float32, [.symbol("batch"), 256, 256, 4]))
    let indices = graph.input(name: "indices", type: TensorType(.int32, [.symbol("batch"), 2]))
    let table = graph.constant(try numbers(3, 4, seed: 1), name: "table")
    let rows = try graph.append(.gather(axis: 0), [table, indices], name: "rows")[0]
    let sum = try graph.append(.reduce(.sum, axes: [1], keepDims: true), [rows], name: "sum")[0]
    let wide = try graph.append(.reshape([.symbol("batch"), 1, 1, 4]), [sum], name: "wide")[0]
    let y = try graph.append(.binary(.multiply), [x, wide], name: "y")[0]
    let z = try graph.append(.unary(.relu), [y], name: "z")[0]
    graph.outputs = [Graph.Output(name: "z", value: z)]
    let session = try session(graph, threads: 2)
    let images = try numbers(4, 256, 256, 4, seed: 2)
    #expect(throws: RuntimeError.self) {
      try session.run(["x": images, "indices": Tensor([0, 1, 2, 0, 9, 1, 0, 0] as [Int32], sizes: [4, 2])])
    }
    let known = try session.run([
      "x": images, "indices": Tensor([Int32](repeating: 0, count: 8), sizes: [4, 2]),
    ])
    #expect(known["z"]?.sizes == [4, 256, 256, 4])
  }

  /// What each operation says of samples along the first axis: of the first operand alone, or of the first two.
  @Test func `operations that mix samples say so`() {
    func keeps(_ op: Op, _ operands: [(sizes: [Int], hasSamples: Bool)], _ result: [Int]) -> Bool {
      op.isBySample(
        operands.map { SampledOperand(sizes: $0.sizes, hasSamples: $0.hasSamples) }, result: result)
    }
    let x = (sizes: [4, 6, 5], hasSamples: true)
    for (op, isKept) in [
      (Op.softmax(axis: 2), true), (.softmax(axis: 0), false), (.reverse(axes: [0]), false),
      (.reduce(.sum, axes: [1], keepDims: false), true),
      (.reduce(.sum, axes: [0, 1], keepDims: true), false),
      (.cumulative(.sum, axis: 0, reverse: false, exclusive: false), false), (.transpose([0, 2, 1]), true),
      (.transpose([1, 0, 2]), false), (.split(axis: 0, sizes: [.fixed(2), .fixed(2)]), false),
      (.concat(axis: 0), false), (.tile([2, 1, 1]), false), (.tile([1, 2, 1]), true),
    ] {
      #expect(keeps(op, [x], [4, 6, 5]) == isKept, "\(op)")
    }
    #expect(keeps(.reshape([4, 30]), [x], [4, 30]) && !keeps(.reshape([2, 60]), [x], [2, 60]))
    #expect(keeps(.binary(.add), [x, ([5], false)], [4, 6, 5]))
    #expect(keeps(.binary(.add), [x, ([1, 6, 5], false)], [4, 6, 5]))
    // A constant with an entry for each sample, and samples that broadcasting moves to another axis.
    #expect(!keeps(.binary(.add), [x, ([4, 6, 5], false)], [4, 6, 5]))
    #expect(!keeps(.binary(.add), [([4, 4, 4], true), ([4], true)], [4, 4, 4]))
    #expect(
      keeps(.matMul, [x, ([5, 2], false)], [4, 6, 2]) && keeps(.matMul, [x, ([4, 5, 2], true)], [4, 6, 2]))
    #expect(!keeps(.matMul, [([6, 4], false), ([4, 5], true)], [6, 5]))
    #expect(!keeps(.matMul, [([4, 4], true), ([4, 4], true)], [4, 4]))
    #expect(keeps(.dense(Epilogue()), [x, ([5, 2], false)], [4, 6, 2]))
    #expect(!keeps(.dense(Epilogue()), [x, ([4, 2], true)], [4, 6, 2]))
    #expect(keeps(.gather(axis: 0), [([9, 3], false), ([4, 2], true)], [4, 2, 3]))
    #expect(!keeps(.gather(axis: 0), [x, ([4], false)], [4, 6, 5]))
    #expect(!keeps(.gather(axis: 1), [x, ([4], true)], [4, 4, 5]))
  }
}
