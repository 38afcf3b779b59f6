import ModelIR
import Testing

@testable import NativeRuntime

/// Images multiplied by a gate before a convolution, as in squeeze-and-excitation.
struct GateTests {
  private func numbers(_ sizes: [Int], seed: Int) throws -> Tensor {
    let values = (0..<sizes.reduce(1, *)).map { Float(($0 * 7919 + seed) % 61 - 30) / 32 }
    return try Tensor(values, sizes: sizes)
  }

  /// What is asked of a network beside the image, its gate and the product.
  private struct Network {
    var channels = 24
    var filters = 8
    var batch = 1
    var layout = DataLayout.channelsLast
    var window = 1
    /// What makes the gate of an image's means.
    var gate: (inout Graph, Value) throws -> Value = { graph, x in
      try graph.append(.unary(.sigmoid), [x], name: "gate")[0]
    }
    /// What becomes of the product; the image is given, too.
    var rest: (inout Graph, _ image: Value, _ product: Value) throws -> [Value] = { [$2] }

    /// From an image of 12×12 pixels.
    func graph(_ numbers: ([Int], Int) throws -> Tensor) throws -> Graph {
      var graph = Graph()
      let sizes =
        layout == .channelsLast ? [12, 12, Dimension.fixed(channels)] : [Dimension.fixed(channels), 12, 12]
      let x = graph.input(name: "x", type: TensorType(.float32, Shape([.symbol("batch")] + sizes)))
      let image = try graph.append(.unary(.tanh), [x], name: "image")[0]
      let spatial = layout.spatialAxes(rank: 4)
      let mean = try graph.append(.reduce(.mean, axes: spatial, keepDims: true), [image], name: "mean")[0]
      let gated = try graph.append(.binary(.multiply), [image, gate(&graph, mean)], name: "gated")[0]
      // Beside the image's other reader, between the two: its memory must not be taken.
      let other = try graph.append(.unary(.exp), [image], name: "other")[0]
      let attributes = ConvAttributes(
        strides: [1, 1], dilations: [1, 1], padding: .sameUpper, groups: 1, layout: layout)
      let kernel = graph.constant(try numbers([window, window, channels, filters], 3), name: "kernel")
      let bias = graph.constant(try numbers([filters], 4), name: "bias")
      let product = try graph.append(.conv(attributes), [gated, kernel, bias], name: "product")[0]
      let results = try rest(&graph, image, product) + [other]
      graph.outputs = results.enumerated().map { Graph.Output(name: "y\($0)", value: $1) }
      return graph
    }
  }

  /// Runs a network by the fast kernels and by the reference's, and holds them against each other.
  /// - Returns: whether the product was given the gate.
  private func isGated(_ network: Network, exact: Bool = false, threads: Int = 1) throws -> Bool {
    let graph = try network.graph(numbers)
    var options = Session.Options(threads: threads)
    options.isExact = exact
    let session = try Session(graph, options: options)
    let image = network.layout == .channelsLast ? [12, 12, network.channels] : [network.channels, 12, 12]
    let feed = try numbers([network.batch] + image, seed: 1)
    let found = try session.run(["x": feed])
    options.usesReferenceKernels = true
    for (name, expected) in try Session(graph, options: options).run(["x": feed]) {
      let pairs = zip(try expected.doubles(), try #require(found[name]).doubles())
      #expect(found[name]?.sizes == expected.sizes && pairs.allSatisfy { abs($0 - $1) <= 2e-5 }, "\(name)")
    }
    return try session.plan([feed]).steps.contains { $0.step.name.hasPrefix("gated") }
  }

  /// Whether kernels of this machine's are packed so that they can be multiplied: other processors have other kernels, and
  /// without oneDNN there are none.
  private func multipliesKernels() throws -> Bool {
    var options = Session.Options(threads: 1)
    options.isExact = true
    let session = try Session(Network().graph(numbers), options: options)
    return try session.plan([numbers([1, 12, 12, 24], seed: 1)]).steps.contains {
      $0.step.name == "brgconv_1x1:avx512_core"
    }
  }

  @Test(arguments: [(24, 8), (16, 48), (20, 12), (3, 5), (64, 64)], [1, 3])
  func `a kernel is multiplied instead of an image`(sizes: (channels: Int, filters: Int), window: Int) throws
  {
    var network = Network()
    (network.channels, network.filters, network.window) = (sizes.channels, sizes.filters, window)
    // Larger kernels than images are left as they are, and so are Winograd's.
    let pays = window * window * sizes.filters < 12 * 12
    let isGated = try isGated(network, threads: 2)
    if !pays || sizes.channels == 64 && window == 3 { #expect(!isGated) }
    if try window == 1 && sizes.channels % 8 == 0 && multipliesKernels() { #expect(isGated) }
  }

  @Test func `channels first, too`() throws {
    var network = Network()
    network.layout = .channelsFirst
    _ = try isGated(network)
  }

  @Test func `a gate of six parts`() throws {
    var network = Network()
    network.gate = { graph, x in
      let clipped = try graph.append(.unary(.clip(minimum: 0, maximum: 6)), [x], name: "clipped")[0]
      let sixth = graph.constant(try Tensor([1 / 6 as Float], sizes: []), name: "sixth")
      return try graph.append(.binary(.multiply), [clipped, sixth], name: "gate")[0]
    }
    #expect(try isGated(network) == multipliesKernels())
  }

  /// A sum with the image itself, in the memory that the product is to read.
  @Test func `what is added to the product keeps its numbers`() throws {
    var network = Network()
    network.filters = network.channels
    network.rest = { graph, image, product in
      [try graph.append(.binary(.add), [product, image], name: "sum")[0]]
    }
    #expect(try !isGated(network))
    network.rest = { graph, image, product in
      let shortcut = try graph.append(.unary(.relu), [image], name: "shortcut")[0]
      return [try graph.append(.binary(.add), [product, shortcut], name: "sum")[0]]
    }
    #expect(try isGated(network) == multipliesKernels())
  }

  /// The product reads another image, and what it is added to is multiplied by the gate.
  @Test func `a multiplied image that a product is added to is multiplied`() throws {
    var network = Network()
    network.filters = network.channels
    network.rest = { graph, image, product in
      let mean = try graph.append(.reduce(.mean, axes: [1, 2], keepDims: true), [product], name: "mean2")[0]
      let gate = try graph.append(.unary(.sigmoid), [mean], name: "gate2")[0]
      let gated = try graph.append(.binary(.multiply), [product, gate], name: "gated2")[0]
      let attributes = ConvAttributes(
        strides: [1, 1], dilations: [1, 1], padding: .sameUpper, groups: 1, layout: .channelsLast)
      let kernel = graph.constant(try numbers([1, 1, 24, 24], seed: 8), name: "kernel2")
      let other = try graph.append(.conv(attributes), [image, kernel], name: "other2")[0]
      return [try graph.append(.binary(.add), [other, gated], name: "sum2")[0]]
    }
    _ = try isGated(network)
  }

  @Test func `images are multiplied where kernels cannot be`() throws {
    var several = Network()
    several.batch = 3
    #expect(try !isGated(several))
    #expect(try !isGated(Network(), exact: true))
    var unbounded = Network()
    unbounded.gate = { graph, x in try graph.append(.unary(.exp), [x], name: "gate")[0] }
    #expect(try !isGated(unbounded))
  }
}
