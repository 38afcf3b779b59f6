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
    return try Session(graph, threads: 1)
  }

  private func message(_ inputs: [String: Tensor]) throws -> String {
    let session = try adding()
    do {
      _ = try session.run(inputs)
      return ""
    } catch { return "\(error)" }
  }

  private let pair = Tensor([Float(1), 2], sizes: [1, 2])

  @Test func `inputs are added and named`() throws {
    let results = try adding().run(["a": pair, "b": pair])
    #expect(results.map(\.name) == ["y"])
    #expect(try results[0].value.elements(as: Float.self) == [2, 4])
  }

  @Test func `inputs that do not fit are refused by name`() throws {
    #expect(try message(["a": pair]) == "input \"b\" is missing")
    #expect(try message(["a": pair, "b": pair, "c": pair]) == "there is no input \"c\"; the inputs are [\"a\", \"b\"]")
    let integers = Tensor([Int64(1), 2], sizes: [1, 2])
    #expect(try message(["a": pair, "b": integers]) == "input \"b\": expected type float32, found int64")
    let longer = Tensor([Float](repeating: 0, count: 4), sizes: [2, 2])
    #expect(try message(["a": pair, "b": longer]) == "input \"b\": expected 1 elements along axis 0, found 2")
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
