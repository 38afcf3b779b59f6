// Shorthand for decompositions: nodes at the cursor. A number stands for a constant of the operand's type.
extension GraphRewriter {
  mutating func unary(_ function: UnaryFunction, _ x: Value) throws(GraphError) -> Value {
    try emit(.unary(function), x)
  }
  mutating func binary(_ function: BinaryFunction, _ a: Value, _ b: Value) throws(GraphError) -> Value {
    try emit(.binary(function), a, b)
  }
  mutating func binary(_ function: BinaryFunction, _ a: Value, _ b: Double) throws(GraphError) -> Value {
    try binary(function, a, scalar(b, like: a))
  }
  mutating func add(_ a: Value, _ b: Value) throws(GraphError) -> Value { try binary(.add, a, b) }
  mutating func add(_ a: Value, _ b: Double) throws(GraphError) -> Value { try binary(.add, a, b) }
  mutating func subtract(_ a: Value, _ b: Value) throws(GraphError) -> Value { try binary(.subtract, a, b) }
  mutating func subtract(_ a: Value, _ b: Double) throws(GraphError) -> Value { try binary(.subtract, a, b) }
  mutating func multiply(_ a: Value, _ b: Value) throws(GraphError) -> Value { try binary(.multiply, a, b) }
  mutating func multiply(_ a: Value, _ b: Double) throws(GraphError) -> Value { try binary(.multiply, a, b) }
  mutating func divide(_ a: Value, _ b: Value) throws(GraphError) -> Value { try binary(.divide, a, b) }
  mutating func compare(_ comparison: Comparison, _ a: Value, _ b: Value) throws(GraphError) -> Value {
    try emit(.compare(comparison), a, b)
  }
  mutating func compare(_ comparison: Comparison, _ a: Value, _ b: Double) throws(GraphError) -> Value {
    try compare(comparison, a, scalar(b, like: a))
  }
  mutating func select(_ condition: Value, _ a: Value, _ b: Value) throws(GraphError) -> Value {
    try emit(.select, condition, a, b)
  }
  mutating func cast(_ x: Value, to dtype: DType) throws(GraphError) -> Value {
    self.dtype(of: x) == dtype ? x : try computed(.cast(dtype), x)
  }
  mutating func reshape(_ x: Value, _ shape: Shape) throws(GraphError) -> Value {
    self.shape(of: x) == shape ? x : try computed(.reshape(shape), x)
  }
  /// A new axis of size 1.
  mutating func expandDims(_ x: Value, _ axis: Int) throws(GraphError) -> Value {
    var dimensions = shape(of: x).dimensions
    dimensions.insert(1, at: axis)
    return try reshape(x, Shape(dimensions))
  }
}
