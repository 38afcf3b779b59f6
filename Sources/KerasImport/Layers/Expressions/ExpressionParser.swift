/// The syntax tree of a ``LayerExpression``.
indirect enum ExpressionTree: Sendable {
  case number(Double, isInteger: Bool)
  case string(String)
  /// A name, and the number of the character that it begins with.
  case name(String, at: Int)
  case list([ExpressionTree])
  case call(String, at: Int, [ExpressionTree], [(name: String, value: ExpressionTree)])
  case index(ExpressionTree, [ExpressionTree])
  case slice(ExpressionTree?, ExpressionTree?, ExpressionTree?)
  case ellipsis
  case unary(String, ExpressionTree)
  case binary(String, ExpressionTree, ExpressionTree)
}

/// Reads Python's expressions over tensors: numbers, names, calls, indices, and operators by Python's precedence.
struct ExpressionParser {
  private let tokens: [Token]
  /// The number of the character that each token begins with; behind them that of the end.
  private let places: [Int]
  private var position = 0
  private var depth = 0

  private enum Token: Equatable {
    case number(String), name(String), string(String), symbol(String)
  }

  /// The tree, and what the expression calls its input: `x`, or the parameter of a `lambda NAME:` in front.
  /// - Throws: `invalidValue` with the place of what is not an expression.
  static func parse(_ text: String) throws(KerasImportError) -> (tree: ExpressionTree, input: String) {
    guard text.utf8.count <= 4096 else { throw failure("at most 4096 characters", "\(text.utf8.count)") }
    var parser = try ExpressionParser(text: Array(text))
    let input = try parser.parameter() ?? "x"  // The name that stands for the input where none is given.
    let tree = try parser.comparison()
    if parser.peek != nil { throw parser.failure("the end of the expression") }
    return (tree, input)
  }

  private init(text: [Character]) throws(KerasImportError) {
    let found = try ExpressionParser.tokens(of: text)
    tokens = found.map(\.token)
    places = found.map(\.place) + [text.count + 1]
  }

  private static func failure(_ expected: String, _ found: String) -> KerasImportError {
    KerasImportError(.invalidValue(key: "expression", expected: expected, found: found))
  }

  /// What is told of the next token.
  private func failure(_ expected: String) -> KerasImportError {
    ExpressionParser.failure(expected, "\(text(peek)) at character \(places[position])")
  }

  /// The one parameter of `lambda NAME:`; nil for an expression without.
  private mutating func parameter() throws(KerasImportError) -> String? {
    guard peek == .name("lambda") else { return nil }
    position += 1
    guard case .name(let name)? = peek else { throw failure("the name of the input") }
    position += 1
    try expect(":")
    return name
  }

  // MARK: Tokens

  private static let symbols = [
    "...", "**", "//", "<=", ">=", "==", "!=", "+", "-", "*", "/", "%", "<", ">", "&", "|", "^", "~", "@",
    "(", ")",
    "[", "]", ",", ":", "=",
  ]

