/// Gives image inputs and outputs another order of axes.
///
/// Given:   x [N, H, W, C] -> ... -> y [N, H, W, F]
/// Result:  x [N, C, H, W] -> transpose -> ... -> transpose -> y [N, F, H, W]
///
/// Images are values of rank 4 and 5 of a floating type; the model's own order is that of its first convolution or
/// pooling, channels last without one. Does nothing when the model has the order already.
package struct InterfaceLayout: RebuildingPass {
  private let layout: DataLayout

  package init(_ layout: DataLayout) { self.layout = layout }

  package var appliesToBodies: Bool { false }

  package func rebuilt(_ graph: Graph) throws(GraphError) -> Graph {
    guard graph.imageLayout != layout else { return graph }
    var copy = GraphCopy(graph)
    for input in graph.inputs {
      let type = graph.type(of: input)
      guard type.isImage else { copy.addInput(input, type: type); continue }
      let order = orders(type.shape.rank)
      let moved = TensorType(type.dtype, Shape(order.there.map { type.shape[$0] }))
      let value = copy.target.input(name: graph.name(of: input), type: moved)
      copy.set(
        input,
        try copy.target.append(.transpose(order.back), [value], name: "\(graph.name(of: input))/layout")[0])
    }
    for node in graph.nodes { try copy.add(node, node.op) }
    for output in graph.outputs {
      var value = copy.value(output.value)
      let type = graph.type(of: output.value)
      if type.isImage {
        value = try copy.target.append(
          .transpose(orders(type.shape.rank).there), [value], name: "\(output.name)/layout")[0]
      }
      copy.target.outputs.append(Graph.Output(name: output.name, value: value))
    }
    return copy.target
  }

  /// The permutation from the model's order to the wanted one, and back.
  private func orders(_ rank: Int) -> (there: [Int], back: [Int]) {
    let toFirst = [0, rank - 1] + Array(1..<(rank - 1))
    let toLast = [0] + Array(2..<rank) + [1]
    return layout == .channelsFirst ? (toFirst, toLast) : (toLast, toFirst)
  }
}

extension TensorType {
  fileprivate var isImage: Bool { dtype.isFloatingPoint && (shape.rank == 4 || shape.rank == 5) }
}

extension Graph {
  /// The order of axes that the graph's convolutions and poolings have.
  fileprivate var imageLayout: DataLayout {
    for node in nodes {
      if let layout = node.op.dataLayout { return layout }
      if case .resize(let attributes) = node.op, let axis = attributes.axes.first {
        return axis == 1 ? .channelsLast : .channelsFirst
      }
    }
    return .channelsLast
  }
}

/// A graph being copied node by node.
struct GraphCopy {
  let source: Graph
  var target = Graph()
  private var values: [Int: Value] = [:]
  /// What becomes of a constant's tensor.
  var convert: (Tensor) -> Tensor = { $0 }

  init(_ source: Graph) { self.source = source }

  mutating func addInput(_ input: Value, type: TensorType) {
    values[input.index] = target.input(name: source.name(of: input), type: type)
  }

  mutating func set(_ old: Value, _ new: Value) { values[old.index] = new }

  /// The copy of a value; constants are copied when they are first asked for.
  mutating func value(_ old: Value) -> Value {
    if let known = values[old.index] { return known }
    guard let tensor = source.constant(old) else { return old }
    let added = target.constant(convert(tensor), name: source.name(of: old))
    values[old.index] = added
    return added
  }

  mutating func add(_ node: Node, _ op: Op) throws(GraphError) {
    var operands: [Value] = []
    for input in node.inputs { operands.append(value(input)) }
    let results = try target.append(op, operands, name: node.name, origin: node.origin)
    for (old, new) in zip(node.outputs, results) { values[old.index] = new }
  }
}
