import ModelIR
import NativeFormat

/// Columns of named inputs side by side, in the order of the columns' names: `[N, widths together]`, float32. Mask: none.
/// Source: tf.keras 2.15 `feature_column/dense_features.py`; TensorFlow's `feature_column_v2.py`.
///
/// - inputs: a dictionary of tensors `[N]`, `[N, 1]` or, where a column takes several elements, `[N, K]`.
/// - Not supported: columns with a function of the program's (`normalizer_fn`), vocabularies in files, shared embeddings.
struct DenseFeatures: Layer, KeepsInputTypes {
  private let columns: [DenseColumn]
  var weights: [WeightSpec] { columns.compactMap(\.weight) }
  var callParameters: [String] { ["features"] }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    guard let list = config.value("feature_columns")?.array, !list.isEmpty else {
      throw KerasImportError(.missingKey("feature_columns"))
    }
    guard config.policy.compute == .float32 else {
      throw KerasImportError(.unsupported("DenseFeatures in \(config.policy.compute.rawValue)"))
    }
    let read = try list.map { json throws(KerasImportError) in try DenseColumn(ColumnConfig(json)) }
    columns = read.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    guard config.value("partitioner") == nil else {
      throw KerasImportError(.unsupported("embeddings that are stored in parts (partitioner)"))
    }
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    guard case .dictionary(let entries)? = call.argument("features", at: 0) else {
      throw KerasImportError(.invalidGraph("expected a dictionary of features"))
    }
    var features: [String: Value] = [:]
    for (key, argument) in entries {
      guard case .tensor(let operand) = argument else {
        throw KerasImportError(.invalidGraph("expected a tensor as feature \"\(key)\""))
      }
      let isVector = scope.rank(of: operand.value) == 1
      features[key] = isVector ? try scope.expandDims(operand.value, axes: [1]) : operand.value
    }
    let inputs = FeatureInputs(features: features, scope: scope)
    let parts = try columns.map { column throws(KerasImportError) in try column.dense(inputs) }
    return [Operand(try scope.concat(parts, axis: 1))]
  }
}

/// A column that gives numbers.
private struct DenseColumn {
  private enum Kind {
    case numeric(NumericColumn)
    case bucketized(BucketizedColumn)
    /// How often each category occurs.
    case indicator(CategoricalColumn)
    case embedding(CategoricalColumn, dimension: Int, combiner: Combiner)
  }

  /// What becomes of the embeddings of several elements.
  private enum Combiner: String { case mean, sqrtn, sum }

  let name: String
  private let kind: Kind

  init(_ config: ColumnConfig) throws(KerasImportError) {
    switch config.className {
    case "NumericColumn": kind = .numeric(try NumericColumn(config))
    case "BucketizedColumn": kind = .bucketized(try BucketizedColumn(config))
    case "IndicatorColumn": kind = .indicator(try CategoricalColumn(config.column("categorical_column")))
    case "EmbeddingColumn":
      guard let combiner = try Combiner(rawValue: config.string("combiner")) else {
        throw config.invalid("combiner")
      }
      guard config.isNull("max_norm"), config["use_safe_embedding_lookup"]?.bool != false else {
        throw KerasImportError(.unsupported("an EmbeddingColumn with max_norm, or without safe lookups"))
      }
      kind = .embedding(
        try CategoricalColumn(config.column("categorical_column")), dimension: try config.count("dimension"),
        combiner: combiner)
    default: throw KerasImportError(.unsupported("feature column \"\(config.className)\""))
    }
    name =
      switch kind {
      case .numeric(let column): column.key
      case .bucketized(let column): column.name
      case .indicator(let column): "\(column.name)_indicator"
      case .embedding(let column, _, _): "\(column.name)_embedding"
      }
  }

  var weight: WeightSpec? {
    if case .embedding = kind { WeightSpec("\(name)/embedding_weights") } else { nil }
  }

  /// `[N, width]`.
  func dense(_ inputs: FeatureInputs) throws(KerasImportError) -> Value {
    let scope = inputs.scope
    switch kind {
    case .numeric(let column): return try column.numbers(inputs)
    case .bucketized(let column):
      let hot = try scope.oneHot(column.buckets(inputs), classes: column.bucketCount, dtype: .float32)
      let width = scope.shape(of: hot)[1] * .fixed(column.bucketCount)
      return try scope.reshape(hot, [scope.shape(of: hot)[0], width])
    case .indicator(let column):
      let hot = try scope.oneHot(column.identifiers(inputs), classes: column.count, dtype: .float32)
      return try scope.reduce(.sum, hot, axes: [1])
    case .embedding(let column, let dimension, let combiner):
      let table = try scope.weight("\(name)/embedding_weights", [.fixed(column.count), .fixed(dimension)])
      return try combined(column.identifiers(inputs), table, combiner, scope)
    }
  }

  /// The embeddings of the elements that have a category; without any, zeros.
  private func combined(
    _ identifiers: Value, _ table: Value, _ combiner: Combiner, _ scope: LoweringScope
  ) throws(KerasImportError) -> Value {
    let isThere = try scope.compare(.greaterOrEqual, identifiers, 0)
    let places = try scope.select(isThere, identifiers, scope.scalar(0, .int64))
    let weights = try scope.cast(scope.expandDims(isThere, axes: [2]), to: .float32)
    let sum = try scope.reduce(
      .sum, scope.multiply(scope.emit(.gather(axis: 0), table, places), weights), axes: [1])
    let count = try scope.reduce(.sum, weights, axes: [1])
    switch combiner {
    case .sum: return sum
    case .mean: return try scope.divideNoNaN(sum, count)
    case .sqrtn: return try scope.divideNoNaN(sum, scope.unary(.sqrt, count))
    }
  }
}
