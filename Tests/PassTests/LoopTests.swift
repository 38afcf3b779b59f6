import GraphTesting
import ModelIR
import Testing

/// What is taken out of loops.
struct LoopTests {
  /// A body that adds a convolution of a step to a state, in channels last; gives the sum as state and as result.
  private func body(results: Int = 1) throws -> Graph {
    var g = PassGraph()
    let (state, step) = (g.input(2, 4, 4, 3, name: "h"), g.input(2, 4, 4, 2, name: "x"))
    let padding = Padding.explicit([PadPair(1, 1), PadPair(1, 1)])
    let conv = Op.conv(
      ConvAttributes(strides: [1, 1], dilations: [1, 1], padding: padding, groups: 1, layout: .channelsLast))
    let sum = try g.emit(
      .binary(.add), g.emit(conv, state, g.weight(3, 3, 3, 3)), g.emit(conv, step, g.weight(3, 3, 2, 3)))
    let next = try g.emit(.unary(.tanh), sum)
    for _ in 0...results { g.output(next) }
    return g.graph
  }

  private func scan(_ g: inout PassGraph, _ body: Graph) throws -> [Value] {
    let zeros = try g.emit(.expand([2, 4, 4, 3]), g.scalar(0))
    let op = Op.scan(ScanAttributes(body: Subgraph(body), stateCount: 1, reverse: false))
    return try g.emitAll(op, [zeros, g.input(2, 5, 4, 4, 2)])
  }

  private func last(_ g: inout PassGraph, _ all: Value) throws -> Value {
    try g.emit(.reshape([2, 4, 4, 3]), g.emit(.slice([SliceRange(axis: 1, start: -1, stop: nil)]), all))
  }

  @Test func `transposes at the edges of a body are outside, the last step is the state`() throws {
    var g = PassGraph()
    g.output(try last(&g, scan(&g, body())[1]))
    let graph = try Pipeline([LoopOrder(), ChannelsFirst(), Simplification(), DeadNodes()]).run(on: g.graph)
    try g.checkSame(graph)
    #expect(graph.nodes.map(\.op.name) == ["Expand", "Transpose", "Scan", "Transpose"])
    #expect(graph.nodes[2].op.subgraphs[0].nodes.map(\.op.name) == ["Conv", "Conv", "Add", "Tanh"])
    #expect(graph.nodes[2].outputs.count == 1)
  }

  @Test func `all steps and the state may be outputs`() throws {
    var g = PassGraph()
    for value in try scan(&g, body()) { g.output(value) }
    let graph = try Pipeline([LoopOrder(), ChannelsFirst(), Simplification(), DeadNodes()]).run(on: g.graph)
    try g.checkSame(graph)
    #expect(graph.nodes.map(\.op.name) == ["Expand", "Transpose", "Scan", "Transpose", "Transpose"])
  }

  @Test func `a state that the body reads in its own order stays, too`() throws {
    var inner = PassGraph()
    let (state, step) = (inner.input(2, 3, name: "h"), inner.input(2, 3, name: "x"))
    let next = try inner.emit(.unary(.tanh), inner.emit(.binary(.add), state, step))
    inner.output(next)
    inner.output(next)
    var g = PassGraph()
    let op = Op.scan(ScanAttributes(body: Subgraph(inner.graph), stateCount: 1, reverse: true))
    let results = try g.emitAll(op, [g.weight(2, 3), g.input(2, 4, 3)])
    // Of a loop from the end the state is at the first step.
    g.output(try g.emit(.slice([SliceRange(axis: 1, start: -1, stop: nil)]), results[1]))
    #expect(try g.after(LoopOrder(), DeadNodes()) == ["Scan", "Slice"])
  }
}
