import GraphTesting
import ModelIR
import Testing

/// Passes that change where things are done: arithmetic before movement, transposes before arithmetic, products over
/// rows, lookups of moved indices.
struct MovementTests {
  // MARK: EarlyArithmetic

  @Test func `bias and scale behind the split into heads go into the product`() throws {
    var g = PassGraph()
    let heads = try g.emit(.reshape([2, 5, 3, 2]), g.emit(.matMul, g.input(2, 5, 4), g.weight(4, 6)))
    let turned = try g.emit(.transpose([0, 2, 1, 3]), g.emit(.binary(.add), heads, g.weight(3, 2)))
    g.output(try g.emit(.binary(.multiply), turned, g.scalar(0.5)))
    #expect(
      try g.after(EarlyArithmetic(), DenseFusion(), AffineFolding(), DeadNodes()) == [
        "Dense", "Reshape", "Transpose",
      ])
  }

  @Test func `a constant that needs the new order stays behind it`() throws {
    var g = PassGraph()
    let turned = try g.emit(.transpose([1, 0]), g.input(3, 4))
    g.output(try g.emit(.binary(.subtract), turned, g.weight(3)))
    let joined = try g.emit(.reshape([12]), g.input(3, 4, name: "z"))
    g.output(try g.emit(.binary(.add), joined, g.weight(12)))
    #expect(try g.after(EarlyArithmetic()) == ["Transpose", "Subtract", "Reshape", "Add"])
  }

  @Test func `a moved value that is an output, or is widened, keeps its place`() throws {
    var g = PassGraph()
    let heads = try g.emit(.reshape([2, 3, 2]), g.input(2, 6))
    g.output(heads)
    g.output(try g.emit(.binary(.add), heads, g.weight(3, 2)))
    let one = try g.emit(.reshape([1, 4]), g.input(4, name: "z"))
    g.output(try g.emit(.binary(.add), one, g.weight(3, 4)))
    #expect(try g.after(EarlyArithmetic()) == ["Reshape", "Add", "Reshape", "Add"])
  }

  // MARK: EinsumProducts

  @Test(arguments: [
    ("abc,cde->abde", ["MatMul", "Reshape"]), ("abc,cd->abd", ["MatMul"]),
    ("abc,dec->abde", ["MatMul", "Reshape"]),
    ("abc,bcd->ad", ["Reshape", "MatMul"]), ("abc,bd->adc", ["Transpose", "MatMul", "Transpose"]),
    ("abc,abd->acd", ["Transpose", "MatMul"]), ("abcd,aecd->aceb", ["Transpose", "Transpose", "MatMul"]),
    ("abcd,acbe->aebd", ["Transpose", "MatMul", "Transpose"]),
    ("abc,c->ab", ["MatMul", "Reshape"]),
    ("abc,abc->ab", ["Reshape", "Reshape", "MatMul", "Reshape"]),
  ])
  func `a sum of products is a product of matrices`(equation: String, expected: [String]) throws {
    let sizes: [Character: Int] = ["a": 2, "b": 3, "c": 4, "d": 5, "e": 6]
    let sides = equation.prefix { $0 != "-" }.split(separator: ",").map { $0.compactMap { sizes[$0] } }
    var g = PassGraph()
    let x = g.input(Shape(sides[0]))
    let isKnown = sides[1].count < 4 && !equation.hasPrefix("abc,ab")
    let kernel = try Tensor(
      (0..<sides[1].reduce(1, *)).map { Double($0 % 7 - 3) }, sizes: sides[1], dtype: .float32)
    let y = isKnown ? g.graph.constant(kernel, name: "kernel") : g.input(Shape(sides[1]), name: "z")
    g.output(try g.emit(.einsum(equation), x, y))
    #expect(try g.after(EinsumProducts(), Simplification(), DeadNodes()) == expected)
  }

  @Test(arguments: ["abc,acd->ab", "aab,bc->ac", "ab,cd->abcd", "ab,bc,cd->ad"])
  func `what is no product of two matrices stays`(equation: String) throws {
    let sizes: [Character: Int] = ["a": 2, "b": 3, "c": 4, "d": 5]
    var g = PassGraph()
    let operands = equation.prefix { $0 != "-" }.split(separator: ",").enumerated().map { index, letters in
      g.input(Shape(letters.compactMap { sizes[$0] }), name: "x\(index)")
    }
    g.output(try g.emitAll(.einsum(equation), operands)[0])
    #expect(try g.after(EinsumProducts()) == ["Einsum"])
  }

  @Test func `sizes that may be broadcast stay a sum, and the sum may be an output that others read`() throws
  {
    var g = PassGraph()
    g.output(try g.emit(.einsum("abc,acd->abd"), g.input(1, 3, 4), g.input(2, 4, 5, name: "z")))
    #expect(try g.after(EinsumProducts()) == ["Einsum"])
    var h = PassGraph()
    let y = try h.emit(.einsum("ab,bc->ac"), h.input(2, 3), h.weight(3, 4))
    h.output(y)
    h.output(try h.emit(.unary(.exp), y))
    #expect(try h.after(EinsumProducts()) == ["MatMul", "Exp"])
  }

  // MARK: QuantizedMovement

  private func integers(_ g: inout PassGraph, _ sizes: Int..., scale: Value, axis: Int = 0) throws -> Value {
    let numbers = (0..<sizes.reduce(1, *)).map { Double($0 * 37 % 255 - 127) }
    let q = g.graph.constant(try Tensor(numbers, sizes: sizes, dtype: .int8), name: "q")
    return try g.emit(.dequantize(DequantizeAttributes(.bytes, axis: axis)), q, scale)
  }

  @Test func `stored integers are moved in the place of their numbers`() throws {
    var g = PassGraph()
    let kernel = try integers(&g, 4, 3, 2, scale: g.scalar(0.125))
    g.output(try g.emit(.matMul, g.input(5, 4), g.emit(.reshape([4, 6]), kernel)))
    g.output(try g.emit(.transpose([1, 0]), integers(&g, 4, 3, scale: g.scalar(0.5))))
    #expect(try g.after(QuantizedMovement()) == ["Dequantize", "MatMul", "Dequantize"])
  }

  @Test func `numbers with scales of their own, or that are an output, are moved themselves`() throws {
    var g = PassGraph()
    g.output(try g.emit(.reshape([12]), integers(&g, 4, 3, scale: g.weight(3, offset: 2), axis: 1)))
    let numbers = try integers(&g, 4, 3, scale: g.scalar(0.5))
    g.output(numbers)
    g.output(try g.emit(.transpose([1, 0]), numbers))
    #expect(
      try g.after(QuantizedMovement()) == ["Dequantize", "Reshape", "Dequantize", "Transpose"])
  }

  // MARK: EarlyTransposes

  @Test func `images are turned before what is done to single elements`() throws {
    var g = PassGraph()
    let scaled = try g.emit(.binary(.multiply), g.input(2, 4, 5, 3), g.scalar(0.25))
    let x = try g.emit(.unary(.tanh), g.emit(.binary(.subtract), scaled, g.weight(3)))
    g.output(try g.emit(.transpose([0, 3, 1, 2]), x))
    #expect(try g.after(EarlyTransposes()) == ["Transpose", "Multiply", "Subtract", "Tanh"])
  }

  @Test func `what does not come from an input alone keeps its order`() throws {
    var g = PassGraph()
    let product = try g.emit(.matMul, g.input(2, 4, 3), g.weight(3, 5))
    g.output(try g.emit(.transpose([0, 2, 1]), g.emit(.binary(.add), product, g.weight(5))))
    #expect(try g.after(EarlyTransposes()) == ["MatMul", "Add", "Transpose"])
  }

  @Test func `an element function that is an output is computed in its own order`() throws {
    var g = PassGraph()
    let x = try g.emit(.unary(.tanh), g.input(2, 4, 3))
    g.output(x)
    g.output(try g.emit(.transpose([0, 2, 1]), x))
    #expect(try g.after(EarlyTransposes()) == ["Tanh", "Transpose"])
  }

  // MARK: RowsOfProducts

  private func dense(_ g: inout PassGraph, _ x: Value, _ rows: Int, _ columns: Int) throws -> Value {
    try g.emit(.dense(Epilogue()), x, g.weight(rows, columns), g.weight(columns))
  }

  @Test func `a chain of products runs over rows, with what lies between`() throws {
    var g = PassGraph()
    let x = g.input([.symbol("n"), 5, 4])
    let hidden = try dense(&g, g.emit(.unary(.relu), dense(&g, x, 4, 6)), 6, 4)
    let norm = try g.emit(
      .normalization(.layer(axis: 2), epsilon: 1e-3), g.emit(.binary(.add), x, hidden), g.weight(4),
      g.weight(4))
    g.output(try g.emit(.softmax(axis: 2), dense(&g, norm, 4, 3)))
    #expect(
      try g.after(RowsOfProducts()) == [
        "Reshape", "Dense", "Relu", "Dense", "Add", "LayerNormalization", "Dense", "Softmax", "Reshape",
      ])
  }

  @Test func `one product alone stays as it is, and so does what looks along other axes`() throws {
    var g = PassGraph()
    g.output(try g.emit(.unary(.relu), dense(&g, g.input(2, 5, 4), 4, 6)))
    #expect(try g.after(RowsOfProducts()) == ["Dense", "Relu"])
    let mean = try g.emit(
      .reduce(.mean, axes: [1], keepDims: true), dense(&g, g.input(2, 5, 4, name: "z"), 4, 4))
    g.output(try dense(&g, mean, 4, 4))
    #expect(try g.after(RowsOfProducts()) == ["Dense", "Relu", "Dense", "ReduceMean", "Dense"])
  }

  @Test func `inputs whose batches may differ meet as they are`() throws {
    var g = PassGraph()
    let x = try dense(&g, dense(&g, g.input([.symbol("n"), 5, 4]), 4, 4), 4, 4)
    let z = try dense(&g, dense(&g, g.input([.symbol("n"), 5, 4], name: "z"), 4, 4), 4, 4)
    g.output(try g.emit(.binary(.add), x, z))
    #expect(try g.after(RowsOfProducts()).last == "Add")
  }

  @Test func `a product in the middle that is an output has its own shape`() throws {
    var g = PassGraph()
    let y = try dense(&g, dense(&g, dense(&g, g.input(2, 5, 4), 4, 6), 6, 6), 6, 4)
    g.output(y)
    g.output(try dense(&g, dense(&g, y, 4, 6), 6, 3))
    let names = try g.after(RowsOfProducts())
    #expect(names.filter { $0 == "Dense" }.count == 5)
    #expect(names.filter { $0 == "Reshape" }.count == 3)
  }

  // MARK: LookupMovement

  @Test func `indices are transposed in the place of what they find`() throws {
    var g = PassGraph()
    let x = try g.emit(.gather(axis: 0), g.weight(7, 3), g.input(2, 5, dtype: .int32))
    g.output(try g.emit(.transpose([1, 0, 2]), x))
    let names = try Pipeline([LookupMovement(), DeadNodes()]).run(on: g.graph)
    try g.checkSame(names)
    #expect(names.nodes.map(\.op.name) == ["Transpose", "Gather"])
    #expect(names.dtype(of: names.nodes[0].outputs[0]) == .int32)
  }

  @Test func `rows that are taken apart are transposed themselves`() throws {
    var g = PassGraph()
    let x = try g.emit(.gather(axis: 0), g.weight(7, 3), g.input(2, 5, dtype: .int32))
    g.output(try g.emit(.transpose([0, 2, 1]), x))
    #expect(try g.after(LookupMovement()) == ["Gather", "Transpose"])
  }

  @Test func `what is found may be an output`() throws {
    var g = PassGraph()
    let x = try g.emit(.gather(axis: 0), g.weight(7, 3), g.input(2, 5, dtype: .int32))
    g.output(x)
    g.output(try g.emit(.transpose([1, 0, 2]), x))
    #expect(try g.after(LookupMovement()) == ["Gather", "Transpose"])
  }
}
