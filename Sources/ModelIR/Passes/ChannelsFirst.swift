/// Gives every convolution, pooling and resize channels-first operands, as ONNX needs them, with as few transposes as
/// possible: a transpose is not made where it arises but carried along until an operation needs the real order, and
/// two that meet cancel.
///
/// Given:   x -> conv(channelsLast) -> relu -> conv(channelsLast) -> mean over space
/// Result:  x -> transpose -> conv(channelsFirst) -> relu -> conv(channelsFirst) -> mean over space
///
/// Operations that look at single axes (concat, reduce, pad, slice, softmax, batch normalization) are moved to the
/// axes' new places; others (reshape, products, graph outputs) get their operands in the original order.
package struct ChannelsFirst {
  private let source: Graph
  private var target = Graph()
  private var carried: [Int: Carried] = [:]
  private var constants: [Int: Value] = [:]

  /// A value of the new graph and the permutation that makes the original of it.
  private struct Carried {
    var value: Value
    /// `original = transpose(value, permutation)`; nil when they are the same.
    var permutation: [Int]?
    /// The original, once it was made.
    var original: Value?
  }

  /// Rewrites a graph; inputs and outputs keep their order, names and types.
  /// - Throws: ``GraphError`` when the given graph is not well formed.
  package static func run(on graph: Graph) throws(GraphError) -> Graph {
    var pass = ChannelsFirst(source: graph)
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

  private init(source: Graph) { self.source = source }

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
    if ChannelsFirst.movesOnlyUnits(shape, permutation) {
      return try target.append(.reshape(Shape(permutation.map { shape[$0] })), [value], name: name)[0]
    }
    return try target.append(.transpose(permutation), [value], name: name)[0]
  }

  private static func movesOnlyUnits(_ shape: Shape, _ permutation: [Int]) -> Bool {
    let moved = permutation.filter { shape[$0] != 1 }
    return moved == moved.sorted()
  }

  private static func inverse(_ permutation: [Int]) -> [Int] {
    var result = permutation
    for (index, axis) in permutation.enumerated() { result[axis] = index }
    return result
  }

  // MARK: Nodes

  private mutating func rewrite(_ node: Node) throws(GraphError) {
    switch node.op {
    case .transpose(let permutation):
      let x = operand(node.inputs[0])
      let composed = permutation.map { x.permutation?[$0] ?? $0 }
      carried[node.outputs[0].index] = Carried(
        value: x.value, permutation: composed == Array(0..<composed.count) ? nil : composed)
    case .conv(var attributes) where attributes.layout == .channelsLast:
      attributes.layout = .channelsFirst
      try rewriteSpatial(node, .conv(attributes))
    case .convTranspose(var attributes) where attributes.layout == .channelsLast:
      attributes.layout = .channelsFirst
      try rewriteSpatial(node, .convTranspose(attributes))
    case .pool(var attributes) where attributes.layout == .channelsLast:
      attributes.layout = .channelsFirst
      try rewriteSpatial(node, .pool(attributes))
    case .batchNormalization(let axis, _):
      let rank = source.shape(of: node.inputs[0]).rank
      if operand(node.inputs[0]).permutation == nil, axis == rank - 1, rank > 2 {
        try rewriteSpatial(node, movedBatchNormalization(node.op))
      } else {
        try rewriteByAxes(node)
      }
    case .resize(let attributes):
      let rank = source.shape(of: node.inputs[0]).rank
      if operand(node.inputs[0]).permutation == nil, rank > 2, attributes.axes == Array(1..<(rank - 1)) {
        var moved = attributes
        moved.axes = Array(2..<rank)
        try rewriteSpatial(node, .resize(moved))
      } else {
        try rewriteByAxes(node)
      }
    case .binary, .compare, .select, .concat: try rewriteAligned(node)
    case .reshape(let shape): try rewriteReshape(node, shape)
    default: try rewriteByAxes(node)
    }
  }

  private func movedBatchNormalization(_ op: Op) -> Op {
    if case .batchNormalization(_, let epsilon) = op { return .batchNormalization(axis: 1, epsilon: epsilon) }
    return op
  }

  /// An operation whose first operand and result become channels-first.
  private mutating func rewriteSpatial(_ node: Node, _ op: Op) throws(GraphError) {
    let x = operand(node.inputs[0])
    let rank = source.shape(of: node.inputs[0]).rank
    let toFirst = [0, rank - 1] + Array(1..<(rank - 1))
    let data = try transposed(x.value, toFirst.map { x.permutation?[$0] ?? $0 })
    var operands = [data]
    for value in node.inputs.dropFirst() { operands.append(try original(value)) }
    let result = try target.append(op, operands, name: node.name)[0]
    carried[node.outputs[0].index] = Carried(value: result, permutation: ChannelsFirst.inverse(toFirst))
  }

  /// An operation that can be done in the carried order once its axes are renamed; otherwise in the original order.
  private mutating func rewriteByAxes(_ node: Node) throws(GraphError) {
    if let first = node.inputs.first, let permutation = operand(first).permutation,
      let (op, resultPermutation) = node.op.carrying(permutation)
    {
      var operands = [operand(first).value]
      for value in node.inputs.dropFirst() { operands.append(try original(value)) }
      let results = try target.append(op, operands, name: node.name)
      for (old, new) in zip(node.outputs, results) {
        let isIdentity = resultPermutation == Array(0..<resultPermutation.count)
        carried[old.index] = Carried(value: new, permutation: isIdentity ? nil : resultPermutation)
      }
      return
    }
    var operands: [Value] = []
    for value in node.inputs { operands.append(try original(value)) }
    let results = try target.append(node.op, operands, name: node.name)
    for (old, new) in zip(node.outputs, results) { carried[old.index] = Carried(value: new) }
  }

  private mutating func rewriteReshape(_ node: Node, _ shape: Shape) throws(GraphError) {
    let x = operand(node.inputs[0])
    if let permutation = x.permutation, ChannelsFirst.movesOnlyUnits(target.shape(of: x.value), permutation) {
      let result = try target.append(.reshape(shape), [x.value], name: node.name)[0]
      carried[node.outputs[0].index] = Carried(value: result)
      return
    }
    try rewriteByAxes(node)
  }

  /// An operation on several operands, all brought to one carried order.
  private mutating func rewriteAligned(_ node: Node) throws(GraphError) {
    let rank = source.shape(of: node.outputs[0]).rank
    let permutations = node.inputs.compactMap { operand($0).permutation }
    guard let permutation = permutations.first(where: { $0.count == rank }) else {
      try rewriteByAxes(node)
      return
    }
    let back = ChannelsFirst.inverse(permutation)
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
    var op = node.op
    if case .concat(let axis) = op { op = .concat(axis: permutation[axis]) }
    let result = try target.append(op, operands, name: node.name)[0]
    carried[node.outputs[0].index] = Carried(value: result, permutation: permutation)
  }

  /// An operand of lower rank or other order, with all axes, in the carried order.
  private mutating func aligned(_ value: Value, _ shape: Shape, rank: Int, _ back: [Int]) throws(GraphError)
    -> Value
  {
    let missing = Array(repeating: Dimension.fixed(1), count: rank - shape.rank)
    let full = Shape(missing + shape.dimensions)
    if let tensor = source.constant(value), let sizes = full.fixedSizes,
      ChannelsFirst.movesOnlyUnits(full, back)
    {
      let moved = Tensor(dtype: tensor.dtype, sizes: back.map { sizes[$0] }, storage: tensor.storage)
      return target.constant(moved, name: source.name(of: value))
    }
    var made = try original(value)
    if !missing.isEmpty {
      made = try target.append(.reshape(full), [made], name: "\(target.name(of: made))/Reshape")[0]
    }
    return try transposed(made, back)
  }
}

