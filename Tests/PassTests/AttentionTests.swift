import GraphTesting
import ModelIR
import Testing

/// Attention in one node, against the products and the softmax that it is made of.
struct AttentionTests {
  private let target = Target("test") { _, _ in .any }

  /// `[2, T, heads * 3]` as `[2, heads, T, 3]`.
  private func heads(_ g: inout PassGraph, _ x: Value, _ count: Int, steps: Int, repeats: Int = 1) throws
    -> Value
  {
    let split = try g.emit(
      .transpose([0, 2, 1, 3]), g.emit(.reshape([2, .fixed(steps), .fixed(count), 3]), x))
    if repeats == 1 { return split }
    let raised = try g.emit(.reshape([2, .fixed(count), 1, .fixed(steps), 3]), split)
    let wide = try g.emit(.expand([2, .fixed(count), .fixed(repeats), .fixed(steps), 3]), raised)
    return try g.emit(.reshape([2, .fixed(count * repeats), .fixed(steps), 3]), wide)
  }

  /// Attention of 4 heads between 5 and 6 steps; the scores as they are when `mask` is nil.
  private func attention(
    _ g: inout PassGraph, shared: Int = 1, mask: (inout PassGraph, Value) throws -> Value = { $1 }
  ) throws -> (result: Value, weights: Value) {
    let query = try heads(&g, g.input(2, 5, 12), 4, steps: 5)
    let key = try heads(&g, g.input(2, 6, 12 / shared, name: "k"), 4 / shared, steps: 6, repeats: shared)
    let value = try heads(&g, g.input(2, 6, 12 / shared, name: "v"), 4 / shared, steps: 6, repeats: shared)
    let scores = try g.emit(
      .binary(.multiply), g.emit(.matMul, query, g.emit(.transpose([0, 1, 3, 2]), key)), g.scalar(0.25))
    let weights = try g.emit(.softmax(axis: 3), mask(&g, scores))
    let context = try g.emit(.transpose([0, 2, 1, 3]), g.emit(.matMul, weights, value))
    return (try g.emit(.reshape([2, 5, 12]), context), weights)
  }

  private func names(_ g: PassGraph) throws -> [String] {
    try g.after(Simplification(), AttentionFusion(target), Simplification(), DeadNodes())
  }

  @Test(arguments: [1, 2, 4]) func `heads, shared or not, become one node`(shared: Int) throws {
    var g = PassGraph()
    g.output(try attention(&g, shared: shared).result)
    #expect(try names(g) == ["Attention"])
  }

  @Test func `a mask is added, a row without a kept score is a mean`() throws {
    var g = PassGraph()
    let keep = try g.emit(
      .compare(.greater), g.input(2, 1, 5, 6, name: "m"),
      g.graph.constant(
        try Tensor([9, 0, 0, 0, 0], sizes: [1, 1, 5, 1], dtype: .float32), name: "rows"))
    g.output(
      try attention(&g) { g, scores in try g.emit(.select, keep, scores, g.scalar(-2.3819763e38)) }.result)
    #expect(try names(g) == ["Greater", "Select", "Attention"])
    var h = PassGraph()
    let added = h.input(1, 1, 5, 6, name: "m")
    h.output(try attention(&h) { h, scores in try h.emit(.binary(.subtract), scores, added) }.result)
    #expect(try names(h) == ["Negate", "Attention"])
    var k = PassGraph()
    let columns = k.input(2, 1, 1, 6, name: "m")
    k.output(try attention(&k) { k, scores in try k.emit(.binary(.add), scores, columns) }.result)
    #expect(try names(k) == ["Expand", "Attention"])
  }

  @Test func `one head without a split is one node, too`() throws {
    var g = PassGraph()
    let key = g.input(2, 6, 3, name: "k")
    let scores = try g.emit(.matMul, g.input(2, 5, 3), g.emit(.transpose([0, 2, 1]), key))
    g.output(try g.emit(.matMul, g.emit(.softmax(axis: 2), scores), g.input(2, 6, 4, name: "v")))
    #expect(try names(g) == ["Attention"])
  }

  @Test func `weights that are an output, and other axes, stay products`() throws {
    var g = PassGraph()
    let (result, weights) = try attention(&g)
    g.output(result)
    g.output(weights)
    #expect(try !names(g).contains("Attention"))
    var h = PassGraph()
    let product = try h.emit(.matMul, h.input(2, 5, 3), h.input(2, 3, 6, name: "k"))
    h.output(try h.emit(.matMul, h.emit(.softmax(axis: 1), product), h.input(2, 6, 4, name: "v")))
    #expect(try !names(h).contains("Attention"))
  }

  @Test func `a choice of a number that takes nothing in is no sum`() throws {
    var g = PassGraph()
    let keep = try g.emit(.compare(.greater), g.input(1, 1, 5, 6, name: "m"), g.scalar(0))
    g.output(try attention(&g) { g, scores in try g.emit(.select, keep, scores, g.scalar(-5)) }.result)
    #expect(try !names(g).contains("Attention"))
  }

  @Test(arguments: [1, 2]) func `where there is none it is said with products`(shared: Int) throws {
    var g = PassGraph()
    let op = Op.attention(AttentionAttributes(heads: 4, keyHeads: 4 / shared, scale: 0.5))
    let operands = [
      g.input(2, 5, 12), g.input(2, 6, 12 / shared, name: "k"), g.input(2, 6, 8 / shared, name: "v"),
      g.input(1, 4, 5, 6, name: "m"),
    ]
    g.output(try g.emitAll(op, operands)[0])
    let none = Target("none") { op, _ in if case .attention = op { .composed() } else { .any } }
    #expect(try !g.after(Legalise(none)).contains("Attention"))
  }
}
