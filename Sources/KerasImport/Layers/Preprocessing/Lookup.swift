import ModelIR
import NativeFormat

/// IntegerLookup, StringLookup: tokens to the numbers of their places in a vocabulary, or back with `invert`, encoded
/// by `output_mode`. Mask: none.
/// Source: `keras/src/layers/preprocessing/index_lookup.py`.
///
/// A token that is not in the vocabulary gets the only slot for such; of several, integers take `x mod n`, strings a
/// hash mod n (FarmHash, or SipHash with `salt`); where there is none the model fails when it runs.
struct Lookup: Layer {
  let vocabulary: Vocabulary
  let mode: CategoryMode
  let isInverse: Bool
  /// The length of encoded vectors where the vocabulary does not decide.
  let paddedSize: Int?
  let hash: HashAttributes?
  let dtype: DType
  let idfWeights: [Double]?
  var weights: [WeightSpec] { mode == .tfIdf ? [.idfWeights(isRequired: idfWeights == nil)] : [] }
  var assets: [String] { ["vocabulary.txt"] }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    let isInteger = config.className == "IntegerLookup"
    mode = try config.categoryMode(default: .int, among: .int, .oneHot, .multiHot, .count, .tfIdf)
    isInverse = try config.bool("invert", default: false)
    vocabulary = try Vocabulary(&config, mode: mode, isInteger: isInteger)
    let maximum = try config.optionalInt("max_tokens")
    paddedSize = try config.bool("pad_to_max_tokens", default: false) ? maximum : nil
    let key = try config.hashKey()
    let hashes = try config.string("oov_method", default: "floormod") == "farmhash" || !isInteger
    hash = hashes && vocabulary.oovCount > 1 ? HashAttributes(binCount: vocabulary.oovCount, key: key) : nil
    dtype = config.encodedDType(default: .int64)
    idfWeights = try config.optionalArray("idf_weights")?.values
    // The encoding was applied when the vocabulary was written; the types of the tokens are the class's; 2.5 says
    // whether its table is of a kind that can change.
    config.ignore("vocabulary_dtype", "encoding", "has_input_vocabulary", "has_static_table")
    guard !isInverse || mode == .int else {
      throw config.invalid("output_mode", expected: "\"int\" with invert", found: "\"\(mode.rawValue)\"")
    }
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let tokens = try vocabulary.tokens(asset: scope.asset("vocabulary.txt"))
    var x = try call.input.value
    if isInverse {
      x = try scope.cast(x, to: .int64)
      return [Operand(try scope.emit(.lookup(inverse(tokens)), x))]
    }
    if vocabulary.isInteger { x = try scope.cast(x, to: .int64) }
    let indices = try self.indices(x, tokens, in: scope)
    let size = paddedSize ?? vocabulary.tokenStart + tokens.count
    guard mode == .tfIdf else {
      return [Operand(try scope.encoded(indices, mode, depth: size, dtype: mode == .int ? .int64 : dtype))]
    }
    let counts = try scope.encoded(indices, .count, depth: size, dtype: .float32)
    let factors = try scope.idfWeights(idfWeights, vocabulary, tokenCount: tokens.count, size: size)
    return [Operand(try scope.multiply(counts, factors))]
  }

  /// Places in the vocabulary; the mask token is 0, or where vectors are wanted a number beyond them.
  private func indices(
    _ x: Value, _ tokens: LookupTable.Entries, in scope: LoweringScope
  ) throws(KerasImportError) -> Value {
    let places = (0..<tokens.count).map { Int64(vocabulary.tokenStart + $0) }
    let mask = vocabulary.maskToken == nil ? [] : [mode == .int ? 0 : Int64.max]
    func table(_ mask: [Int64], default standard: Int64) -> LookupTable {
      LookupTable(
        keys: tokens.appending(vocabulary.maskToken), values: .integers(places + mask),
        defaultInteger: standard)
    }
    switch vocabulary.oovCount {
    case 1: return try scope.emit(.lookup(table(mask, default: Int64(vocabulary.oovStart))), x)
    case 0: return try checked(x, places, mask, table, in: scope)
    default:
      let found = try scope.emit(.lookup(table(mask, default: -1)), x)
      var bucket: Value
      if let hash {
        bucket = try scope.emit(.hash(hash), x)
      } else {
        bucket = try scope.emit(.binary(.modulo), x, scope.scalar(Double(vocabulary.oovCount), like: x))
      }
      bucket = try scope.add(bucket, scope.scalar(Double(vocabulary.oovStart), like: bucket))
      let isUnknown = try scope.emit(.compare(.equal), found, scope.scalar(-1, like: found))
      return try scope.emit(.select, isUnknown, bucket, found)
    }
  }

  /// Unknown tokens are looked up beyond the end of a list, which fails.
  private func checked(
    _ x: Value, _ places: [Int64], _ mask: [Int64], _ table: ([Int64], Int64) -> LookupTable,
    in scope: LoweringScope
  ) throws(KerasImportError) -> Value {
    let all = places + mask
    let numbered = LookupTable(
      keys: table(mask, 0).keys, values: .integers(all.indices.map { Int64($0) }),
      defaultInteger: Int64(all.count))
    let list = scope.constant(Tensor(vector: all), as: "indices")
    return try scope.emit(.gather(axis: 0), list, scope.emit(.lookup(numbered), x))
  }

  private func inverse(_ tokens: LookupTable.Entries) throws(KerasImportError) -> LookupTable {
    guard let unknown = vocabulary.oovToken else { throw KerasImportError(.missingKey("oov_token")) }
    var keys = (0..<tokens.count).map { Int64(vocabulary.tokenStart + $0) }
    if vocabulary.maskToken != nil { keys.append(0) }
    return LookupTable(
      keys: .integers(keys), values: tokens.appending(vocabulary.maskToken),
      // The one of the tokens' kind is used, and the vocabulary has seen to it that there is one.
      defaultInteger: Int64(unknown.int ?? 0), defaultString: unknown.string ?? "")
  }
}

