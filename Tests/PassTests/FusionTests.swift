import GraphTesting
import ModelIR
import Testing

/// Folding into products and fusion of what follows them.
struct FusionTests {
  private let plain = Padding.explicit([PadPair(0, 0), PadPair(0, 0)])

  private func conv(_ padding: Padding, groups: Int = 1, layout: DataLayout = .channelsLast) -> Op {
    .conv(
      ConvAttributes(strides: [1, 1], dilations: [1, 1], padding: padding, groups: groups, layout: layout))
  }

  private func normalized(_ g: inout PassGraph, _ x: Value, _ channels: Int, axis: Int) throws -> Value {
    let operands = [
      x, try g.weight(channels), try g.weight(channels), try g.weight(channels),
      try g.weight(channels, offset: 2),
    ]
    return try g.emitAll(.batchNormalization(axis: axis, epsilon: 1e-3), operands)[0]
  }

  private let passes: [any Pass] = [ConstantFolding(), DenseFusion(), AffineFolding(), DeadNodes()]

  @Test func `normalization and arithmetic behind a convolution go into its weights`() throws {
    var g = PassGraph()
    let x = g.input(1, 5, 5, 2)
    let y = try normalized(&g, g.emit(conv(plain), x, g.weight(3, 3, 2, 4), g.weight(4)), 4, axis: 3)
    g.output(try g.emit(.binary(.divide), y, g.scalar(2)))
    #expect(try g.after(Pipeline(passes)) == ["Conv"])
  }

  @Test func `so they do in depthwise and transposed convolutions and in products`() throws {
    var g = PassGraph()
    let deep = try normalized(
      &g, g.emit(conv(plain, groups: 3), g.input(1, 4, 4, 3), g.weight(2, 2, 1, 6)), 6, axis: 3)
    g.output(deep)
    let attributes = ConvTransposeAttributes(
      strides: [2, 2], dilations: [1, 1], pads: [PadPair(0, 0), PadPair(0, 0)], outputPadding: [0, 0],
      layout: .channelsLast)
    g.output(try normalized(&g, g.emit(.convTranspose(attributes), deep, g.weight(2, 2, 4, 6)), 4, axis: 3))
    let flat = g.input(3, 4, name: "flat")
    let product = try g.emit(.binary(.add), g.emit(.matMul, flat, g.weight(4, 5)), g.weight(5))
    g.output(try normalized(&g, product, 5, axis: 1))
    #expect(try g.after(Pipeline(passes)) == ["Conv", "ConvTranspose", "Dense"])
  }

  @Test func `scale and shift before a product go into it where nothing is padded`() throws {
    var g = PassGraph()
    let x = g.input(1, 5, 5, 2)
    let scaled = try g.emit(.binary(.subtract), g.emit(.binary(.multiply), x, g.scalar(0.5)), g.weight(2))
    g.output(try g.emit(conv(plain), scaled, g.weight(3, 3, 2, 4)))
    #expect(try g.after(Pipeline(passes)) == ["Conv"])
  }

  @Test func `a shift stays before padding, a scale does not`() throws {
    var g = PassGraph()
    let same = Padding.explicit([PadPair(1, 1), PadPair(1, 1)])
    g.output(
      try g.emit(conv(same), g.emit(.binary(.add), g.input(1, 5, 5, 2), g.weight(2)), g.weight(3, 3, 2, 4)))
    let other = g.input(1, 5, 5, 2, name: "other")
    g.output(try g.emit(conv(same), g.emit(.binary(.multiply), other, g.weight(2)), g.weight(3, 3, 2, 4)))
    #expect(try g.after(Pipeline(passes)) == ["Add", "Conv", "Conv"])
  }

  @Test func `before padding the shift goes first and the scale into the weights`() throws {
    var g = PassGraph()
    let same = Padding.explicit([PadPair(1, 1), PadPair(1, 1)])
    let scaled = try g.emit(.binary(.multiply), g.input(1, 5, 5, 2), g.scalar(0.5))
    let centered = try g.emit(.binary(.subtract), scaled, g.weight(2))
    let normal = try g.emit(.binary(.divide), centered, g.weight(2, offset: 3))
    g.output(try g.emit(conv(same), normal, g.weight(3, 3, 2, 4)))
    #expect(try g.after(Pipeline(passes)) == ["Add", "Conv"])
  }

  @Test func `three steps of scale and shift are two, but not through an output or a scale of 0`() throws {
    var g = PassGraph()
    func chain(_ x: Value, _ scale: Double) throws -> Value {
      let shifted = try g.emit(.binary(.add), g.emit(.binary(.multiply), x, g.scalar(scale)), g.scalar(1))
      return try g.emit(.binary(.multiply), shifted, g.weight(2))
    }
    g.output(try chain(g.input(3, 2), 2))
    #expect(try g.after(Pipeline(passes)) == ["Multiply", "Add"])
    let same = Padding.explicit([PadPair(1, 1), PadPair(1, 1)])
    let nothing = try g.emit(
      .binary(.add), g.emit(.binary(.multiply), g.input(1, 5, 5, 2, name: "z"), g.scalar(0)), g.scalar(1))
    g.output(try g.emit(conv(same), nothing, g.weight(3, 3, 2, 4)))
    #expect(try g.after(Pipeline(passes)) == ["Multiply", "Add", "Multiply", "Add", "Conv"])
  }

