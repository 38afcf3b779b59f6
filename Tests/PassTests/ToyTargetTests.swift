import GraphTesting
import ModelIR
import Testing

/// A new export target: a table of what it takes and a translation, nothing else.
///
/// It is a stack machine's text with sums, products, maxima, exponentials and roots of float32, and rows for images.
struct ToyTargetTests {
  private static let floats = Target.Rule([.float32], carriers: [.float64: .float32, .int8: .float32])

  private static let target = Target("toy") { op, _ in
    switch op {
    case .unary(let function) where words[function] != nil: floats
    case .binary(let function) where symbols[function] != nil: floats
    case .cast, .select, .compare, .reduce, .reshape, .transpose, .expand: .any
    case .unary, .binary, .matMul, .dense, .dequantize, .einsum, .attention, .conv, .convTranspose, .pool,
      .argReduce,
      .cumulative,
      .topK,
      .batchNormalization, .normalization, .softmax, .logSoftmax, .concat, .split, .slice, .pad, .tile,
      .reverse,
      .gather, .gatherElements, .gatherND, .scatterND, .triangle, .range, .count, .sizes, .recurrent,
      .sequenceRecurrent, .scan,
      .resize, .lookup, .hash, .vectorize:
      .composed("toys have none")
    }
  }

  private static let words: [UnaryFunction: String] = [
    .exp: "exp", .sqrt: "root", .absolute: "size", .tanh: "tanh", .sigmoid: "sigmoid", .erf: "erf",
  ]
  private static let symbols: [BinaryFunction: String] = [
    .add: "+", .subtract: "-", .multiply: "*", .divide: "/", .power: "^",
  ]

  /// One word for each node.
  private func translate(_ graph: Graph) -> String {
    graph.nodes.map { node in
      if case .unary(let function) = node.op { return ToyTargetTests.words[function] ?? "?" }
      if case .binary(let function) = node.op { return ToyTargetTests.symbols[function] ?? "?" }
      return node.op.name.lowercased()
    }.joined(separator: " ")
  }

  private func text(_ g: PassGraph) throws -> String {
    let graph = try Pipeline.exchange(ToyTargetTests.target).run(on: g.graph)
    try g.checkSame(graph)
    return translate(graph)
  }

  @Test func `what it lacks is said with what it has`() throws {
    var g = PassGraph()
    g.output(try g.emit(.unary(.swish), g.emit(.unary(.gelu(approximate: false)), g.input(4))))
    #expect(try text(g) == "/ erf + * * sigmoid *")
  }

  @Test func `another element type goes between casts`() throws {
    var g = PassGraph()
    g.output(try g.emit(.binary(.add), g.input(4, dtype: .int8), g.scalar(2, .int8)))
    #expect(try text(g) == "cast + cast")
  }

  @Test func `what cannot be said is refused with the node's name`() throws {
    var g = PassGraph()
    g.output(try g.emit(.argReduce(.maximum, axis: 0, keepDims: false), g.input(4)))
    #expect(throws: GraphError("toys have none", op: "ArgMaximum", node: "ArgMaximum_0")) { try text(g) }
  }
}
