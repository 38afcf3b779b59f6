import ModelIR
import ONNXFormat

/// Texts on their way to the numbers of their tokens: a graph says in one operation (``Op/vectorize(_:)``) what ONNX says in
/// several, of which those between can be nothing else.
struct TokenChain {
  /// What the operators met so far have made of the tokens' numbers.
  enum Stage: Equatable {
    case texts
    case numbers
    /// A number more than there may be appended to each row.
    case filled(Int)
    /// Each number beside all that are counted: as an axis to compare along, compared, as integers, counted.
    case apart, compared(Int), ones(Int)
  }

  var source: Value
  var rule = TextAttributes.Rule(lowercases: false, stripsPunctuation: false, split: nil, ngramWidths: [])
  var table: LookupTable?
  var stage = Stage.texts
}

extension NodeReader {
  static let texts: [String: Reading] = [
    "StringNormalizer": .other({ node throws(ONNXImportError) in
      try node.readNormalizer(TokenChain(source: node.operand(0)))
    }),
    "StringSplit": .other({ node throws(ONNXImportError) in
      try node.readTextSplit(TokenChain(source: node.operand(0)))
    }),
  ]

  /// Reads the node as a step of texts to numbers; false unless its first operand is on the way.
  func readTokens() throws(ONNXImportError) -> Bool {
    guard case .tokens(let chain) = try peek(0) else { return false }
    _ = try entry(0)
    try read(chain)
    return true
  }

  private func read(_ chain: TokenChain) throws(ONNXImportError) {
    switch (node.op, chain.stage) {
    case ("StringNormalizer", .texts): try readNormalizer(chain)
    case ("StringSplit", .texts): try readTextSplit(chain)
    case ("Reshape", .texts) where chain.rule.split == nil: try readTextShape(chain)
    case ("LabelEncoder", .texts):
      var chain = chain
      (chain.table, chain.stage) = (try lookupTable(), .numbers)
      try result(.tokens(chain))
    case ("Pad", .numbers): try readFill(chain)
    case ("Slice", .filled(let length)): try readSequence(chain, length)
    default: try readCount(chain)
    }
  }

  // MARK: Texts

  private func readNormalizer(_ chain: TokenChain) throws(ONNXImportError) {
    guard try string("case_change_action") == "LOWER", try string("locale") == "C", !chain.rule.lowercases
    else {
      throw .unsupported("texts that are changed otherwise than to lower case")
    }
    guard type(chain.source).shape.rank == 1 else { throw .damaged("expected a row of texts") }
    var chain = chain
    chain.rule.lowercases = true
    try result(.tokens(chain))
  }

  private func readTextSplit(_ chain: TokenChain) throws(ONNXImportError) {
    var chain = chain
    guard chain.rule.split == nil else { throw .unsupported("texts that are split twice") }
    chain.rule.split = .whitespace
    guard let tokens = node.outputs.first, node.outputs.count <= 2 else {
      throw .damaged("expected two results")
    }
    try graph.set(tokens, .tokens(chain))
  }

  /// Lower case is the same in any shape.
  private func readTextShape(_ chain: TokenChain) throws(ONNXImportError) {
    var chain = chain
    let shape = try reshaped(type(chain.source).shape, to: sizes(1), keepsZeros: flag("allowzero"))
    chain.source = try step(.reshape(shape), chain.source)
    try result(.tokens(chain))
  }

  // MARK: Numbers

  /// The rank of the tokens' numbers.
  private func rank(_ chain: TokenChain) -> Int {
    type(chain.source).shape.rank + (chain.rule.split == nil ? 0 : 1)
  }

  private func readFill(_ chain: TokenChain) throws(ONNXImportError) {
    let pads = try integers(1)
    guard let length = pads.last, length > 0,
      pads == Array(repeating: 0, count: 2 * rank(chain) - 1) + [length], try number(2) == 0
    else {
      throw .unsupported("numbers of tokens that are filled up otherwise than with 0 at the end")
    }
    var chain = chain
    chain.stage = .filled(length)
    try result(.tokens(chain))
  }

  private func readSequence(_ chain: TokenChain, _ length: Int) throws(ONNXImportError) {
    guard try integers(1) == [0], try integers(2) == [length], try integers(3) == [rank(chain) - 1] else {
      throw .unsupported("another part of tokens than the first that fill it")
    }
    try emit(chain, .sequence(.fixed(length)))
  }

  private func readCount(_ chain: TokenChain) throws(ONNXImportError) {
    var chain = chain
    switch (node.op, chain.stage) {
    case ("Unsqueeze", .numbers) where try integers(1) == [rank(chain)]: chain.stage = .apart
    case ("Equal", .apart):
      let numbers = try integers(1)
      guard numbers == Array(0..<numbers.count) else { throw .unsupported("tokens that are not all counted") }
      chain.stage = .compared(numbers.count)
    case ("Cast", .compared(let depth)) where try int("to") == Int(DType.int64.onnxType):
      chain.stage = .ones(depth)
    case ("ReduceSum", .ones(let depth)):
      guard try integers(1) == [rank(chain) - 1], try !flag("keepdims", default: true) else {
        throw .unsupported("tokens that are not counted by row")
      }
      return try emit(chain, .counts(depth))
    default: throw .unsupported("texts or tokens as an operand")
    }
    try result(.tokens(chain))
  }

  private func emit(_ chain: TokenChain, _ result: TextAttributes.Result) throws(ONNXImportError) {
    guard let table = chain.table else { throw .unsupported("tokens without a table") }
    try emit(.vectorize(TextAttributes(rule: chain.rule, table: table, result: result)), [chain.source])
  }
}
