import ModelIR
import NativeFormat

/// A hash of each element's text modulo `num_bins` (FarmHash, or SipHash with `salt`), encoded by `output_mode`;
/// `mask_value` has bin 0 for itself. Integers are hashed as decimal text, floats as truncated integers. Mask: none.
/// Source: `keras/src/layers/preprocessing/hashing.py`.
struct Hashing: Layer, KeepsInputTypes {
  let binCount: Int
  let key: [UInt64]?
  let maskValue: JSONValue?
  let mode: CategoryMode
  let dtype: DType

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    binCount = try config.count("num_bins")
    key = try config.hashKey()
    maskValue = config.value("mask_value")
    mode = try config.categoryMode(default: .int, among: .int, .oneHot, .multiHot, .count)
    dtype = mode == .int && !config.policy.compute.isInteger ? .int64 : config.policy.compute
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    var x = try call.input.value
    if scope.dtype(of: x) == .bool {
      throw KerasImportError(
        .unsupported("hashing of truth values; give the layer the texts \"true\" and \"false\""))
    }
    if scope.dtype(of: x) != .string { x = try scope.cast(x, to: .int64) }
    guard let maskValue, binCount > 1 else {
      let bins = try scope.emit(.hash(HashAttributes(binCount: binCount, key: key)), x)
      return [Operand(try scope.encoded(bins, mode, depth: binCount, dtype: dtype))]
    }
    let hashed = try scope.emit(.hash(HashAttributes(binCount: binCount - 1, key: key)), x)
    let bins = try scope.add(hashed, scope.scalar(1, like: hashed))
    let keys: LookupTable.Entries
    switch (scope.dtype(of: x), maskValue.int, maskValue.string) {
    case (.string, _, let text?): keys = .strings([text])
    case (.int64, let number?, _): keys = .integers([Int64(number)])
    default:
      throw KerasImportError(
        .invalidValue(key: "mask_value", expected: "a value of the input's type", found: maskValue.shortText))
    }
    let kept = try scope.emit(.lookup(LookupTable(keys: keys, values: .integers([0]), defaultInteger: 1)), x)
    return [Operand(try scope.encoded(scope.multiply(bins, kept), mode, depth: binCount, dtype: dtype))]
  }
}

/// One number below `num_bins` for each combination of the inputs' elements. Mask: none.
/// Source: `keras/src/layers/preprocessing/hashed_crossing.py`, TensorFlow's `sparse.cross_hashed`.
struct HashedCrossing: Layer, KeepsInputTypes {
  let binCount: Int
  let mode: CategoryMode
  let dtype: DType

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    binCount = try config.count("num_bins")
    mode = try config.categoryMode(default: .int, among: .int, .oneHot)
    dtype = mode == .int && !config.policy.compute.isInteger ? .int64 : config.policy.compute
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    var columns: [Value] = []
    for input in call.inputs {
      let shape = scope.shape(of: input.value)
      guard shape.rank < 2 || (shape.rank == 2 && shape[1] == 1) else {
        throw KerasImportError(
          .invalidGraph("expected inputs of shape [batch] or [batch, 1], found \(shape)"))
      }
      columns.append(
        scope.dtype(of: input.value) == .string ? input.value : try scope.cast(input.value, to: .int64))
    }
    guard columns.count > 1 else {
      throw KerasImportError(.invalidGraph("HashedCrossing needs 2 inputs or more"))
    }
    let bins = try scope.emitAll(.hash(HashAttributes(binCount: binCount)), columns)[0]
    return [Operand(try scope.encoded(bins, mode, depth: binCount, dtype: dtype))]
  }
}
