import ModelIR
import NativeFormat

/// The table of a lookup layer: what its vocabulary holds and where the special tokens are.
///
/// Indices: the mask token 0 (only in mode `int`, if there is one), then the slots of tokens that are not in the
/// vocabulary, then the vocabulary. Source: `keras/src/layers/preprocessing/index_lookup.py`.
struct Vocabulary {
  /// The special tokens, each an integer or a string.
  let maskToken: JSONValue?
  let oovToken: JSONValue?
  let oovCount: Int
  let isInteger: Bool
  let mode: CategoryMode
  private let stored: JSONValue?
  /// How many tokens there are, special ones included; releases before tf.keras 2.9 do not say.
  private let size: Int?

  init(_ config: inout LayerConfig, mode: CategoryMode, isInteger: Bool) throws(KerasImportError) {
    oovCount = try config.int("num_oov_indices", default: 1)
    maskToken = config.value("mask_token")
    oovToken =
      config.value("oov_token") ?? (config.json.contains("oov_token") ? nil : isInteger ? -1 : "[UNK]")
    stored = config.value("vocabulary")
    size = try config.optionalInt("vocabulary_size")
    self.mode = mode
    self.isInteger = isInteger
    guard (0...1 << 30).contains(oovCount) else {
      throw config.invalid("num_oov_indices", expected: "a number of slots", found: "\(oovCount)")
    }
    for (key, token) in [("mask_token", maskToken), ("oov_token", oovToken)] {
      guard let token, isInteger ? token.int == nil : token.string == nil else { continue }
      throw config.invalid(key, expected: isInteger ? "an integer" : "a text", found: token.shortText)
    }
  }

  /// The vocabulary of a layer whose special tokens are always "" and "[UNK]".
  init(text config: inout LayerConfig, mode: CategoryMode) throws(KerasImportError) {
    oovCount = 1
    maskToken = ""
    oovToken = "[UNK]"
    stored = config.value("vocabulary")
    size = try config.optionalInt("vocabulary_size")
    self.mode = mode
    isInteger = false
  }

  /// The index of the first slot for unknown tokens.
  var oovStart: Int { maskToken != nil && mode == .int ? 1 : 0 }
  /// The index of the first token of the vocabulary.
  var tokenStart: Int { oovStart + oovCount }

  /// The tokens without the special ones, from the configuration or from `vocabulary.txt`.
  /// - Throws: `incomplete` when the file has neither; `invalidValue` for repeated tokens.
  func tokens(asset: [UInt8]?) throws(KerasImportError) -> LookupTable.Entries {
    let items: [JSONValue]
    // A path in the configuration is not followed; the caller says which file is meant.
    let isInFile = stored?.string != nil
    if let stored, !isInFile {
      guard let list = stored.array else { throw unlike("a list of tokens", stored) }
      items = list
    } else if let asset {
      items = try lines(asset).map { line throws(KerasImportError) in
        guard isInteger else { return .string(line) }
        guard let number = Int(line) else { throw unlike("an integer on each line", .string(line)) }
        return .integer(number)
      }
    } else if isInFile {
      throw KerasImportError(
        .unsupported("a vocabulary in a file outside the model", remedy: .asset))
    } else {
      throw KerasImportError(
        .incomplete("the layer's vocabulary is not in the file", remedy: .asset))
    }
    return isInteger ? .integers(try integers(items)) : .strings(try strings(items))
  }

  private func integers(_ items: [JSONValue]) throws(KerasImportError) -> [Int64] {
    var tokens: [Int64] = []
    for item in items {
      guard let number = item.int else { throw unlike("integers", item) }
      tokens.append(Int64(number))
    }
    let special = specialTokens.map { $0?.int.map(Int64.init) }
    if special.count <= tokens.count, special == tokens.prefix(special.count).map(Optional.some) {
      tokens.removeFirst(special.count)
    }
    try checkUnique(tokens)
    return tokens
  }

  private func strings(_ items: [JSONValue]) throws(KerasImportError) -> [String] {
    var tokens: [String] = []
    for item in items {
      guard let text = item.string else { throw unlike("strings", item) }
      tokens.append(text)
    }
    let special = specialTokens.map { $0?.string.map { Array($0.utf8) } }
    if special.count <= tokens.count,
      special == tokens.prefix(special.count).map({ Optional(Array($0.utf8)) })
    {
      tokens.removeFirst(special.count)
    }
    try checkUnique(tokens.map { Array($0.utf8) })
    return tokens
  }

  private var specialTokens: [JSONValue?] {
    Array(repeating: maskToken, count: oovStart) + Array(repeating: oovToken, count: min(oovCount, 1 << 20))
  }

  private func checkUnique(_ tokens: [some Hashable]) throws(KerasImportError) {
    guard Set(tokens).count < tokens.count else { return }
    throw KerasImportError(
      .invalidValue(key: "vocabulary", expected: "different tokens", found: "a repeated token"))
  }

  private func unlike(_ expected: String, _ found: JSONValue) -> KerasImportError {
    KerasImportError(.invalidValue(key: "vocabulary", expected: expected, found: found.shortText))
  }

  /// One token a line; of empty lines at the end those count that the number of tokens asks for.
  private func lines(_ bytes: [UInt8]) -> [String] {
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
      String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
    }
    let least = size ?? 0  // Without a size every empty line at the end goes.
    while lines.last == "", lines.count > least { lines.removeLast() }
    return lines
  }
}

extension LookupTable.Entries {
  var count: Int {
    switch self {
    case .integers(let values): values.count
    case .strings(let values): values.count
    }
  }

  /// The entries with one more at the end; nil or another kind: unchanged.
  func appending(_ token: JSONValue?) -> LookupTable.Entries {
    switch self {
    case .integers(let values): .integers(token?.int.map { values + [Int64($0)] } ?? values)
    case .strings(let values): .strings(token?.string.map { values + [$0] } ?? values)
    }
  }
}
