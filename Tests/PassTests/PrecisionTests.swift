import GraphTesting
import ModelIR
import Testing

/// bfloat16 in float32, float16 where it holds the numbers.
struct PrecisionTests {
  @Test func `bfloat16 is rounded after every operation that computes`() throws {
    var g = PassGraph()
    let x = try g.emit(.cast(.bfloat16), g.input(5))
    let y = try g.emit(.binary(.multiply), g.emit(.unary(.exp), x), g.weight(5, dtype: .bfloat16))
    g.output(try g.emit(.cast(.float32), g.emit(.reverse(axes: [0]), y)))
    #expect(try !g.after(BFloat16Emulation(), tolerance: 0).isEmpty)
    let graph = try Pipeline([BFloat16Emulation(), Simplification()]).run(on: g.graph)
    #expect(graph.nodes.filter { $0.op == .cast(.bfloat16) }.count == 3)
  }

  @Test func `nothing happens without bfloat16`() throws {
    var g = PassGraph()
    g.output(try g.emit(.unary(.exp), g.input(5)))
    #expect(try g.after(BFloat16Emulation()) == ["Exp"])
  }

  @Test func `half precision is computed in float32, inputs and outputs keep their types`() throws {
    var g = PassGraph()
    let x = g.input(2, 3, dtype: .float16)
    let y = try g.emit(.dense(Epilogue()), x, g.weight(3, 4, dtype: .float16), g.weight(4, dtype: .float16))
    g.output(y)
    g.output(try g.emit(.cast(.float32), g.emit(.cast(.bfloat16), g.emit(.unary(.relu), y))))
    #expect(try g.after(Float32Computation(), tolerance: 2e-2).filter { $0 != "Cast" } == ["Dense", "Relu"])
    let graph = try Pipeline([Float32Computation(), Simplification()]).run(on: g.graph)
    #expect(graph.outputs.map { graph.dtype(of: $0.value) } == [.float16, .float32])
    #expect(
      graph.nodes.filter { $0.op.name != "Cast" }.allSatisfy { graph.dtype(of: $0.outputs[0]) == .float32 })
  }

  @Test func `float32 is left as it is`() throws {
    var g = PassGraph()
    g.output(try g.emit(.cast(.float64), g.emit(.unary(.exp), g.input(5))))
    #expect(try g.after(Float32Computation()) == ["Exp", "Cast"])
  }

  /// The element types that a graph's nodes compute in after narrowing.
  private func types(_ g: PassGraph, tolerance: Double = 2e-2) throws -> [String] {
    let graph = try Pipeline([Float16Narrowing()]).run(on: g.graph)
    try g.checkSame(graph, tolerance: tolerance)
    return graph.nodes.filter { $0.op.name != "Cast" }.map {
      "\($0.op.name) \(graph.dtype(of: $0.outputs[0]))"
    }
  }

  @Test func `products and activations are narrowed, inputs and outputs are not`() throws {
    var g = PassGraph()
    g.output(try g.emit(.unary(.relu), g.emit(.matMul, g.input(2, 3), g.weight(3, 4))))
    #expect(try types(g) == ["MatMul float16", "Relu float16"])
    #expect(try Pipeline([Float16Narrowing()]).run(on: g.graph).outputs.count == 1)
  }

  @Test func `what no weight has touched is not rounded before a step`() throws {
    var g = PassGraph()
    let steps = try g.emit(.unary(.round), g.emit(.binary(.multiply), g.input(2, 3), g.scalar(0.1)))
    g.output(try g.emit(.unary(.floor), g.emit(.matMul, steps, g.weight(3, 4))))
    #expect(try types(g) == ["Multiply float32", "Round float32", "MatMul float16", "Floor float16"])
  }

  @Test func `a mask that float16 does not hold stays wide up to the softmax that bounds it`() throws {
    var g = PassGraph()
    let scores = try g.emit(.matMul, g.input(2, 3), g.weight(3, 4))
    let mask = try g.emit(.cast(.float32), g.emit(.compare(.less), scores, g.scalar(0)))
    let masked = try g.emit(.binary(.add), scores, g.emit(.binary(.multiply), mask, g.scalar(-1e9)))
    g.output(try g.emit(.matMul, g.emit(.softmax(axis: 1), masked), g.weight(4, 2)))
    let found = try types(g)
    #expect(
      found.contains("Multiply float32") && found.contains("Add float32") && found.contains("Softmax float32")
    )
    #expect(found.filter { $0.hasPrefix("MatMul") } == ["MatMul float16", "MatMul float16"])
  }

  /// Scores under a mask.
  private func chosen(_ g: inout PassGraph, fill: Double) throws -> Value {
    let scores = try g.emit(.matMul, g.input(2, 3), g.weight(3, 4))
    let keep = g.graph.constant(
      try Tensor([1, 0, 1, 1, 0, 0, 0, 0], sizes: [2, 4], dtype: .bool), name: "mask")
    return try g.emit(.select, keep, scores, g.scalar(fill))
  }

  @Test func `the number of scores that are not kept becomes the lowest of float16`() throws {
    var g = PassGraph()
    g.output(try g.emit(.softmax(axis: 1), chosen(&g, fill: -2.3819763e38)))
    let graph = try Pipeline([MaskFills(), Float16Narrowing()]).run(on: g.graph)
    try g.checkSame(graph, tolerance: 2e-2)
    #expect(graph.nodes.allSatisfy { $0.op.name == "Cast" || graph.dtype(of: $0.outputs[0]) == .float16 })
  }

  @Test func `a number that float16 has stays, and one that is an output`() throws {
    var g = PassGraph()
    g.output(try g.emit(.softmax(axis: 1), chosen(&g, fill: -100)))
    let kept = try chosen(&g, fill: -1e9)
    g.output(kept)
    g.output(try g.emit(.softmax(axis: 1), kept))
    #expect(
      try g.after(MaskFills(), tolerance: 0) == [
        "MatMul", "Select", "Softmax", "MatMul", "Select", "Softmax",
      ])
  }

  @Test func `a mask that is added, and scores that are no softmax's, keep their number`() throws {
    var g = PassGraph()
    let scores = try g.emit(.matMul, g.input(2, 3), g.weight(3, 4))
    g.output(try g.emit(.softmax(axis: 1), g.emit(.binary(.add), scores, g.scalar(-1e9))))
    g.output(try g.emit(.unary(.negate), chosen(&g, fill: -1e9)))
    #expect(
      try g.after(MaskFills(), tolerance: 0) == ["MatMul", "Add", "Softmax", "MatMul", "Select", "Negate"])
  }

  @Test func `an epsilon does not vanish`() throws {
    var g = PassGraph()
    let x = g.input(2, 3)
    let squares = try g.emit(.reduce(.mean, axes: [1], keepDims: true), g.emit(.unary(.square), x))
    let norm = try g.emit(.unary(.sqrt), g.emit(.binary(.add), squares, g.scalar(1e-7)))
    g.output(try g.emit(.binary(.divide), x, norm))
    #expect(try types(g).contains("Add float32"))
  }

  @Test func `a loop is converted with its body`() throws {
    var body = PassGraph()
    let (state, step) = (body.input(2, 3, name: "h"), body.input(2, 3, name: "x"))
    let next = try body.emit(
      .unary(.tanh), body.emit(.binary(.add), state, body.emit(.matMul, step, body.weight(3, 3))))
    body.output(next)
    body.output(next)
    var g = PassGraph()
    let scan = Op.scan(ScanAttributes(body: Subgraph(body.graph), stateCount: 1, reverse: false))
    let results = try g.emitAll(scan, [g.weight(2, 3), g.input(2, 4, 3)])
    for result in results { g.output(result) }
    #expect(try types(g) == ["Scan float16"])
  }
}
