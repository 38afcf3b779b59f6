import ModelIR
import NativeRuntime
import Testing

/// A session refuses inputs that do not fit, by name.
struct SessionTests {
  private func adding() throws -> Session {
    var graph = Graph()
    let type = TensorType(.float32, [.symbol("batch"), 2])
    let a = graph.input(name: "a", type: type)
    let b = graph.input(name: "b", type: type)
    let sum = try graph.append(.binary(.add), [a, b], name: "sum")[0]
    graph.outputs = [Graph.Output(name: "y", value: sum)]
    return try Session(graph, options: Session.Options(threads: 1))
  }

  private func message(_ inputs: [String: Tensor]) throws -> String {
    let session = try adding()
    do {
      _ = try session.run(inputs)
      return ""
    } catch { return "\(error)" }
  }

  private let pair: Tensor

  init() throws { pair = try Tensor([Float(1), 2], sizes: [1, 2]) }

  @Test func `inputs are added and named`() throws {
    let session = try adding()
    #expect(session.inputs.map(\.description) == ["a: float32[batch, 2]", "b: float32[batch, 2]"])
    let results = try session.run(["a": pair, "b": pair])
    #expect(results.map(\.name) == ["y"])
    #expect(try [Float](results[0].value) == [2, 4])
    #expect(try results["y"].map { try [Float]($0) } == [2, 4])
    #expect(results["z"] == nil)
  }

  @Test func `one session runs on many threads at once`() async throws {
    var graph = Graph()
    let x = graph.input(name: "x", type: TensorType(.float32, [.symbol("batch"), 64]))
    let w = try graph.constant(Tensor((0..<64 * 64).map { Float($0 % 17) - 8 }, sizes: [64, 64]), name: "w")
    let product = try graph.append(.matMul, [x, w], name: "product")[0]
    graph.outputs = [Graph.Output(name: "y", value: try graph.append(.unary(.tanh), [product], name: "y")[0])]
    let session = try Session(graph, options: Session.Options(threads: 2))
    @Sendable func run(_ seed: Int) throws -> [Float] {
      let rows = seed % 3 + 1
      let values = (0..<rows * 64).map { Float(($0 * 31 + seed) % 101) * 0.01 }
      return try [Float](session.run(["x": Tensor(values, sizes: [rows, 64])])[0].value)
    }
    let alone = try (0..<64).map(run)
    let together = try await withThrowingTaskGroup(of: (Int, [Float]).self) { group in
      for seed in 0..<64 { group.addTask { (seed, try run(seed)) } }
      return try await group.reduce(into: [Int: [Float]]()) { $0[$1.0] = $1.1 }
    }
    for (seed, values) in alone.enumerated() { #expect(together[seed] == values) }
  }

  @Test func `a constant along another axis of the same size is not a row`() throws {
    var graph = Graph()
    let x = graph.input(name: "x", type: TensorType(.float32, [1, 3, 3]))
    let column = try graph.constant(Tensor([Float(1), 2, 4], sizes: [1, 3, 1]), name: "column")
    let product = try graph.append(.binary(.multiply), [x, column], name: "y")[0]
    graph.outputs = [Graph.Output(name: "y", value: product)]
    let ones = try Tensor(Array(repeating: Float(1), count: 9), sizes: [1, 3, 3])
    let results = try Session(graph, options: Session.Options(threads: 1)).run(["x": ones])
    #expect(try [Float](results[0].value) == [1, 1, 1, 2, 2, 2, 4, 4, 4])
  }

  @Test func `inputs that do not fit are refused by name`() throws {
    #expect(try message(["a": pair]) == "input \"b\" is missing")
    #expect(
      try message(["a": pair, "b": pair, "c": pair])
        == "there is no input \"c\"; the inputs are [\"a\", \"b\"]")
    let integers = try Tensor([Int64(1), 2], sizes: [1, 2])
    #expect(try message(["a": pair, "b": integers]) == "input \"b\": expected type float32, found int64")
    let longer = try Tensor([Float](repeating: 0, count: 4), sizes: [2, 2])
    #expect(
      try message(["a": pair, "b": longer]) == "input \"b\": expected 1 elements along axis 0, found 2")
  }

  @Test func `an index out of range is an error`() throws {
    var graph = Graph()
    let x = graph.input(name: "x", type: TensorType(.float32, [2]))
    let i = graph.input(name: "i", type: TensorType(.int64, [1]))
    let y = try graph.append(.gather(axis: 0), [x, i], name: "pick")[0]
    graph.outputs = [Graph.Output(name: "y", value: y)]
    let session = try Session(graph)
    #expect(throws: RuntimeError.self) {
      try session.run(["x": Tensor([Float(1), 2], sizes: [2]), "i": Tensor([Int64(2)], sizes: [1])])
    }
  }
}