extension Op {
  /// The operation on an operand whose axes are carried in another order (`original = transpose(x, permutation)`), and
  /// the permutation its results carry; nil when it needs the original order.
  func carrying(_ permutation: [Int]) -> (op: Op, result: [Int])? {
    func moved(_ axis: Int) -> Int { permutation[axis] }
    switch self {
    case .unary, .cast: return (self, permutation)
    case .softmax(let axis): return (.softmax(axis: moved(axis)), permutation)
    case .logSoftmax(let axis): return (.logSoftmax(axis: moved(axis)), permutation)
    case .cumulative(let function, let axis, let reverse, let exclusive):
      return (.cumulative(function, axis: moved(axis), reverse: reverse, exclusive: exclusive), permutation)
    case .topK(let k, let axis, let largest):
      return (.topK(k: k, axis: moved(axis), largest: largest), permutation)
    case .batchNormalization(let axis, let epsilon) where moved(axis) == 1:
      return (.batchNormalization(axis: 1, epsilon: epsilon), permutation)
    case .split(let axis, let sizes): return (.split(axis: moved(axis), sizes: sizes), permutation)
    case .reverse(let axes): return (.reverse(axes: axes.map(moved)), permutation)
    case .slice(let ranges):
      return (
        .slice(
          ranges.map { SliceRange(axis: moved($0.axis), start: $0.start, stop: $0.stop, step: $0.step) }),
        permutation
      )
    case .pad(let attributes):
      var pads = attributes.pads
      for (axis, pair) in attributes.pads.enumerated() { pads[moved(axis)] = pair }
      return (.pad(PadAttributes(pads: pads, mode: attributes.mode)), permutation)
    case .tile(let repeats):
      var result = repeats
      for (axis, count) in repeats.enumerated() { result[moved(axis)] = count }
      return (.tile(result), permutation)
    case .resize(var attributes):
      let pairs = zip(attributes.axes.map(moved), attributes.sizes).sorted { $0.0 < $1.0 }
      attributes.axes = pairs.map(\.0)
      attributes.sizes = pairs.map(\.1)
      return (.resize(attributes), permutation)
    case .reduce(let function, let axes, let keepDims):
      let op = Op.reduce(function, axes: axes.map(moved).sorted(), keepDims: keepDims)
      return (op, keepDims ? permutation : permutation.removing(axes))
    case .argReduce(let function, let axis, let keepDims):
      let op = Op.argReduce(function, axis: moved(axis), keepDims: keepDims)
      return (op, keepDims ? permutation : permutation.removing([axis]))
    default: return nil
    }
  }
}

extension [Int] {
  /// The permutation of the axes that are left when those of the original at `axes` are removed.
  fileprivate func removing(_ axes: [Int]) -> [Int] {
    let gone = Set(axes.map { self[$0] })
    let kept = enumerated().filter { !axes.contains($0.offset) }.map(\.element)
    return kept.map { axis in axis - gone.filter { $0 < axis }.count }
  }
}

extension Graph {
  /// For each node, whether some output of the graph depends on it.
  package func liveNodes() -> [Bool] {
    var live = Array(repeating: false, count: nodes.count)
    var needed = Set(outputs.map(\.value.index))
    for (index, node) in nodes.enumerated().reversed()
    where node.outputs.contains(where: { needed.contains($0.index) }) {
      live[index] = true
      needed.formUnion(node.inputs.map(\.index))
    }
    return live
  }
}