extension WeightSpec {
  /// HDF5 files of Keras 3 have these weights only in the configuration.
  static func idfWeights(isRequired: Bool) -> WeightSpec {
    var spec = WeightSpec("idf_weights", isTrainable: false)
    spec.isRequired = isRequired
    spec.isNamed = true
    return spec
  }
}

extension LoweringScope {
  /// The factor of each index: as stored, or those of the configuration, with their mean for special tokens that it
  /// leaves out and 0 for indices that no token has.
  func idfWeights(
    _ given: [Double]?, _ vocabulary: Vocabulary, tokenCount: Int, size: Int
  ) throws(KerasImportError) -> Value {
    guard !hasWeight("idf_weights"), let given else {
      return try cast(variable("idf_weights", [.fixed(size)]), to: .float32)
    }
    let missing = given.count == tokenCount ? vocabulary.tokenStart : 0
    guard missing + given.count == vocabulary.tokenStart + tokenCount, missing + given.count <= size,
      size <= 1 << 26
    else {
      throw KerasImportError(
        .invalidValue(key: "idf_weights", expected: "\(tokenCount) numbers", found: "\(given.count)"))
    }
    let mean = given.reduce(0, +) / Double(max(given.count, 1))
    let front = Array(repeating: mean, count: missing) + given
    let all = front + Array(repeating: 0, count: size - front.count)
    return constant(Tensor(vector: all.map { Float($0) }), as: "idf_weights")
  }
}

extension LayerConfig {
  /// `salt`: one or two integers, the key of a SipHash.
  mutating func hashKey() throws(KerasImportError) -> [UInt64]? {
    guard let words = try optionalInts("salt") else { return nil }
    guard words.count == 1 || words.count == 2 else {
      throw invalid("salt", expected: "one or two integers", found: "\(words)")
    }
    return [UInt64(bitPattern: Int64(words[0])), UInt64(bitPattern: Int64(words[words.count - 1]))]
  }
}
