import ModelIR
import NativeRuntime
import Testing

/// A small graph for a pass: built node by node, judged by what it computes before and after.
struct PassGraph {
  var graph = Graph()

  mutating func input(_ sizes: Int..., name: String = "x", dtype: DType = .float32) -> Value {
    graph.input(name: name, type: TensorType(dtype, Shape(sizes)))
  }

  /// Numbers around 0 without a pattern that an operation could hide behind.
  mutating func weight(_ sizes: Int..., offset: Double = 0, dtype: DType = .float32) -> Value {
    let count = sizes.reduce(1, *)
    let values = (0..<count).map { index -> Double in Double((index * 7919 + 13) % 29 - 14) / 16 + offset }
    return graph.constant(try! Tensor(values, sizes: sizes, dtype: dtype), name: "weight")
  }

  mutating func scalar(_ number: Double, _ dtype: DType = .float32) -> Value {
    graph.constant(Tensor(scalar: number, dtype), name: "scalar")
  }

  mutating func emit(_ op: Op, _ operands: Value...) throws -> Value { try emitAll(op, operands)[0] }

  mutating func emitAll(_ op: Op, _ operands: [Value]) throws -> [Value] {
    try graph.append(op, operands, name: "\(op.name)_\(graph.nodes.count)")
  }

  mutating func output(_ value: Value) {
    graph.outputs.append(Graph.Output(name: "y\(graph.outputs.count)", value: value))
  }

  /// The names of the operations after a pipeline, once the graph was seen to compute the same numbers.
  func after(_ passes: any Pass..., tolerance: Double = 1e-5) throws -> [String] {
    try after(Pipeline(passes), tolerance: tolerance)
  }

  func after(_ pipeline: Pipeline, tolerance: Double = 1e-5) throws -> [String] {
    let result = try pipeline.run(on: graph)
    try expectSame(result, tolerance: tolerance)
    return result.nodes.map(\.op.name)
  }

  /// Runs both graphs on the same inputs by the reference kernels.
  func expectSame(_ other: Graph, tolerance: Double = 1e-5) throws {
    var inputs: [String: Tensor] = [:]
    for value in graph.inputs {
      let type = graph.type(of: value)
      let sizes = try #require(type.shape.substituting(["n": 3, "t": 5]).fixedSizes)
      let count = sizes.reduce(1, *)
      let values = (0..<count).map { index -> Double in Double((index * 7907 + 5) % 37 - 18) / 8 }
      inputs[graph.name(of: value)] = try Tensor(values, sizes: sizes, dtype: type.dtype)
    }
    let expected = try Session(graph).run(inputs)
    let found = try Session(other).run(inputs)
    for (name, tensor) in expected {
      let result = try #require(found[name])
      #expect(result.sizes == tensor.sizes)
      #expect(result.dtype == tensor.dtype)
      for (a, b) in zip(try tensor.doubles(), try result.doubles()) {
        let isClose = abs(a - b) <= tolerance * max(1, abs(a))
        #expect(isClose || a.bitPattern == b.bitPattern || a == b, "\(name): \(a) before, \(b) after")
      }
    }
  }
}
