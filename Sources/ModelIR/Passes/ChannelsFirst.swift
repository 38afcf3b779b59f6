/// Gives every convolution, pooling and resize channels-first operands, as ONNX needs them, with as few transposes as
/// possible: a transpose is not made where it arises but carried along until an operation needs the real order, and
/// two that meet cancel.
///
/// Given:   x -> conv(channelsLast) -> relu -> conv(channelsLast) -> mean over space
/// Result:  x -> transpose -> conv(channelsFirst) -> relu -> conv(channelsFirst) -> mean over space
///
/// Operations that look at single axes (concat, reduce, pad, slice, softmax, batch normalization) are moved to the
/// axes' new places; others (reshape, products, graph outputs) get their operands in the original order.
package struct ChannelsFirst: RebuildingPass {
  package init() {}

  /// Every order but the model's own begins with one of these.
  package func isNeeded(in graph: GraphRewriter) -> Bool {
    graph.nodes.contains { id in
      switch graph[id].op {
      case .transpose, .batchNormalization, .resize: true
      case let op: op.dataLayout == .channelsLast
      }
    }
  }

  package func rebuilt(_ graph: Graph) throws(GraphError) -> Graph {
    try ChannelsFirstRewriting.run(on: graph)
  }
}

/// One run of ``ChannelsFirst``.
private struct ChannelsFirstRewriting {
  private let source: Graph
  private var target = Graph()
  /// What the source's values became, by their index.
  private var carried: [Carried?]

  /// A value of the new graph and the permutation that makes the original of it.
  private struct Carried {
    var value: Value
    /// `original = transpose(value, permutation)`; nil when they are the same.
    var permutation: [Int]?
    /// The original, once it was made.
    var original: Value?
    /// Set where the value is a matrix whose columns are flattened in the carried order.
    var columns: FlattenedColumns?
  }

  /// Rewrites a graph; inputs and outputs keep their order, names and types.
  static func run(on graph: Graph) throws(GraphError) -> Graph {
    var pass = ChannelsFirstRewriting(source: graph)
    for input in graph.inputs {
      let value = pass.target.input(name: graph.name(of: input), type: graph.type(of: input))
      pass.carried[input.index] = Carried(value: value)
    }
    let live = graph.liveNodes()
    for (index, node) in graph.nodes.enumerated() where live[index] { try pass.rewrite(node) }
    for output in graph.outputs {
      pass.target.outputs.append(Graph.Output(name: output.name, value: try pass.original(output.value)))
    }
    return pass.target
  }

  private init(source: Graph) {
    self.source = source
    carried = Array(repeating: nil, count: source.valueCount)
  }

  /// How the columns of a flattened image lie.
  private struct FlattenedColumns {
    /// The sizes of the flattened axes in their original order, and the order they are carried in.
    let sizes: [Int]
    let order: [Int]
  }

  // MARK: Operands

  private mutating func operand(_ value: Value) -> Carried {
    if let known = carried[value.index] { return known }
    guard let tensor = source.constant(value) else { return Carried(value: value) }
    let added = target.constant(tensor, name: source.name(of: value))
    let result = Carried(value: added)
    carried[value.index] = result
    return result
  }

  /// The value in its original order.
  private mutating func original(_ value: Value) throws(GraphError) -> Value {
    let known = operand(value)
    guard let permutation = known.permutation else { return known.value }
    if let made = known.original { return made }
    let made = try transposed(known.value, permutation)
    carried[value.index]?.original = made
    return made
  }

  /// A transpose, or a reshape when only axes of size 1 move.
  private mutating func transposed(_ value: Value, _ permutation: [Int]) throws(GraphError) -> Value {
    if permutation == Array(0..<permutation.count) { return value }
    let shape = target.shape(of: value)
    let name = "\(target.name(of: value))/Transpose"
    if ChannelsFirstRewriting.movesOnlyUnits(shape, permutation) {
      return try target.append(.reshape(Shape(permutation.map { shape[$0] })), [value], name: name)[0]
    }
    return try target.append(.transpose(permutation), [value], name: name)[0]
  }

  private static func movesOnlyUnits(_ shape: Shape, _ permutation: [Int]) -> Bool {
    let moved = permutation.filter { shape[$0] != 1 }
    return moved == moved.sorted()
  }

  // MARK: Nodes

