/// Attributes of ``Op/vectorize(_:)``.
public struct TextAttributes: Hashable, Sendable {
  /// Where a text is cut.
  package enum Split: String, Hashable, Sendable {
    /// At runs of ASCII white space.
    case whitespace
    /// Between Unicode scalars.
    case character
  }

  /// How a text becomes tokens, in this order.
  package struct Rule: Hashable, Sendable {
    /// ASCII letters become lower case.
    package var lowercases: Bool
    /// ASCII punctuation is removed: what is neither letter, digit, white space nor control character.
    package var stripsPunctuation: Bool
    /// Nil: the elements along the last axis are the tokens of a text.
    package var split: Split?
    /// For each width in turn all runs of as many tokens, joined by a space, take the place of the tokens; empty:
    /// the tokens stay.
    package var ngramWidths: [Int]
    package init(lowercases: Bool, stripsPunctuation: Bool, split: Split?, ngramWidths: [Int]) {
      self.lowercases = lowercases
      self.stripsPunctuation = stripsPunctuation
      self.split = split
      self.ngramWidths = ngramWidths
    }
  }

  /// What becomes of the tokens' numbers.
  package enum Result: Hashable, Sendable {
    /// The first of them, filled up with 0: `[..., length]`.
    case sequence(Int)
    /// How often each of `0 ..< depth` occurs: `[..., depth]`.
    case counts(Int)
  }

  package var rule: Rule
  /// From tokens to numbers.
  package var table: LookupTable
  package var result: Result
  package init(rule: Rule, table: LookupTable, result: Result) {
    self.rule = rule
    self.table = table
    self.result = result
  }

  func inferType(_ x: TensorType) throws(GraphError) -> TensorType {
    try x.expectDType(.string, operand: 0)
    var dimensions = x.shape.dimensions
    if rule.split == nil {
      try x.expectRank(1...Int.max)
      dimensions.removeLast()
    }
    switch result {
    case .sequence(let size), .counts(let size): dimensions.append(.fixed(size))
    }
    return TensorType(.int64, Shape(dimensions))
  }
}
