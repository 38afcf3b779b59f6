import GraphTesting
import ModelIR
import Testing

/// Simplification, common subexpressions, dead nodes and constant folding: each fires, must not fire, and leaves a value
/// alone that is an output of the graph.
struct SimplificationTests {
  @Test func `chains of movement become one node or none`() throws {
    var g = PassGraph()
    let x = g.input(2, 3, 4)
    let turned = try g.emit(.transpose([2, 0, 1]), g.emit(.transpose([1, 2, 0]), x))
    let shaped = try g.emit(.reshape([4, 6]), g.emit(.reshape([24]), turned))
    let twice = try g.emit(.reverse(axes: [0]), g.emit(.reverse(axes: [0, 1]), shaped))
    g.output(try g.emit(.binary(.multiply), twice, g.scalar(1)))
    #expect(try g.after(Simplification(), DeadNodes()) == ["Reshape", "Reverse"])
  }

  @Test func `a cast that loses something stays`() throws {
    var g = PassGraph()
    let x = g.input(4)
    g.output(try g.emit(.cast(.float32), g.emit(.cast(.float16), x)))
    g.output(try g.emit(.cast(.float32), g.emit(.cast(.float64), x)))
    #expect(try g.after(Simplification(), DeadNodes()) == ["Cast", "Cast"])
  }

  @Test func `what is taken out may be an output`() throws {
    var g = PassGraph()
    let x = g.input(2, 3)
    let turned = try g.emit(.transpose([1, 0]), x)
    g.output(turned)
    g.output(try g.emit(.transpose([1, 0]), turned))
    #expect(try g.after(Simplification(), DeadNodes()) == ["Transpose"])
  }

  @Test func `equal nodes and constants are one`() throws {
    var g = PassGraph()
    let x = g.input(4)
    let a = try g.emit(.unary(.exp), g.emit(.binary(.add), x, g.scalar(2)))
    let b = try g.emit(.unary(.exp), g.emit(.binary(.add), x, g.scalar(2)))
    let c = try g.emit(.unary(.exp), g.emit(.binary(.add), x, g.scalar(3)))
    g.output(a)
    g.output(b)
    g.output(c)
    #expect(try g.after(CommonSubexpressions(), DeadNodes()) == ["Add", "Exp", "Add", "Exp"])
  }

  @Test func `what depends on constants only is computed`() throws {
    var g = PassGraph()
    let x = g.input(2, 3)
    let kernel = try g.emit(.transpose([1, 0]), g.weight(4, 3))
    let scaled = try g.emit(.binary(.multiply), kernel, g.weight(4))
    g.output(try g.emit(.matMul, x, scaled))
    #expect(try g.after(ConstantFolding()) == ["MatMul"])
  }

  @Test func `a folded constant may be an output, a large expansion stays`() throws {
    var g = PassGraph()
    let x = g.input(2)
    g.output(try g.emit(.binary(.add), g.weight(5), g.weight(5)))
    let wide = try g.emit(.expand([64, 128]), g.weight(1, 128))
    g.output(try g.emit(.binary(.add), x, g.emit(.reduce(.maximum, axes: [0, 1], keepDims: false), wide)))
    #expect(try g.after(ConstantFolding()) == ["Expand", "ReduceMaximum", "Add"])
  }
}
