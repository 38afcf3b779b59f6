/// Says sums of products that are products of matrices as such.
///
/// Given:   a [N, T, C], kernel [C, H, D] -> einsum("abc,cde->abde") -> y
/// Result:  a -> matMul(kernel [C, H D]) -> reshape [N, T, H, D] -> y
///
/// Letters of both operands and the result stay axes in front, those of both operands alone are summed over; each operand is
/// transposed and reshaped where its letters do not come so, a constant at once. Does not apply to other numbers of
/// operands, to letters that occur twice in one, that only one operand is summed over, or whose sizes may be broadcast.
package struct EinsumProducts: NodePass {
  package init() {}

  package func rewrite(_ id: NodeID, in graph: inout GraphRewriter) throws(GraphError) {
    let node = graph[id]
    guard case .einsum(let text) = node.op, node.inputs.count == 2 else { return }
    let equation = try EinsumEquation(text)
    var operands = zip(node.inputs, equation.inputs).map { LetteredValue(value: $0, letters: $1) }
    // A matrix that is known stands on the right; else the operand whose letters the result has first on the left.
    let isKnown = operands.map { graph.constant($0.value) != nil }
    let leads = operands.map { own in
      equation.output.firstIndex { own.letters.contains($0) && !operands.allContain($0) }
    }
    if isKnown[0] != isKnown[1] ? isKnown[0] : (leads[0] ?? .max) > (leads[1] ?? .max) { operands.reverse() }
    guard let product = MatrixEinsum(operands[0], operands[1], equation.output, in: graph) else { return }
    graph.replace(id, with: [try product.emit(to: graph.shape(of: node.outputs[0]), in: &graph)])
  }
}

/// An operand whose axes have letters.
private struct LetteredValue {
  let value: Value
  let letters: [Character]
}

extension [LetteredValue] {
  fileprivate func allContain(_ letter: Character) -> Bool { allSatisfy { $0.letters.contains(letter) } }
}

/// A sum of products of two operands as a product of matrices.
private struct MatrixEinsum {
  private let a, b: LetteredValue
  private let output: [Character]
  /// The letters of axes in front, of rows, of columns, and of those that are summed over.
  private let batch, rows, columns, summed: [Character]
  private let sizes: [Character: Dimension]

  /// Nil when it is none.
  init?(_ a: LetteredValue, _ b: LetteredValue, _ output: [Character], in graph: GraphRewriter) {
    (self.a, self.b, self.output) = (a, b, output)
    var sizes: [Character: Dimension] = [:]
    for operand in [a, b] {
      guard Set(operand.letters).count == operand.letters.count else { return nil }
      for (letter, size) in zip(operand.letters, graph.shape(of: operand.value).dimensions) {
        if let known = sizes[letter], known != size { return nil }
        sizes[letter] = size
      }
    }
    self.sizes = sizes
    let shared = Set(a.letters).intersection(b.letters)
    batch = output.filter(shared.contains)
    rows = output.filter { a.letters.contains($0) && !shared.contains($0) }
    columns = output.filter { b.letters.contains($0) && !shared.contains($0) }
    summed = a.letters.filter { shared.contains($0) && !output.contains($0) }
    guard !summed.isEmpty, output.count == batch.count + rows.count + columns.count,
      sizes.count == output.count + summed.count
    else { return nil }
  }

  func emit(to result: Shape, in graph: inout GraphRewriter) throws(GraphError) -> Value {
    // A matrix lies against any number of axes of rows.
    let rowGroups = batch.isEmpty && !rows.isEmpty ? rows.map { [$0] } : [rows]
    let left = try ordered(a, batch.map { [$0] } + rowGroups + [summed], &graph)
    let right = try ordered(b, batch.map { [$0] } + [summed, columns], &graph)
    let product = try graph.emit(.matMul, left, right)
    let letters = batch + rows + columns
    let wide = try graph.reshape(product, Shape(letters.compactMap { sizes[$0] }))
    let order = output.compactMap { letters.firstIndex(of: $0) }
    return order.isIdentityPermutation ? wide : try graph.emit(.transpose(order), wide)
  }

  /// An operand with its axes in this order, those of a group as one.
  private func ordered(
    _ operand: LetteredValue, _ groups: [[Character]], _ graph: inout GraphRewriter
  ) throws(GraphError) -> Value {
    let order = groups.flatMap { $0 }.compactMap { operand.letters.firstIndex(of: $0) }
    let turned =
      order.isIdentityPermutation ? operand.value : try graph.computed(.transpose(order), operand.value)
    return try graph.reshape(turned, Shape(groups.map { Shape($0.compactMap { sizes[$0] }).elementCount }))
  }
}
