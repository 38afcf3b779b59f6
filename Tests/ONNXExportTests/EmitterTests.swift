import Foundation
import GraphTesting
import ModelIR
import ONNXFormat
import Testing

@testable import ONNXExport

/// The file: one node for each of the graph's, with the layer it comes from, the same bytes every time.
struct EmitterTests {
  private func sample(_ shape: Shape) throws -> PassGraph {
    var g = PassGraph()
    let x = g.input(shape)
    let y = try g.emit(.unary(.tanh), g.emit(.dense(Epilogue()), x, g.weight(4, 3), g.weight(3)))
    g.output(try g.emit(.softmax(axis: 1), y))
    g.output(y)
    return g
  }

  private func emitted(_ g: PassGraph, opset: Int = 18) throws -> ONNXGraph {
    let graph = try Pipeline.exchange(ONNXTable(opset: opset).target).run(on: g.graph)
    let emitter = GraphEmitter(graph, name: "test", opset: opset)
    try emitter.emitWhole()
    return emitter.result
  }

  @Test func `nodes are written one to one, named and with their layer`() throws {
    let graph = try emitted(sample([.symbol("n"), 4]))
    #expect(graph.nodes.map(\.op) == ["Gemm", "Tanh", "Softmax"])
    #expect(graph.nodes.allSatisfy { $0.origin == "layer" })
    #expect(graph.outputs.map(\.name) == ["y0", "y1"])
  }

  @Test func `a size that is not known is computed once`() throws {
    var g = PassGraph()
    let x = g.input([.symbol("n"), 4])
    let shape: Shape = [.symbol("n"), 2, 4]
    for number in [1.0, 2.0] {
      let raised = try g.emit(
        .reshape([.symbol("n"), 1, 4]), g.emit(.binary(.multiply), x, g.scalar(number)))
      g.output(try g.emit(.expand(shape), raised))
    }
    #expect(try emitted(g).nodes.filter { $0.op == "Shape" }.count == 1)
  }

  @Test func `the batches of several inputs have a name each, and sizes are the largest`() throws {
    var g = PassGraph()
    let (x, p) = (g.input([.symbol("n"), 4]), g.input([.symbol("n"), 4]))
    g.output(
      try g.emit(
        .expand([.symbol("n"), 2, 4]), g.emit(.reshape([.symbol("n"), 1, 4]), g.emit(.binary(.add), x, p))))
    let graph = try emitted(g)
    #expect(graph.inputs[0].type.shape == [.symbol("n"), 4])
    #expect(graph.inputs[1].type.shape[0] != .symbol("n"))
    #expect(graph.nodes.filter { $0.op == "Max" }.count == 1)
  }

  @Test func `a range whose size turns out negative is refused, not empty`() throws {
    var g = PassGraph()
    let x = g.input([.symbol("n"), 4])
    g.output(try g.emit(.gather(axis: 0), x, g.emit(.range(Dimension.symbol("n") - 4))))
    g.output(try g.emit(.gather(axis: 0), x, g.emit(.range(.symbol("n")))))
    let operators = try emitted(g).nodes.map(\.op)
    #expect(operators.filter { $0 == "Range" }.count == 2)
    #expect(operators.filter { $0 == "Expand" }.count == 1)
  }

  @Test func `an output that is an input, or given out twice, has a node of its own`() throws {
    var g = PassGraph()
    let x = g.input(2, 4)
    let y = try g.emit(.unary(.exp), x)
    for value in [x, y, y] { g.output(value) }
    #expect(try emitted(g).nodes.map(\.op) == ["Exp", "Identity", "Identity"])
  }

  @Test(arguments: [13, 18, 21]) func `the same graph gives the same bytes`(opset: Int) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var files: [Data] = []
    for name in ["a.onnx", "b.onnx"] {
      let path = folder.appendingPathComponent(name).path
      try ONNXWriter(opset: opset).write(try sample([.symbol("n"), 4]).graph, to: path)
      files.append(try Data(contentsOf: URL(fileURLWithPath: path)))
    }
    #expect(files[0] == files[1])
    #expect(files[0].range(of: Data("layer".utf8)) != nil)
  }
}