  @Test func `nothing is folded when the product is read elsewhere`() throws {
    var g = PassGraph()
    let y = try g.emit(conv(plain), g.input(1, 5, 5, 2), g.weight(3, 3, 2, 4))
    g.output(y)
    g.output(try normalized(&g, y, 4, axis: 3))
    #expect(try g.after(Pipeline(passes)) == ["Conv", "BatchNormalization"])
  }

  @Test func `zeros around a convolution become its padding`() throws {
    var g = PassGraph()
    let pad = Op.pad(
      PadAttributes(pads: [PadPair(0, 0), PadPair(1, 2), PadPair(0, 1), PadPair(0, 0)], mode: .constant(0)))
    g.output(try g.emit(conv(plain), g.emit(pad, g.input(1, 5, 5, 2)), g.weight(3, 3, 2, 4)))
    #expect(try g.after(PadFolding()) == ["Conv"])
  }

  @Test func `zeros before a maximum become padding only where nothing is negative`() throws {
    var g = PassGraph()
    let pad = Op.pad(
      PadAttributes(pads: [PadPair(0, 0), PadPair(1, 1), PadPair(1, 1), PadPair(0, 0)], mode: .constant(0)))
    let pool = Op.pool(
      PoolAttributes(
        function: .maximum, kernelSize: [3, 3], strides: [2, 2], padding: plain, layout: .channelsLast))
    let x = g.input(1, 6, 6, 2)
    g.output(try g.emit(pool, g.emit(pad, g.emit(.unary(.relu), x))))
    g.output(try g.emit(pool, g.emit(pad, x)))
    #expect(try g.after(PadFolding()) == ["Relu", "MaximumPool", "Pad", "MaximumPool"])
  }

  @Test func `a padded value that is an output stays`() throws {
    var g = PassGraph()
    let pad = Op.pad(
      PadAttributes(pads: [PadPair(0, 0), PadPair(1, 1), PadPair(1, 1), PadPair(0, 0)], mode: .constant(0)))
    let padded = try g.emit(pad, g.input(1, 5, 5, 2))
    g.output(padded)
    g.output(try g.emit(conv(plain), padded, g.weight(3, 3, 2, 4)))
    #expect(try g.after(PadFolding()) == ["Pad", "Conv"])
  }

  @Test func `addition and activation become a product's epilogue`() throws {
    var g = PassGraph()
    let x = g.input(1, 5, 5, 4)
    let y = try g.emit(conv(.explicit([PadPair(1, 1), PadPair(1, 1)])), x, g.weight(3, 3, 4, 4), g.weight(4))
    g.output(try g.emit(.unary(.relu), g.emit(.binary(.add), y, x)))
    let pipeline = Pipeline([EpilogueFusion { $0 == .relu }])
    #expect(try g.after(pipeline) == ["Conv"])
    #expect(
      try pipeline.run(on: g.graph).nodes[0].op.epilogue == Epilogue(addsOperand: true, function: .relu))
  }

  @Test func `no epilogue with a function that is not taken, or on a value that is an output`() throws {
    var g = PassGraph()
    let y = try g.emit(.dense(Epilogue()), g.input(3, 4), g.weight(4, 5), g.weight(5))
    g.output(try g.emit(.unary(.tanh), y))
    let z = try g.emit(.dense(Epilogue()), g.input(3, 4, name: "z"), g.weight(4, 5), g.weight(5))
    g.output(z)
    g.output(try g.emit(.unary(.relu), z))
    #expect(try g.after(EpilogueFusion { $0 == .relu }) == ["Dense", "Tanh", "Dense", "Relu"])
  }

  @Test func `an epilogue adds one operand only, and not one that is spread over the product`() throws {
    var g = PassGraph()
    let x = g.input(3, 4)
    let y = try g.emit(.dense(Epilogue()), x, g.weight(4, 4), g.weight(4))
    let once = try g.emit(.binary(.add), y, x)
    g.output(try g.emit(.unary(.relu), g.emit(.binary(.add), once, x)))
    #expect(try g.after(EpilogueFusion { $0 == .relu }) == ["Dense", "Add", "Relu"])
    var spread = PassGraph()
    let z = try spread.emit(.dense(Epilogue()), spread.input(3, 4), spread.weight(4, 4), spread.weight(4))
    spread.output(try spread.emit(.binary(.add), z, spread.input(3, 1, name: "row")))
    #expect(try spread.after(EpilogueFusion { $0 == .relu }) == ["Dense", "Add"])
  }
}
