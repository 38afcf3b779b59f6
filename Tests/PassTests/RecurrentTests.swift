import GraphTesting
import ModelIR
import Testing

/// Recurrent nodes in the form of exchange formats, against the kernels of the form that Keras has.
struct RecurrentTests {
  /// Takes everything but recurrent nodes as they come from layers.
  private let target = Target("test") { op, _ in
    if case .recurrent = op { return .composed("batch first") }
    return .any
  }

  struct Cell: CustomStringConvertible, Sendable {
    let cell: RecurrentAttributes.Cell
    let gates: Int
    let description: String
    var states: Int { cell == .lstm ? 2 : 1 }
    var biasRows: Int { cell == .gru(resetAfter: true) ? 2 : 1 }
  }

  static let cells = [
    Cell(cell: .lstm, gates: 4, description: "lstm"),
    Cell(cell: .gru(resetAfter: true), gates: 3, description: "gru"),
    Cell(cell: .gru(resetAfter: false), gates: 3, description: "gru, reset before"),
    Cell(cell: .simple, gates: 1, description: "simple"),
  ]

  private func attributes(_ cell: Cell, isReverse: Bool, mask: Bool, zero: Bool, state: Bool)
    -> RecurrentAttributes
  {
    RecurrentAttributes(
      cell: cell.cell, units: 4, activation: .tanh, recurrentActivation: .sigmoid, hasBias: true,
      hasMask: mask,
      hasInitialState: state, reverse: isReverse, zeroOutputForMask: zero)
  }

  private func node(
    _ g: inout PassGraph, _ x: Value, mask: Value?, _ cell: Cell, isReverse: Bool, zero: Bool, state: Bool
  ) throws -> [Value] {
    let width = 4 * cell.gates
    var operands = [x, try g.weight(3, width), try g.weight(4, width)]
    operands.append(cell.biasRows == 2 ? try g.weight(2, width) : try g.weight(width))
    if let mask { operands.append(mask) }
    if state { for _ in 0..<cell.states { operands.append(try g.weight(3, 4)) } }
    let op = attributes(cell, isReverse: isReverse, mask: mask != nil, zero: zero, state: state)
    return try g.emitAll(.recurrent(op), operands)
  }

  /// Rows of every kind: gaps, nothing kept at the front, at the end, or at all.
  private func mask(_ g: inout PassGraph) throws -> Value {
    let bits: [Double] = [1, 1, 0, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0]
    return g.graph.constant(try Tensor(bits, sizes: [3, 5], dtype: .bool), name: "mask")
  }

  @Test(arguments: cells) func `both directions in one node, their results joined by nothing`(cell: Cell)
    throws
  {
    var g = PassGraph()
    let x = g.input(3, 5, 3)
    let forward = try node(&g, x, mask: nil, cell, isReverse: false, zero: false, state: false)
    let backward = try node(&g, x, mask: nil, cell, isReverse: true, zero: false, state: false)
    g.output(try g.emit(.concat(axis: 2), forward[0], backward[0]))
    g.output(try g.emit(.concat(axis: 1), forward[1], backward[1]))
    let names = try g.after(RecurrentSequences(target), Simplification(), CommonSubexpressions(), DeadNodes())
    #expect(names.filter { !["Transpose", "Reshape"].contains($0) }.count == 1)
  }

  @Test(arguments: cells, [false, true])
  func `every mask is exact, whatever is read of the results`(cell: Cell, isReverse: Bool) throws {
    for zero in [false, true] {
      for state in [false, true] {
        var g = PassGraph()
        let (x, kept) = (g.input(3, 5, 3), try mask(&g))
        for value in try node(&g, x, mask: kept, cell, isReverse: isReverse, zero: zero, state: state) {
          g.output(value)
        }
        _ = try g.after(RecurrentSequences(target), DeadNodes())
      }
    }
  }

  @Test(arguments: cells) func `a masked pair shares what the mask costs`(cell: Cell) throws {
    var g = PassGraph()
    let (x, kept) = (g.input(3, 5, 3), try mask(&g))
    let forward = try node(&g, x, mask: kept, cell, isReverse: false, zero: true, state: false)
    let backward = try node(&g, x, mask: kept, cell, isReverse: true, zero: true, state: false)
    g.output(try g.emit(.concat(axis: 2), forward[0], backward[0]))
    let names = try g.after(RecurrentSequences(target), Simplification(), CommonSubexpressions(), DeadNodes())
    // Not a pair of simple cells: see ``RecurrentSequences``.
    let nodes = cell.cell == .simple ? 2 : 1
    #expect(names.filter { $0 == "TopK" }.count == nodes)
    #expect(names.filter { ["LSTM", "GRU", "RNN"].contains($0) }.count == nodes)
  }

  @Test func `rows that are looked up are put in order by their indices`() throws {
    var g = PassGraph()
    let ids = g.input(3, 5, dtype: .int32)
    let x = try g.emit(.gather(axis: 0), g.weight(7, 3), ids)
    let kept = try g.emit(.compare(.notEqual), ids, g.scalar(0, .int32))
    let cell = RecurrentTests.cells[1]
    let pair = try [false, true].map {
      try node(&g, x, mask: kept, cell, isReverse: $0, zero: false, state: false)[1]
    }
    g.output(try g.emit(.concat(axis: 1), pair[0], pair[1]))
    let names = try g.after(
      RecurrentSequences(target), LookupMovement(), Simplification(), CommonSubexpressions(), DeadNodes())
    #expect(!names.contains("GatherND"))
    #expect(names.filter { $0 == "Gather" }.count == 1)
  }

  @Test func `stacked layers are time first between each other`() throws {
    var g = PassGraph()
    let cell = RecurrentTests.cells[0]
    var x = g.input(3, 5, 3)
    for _ in 0..<2 {
      x = try node(&g, x, mask: nil, cell, isReverse: false, zero: false, state: false)[0]
      x = try g.emit(.slice([SliceRange(axis: 2, start: 0, stop: 3)]), x)
    }
    g.output(x)
    let names = try g.after(RecurrentSequences(target), ChannelsFirst(), Simplification(), DeadNodes())
    #expect(names.filter { $0 == "Transpose" }.count == 2)
  }
}
