import ModelIR
import NativeFormat

/// The configuration of a feature column: `{"class_name": ..., "config": {...}}`.
struct ColumnConfig {
  let className: String
  private let json: JSONObject

  init(_ value: JSONValue) throws(KerasImportError) {
    guard let className = value["class_name"]?.string, let json = value["config"]?.object else {
      throw KerasImportError(
        .invalidValue(key: "feature_columns", expected: "feature columns", found: value.shortText))
    }
    self.className = className
    self.json = json
  }

  subscript(_ key: String) -> JSONValue? { json[key] }
  func isNull(_ key: String) -> Bool { json[key]?.isNull ?? true }  // A key that is not there says as much.

  func invalid(_ key: String) -> KerasImportError {
    KerasImportError(
      .invalidValue(key: key, expected: "a value of \(className)", found: json[key]?.shortText ?? "nothing"))
  }

  func column(_ key: String) throws(KerasImportError) -> ColumnConfig {
    guard let value = json[key] else { throw invalid(key) }
    return try ColumnConfig(value)
  }

  func string(_ key: String) throws(KerasImportError) -> String {
    guard let text = json[key]?.string else { throw invalid(key) }
    return text
  }

  /// A number of buckets or dimensions.
  func count(_ key: String) throws(KerasImportError) -> Int {
    guard let number = json[key]?.int, (1...1 << 26).contains(number) else { throw invalid(key) }
    return number
  }

  /// An integer; nil for null.
  func optionalInt(_ key: String) throws(KerasImportError) -> Int? {
    if isNull(key) { return nil }
    guard let number = json[key]?.int else { throw invalid(key) }
    return number
  }
}

/// The tensors that columns are made of, `[N, K]` each.
struct FeatureInputs {
  let features: [String: Value]
  let scope: LoweringScope

  /// - Throws: `invalidGraph` for a key that the dictionary lacks.
  func feature(_ key: String) throws(KerasImportError) -> Value {
    guard let value = features[key] else {
      throw KerasImportError(.invalidGraph("no feature \"\(key)\" among the inputs"))
    }
    return value
  }

  /// A feature of categories: texts or int64, `[N, K]`, and which elements are there: "" and -1 stand for none.
  func categories(_ key: String) throws(KerasImportError) -> (values: Value, isThere: Value) {
    let value = try feature(key)
    guard scope.rank(of: value) == 2, !scope.dtype(of: value).isFloatingPoint else {
      throw KerasImportError(
        .invalidGraph(
          "expected categories [batch, count] as feature \"\(key)\", found \(scope.type(of: value))"))
    }
    if scope.dtype(of: value) == .string {
      let known = LookupTable(keys: .strings([""]), values: .integers([0]), defaultInteger: 1)
      return (value, try scope.compare(.notEqual, scope.emit(.lookup(known), value), 0))
    }
    let wide = try scope.cast(value, to: .int64)
    return (wide, try scope.compare(.notEqual, wide, -1))
  }
}

/// Numbers as they are, flattened.
struct NumericColumn {
  let key: String

  init(_ config: ColumnConfig) throws(KerasImportError) {
    guard config.className == "NumericColumn" else { throw config.invalid("class_name") }
    guard config.isNull("normalizer_fn") else {
      throw KerasImportError(.unsupported("a NumericColumn with a function of the program (normalizer_fn)"))
    }
    key = try config.string("key")
  }

  func numbers(_ inputs: FeatureInputs) throws(KerasImportError) -> Value {
    let x = try inputs.scope.cast(inputs.feature(key), to: .float32)
    let shape = inputs.scope.shape(of: x)
    return try inputs.scope.reshape(x, [shape[0], Shape(Array(shape.dimensions.dropFirst())).elementCount])
  }
}

/// The number of boundaries that are not above each number.
struct BucketizedColumn {
  private let source: NumericColumn
  private let boundaries: [Double]
  var name: String { "\(source.key)_bucketized" }
  var bucketCount: Int { boundaries.count + 1 }

  init(_ config: ColumnConfig) throws(KerasImportError) {
    source = try NumericColumn(config.column("source_column"))
    let list = config["boundaries"]?.array.map { $0.compactMap(\.double) }
    guard let list, !list.isEmpty, list.count == config["boundaries"]?.array?.count else {
      throw config.invalid("boundaries")
    }
    boundaries = list
  }

  /// `[N, K]` int64.
  func buckets(_ inputs: FeatureInputs) throws(KerasImportError) -> Value {
    let scope = inputs.scope
    let edges = try scope.constant(boundaries, sizes: [boundaries.count], dtype: .float32, as: "boundaries")
    // Not below rather than above or equal: a NaN lies in the last bucket.
    let isBelow = try scope.compare(.less, scope.expandDims(source.numbers(inputs), axes: [2]), edges)
    return try scope.reduce(.sum, scope.cast(scope.not(isBelow), to: .int64), axes: [2])
  }
}

/// A column that gives numbers of categories.
struct CategoricalColumn {
  private enum Kind {
    case hashed(key: String)
    case identity(key: String, other: Int?)
    /// Words beyond the list have `other`, or one of the buckets behind it.
    case vocabulary(key: String, words: LookupTable.Entries, other: Int, buckets: Int)
    case bucketized(BucketizedColumn)
    case crossed([CategoricalColumn])
    /// A feature that a crossing takes as it is.
    case raw(key: String)
  }

  let name: String
  /// The number of categories.
  let count: Int
  private let kind: Kind