  private mutating func rewrite(_ node: Node) throws(GraphError) {
    if let op = spatialForm(node) { return try rewriteSpatial(node, op) }
    if case .transpose(let permutation) = node.op { return compose(node, permutation) }
    if case .reshape(let shape) = node.op {
      if try rewriteReshape(node, shape) { return }
      if try rewriteFlatten(node, shape) { return }
    }
    if let columns = node.inputs.first.flatMap({ operand($0).columns }) {
      return try rewriteProduct(node, columns)
    }
    let rank = node.outputs.first.map { source.shape(of: $0).rank }
    let orders = node.inputs.compactMap { operand($0).permutation }
    guard let permutation = orders.first(where: { $0.count == rank }) ?? orders.first else {
      return try rewriteInOriginalOrder(node)
    }
    switch node.op.carrying(permutation) {
    case .aligned(let op) where permutation.count == rank: try rewriteAligned(node, op, permutation)
    case .renamed(let op, let results)
    where operand(node.inputs[0]).permutation == permutation
      && (op.resamplesLastAxes(rank) || !node.op.resamplesLastAxes(rank)):
      try rewriteRenamed(node, op, results)
    case .aligned, .renamed, .original: try rewriteInOriginalOrder(node)
    }
  }

  /// The channels-first form of an operation that looks at channels and space; nil for others.
  private mutating func spatialForm(_ node: Node) -> Op? {
    if node.op.dataLayout == .channelsLast { return node.op.mapLayout { _ in .channelsFirst } }
    guard let x = node.inputs.first, operand(x).permutation == nil else { return nil }
    let rank = source.shape(of: x).rank
    if case .batchNormalization(let axis, let epsilon) = node.op, axis == rank - 1, rank > 2 {
      return .batchNormalization(axis: 1, epsilon: epsilon)
    }
    if case .normalization(.groups(let count, let axis), let epsilon) = node.op, axis == rank - 1, rank > 2 {
      return .normalization(.groups(count, axis: 1), epsilon: epsilon)
    }
    if case .resize(var attributes) = node.op, rank > 2, attributes.axes == Array(1..<(rank - 1)) {
      attributes.axes = Array(2..<rank)
      return .resize(attributes)
    }
    return nil
  }

  private mutating func compose(_ node: Node, _ permutation: [Int]) {
    let x = operand(node.inputs[0])
    let composed = permutation.map { axis in x.permutation.map { $0[axis] } ?? axis }
    carried[node.outputs[0].index] = Carried(
      value: x.value, permutation: composed.isIdentityPermutation ? nil : composed)
  }

  /// An operation whose first operand and result become channels-first.
  private mutating func rewriteSpatial(_ node: Node, _ op: Op) throws(GraphError) {
    let rank = source.shape(of: node.inputs[0]).rank
    let toFirst = [0, rank - 1] + Array(1..<(rank - 1))
    var operands: [Value] = []
    for (value, role) in zip(node.inputs, node.op.operandRoles(count: node.inputs.count)) {
      let isImage = role == .data || role == .residual
      operands.append(try isImage ? reordered(value, toFirst) : original(value))
    }
    let result = try target.append(op, operands, name: node.name, origin: node.origin)[0]
    carried[node.outputs[0].index] = Carried(value: result, permutation: toFirst.inversePermutation)
  }

  /// A value with its original axes in another order.
  private mutating func reordered(_ value: Value, _ order: [Int]) throws(GraphError) -> Value {
    let x = operand(value)
    return try transposed(x.value, order.map { axis in x.permutation.map { $0[axis] } ?? axis })
  }

  /// An operation done on its first operand in the carried order.
  private mutating func rewriteRenamed(_ node: Node, _ op: Op, _ permutation: [Int]) throws(GraphError) {
    var operands = [operand(node.inputs[0]).value]
    for value in node.inputs.dropFirst() { operands.append(try original(value)) }
    let results = try target.append(op, operands, name: node.name, origin: node.origin)
    for (old, new) in zip(node.outputs, results) {
      carried[old.index] = Carried(
        value: new, permutation: permutation.isIdentityPermutation ? nil : permutation)
    }
  }

  private mutating func rewriteInOriginalOrder(_ node: Node) throws(GraphError) {
    var operands: [Value] = []
    for value in node.inputs { operands.append(try original(value)) }
    let results = try target.append(node.op, operands, name: node.name, origin: node.origin)
    for (old, new) in zip(node.outputs, results) { carried[old.index] = Carried(value: new) }
  }

  /// A reshape of an operand whose carried order differs in axes of size 1 only.
  private mutating func rewriteReshape(_ node: Node, _ shape: Shape) throws(GraphError) -> Bool {
    let x = operand(node.inputs[0])
    guard let permutation = x.permutation,
      ChannelsFirstRewriting.movesOnlyUnits(target.shape(of: x.value), permutation)
    else {
      return false
    }
    let result = try target.append(.reshape(shape), [x.value], name: node.name, origin: node.origin)[0]
    carried[node.outputs[0].index] = Carried(value: result)
    return true
  }

