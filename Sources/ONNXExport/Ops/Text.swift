import ModelIR
import ONNXFormat

extension GraphEmitter {
  /// Tokens of texts by StringNormalizer and StringSplit, which ONNX has from opset 20 on: texts split at white space,
  /// lower case or as they are. Nothing there removes punctuation, cuts into characters or joins n-grams.
  func emitVectorize(
    _ attributes: TextAttributes, _ node: Node, _ x: String, _ y: [String]
  ) throws(ONNXExportError) {
    let rule = attributes.rule
    var tokens = x
    if rule.lowercases { tokens = try lowercased(tokens, node) }
    if rule.split == .whitespace {
      tokens = emit("StringSplit", [tokens], count: 2)[0]
    }
    let rank = graph.shape(of: node.inputs[0]).rank + (rule.split == nil ? 0 : 1)
    let numbers = emit("numbers of tokens", attributes.table, tokens)
    switch attributes.result {
    case .sequence(let length):
      guard let length = length.fixedSize else { throw unexpected(node) }
      emitSequence(numbers, length, rank, y)
    case .counts(let depth): emitCounts(numbers, depth, rank, y)
    case .length: throw unexpected(node)
    }
  }

  /// ASCII letters in lower case; the operator takes one row of texts.
  private func lowercased(_ x: String, _ node: Node) throws(ONNXExportError) -> String {
    let shape = graph.shape(of: node.inputs[0])
    let flat = shape.rank == 1 ? x : one("Reshape", x, integers([-1]))
    // The locale C knows ASCII letters alone, as TensorFlow does.
    let lower = emit(
      "StringNormalizer", [flat], [("case_change_action", .string("LOWER")), ("locale", .string("C"))])[0]
    return shape.rank == 1 ? lower : one("Reshape", lower, try self.shape(shape))
  }

  private func emit(_ name: String, _ table: LookupTable, _ tokens: String) -> String {
    let result = unique(name)
    emitLookup(table, tokens, [result])
    return result
  }

  /// The first numbers, filled up with 0.
  private func emitSequence(_ numbers: String, _ length: Int, _ rank: Int, _ y: [String]) {
    var pads = Array(repeating: 0, count: 2 * rank)
    pads[2 * rank - 1] = length
    let filled = one("Pad", numbers, integers(pads), scalar(0, .int64))
    emit("Slice", [filled, integers([0]), integers([length]), integers([rank - 1])], outputs: y)
  }

  /// How often each number occurs; what fills rows up has a number outside.
  private func emitCounts(_ numbers: String, _ depth: Int, _ rank: Int, _ y: [String]) {
    let all = integers((0..<depth).map { $0 })
    let isSame = one("Equal", one("Unsqueeze", numbers, integers([rank])), all)
    let counted = one("ReduceSum", cast(isSame, .int64), integers([rank - 1]), with: [("keepdims", .int(0))])
    emit("Identity", [counted], outputs: y)
  }
}

extension TextAttributes {
  /// What ONNX cannot do of this; nil when it can do all of it.
  var missingInONNX: String? {
    switch result {
    case .sequence(let length) where length.fixedSize != nil: rule.missingInONNX
    case .counts: rule.missingInONNX
    case .sequence, .length: "makes rows of tokens as long as the longest text"
    }
  }
}

extension TextAttributes.Rule {
  /// What ONNX cannot do of this rule; nil when it can do all of it.
  fileprivate var missingInONNX: String? {
    if stripsPunctuation { return "removes punctuation from texts" }
    if split == .character { return "cuts texts into characters" }
    return ngramWidths.isEmpty ? nil : "joins tokens to n-grams"
  }
}
