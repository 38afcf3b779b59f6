import ModelIR

/// What layers that give categories do with their indices (`output_mode`).
enum CategoryMode: String {
  /// The indices themselves.
  case int
  /// A vector for each index, 1 at it.
  case oneHot = "one_hot"
  /// A vector for each sample, 1 at every index that occurs.
  case multiHot = "multi_hot"
  /// A vector for each sample, how often each index occurs.
  case count
  /// Counts times the layer's weights.
  case tfIdf = "tf_idf"
}

extension LayerConfig {
  /// `output_mode`, one of those the layer has; older releases call two of them `binary` and `tf-idf`.
  mutating func categoryMode(default standard: CategoryMode, among known: CategoryMode...)
    throws(KerasImportError) -> CategoryMode
  {
    let given = try optionalString("output_mode") ?? standard.rawValue
    let text = given == "binary" ? "multi_hot" : given == "tf-idf" ? "tf_idf" : given
    guard let mode = CategoryMode(rawValue: text), known.contains(mode) else {
      let names = known.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
      throw invalid("output_mode", expected: "one of \(names)", found: "\"\(given)\"")
    }
    try refuseRagged()
    return mode
  }

  /// Refuses results of uneven rows; sparse ones are given dense, which is what they mean.
  private mutating func refuseRagged() throws(KerasImportError) {
    _ = try bool("sparse", default: false)
    if try bool("ragged", default: false) { throw KerasImportError(.unsupported("ragged results")) }
  }

  /// The type of encoded categories: what the writer's releases give.
  mutating func encodedDType(default standard: DType) -> DType {
    mark { if case .encodesAs(let dtype) = $0 { dtype } else { nil } } ?? standard
  }
}

extension LoweringScope {
  /// Indices encoded by a mode, as vectors of `depth`; indices outside `0..<depth` do not count.
  ///
  /// - int: unchanged; one_hot: `[..., depth]`, an only element in the last axis taking its place; multi_hot, count:
  ///   axis 1 (a vector's only axis) gives way to the last one.
  /// Source: `keras/src/utils/numerical_utils.py`, `encode_categorical_inputs`.
  func encoded(
    _ indices: Value, _ mode: CategoryMode, depth: Int, dtype: DType, weights: Value? = nil
  ) throws(KerasImportError) -> Value {
    if mode == .int { return try cast(indices, to: dtype) }
    guard depth > 0, depth <= 1 << 26 else {
      throw KerasImportError(.unsupported("vectors of \(depth) categories"))
    }
    var x = try cast(indices, to: .int64)
    if rank(of: x) == 0 { x = try expandDims(x, axes: [0]) }
    let rank = rank(of: x)
    if mode == .oneHot {
      if rank > 1 { try checkKnown(Shape([shape(of: x)[rank - 1]]), "one_hot of rows") }
      if rank > 1, shape(of: x)[rank - 1] == 1 { x = try squeeze(x, axes: [rank - 1]) }
      return try oneHot(x, classes: depth, dtype: dtype)
    }
    let axis = rank > 1 ? 1 : 0
    var hot = try oneHot(x, classes: depth, dtype: weights.map { self.dtype(of: $0) } ?? dtype)
    if let weights { hot = try multiply(hot, expandDims(weights, axes: [self.rank(of: weights)])) }
    return try reduce(mode == .multiHot ? .maximum : .sum, hot, axes: [axis])
  }
}

/// Category numbers as vectors of `num_tokens`; `count` takes weights as a second argument. Mask: none.
/// Source: `keras/src/layers/preprocessing/category_encoding.py`.
struct CategoryEncoding: Layer {
  let count: Int
  let mode: CategoryMode
  var callParameters: [String] { ["inputs", "count_weights"] }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    count = try config.count("num_tokens")
    mode = try config.categoryMode(default: .multiHot, among: .oneHot, .multiHot, .count)
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    var weights = call.operand("count_weights")?.value
    if let given = weights {
      guard mode == .count else {
        throw KerasImportError(.unsupported("count_weights with output_mode \"\(mode.rawValue)\""))
      }
      weights = try scope.cast(given, to: scope.computeDType)
    }
    let x = try scope.cast(call.input.value, to: .int64)
    return [
      Operand(try scope.encoded(x, mode, depth: count, dtype: scope.object.policy.compute, weights: weights))
    ]
  }
}