  init(_ config: ColumnConfig) throws(KerasImportError) {
    switch config.className {
    case "HashedCategoricalColumn":
      name = try config.string("key")
      count = try config.count("hash_bucket_size")
      kind = .hashed(key: name)
    case "IdentityCategoricalColumn":
      name = try config.string("key")
      count = try config.count("number_buckets")
      kind = .identity(key: name, other: try config.optionalInt("default_value"))
    case "VocabularyListCategoricalColumn":
      name = try config.string("key")
      let (words, size) = try CategoricalColumn.words(config)
      let buckets = try config.optionalInt("num_oov_buckets") ?? 0  // None: no buckets.
      let other = try config.optionalInt("default_value") ?? -1  // TensorFlow's default: no category.
      guard (0...1 << 26).contains(buckets), other < size else { throw config.invalid("num_oov_buckets") }
      count = size + buckets
      kind = .vocabulary(key: name, words: words, other: other, buckets: buckets)
    case "BucketizedColumn":
      let column = try BucketizedColumn(config)
      (name, count, kind) = (column.name, column.bucketCount, .bucketized(column))
    case "CrossedColumn":
      guard let keys = config["keys"]?.array, keys.count > 1, config.isNull("hash_key") else {
        throw KerasImportError(.unsupported("a CrossedColumn with a key of its own for the hash"))
      }
      let parts = try keys.map { key throws(KerasImportError) in try CategoricalColumn(crossed: key) }
      let names = parts.map(\.name).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      (name, count, kind) = (
        names.joined(separator: "_X_"), try config.count("hash_bucket_size"), .crossed(parts)
      )
    default: throw KerasImportError(.unsupported("feature column \"\(config.className)\""))
    }
  }

  private init(crossed value: JSONValue) throws(KerasImportError) {
    guard let key = value.string else {
      self = try CategoricalColumn(ColumnConfig(value))
      if case .crossed = kind { throw KerasImportError(.unsupported("a crossing of crossings")) }
      return
    }
    (name, count, kind) = (key, 0, .raw(key: key))
  }

  private static func words(_ config: ColumnConfig) throws(KerasImportError) -> (LookupTable.Entries, Int) {
    guard let list = config["vocabulary_list"]?.array, !list.isEmpty else {
      throw config.invalid("vocabulary_list")
    }
    let texts = list.compactMap(\.string)
    if texts.count == list.count { return (.strings(texts), list.count) }
    let numbers = list.compactMap(\.int).map(Int64.init)
    guard numbers.count == list.count else { throw config.invalid("vocabulary_list") }
    return (.integers(numbers), list.count)
  }

  /// `[N, K]` int64, -1 for no category.
  func identifiers(_ inputs: FeatureInputs) throws(KerasImportError) -> Value {
    let (values, isThere) = try found(inputs)
    guard let isThere else { return values }
    return try inputs.scope.select(isThere, values, inputs.scope.scalar(-1, .int64))
  }

  /// The categories, that of a word which is not known among them, and which elements are there; nil: all.
  private func found(_ inputs: FeatureInputs) throws(KerasImportError) -> (values: Value, isThere: Value?) {
    let scope = inputs.scope
    switch kind {
    case .bucketized(let column): return (try column.buckets(inputs), nil)
    case .hashed(let key):
      let (values, isThere) = try inputs.categories(key)
      return (try scope.emit(.hash(HashAttributes(binCount: count)), values), isThere)
    case .identity(let key, let other):
      let (values, isThere) = try inputs.categories(key)
      guard let other else { return (values, isThere) }
      let isInside = try scope.and(
        scope.compare(.greaterOrEqual, values, 0), scope.compare(.less, values, Double(count)))
      return (try scope.select(isInside, values, scope.scalar(Double(other), .int64)), isThere)
    case .vocabulary(let key, let words, let other, let buckets):
      let (values, isThere) = try inputs.categories(key)
      return (try place(of: values, words, other, buckets: buckets, scope), isThere)
    case .crossed(let parts): return try crossed(parts, inputs)
    case .raw(let key): return (try inputs.categories(key).values, nil)
    }
  }

  private func place(
    of values: Value, _ words: LookupTable.Entries, _ other: Int, buckets: Int, _ scope: LoweringScope
  ) throws(KerasImportError) -> Value {
    let size = count - buckets
    let places = LookupTable.Entries.integers((0..<Int64(size)).map { $0 })
    let table = LookupTable(keys: words, values: places, defaultInteger: buckets > 0 ? -1 : Int64(other))
    let found = try scope.emit(.lookup(table), values)
    guard buckets > 0 else { return found }
    let bucket = try scope.emit(.hash(HashAttributes(binCount: buckets)), values)
    return try scope.select(
      scope.compare(.less, found, 0), scope.add(bucket, scope.scalar(Double(size), .int64)), found)
  }

  /// One category for each combination of single elements. Columns come before features that are taken as they are, of which
  /// none is missing: TensorFlow crosses sparse tensors first.
  private func crossed(
    _ parts: [CategoricalColumn], _ inputs: FeatureInputs
  ) throws(KerasImportError) -> (values: Value, isThere: Value?) {
    let scope = inputs.scope
    var values: [Value] = []
    var isWhole: Value?
    for part in parts.filter({ !$0.isRaw }) + parts.filter(\.isRaw) {
      let (value, isThere) = try part.found(inputs)
      guard scope.shape(of: value)[1] == 1 else {
        throw KerasImportError(.unsupported("a crossing of features of several elements"))
      }
      values.append(value)
      guard let isThere else { continue }
      isWhole = try isWhole.map { known throws(KerasImportError) in try scope.and(known, isThere) } ?? isThere
    }
    return (try scope.emitAll(.hash(HashAttributes(binCount: count)), values)[0], isWhole)
  }

  private var isRaw: Bool { if case .raw = kind { true } else { false } }
}
