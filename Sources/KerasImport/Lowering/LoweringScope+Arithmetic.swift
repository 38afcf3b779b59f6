import ModelIR

/// Shorthand for the operations that most layers are made of. Operands must have equal element types.
extension LoweringScope {
  func add(_ a: Value, _ b: Value) throws(KerasImportError) -> Value { try emit(.binary(.add), a, b) }
  func subtract(_ a: Value, _ b: Value) throws(KerasImportError) -> Value {
    try emit(.binary(.subtract), a, b)
  }
  func multiply(_ a: Value, _ b: Value) throws(KerasImportError) -> Value {
    try emit(.binary(.multiply), a, b)
  }
  func divide(_ a: Value, _ b: Value) throws(KerasImportError) -> Value { try emit(.binary(.divide), a, b) }
  func add(_ a: Value, _ b: Double) throws(KerasImportError) -> Value { try add(a, scalar(b, like: a)) }
  func multiply(_ a: Value, _ b: Double) throws(KerasImportError) -> Value {
    try multiply(a, scalar(b, like: a))
  }
  func unary(_ function: UnaryFunction, _ x: Value) throws(KerasImportError) -> Value {
    try emit(.unary(function), x)
  }
  func matMul(_ a: Value, _ b: Value) throws(KerasImportError) -> Value { try emit(.matMul, a, b) }

  func maximum(_ a: Value, _ b: Value) throws(KerasImportError) -> Value { try emit(.binary(.maximum), a, b) }
  func minimum(_ a: Value, _ b: Value) throws(KerasImportError) -> Value { try emit(.binary(.minimum), a, b) }
  func power(_ a: Value, _ b: Value) throws(KerasImportError) -> Value { try emit(.binary(.power), a, b) }
  func compare(_ comparison: Comparison, _ a: Value, _ b: Value) throws(KerasImportError) -> Value {
    try emit(.compare(comparison), a, b)
  }
  /// Two values in the type that Keras promotes theirs (and a third one's) to.
  func promoted(_ a: Value, _ b: Value, like c: Value? = nil) throws(KerasImportError) -> (Value, Value) {
    var common = dtype(of: a).promoted(with: dtype(of: b))
    if let c { common = common.promoted(with: dtype(of: c)) }
    return (try cast(a, to: common), try cast(b, to: common))
  }

  /// A comparison with a number.
  func compare(_ comparison: Comparison, _ a: Value, _ b: Double) throws(KerasImportError) -> Value {
    try compare(comparison, a, scalar(b, like: a))
  }
  func select(_ condition: Value, _ a: Value, _ b: Value) throws(KerasImportError) -> Value {
    try emit(.select, condition, a, b)
  }
  func and(_ a: Value, _ b: Value) throws(KerasImportError) -> Value { try emit(.binary(.logicalAnd), a, b) }
  func or(_ a: Value, _ b: Value) throws(KerasImportError) -> Value { try emit(.binary(.logicalOr), a, b) }
  func not(_ a: Value) throws(KerasImportError) -> Value { try emit(.unary(.logicalNot), a) }
  /// True where a floating-point element is NaN; nowhere in other types.
  func isNaN(_ x: Value) throws(KerasImportError) -> Value {
    dtype(of: x).isFloatingPoint ? try unary(.isNaN, x) : try filled(shape(of: x), 0, .bool)
  }

  /// The value itself when it has this type already.
  func cast(_ x: Value, to target: DType) throws(KerasImportError) -> Value {
    dtype(of: x) == target ? x : try emit(.cast(target), x)
  }

  /// The value in the compute type: layers that multiply by weights take integers and truth values, too.
  func inComputeType(_ x: Value) throws(KerasImportError) -> Value {
    computeDType.isFloatingPoint ? try cast(x, to: computeDType) : x
  }

  func transpose(_ x: Value, _ permutation: [Int]) throws(KerasImportError) -> Value {
    permutation == Array(0..<permutation.count) ? x : try emit(.transpose(permutation), x)
  }

  func reshape(_ x: Value, _ shape: Shape) throws(KerasImportError) -> Value {
    self.shape(of: x) == shape ? x : try emit(.reshape(shape), x)
  }

  /// Adds axes of size 1; positions are those in the result.
  func expandDims(_ x: Value, axes: [Int]) throws(KerasImportError) -> Value {
    var dimensions = shape(of: x).dimensions
    for axis in axes.sorted() where axis <= dimensions.count { dimensions.insert(1, at: axis) }
    return try reshape(x, Shape(dimensions))
  }

  /// Removes axes of size 1.
  func squeeze(_ x: Value, axes: [Int]) throws(KerasImportError) -> Value {
    let kept = shape(of: x).dimensions.enumerated().filter { !axes.contains($0.offset) }.map(\.element)
    return try reshape(x, Shape(kept))
  }

  func reduce(
    _ function: ReduceFunction, _ x: Value, axes: [Int], keepDims: Bool = false
  ) throws(KerasImportError) -> Value {
    axes.isEmpty ? x : try emit(.reduce(function, axes: axes.sorted(), keepDims: keepDims), x)
  }

  /// An axis that may be negative, brought into `0..<rank`.
  /// - Throws: `invalidValue` when it is out of range.
  func axis(_ axis: Int, rank: Int, key: String = "axis") throws(KerasImportError) -> Int {
    let resolved = axis < 0 ? axis + rank : axis
    guard resolved >= 0, resolved < rank else {
      throw KerasImportError(
        .invalidValue(key: key, expected: "an axis of a tensor of rank \(rank)", found: "\(axis)"))
    }
    return resolved
  }

  /// Axes that may be negative, sorted, in `0..<rank`.
  func axes(_ axes: [Int], rank: Int, key: String = "axis") throws(KerasImportError) -> [Int] {
    var resolved: Set<Int> = []
    for axis in axes { resolved.insert(try self.axis(axis, rank: rank, key: key)) }
    return resolved.sorted()
  }

  /// A vector along `axis`, reshaped to broadcast against a tensor of this rank.
  func alongAxis(_ vector: Value, axis: Int, rank: Int) throws(KerasImportError) -> Value {
    if axis == rank - 1 { return vector }
    var dimensions = Array(repeating: Dimension.fixed(1), count: rank)
    dimensions[axis] = shape(of: vector)[0]
    return try reshape(vector, Shape(dimensions))
  }
}
