/// Takes out nodes that do nothing, and makes one of two that follow each other.
///
/// Given:   x -> transpose(p) -> transpose(q) -> reshape(a) -> reshape(b) -> cast(float32) -> cast(float32) -> y
/// Result:  x -> transpose(p after q) -> reshape(b) -> cast(float32) -> y
///
/// Does not apply to casts that lose something on the way, and to arithmetic whose neutral element changes the shape.
package struct Simplification: NodePass {
  package init() {}

  package func rewrite(_ id: NodeID, in graph: inout GraphRewriter) throws(GraphError) {
    let node = graph[id]
    guard node.outputs.count == 1, let x = node.inputs.first else { return }
    if let same = graph.unchanged(node, x) ?? graph.whole(node) { return graph.replace(id, with: [same]) }
    guard let (op, source) = graph.merged(node.op, x) else { return }
    let y = node.outputs[0]
    if graph.type(of: source) == graph.type(of: y), op.isNeutral(graph.type(of: source)) {
      return graph.replace(id, with: [source])
    }
    try graph.replace(id, with: op, [source])
  }
}

extension GraphRewriter {
  /// The operand that a node gives on as it is, if it does.
  fileprivate func unchanged(_ node: Node, _ x: Value) -> Value? {
    let y = node.outputs[0]
    if node.inputs.count == 1, type(of: x) == type(of: y), node.op.isNeutral(type(of: x)) { return x }
    guard case .binary(let function) = node.op else { return nil }
    let other = node.inputs[1]
    if type(of: x) == type(of: y), let number = uniform(other), function.isNeutral(right: number) { return x }
    if type(of: other) == type(of: y), let number = uniform(x), function.isNeutral(left: number) {
      return other
    }
    return nil
  }

  /// What was split along an axis and is joined along it in the same order.
  fileprivate func whole(_ node: Node) -> Value? {
    guard case .concat(let axis) = node.op, let split = producer(of: node.inputs[0]).map({ self[$0] }),
      split.op.isSplit(along: axis), split.outputs == node.inputs
    else { return nil }
    return split.inputs[0]
  }

  /// The number that all elements of a small constant are.
  private func uniform(_ value: Value) -> Double? {
    guard let tensor = constant(value), (1...64).contains(tensor.elementCount),
      let numbers = try? tensor.doubles()  // A constant that cannot be read fails where its bytes are needed.
    else { return nil }
    return numbers.allSatisfy { $0 == numbers[0] } ? numbers[0] : nil
  }

  /// An operation and the one that makes its operand, as one operation on the operand's operand.
  fileprivate func merged(_ op: Op, _ x: Value) -> (Op, Value)? {
    guard let before = producer(of: x).map({ self[$0] }), let source = before.inputs.first,
      before.outputs.count == 1
    else { return nil }
    switch (before.op, op) {
    case (.transpose(let first), .transpose(let second)):
      return (.transpose(second.map { first[$0] }), source)
    case (.reshape, .reshape(let shape)): return (.reshape(shape), source)
    case (.expand(let shape), .transpose(let permutation)) where self.shape(of: source).rank == 0:
      return (.expand(Shape(permutation.map { shape[$0] })), source)
    case (.reverse(let first), .reverse(let second)):
      return (.reverse(axes: Set(first).symmetricDifference(second).sorted()), source)
    case (.cast(let middle), .cast(let target)) where dtype(of: source).fits(in: middle):
      return (.cast(target), source)
    case (.reduce(let function, let axes, false), .reshape(let shape)):
      let kept = Op.reduce(function, axes: axes, keepDims: true)
      return shape == self.shape(of: source).withUnits(at: axes) ? (kept, source) : nil
    case (.unary(.logicalNot), .unary(.logicalNot)): return (.reshape(shape(of: source)), source)
    case (_, _): return nil
    }
  }
}

extension Shape {
  fileprivate func withUnits(at axes: [Int]) -> Shape {
    var shape = self
    for axis in axes { shape[axis] = 1 }
    return shape
  }
}

extension Op {
  fileprivate func isSplit(along axis: Int) -> Bool {
    if case .split(axis, _) = self { return true }
    return false
  }

  /// Whether the operation, of one operand and one result of this type both, is none.
  fileprivate func isNeutral(_ type: TensorType) -> Bool {
    if case .transpose(let permutation) = self { return permutation.isIdentityPermutation }
    if case .reshape = self { return true }
    if case .expand = self { return true }
    if case .cast = self { return true }
    if case .concat = self { return true }
    if case .split = self { return true }
    if case .reverse(let axes) = self { return axes.isEmpty }
    if case .reduce(let function, let axes, _) = self { return axes.isEmpty && function != .logSumExp }
    if case .tile(let repeats) = self { return repeats.allSatisfy { $0 == 1 } }
    if case .pad(let attributes) = self { return attributes.pads.allSatisfy { $0 == PadPair(0, 0) } }
    if case .slice(let ranges) = self { return ranges.allSatisfy { $0.takesAll(of: type.shape[$0.axis]) } }
    return false
  }
}

extension SliceRange {
  fileprivate func takesAll(of size: Dimension) -> Bool {
    guard step == 1 else { return false }
    let startsFirst = start == nil || start == 0
    guard let stop else { return startsFirst }
    return startsFirst && size.fixedSize.map { stop >= $0 } == true
  }
}

extension BinaryFunction {
  fileprivate func isNeutral(right number: Double) -> Bool {
    switch self {
    case .add, .subtract: number == 0
    case .multiply, .divide, .power: number == 1
    case .logicalAnd: number == 1
    case .logicalOr: number == 0
    case .maximum, .minimum, .modulo, .remainder, .floorDivide, .atan2, .logicalXor, .bitwiseAnd, .bitwiseOr,
      .bitwiseXor, .shiftLeft, .shiftRight:
      false
    }
  }

  fileprivate func isNeutral(left number: Double) -> Bool {
    switch self {
    case .add, .logicalOr: number == 0
    case .multiply, .logicalAnd: number == 1
    case .subtract, .divide, .power, .maximum, .minimum, .modulo, .remainder, .floorDivide, .atan2,
      .logicalXor,
      .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft, .shiftRight:
      false
    }
  }
}

extension DType {
  /// Whether every value of this type is one of another.
  package func fits(in other: DType) -> Bool {
    if self == other { return true }
    if self == .string || other == .string { return false }
    if self == .bool { return other != .bool }
    if other == .bool { return false }
    if isFloatingPoint {
      return other.isFloatingPoint && exactBits < other.exactBits && exponentBits <= other.exponentBits
    }
    if other.isFloatingPoint { return exactBits <= other.exactBits }
    return isSigned ? other.isSigned && exactBits <= other.exactBits : exactBits <= other.exactBits
  }

  /// Integers of so many bits (the sign not counted) have a place in the type.
  private var exactBits: Int {
    switch self {
    case .bool, .string: 1
    case .bfloat16: 8
    case .float16: 11
    case .float32: 24
    case .float64: 53
    case .int8: 7
    case .uint8: 8
    case .int16: 15
    case .uint16: 16
    case .int32: 31
    case .uint32: 32
    case .int64: 63
    case .uint64: 64
    }
  }

  private var exponentBits: Int {
    switch self {
    case .float16: 5
    case .bfloat16, .float32: 8
    case .float64: 11
    case .bool, .string, .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64: 0
    }
  }

  private var isSigned: Bool {
    switch self {
    case .int8, .int16, .int32, .int64, .float16, .bfloat16, .float32, .float64: true
    case .bool, .string, .uint8, .uint16, .uint32, .uint64: false
    }
  }
}
