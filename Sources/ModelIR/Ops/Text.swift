/// Attributes of ``Op/vectorize(_:)``.
public struct TextAttributes: Hashable, Sendable {
  /// Where a text is cut.
  public enum Split: String, Hashable, Sendable {
    /// At runs of ASCII white space.
    case whitespace
    /// Between Unicode scalars.
    case character
  }

  /// How a text becomes tokens, in this order.
  public struct Rule: Hashable, Sendable {
    /// ASCII letters become lower case.
    public var lowercases: Bool
    /// ASCII punctuation is removed: what is neither letter, digit, white space nor control character.
    public var stripsPunctuation: Bool
    /// Nil: the elements along the last axis are the tokens of a text.
    public var split: Split?
    /// For each width in turn all runs of as many tokens, joined by a space, take the place of the tokens; empty:
    /// the tokens stay.
    public var ngramWidths: [Int]
    /// Every part of the rule; those that are left out do nothing.
    public init(
      lowercases: Bool = false, stripsPunctuation: Bool = false, split: Split? = nil, ngramWidths: [Int] = []
    ) {
      self.lowercases = lowercases
      self.stripsPunctuation = stripsPunctuation
      self.split = split
      self.ngramWidths = ngramWidths
    }
  }

  /// What becomes of the tokens' numbers.
  public enum Result: Hashable, Sendable {
    /// The first of them, filled up with 0: `[..., length]`.
    case sequence(Dimension)
    /// How many there are: `[...]`.
    case length
    /// How often each of `0 ..< depth` occurs: `[..., depth]`.
    case counts(Int)
  }

  /// How a text becomes tokens.
  public var rule: Rule
  /// From tokens to numbers.
  public var table: LookupTable
  /// What becomes of the numbers.
  public var result: Result
  /// All attributes.
  public init(rule: Rule, table: LookupTable, result: Result) {
    self.rule = rule
    self.table = table
    self.result = result
  }

  func inferType(_ x: TensorType) throws(GraphError) -> TensorType {
    try x.expectDType(.string, operand: 0)
    try table.check()
    guard case .strings = table.keys, case .integers = table.values else {
      throw GraphError("expected a table from strings to integers")
    }
    guard rule.ngramWidths.allSatisfy({ $0 > 0 }) else {
      throw GraphError("expected positive numbers of tokens, found \(rule.ngramWidths)")
    }
    var dimensions = x.shape.dimensions
    if rule.split == nil {
      try x.expectRank(1...Int.max)
      dimensions.removeLast()
    }
    switch result {
    case .sequence(let size):
      if let known = size.fixedSize { try checkSize(known) }
      dimensions.append(size)
    case .counts(let size):
      try checkSize(size)
      dimensions.append(.fixed(size))
    case .length: break
    }
    return TensorType(.int64, Shape(dimensions))
  }

  private func checkSize(_ size: Int) throws(GraphError) {
    guard size >= 0, size < 1 << 32 else { throw GraphError("expected a size, found \(size)") }
  }
}