  private static func tokens(of text: [Character]) throws(KerasImportError) -> [(token: Token, place: Int)] {
    var result: [(token: Token, place: Int)] = []
    var index = 0
    func run(_ isPart: (Character) -> Bool) -> String {
      let start = index
      while index < text.count, isPart(text[index]) { index += 1 }
      return String(text[start..<index])
    }
    while index < text.count {
      let character = text[index]
      let place = index + 1
      if character.isWhitespace { index += 1; continue }
      if let symbol = symbols.first(where: { text[index...].starts(with: Array($0)) }), !isNumber(text, index)
      {
        result.append((.symbol(symbol), place))
        index += symbol.count
      } else if character.isASCII, character.isNumber || character == "." {
        result.append((.number(number(text, &index)), place))
      } else if character.isLetter || character == "_" {
        result.append((.name(run { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." }), place))
      } else if character == "\"" || character == "'" {
        index += 1
        result.append((.string(run { $0 != character }), place))
        guard index < text.count else {
          throw failure("a closing \(character)", "the end of the text that begins at character \(place)")
        }
        index += 1
      } else {
        throw failure("an expression", "\"\(character)\" at character \(place)")
      }
    }
    return result
  }

  /// A dot before a digit begins a number.
  private static func isNumber(_ text: [Character], _ index: Int) -> Bool {
    text[index] == "." && index + 1 < text.count && text[index + 1].isNumber
  }

  private static func number(_ text: [Character], _ index: inout Int) -> String {
    let start = index
    while index < text.count {
      let isExponent = "eE".contains(text[index])
      let isSign = "+-".contains(text[index]) && index > start && "eE".contains(text[index - 1])
      guard text[index].isNumber || text[index] == "." || isExponent || isSign else { break }
      index += 1
    }
    return String(text[start..<index])
  }

  private var peek: Token? { position < tokens.count ? tokens[position] : nil }

  private func text(_ token: Token?) -> String {
    switch token {
    case .number(let text), .name(let text), .string(let text), .symbol(let text): "\"\(text)\""
    case nil: "the end"
    }
  }

  private mutating func take(_ symbols: String...) -> String? {
    guard case .symbol(let found)? = peek, symbols.contains(found) else { return nil }
    position += 1
    return found
  }

  private mutating func expect(_ symbol: String) throws(KerasImportError) {
    guard take(symbol) != nil else { throw failure("\"\(symbol)\"") }
  }

  // MARK: Operators, loosest first

  private mutating func comparison() throws(KerasImportError) -> ExpressionTree {
    depth += 1
    defer { depth -= 1 }
    guard depth <= 64 else { throw failure("at most 64 levels") }
    let left = try bitwise()
    guard let operation = take("<=", ">=", "==", "!=", "<", ">") else { return left }
    return .binary(operation, left, try bitwise())
  }

  private mutating func bitwise() throws(KerasImportError) -> ExpressionTree {
    var left = try sum()
    while let operation = take("&", "|", "^") { left = .binary(operation, left, try sum()) }
    return left
  }

  private mutating func sum() throws(KerasImportError) -> ExpressionTree {
    var left = try product()
    while let operation = take("+", "-") { left = .binary(operation, left, try product()) }
    return left
  }

  private mutating func product() throws(KerasImportError) -> ExpressionTree {
    var left = try sign()
    while let operation = take("*", "/", "//", "%", "@") { left = .binary(operation, left, try sign()) }
    return left
  }

  private mutating func sign() throws(KerasImportError) -> ExpressionTree {
    guard let operation = take("-", "+", "~") else { return try power() }
    depth += 1
    defer { depth -= 1 }
    guard depth <= 64 else { throw failure("at most 64 levels") }
    let operand = try sign()
    return operation == "+" ? operand : .unary(operation, operand)
  }

  private mutating func power() throws(KerasImportError) -> ExpressionTree {
    let base = try primary()
    guard take("**") != nil else { return base }
    return .binary("**", base, try sign())
  }

  // MARK: Operands

  private mutating func primary() throws(KerasImportError) -> ExpressionTree {
    var tree = try atom()
    while take("[") != nil {
      var parts = [try part()]
      while take(",") != nil { parts.append(try part()) }
      try expect("]")
      tree = .index(tree, parts)
    }
    return tree
  }

  private mutating func atom() throws(KerasImportError) -> ExpressionTree {
    guard let token = peek else { throw failure("an operand") }
    if case .number(let text) = token, Double(text) == nil { throw failure("a number") }
    if case .symbol(let symbol) = token, symbol != "(", symbol != "[" { throw failure("an operand") }
    let place = places[position]
    position += 1
    switch token {
    case .number(let text):
      let number = Double(text) ?? .nan  // Looked at above.
      // Numbers that Double has exactly.
      return .number(number, isInteger: Int(text).map { $0.magnitude < 1 << 53 } ?? false)
    case .string(let text): return .string(text)
    case .name(let name): return peek == .symbol("(") ? try call(name, at: place) : .name(name, at: place)
    case .symbol("("):
      let first = try comparison()
      guard peek == .symbol(",") else { try expect(")"); return first }
      return .list(try list(from: first, until: ")"))
    case .symbol: return .list(take("]") != nil ? [] : try list(from: comparison(), until: "]"))
    }
  }

  private mutating func list(from first: ExpressionTree, until end: String) throws(KerasImportError)
    -> [ExpressionTree]
  {
    var items = [first]
    while take(",") != nil {
      if take(end) != nil { return items }
      items.append(try comparison())
    }
    try expect(end)
    return items
  }

  private mutating func call(_ name: String, at place: Int) throws(KerasImportError) -> ExpressionTree {
    try expect("(")
    var positional: [ExpressionTree] = []
    var keywords: [(name: String, value: ExpressionTree)] = []
    while take(")") == nil {
      if !(positional.isEmpty && keywords.isEmpty) { try expect(",") }
      if case .name(let key)? = peek, position + 1 < tokens.count, tokens[position + 1] == .symbol("=") {
        position += 2
        keywords.append((key, try comparison()))
      } else {
        positional.append(try comparison())
      }
    }
    return .call(name, at: place, positional, keywords)
  }

  /// One part of an index: `...`, a slice or a number.
  private mutating func part() throws(KerasImportError) -> ExpressionTree {
    if take("...") != nil { return .ellipsis }
    var bounds: [ExpressionTree?] = [nil]
    var isSlice = false
    while peek != .symbol(","), peek != .symbol("]") {
      if take(":") != nil {
        isSlice = true
        bounds.append(nil)
      } else {
        bounds[bounds.count - 1] = try comparison()
      }
    }
    guard bounds.count <= 3 else { throw failure("start:stop:step, and no more colons") }
    if isSlice {
      return .slice(bounds[0], bounds.count > 1 ? bounds[1] : nil, bounds.count > 2 ? bounds[2] : nil)
    }
    guard let only = bounds[0] else { throw failure("an index") }
    return only
  }
}
