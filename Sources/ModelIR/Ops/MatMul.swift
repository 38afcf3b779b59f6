extension Op {
  func inferMatMul(_ operands: [TensorType]) throws(GraphError) -> TensorType {
    try expectEqualDTypes(operands)
    let a = operands[0].shape
    let b = operands[1].shape
    try operands[0].expectRank(2...Int.max)
    try operands[1].expectRank(2...Int.max, operand: 1)
    guard a[a.rank - 1].fits(b[b.rank - 2]) else {
      throw GraphError(
        "expected \(b[b.rank - 2]) elements along the last axis, found \(a[a.rank - 1]) in shape \(a)",
        operand: 0)
    }
    let batch = try Shape.broadcasting(
      Shape(Array(a.dimensions.dropLast(2))), Shape(Array(b.dimensions.dropLast(2))))
    return TensorType(operands[0].dtype, Shape(batch.dimensions + [a[a.rank - 2], b[b.rank - 1]]))
  }
}

extension Op {
  func inferDense(_ operands: [TensorType], _ epilogue: Epilogue) throws(GraphError) -> TensorType {
    try expectEqualDTypes(operands)
    try operands[1].expectRank(2...2, operand: 1)
    let result = try Op.matMul.inferMatMul(Array(operands[..<2]))
    try operands[2].expectShape([operands[1].shape[1]], operand: 2)
    if epilogue.addsOperand { try operands[3].expectShape(result.shape, operand: 3) }
    return result
  }
}

/// A parsed equation of ``Op/einsum(_:)``: letters per operand and for the result.
package struct EinsumEquation: Hashable, Sendable {
  /// One string of axis letters for each operand.
  package let inputs: [[Character]]
  /// The letters of the result.
  package let output: [Character]

  /// Parses `ab,bc->ac`.
  /// - Throws: ``GraphError`` when the equation is not of that form or the result has letters of its own.
  package init(_ equation: String) throws(GraphError) {
    let text = equation.filter { $0 != " " }
    let arrow = text.split(separator: "-", omittingEmptySubsequences: false)
    guard arrow.count == 2, arrow[1].first == ">" else {
      throw GraphError("expected an equation with \"->\", found \"\(equation)\"")
    }
    inputs = arrow[0].split(separator: ",", omittingEmptySubsequences: false).map(Array.init)
    output = Array(arrow[1].dropFirst())
    let letters = Set(inputs.joined())
    guard letters.union(output).allSatisfy({ $0.isASCII && $0.isLetter }) else {
      throw GraphError("expected letters only, found \"\(equation)\"")
    }
    guard Set(output).isSubset(of: letters), Set(output).count == output.count else {
      throw GraphError("the result of \"\(equation)\" has letters that no operand has, or one twice")
    }
  }

  func inferShape(_ shapes: [Shape]) throws(GraphError) -> Shape {
    guard shapes.count == inputs.count else {
      throw GraphError("expected \(inputs.count) operands, found \(shapes.count)")
    }
    var sizes: [Character: Dimension] = [:]
    for (index, (letters, shape)) in zip(inputs, shapes).enumerated() {
      guard letters.count == shape.rank else {
        throw GraphError("expected rank \(letters.count), found shape \(shape)", operand: index)
      }
      for (letter, size) in zip(letters, shape.dimensions) {
        guard let known = sizes[letter] else { sizes[letter] = size; continue }
        guard known.fits(size) || size == 1 || known == 1 else {
          throw GraphError(
            "expected \(known) elements along \"\(letter)\", found \(size) in shape \(shape)", operand: index)
        }
        if known.fixedSize == nil || known == 1 {
          sizes[letter] = size.fixedSize == nil && known != 1 ? known : size
        }
      }
    }
    return Shape(output.compactMap { sizes[$0] })  // Every letter of the result is an operand's: see `init`.
  }
}
