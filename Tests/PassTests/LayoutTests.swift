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

  @Test func `a model that has the order already, and values that are no images, keep theirs`() throws {
    var g = PassGraph()
    let x = g.input(2, 3, 5, 4)
    let first = Op.conv(
      ConvAttributes(
        strides: [1, 1], dilations: [1, 1], padding: .explicit([PadPair(0, 0), PadPair(0, 0)]), groups: 1,
        layout: .channelsFirst))
    g.output(try g.emit(first, x, g.weight(3, 3, 3, 4)))
    #expect(try g.after(InterfaceLayout(.channelsFirst), tolerance: 0) == ["Conv"])
    let graph = try Pipeline([InterfaceLayout(.channelsLast)]).run(on: g.graph)
    #expect(graph.shape(of: graph.inputs[0]) == [2, 5, 4, 3])
    #expect(graph.shape(of: graph.outputs[0].value) == [2, 3, 2, 4])
  }

  @Test func `flat inputs and integers beside images stay as they are`() throws {
    var g = PassGraph()
    let image = g.input(2, 5, 4, 3)
    let numbers = g.input(2, 5, 4, 3, name: "numbers", dtype: .int32)
    let flat = g.input(2, 4, name: "flat")
    g.output(try g.emit(conv, image, g.weight(3, 3, 3, 4)))
    g.output(try g.emit(.unary(.negate), numbers))
    g.output(try g.emit(.unary(.negate), flat))
    let graph = try Pipeline([InterfaceLayout(.channelsFirst)]).run(on: g.graph)
    #expect(graph.inputs.map { graph.shape(of: $0) } == [[2, 3, 5, 4], [2, 5, 4, 3], [2, 4]])
    #expect(graph.outputs.dropFirst().map { graph.shape(of: $0.value) } == [[2, 5, 4, 3], [2, 4]])
  }
}
