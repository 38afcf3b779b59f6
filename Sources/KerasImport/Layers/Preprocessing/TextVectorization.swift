import ModelIR
import NativeFormat

/// Texts to the numbers of their tokens: lower case and punctuation removed, split, joined to n-grams, looked up, cut
/// or filled with 0 to `output_sequence_length` (without one to the longest text of the batch), or encoded by `output_mode`.
/// Mask: none.
/// Source: `keras/src/layers/preprocessing/text_vectorization.py`.
///
/// - x: `[N]` or `[N, 1]`, one text each; without `split` `[..., T]`, one token each.
/// - Not supported: functions of the program for `standardize` and `split`.
struct TextVectorization: Layer {
  let vocabulary: Vocabulary
  let mode: CategoryMode
  let rule: TextAttributes.Rule
  let length: Int?
  let paddedSize: Int?
  let dtype: DType
  let idfWeights: [Double]?
  var weights: [WeightSpec] { mode == .tfIdf ? [.idfWeights(isRequired: idfWeights == nil)] : [] }
  var assets: [String] { ["vocabulary.txt"] }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    mode = try config.categoryMode(default: .int, among: .int, .oneHot, .multiHot, .count, .tfIdf)
    vocabulary = try Vocabulary(text: &config, mode: mode)
    rule = try config.textRule()
    length = try config.optionalInt("output_sequence_length")
    let maximum = try config.optionalInt("max_tokens")
    paddedSize = try config.bool("pad_to_max_tokens", default: false) ? maximum : nil
    dtype = config.encodedDType(default: .int64)
    idfWeights = try config.optionalArray("idf_weights")?.values
    config.ignore("encoding", "has_input_vocabulary")
    if let length, !(1...1 << 24).contains(length) {
      throw config.invalid("output_sequence_length", expected: "a number of tokens", found: "\(length)")
    }
    if mode == .oneHot {
      throw KerasImportError(.unsupported("output_mode \"one_hot\" of TextVectorization"))
    }
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let tokens = try vocabulary.tokens(asset: scope.asset("vocabulary.txt"))
    var x = try call.input.value
    let rank = scope.rank(of: x)
    if rule.split != nil, rank > 1 {
      guard scope.shape(of: x)[rank - 1] == 1 else {
        throw KerasImportError(.invalidGraph("expected one text a sample, found shape \(scope.shape(of: x))"))
      }
      x = try scope.squeeze(x, axes: [rank - 1])
    }
    let places = (0..<tokens.count).map { Int64(vocabulary.tokenStart + $0) }
    let table = LookupTable(
      keys: tokens.appending(vocabulary.maskToken), values: .integers(places + [mode == .int ? 0 : -1]),
      defaultInteger: Int64(vocabulary.oovStart))
    func vectorized(_ result: TextAttributes.Result) throws(KerasImportError) -> Value {
      try scope.emit(.vectorize(TextAttributes(rule: rule, table: table, result: result)), x)
    }
    if mode == .int {
      if let length { return [Operand(try vectorized(.sequence(.fixed(length))))] }
      let counts = try vectorized(.length)
      let places = try scope.numbers(
        below: scope.reduce(.maximum, counts, axes: Array(0..<scope.rank(of: counts))), named: "tokens")
      let tokens = try vectorized(.sequence(scope.shape(of: places)[0]))
      return [Operand(try scope.emit(.gather(axis: scope.rank(of: tokens) - 1), tokens, places))]
    }
    let size = paddedSize ?? vocabulary.tokenStart + tokens.count
    guard size > 0, size <= 1 << 26 else {
      throw KerasImportError(.unsupported("vectors of \(size) categories"))
    }
    let counts = try vectorized(.counts(size))
    switch mode {
    case .tfIdf:
      let factors = try scope.idfWeights(idfWeights, vocabulary, tokenCount: tokens.count, size: size)
      return [Operand(try scope.multiply(scope.cast(counts, to: .float32), factors))]
    case .multiHot:
      return [Operand(try scope.cast(scope.unary(.clip(minimum: 0, maximum: 1), counts), to: dtype))]
    default: return [Operand(try scope.cast(counts, to: dtype))]
    }
  }
}

extension LayerConfig {
  /// `standardize`, `split` and `ngrams`.
  fileprivate mutating func textRule() throws(KerasImportError) -> TextAttributes.Rule {
    func name(_ key: String, among known: [String]) throws(KerasImportError) -> String? {
      guard let value = value(key) else { return nil }
      guard let text = value.string, known.contains(text) else {
        throw KerasImportError(.unsupported("\(key) \(value.shortText), which is not one of Keras's own"))
      }
      return text
    }
    let standard =
      // null: texts stay as they are.
      try name("standardize", among: ["lower_and_strip_punctuation", "lower", "strip_punctuation"]) ?? ""
    let split = try name("split", among: ["whitespace", "character"])
    var widths: [Int] = []
    if let ngrams = value("ngrams") {
      let listed = try optionalInts("ngrams") ?? []  // Keras's default: single words.
      widths = ngrams.int.map { Array(1...max(1, min($0, 64))) } ?? listed
      guard widths.allSatisfy({ (1...64).contains($0) }) else {
        throw invalid("ngrams", expected: "numbers of tokens up to 64", found: ngrams.shortText)
      }
    }
    return TextAttributes.Rule(
      lowercases: standard.hasPrefix("lower"), stripsPunctuation: standard.hasSuffix("strip_punctuation"),
      split: split.flatMap { TextAttributes.Split(rawValue: $0) }, ngramWidths: widths)
  }
}
