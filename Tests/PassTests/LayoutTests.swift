import GraphTesting
import ModelIR
import Testing

/// Channels first: transposes are carried, not made.
struct LayoutTests {
  private let valid = Padding.explicit([PadPair(0, 0), PadPair(0, 0)])

  private var conv: Op {
    .conv(
      ConvAttributes(strides: [1, 1], dilations: [1, 1], padding: valid, groups: 1, layout: .channelsLast))
  }

  @Test func `a chain of convolutions has one transpose at its beginning`() throws {
    var g = PassGraph()
    let x = try g.emit(.unary(.relu), g.emit(conv, g.input(2, 6, 6, 3), g.weight(3, 3, 3, 4)))
    let y = try g.emit(.binary(.add), x, g.weight(4))
    let z = try g.emit(conv, g.emit(.concat(axis: 3), y, x), g.weight(2, 2, 8, 5))
    g.output(try g.emit(.reduce(.mean, axes: [1, 2], keepDims: false), z))
    let names = try g.after(ChannelsFirst(), ConstantFolding())
    #expect(names == ["Transpose", "Conv", "Relu", "Add", "Concat", "Conv", "ReduceMean"])
  }

  @Test func `a flattened image keeps its order, the product's matrix takes it`() throws {
    var g = PassGraph()
    let x = try g.emit(conv, g.input(2, 5, 4, 3), g.weight(3, 3, 3, 4))
    let flat = try g.emit(.reshape([2, 24]), x)
    g.output(try g.emit(.dense(Epilogue()), flat, g.weight(24, 3), g.weight(3)))
    #expect(try g.after(ChannelsFirst()) == ["Transpose", "Conv", "Reshape", "Dense"])
  }

  @Test func `a flattened image that is read elsewhere, or an output, comes in its own order`() throws {
    var g = PassGraph()
    let x = try g.emit(conv, g.input(2, 5, 4, 3), g.weight(3, 3, 3, 4))
    let flat = try g.emit(.reshape([2, 24]), x)
    g.output(flat)
    g.output(try g.emit(.matMul, flat, g.weight(24, 3)))
    #expect(try g.after(ChannelsFirst()) == ["Transpose", "Conv", "Transpose", "Reshape", "MatMul"])
  }

  @Test func `what an operation needs in order comes in order`() throws {
    var g = PassGraph()
    let x = try g.emit(conv, g.input(2, 5, 4, 3), g.weight(3, 3, 3, 4))
    g.output(try g.emit(.normalization(.layer(axis: 3), epsilon: 1e-3), x, g.weight(4), g.weight(4)))
    #expect(try g.after(ChannelsFirst()) == ["Transpose", "Conv", "Transpose", "LayerNormalization"])
  }

  @Test func `images at the model's ends get the order asked for`() throws {
    var g = PassGraph()
    g.output(try g.emit(conv, g.input(2, 5, 4, 3), g.weight(3, 3, 3, 4)))
    let graph = try Pipeline([InterfaceLayout(.channelsFirst), ChannelsFirst()]).run(on: g.graph)
    #expect(graph.nodes.map(\.op.name) == ["Conv"])
    #expect(graph.shape(of: graph.inputs[0]) == [2, 3, 5, 4])
    #expect(graph.shape(of: graph.outputs[0].value) == [2, 4, 3, 2])
  }
}
