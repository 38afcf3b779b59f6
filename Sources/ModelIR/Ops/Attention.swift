/// Attributes of ``Op/attention(_:)``: `softmax(scale * q . k + mask) . v` for each head.
///
/// Heads lie side by side on the last axis; every ``keyHeads`` head of keys and values serves `heads / keyHeads` heads of
/// queries in a row. Operands: `query [N, T, H D]`, `key [N, S, K D]`, `value [N, S, K V]`, then, where there is one, the
/// mask that is added to the scores, which broadcasts to `[N, H, T, S]`. Result: `[N, T, H V]`.
public struct AttentionAttributes: Hashable, Sendable {
  /// H.
  public var heads: Int
  /// K, a divisor of H.
  public var keyHeads: Int
  /// What the products of queries and keys are multiplied by.
  public var scale: Double
  /// All attributes.
  public init(heads: Int, keyHeads: Int, scale: Double) {
    self.heads = heads
    self.keyHeads = keyHeads
    self.scale = scale
  }

  func inferType(_ operands: [TensorType]) throws(GraphError) -> TensorType {
    try expectEqualDTypes(operands)
    guard operands[0].dtype.isFloatingPoint else {
      throw GraphError("expected a floating-point type, found \(operands[0].dtype.rawValue)", operand: 0)
    }
    for index in 0..<3 { try operands[index].expectRank(3...3, operand: index) }
    let (query, key, value) = (operands[0].shape, operands[1].shape, operands[2].shape)
    guard heads > 0, keyHeads > 0, heads % keyHeads == 0 else {
      throw GraphError("\(heads) heads do not divide into groups of \(keyHeads)")
    }
    let size = try width(query, heads, operand: 0)
    guard size == (try width(key, keyHeads, operand: 1)) else {
      throw GraphError("heads of queries and keys differ in size: shapes \(query) and \(key)", operand: 1)
    }
    let valueSize = try width(value, keyHeads, operand: 2)
    try operands[2].expectShape([key[0], key[1], value[2]], operand: 2)
    let batch = try Shape.broadcasting([query[0]], [key[0]])[0]
    if operands.count > 3 {
      let scores: Shape = [batch, .fixed(heads), query[1], key[1]]
      guard try Shape.broadcasting(operands[3].shape, scores).rank == 4 else {
        throw GraphError("expected a mask of at most 4 axes, found \(operands[3].shape)", operand: 3)
      }
    }
    return TensorType(operands[0].dtype, [batch, query[1], .fixed(heads * valueSize)])
  }

  /// The size of a head.
  private func width(_ shape: Shape, _ heads: Int, operand: Int) throws(GraphError) -> Int {
    guard let whole = shape[2].fixedSize, whole % heads == 0 else {
      throw GraphError("expected \(heads) heads along the last axis, found shape \(shape)", operand: operand)
    }
    return whole / heads
  }
}