  /// A flattened image stays in the carried order when all that reads it are products with constant matrices.
  private mutating func rewriteFlatten(_ node: Node, _ shape: Shape) throws(GraphError) -> Bool {
    let x = operand(node.inputs[0])
    guard let permutation = x.permutation, permutation[0] == 0, shape.rank == 2, shape[1].fixedSize != nil
    else {
      return false
    }
    let sizes = Shape(Array(source.shape(of: node.inputs[0]).dimensions.dropFirst())).fixedSizes
    let readers = source.nodes.filter { $0.inputs.contains(node.outputs[0]) }
    guard let sizes, shape[0] == source.shape(of: node.inputs[0])[0],
      !source.outputs.contains(where: { $0.value == node.outputs[0] }),
      readers.allSatisfy({ $0.isProductWithMatrix(of: node.outputs[0], in: source) })
    else { return false }
    let flat = try target.append(.reshape(shape), [x.value], name: node.name, origin: node.origin)[0]
    let order = permutation.inversePermutation.dropFirst().map { $0 - 1 }
    carried[node.outputs[0].index] = Carried(
      value: flat, columns: FlattenedColumns(sizes: sizes, order: order))
    return true
  }

  /// A product with a flattened image in the carried order: the matrix gets its rows in that order.
  private mutating func rewriteProduct(_ node: Node, _ columns: FlattenedColumns) throws(GraphError) {
    guard let matrix = source.constant(node.inputs[1]) else {
      throw GraphError("the matrix is no constant", node: node.name)
    }
    let width = matrix.sizes[1]
    let rows = try GraphError.wrapping(
      matrix.reshaped(columns.sizes + [width]).transposed(columns.order + [columns.sizes.count]).reshaped(
        matrix.sizes))
    var operands = [
      operand(node.inputs[0]).value, target.constant(rows, name: source.name(of: node.inputs[1])),
    ]
    for value in node.inputs.dropFirst(2) { operands.append(try original(value)) }
    let result = try target.append(node.op, operands, name: node.name, origin: node.origin)[0]
    carried[node.outputs[0].index] = Carried(value: result)
  }

  /// An operation on several operands, all brought to one carried order.
  private mutating func rewriteAligned(_ node: Node, _ op: Op, _ permutation: [Int]) throws(GraphError) {
    let rank = permutation.count
    let back = permutation.inversePermutation
    var operands: [Value] = []
    for value in node.inputs {
      let known = operand(value)
      if known.permutation == permutation {
        operands.append(known.value)
        continue
      }
      let shape = source.shape(of: value)
      if shape.rank == 0 || shape.dimensions.allSatisfy({ $0 == 1 }) && known.permutation == nil {
        operands.append(known.value)
        continue
      }
      operands.append(try aligned(value, shape, rank: rank, back))
    }
    let result = try target.append(op, operands, name: node.name, origin: node.origin)[0]
    carried[node.outputs[0].index] = Carried(value: result, permutation: permutation)
  }

  /// An operand of lower rank or other order, with all axes, in the carried order.
  private mutating func aligned(_ value: Value, _ shape: Shape, rank: Int, _ back: [Int]) throws(GraphError)
    -> Value
  {
    let missing = Array(repeating: Dimension.fixed(1), count: rank - shape.rank)
    let full = Shape(missing + shape.dimensions)
    if let tensor = source.constant(value), let sizes = full.fixedSizes,
      ChannelsFirstRewriting.movesOnlyUnits(full, back)
    {
      let moved = try GraphError.wrapping(tensor.reshaped(back.map { sizes[$0] }))
      return target.constant(moved, name: source.name(of: value))
    }
    var made = try original(value)
    if !missing.isEmpty {
      made = try target.append(.reshape(full), [made], name: "\(target.name(of: made))/Reshape")[0]
    }
    return try transposed(made, back)
  }
}

extension Graph {
  /// For each node, whether some output of the graph depends on it.
  package func liveNodes() -> [Bool] {
    var live = Array(repeating: false, count: nodes.count)
    var isNeeded = Array(repeating: false, count: valueCount)
    for output in outputs { isNeeded[output.value.index] = true }
    for (index, node) in nodes.enumerated().reversed()
    where node.outputs.contains(where: { isNeeded[$0.index] }) {
      live[index] = true
      for input in node.inputs { isNeeded[input.index] = true }
    }
    return live
  }
}

extension Node {
  /// Whether the node is a product of a value with a constant matrix, and reads the value nowhere else.
  fileprivate func isProductWithMatrix(of value: Value, in graph: Graph) -> Bool {
    guard op == .matMul || op == .dense(Epilogue()), inputs[0] == value, !inputs.dropFirst().contains(value),
      let matrix = graph.constant(inputs[1])
    else { return false }
    return matrix.rank == 2 && matrix.dtype != .string
  }
}

extension Op {
  /// Whether the operation, if it resamples, does so along the last axes, where kernels want space; true for others.
  fileprivate func resamplesLastAxes(_ rank: Int?) -> Bool {
    guard case .resize(let attributes) = self, let rank else { return true }
    return attributes.axes == Array((rank - attributes.axes.count)..<rank)
  }
}
