package import ModelIR
import NativeRuntime

/// A small graph built node by node, judged by what the reference kernels compute of it before and after a change.
package struct PassGraph {
  package var graph = Graph()

  package init() {}

  package mutating func input(_ sizes: Int..., name: String = "x", dtype: DType = .float32) -> Value {
    graph.input(name: name, type: TensorType(dtype, Shape(sizes)))
  }

  package mutating func input(_ shape: Shape, name: String = "x", dtype: DType = .float32) -> Value {
    graph.input(name: name, type: TensorType(dtype, shape))
  }

  /// Numbers around 0 without a pattern that an operation could hide behind.
  package mutating func weight(_ sizes: Int..., offset: Double = 0, dtype: DType = .float32) throws -> Value {
    let count = sizes.reduce(1, *)
    let values = (0..<count).map { index -> Double in Double((index * 7919 + 13) % 29 - 14) / 16 + offset }
    return graph.constant(try Tensor(values, sizes: sizes, dtype: dtype), name: "weight")
  }

  package mutating func scalar(_ number: Double, _ dtype: DType = .float32) -> Value {
    graph.constant(Tensor(scalar: number, dtype), name: "scalar")
  }

  package mutating func emit(_ op: Op, _ operands: Value...) throws -> Value { try emitAll(op, operands)[0] }

  package mutating func emitAll(_ op: Op, _ operands: [Value]) throws -> [Value] {
    try graph.append(op, operands, name: "\(op.name)_\(graph.nodes.count)", origin: "layer")
  }

  package mutating func output(_ value: Value) {
    graph.outputs.append(Graph.Output(name: "y\(graph.outputs.count)", value: value))
  }

  /// A graph that does not compute what it did.
  package struct Difference: Error { package let text: String }

  /// The names of the operations after passes, once the graph was seen to compute the same numbers.
  package func after(_ passes: any Pass..., tolerance: Double = 1e-5) throws -> [String] {
    try after(Pipeline(passes), tolerance: tolerance)
  }

  package func after(_ pipeline: Pipeline, tolerance: Double = 1e-5) throws -> [String] {
    let result = try pipeline.run(on: graph)
    try checkSame(result, tolerance: tolerance)
    return result.nodes.map(\.op.name)
  }

  /// Runs both graphs on the same inputs by the reference kernels.
  package func checkSame(_ other: Graph, tolerance: Double = 1e-5) throws {
    var inputs: [String: Tensor] = [:]
    for value in graph.inputs { inputs[graph.name(of: value)] = try PassGraph.numbers(graph.type(of: value)) }
    var options = Session.Options()
    options.roundsToDTypes = true
    let expected = try Session(graph, options: options).run(inputs)
    let found = try Session(other, options: options).run(inputs)
    for (name, tensor) in expected {
      guard let result = found[name], result.sizes == tensor.sizes, result.dtype == tensor.dtype else {
        throw Difference(
          text: "\(name): expected \(tensor.type), found \(String(describing: found[name]?.type))")
      }
      for (a, b) in zip(try tensor.doubles(), try result.doubles()) {
        let isClose = abs(a - b) <= tolerance * max(1, abs(a))
        guard isClose || a == b || a.isNaN && b.isNaN else {
          throw Difference(text: "\(name): expected \(a), found \(b)")
        }
      }
    }
  }

  private static func numbers(_ type: TensorType) throws -> Tensor {
    guard let sizes = type.shape.substituting(["n": 3, "t": 5]).fixedSizes else {
      throw Difference(text: "sizes other than n and t in \(type)")
    }
    let count = sizes.reduce(1, *)
    let isInteger = !type.dtype.isFloatingPoint
    let values = (0..<count).map { index -> Double in
      let number = (index * 7907 + 5) % 37 - 18
      return isInteger ? Double(abs(number) % 7) : Double(number) / 8
    }
    return try Tensor(values, sizes: sizes, dtype: type.dtype)
  }
}
