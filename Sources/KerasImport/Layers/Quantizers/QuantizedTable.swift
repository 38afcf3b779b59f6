import ModelIR

/// A table of rows, whatever it is stored in: the weights of Embedding and ReversibleEmbedding.
///
/// | mode | row |
/// | --- | --- |
/// | int8, int4 | `v / scale[row]` |
/// | int4 in blocks | `(v - zero[row, block]) * scale[row, block]` |
///
/// Source: `keras/src/layers/core/embedding.py`, `reversible_embedding.py`.
struct QuantizedTable: Sendable {
  let rowCount: Int
  let columnCount: Int
  let mode: QuantizationMode?
  let lora: LowRankUpdate
  /// `embeddings`, or `reverse_embeddings`, whose axes are stored the other way round.
  let role: String

  init(_ config: inout LayerConfig, rows: Int, columns: Int) throws(KerasImportError) {
    mode = try config.quantizationMode()
    switch mode {
    case .float8, .gptq, .awq: try config.refuseQuantization()
    case .int8, .int4, .earlyInt4, nil: break
    }
    lora = try LowRankUpdate(&config)
    (rowCount, columnCount, role) = (rows, columns, "embeddings")
  }

  private init(reversing table: QuantizedTable) {
    (rowCount, columnCount, mode) = (table.rowCount, table.columnCount, table.mode)
    lora = .none
    role = "reverse_embeddings"
  }

  /// The table that maps back where it is not the same.
  var reversed: QuantizedTable { QuantizedTable(reversing: self) }

  private var block: Int? { if case .int4(let block) = mode { block } else { nil } }
  private var isReversed: Bool { role != "embeddings" }

  /// The table's weights in Keras's order.
  var weights: [WeightSpec] {
    guard mode != nil else { return [lora.kernelWeight(role)] + lora.weights(role) }
    let names = [role, "\(role)_scale"] + (block == nil ? [] : ["\(role)_zero", "g_idx"])
    return names.map { WeightSpec($0, isTrainable: false) } + lora.weights(role)
  }

  /// The weights of a table that maps back: the blocks are those of the other.
  var reversedWeights: [WeightSpec] { weights.filter { $0.name != "g_idx" } }

  // MARK: Rows

  /// Rows picked by integers: `[..., columns]`.
  func rows(at indices: Value, in scope: LoweringScope) throws(KerasImportError) -> Value {
    guard mode != nil else {
      let table = try scope.weight(role, [.fixed(rowCount), .fixed(columnCount)])
      return try scope.emit(.gather(axis: 0), table, indices)
    }
    // Only the rows that are needed become floats.
    let picked = try scope.emit(.gather(axis: 0), stored(in: scope), indices)
    var y = try numbers(picked, at: indices, in: scope)
    if let update = try lora.updateRows(at: indices, role, in: scope) { y = try scope.add(y, update) }
    return y
  }

  private func numbers(_ picked: Value, at indices: Value, in scope: LoweringScope) throws(KerasImportError)
    -> Value
  {
    if let block {
      func parameter(_ name: String) throws(KerasImportError) -> Value {
        try scope.emit(.gather(axis: 0), groupParameter(name, block: block, in: scope), indices)
      }
      return try scope.grouped(
        picked, .nibbles(isSigned: true, count: columnCount), scale: parameter("scale"),
        zero: parameter("zero"),
        GroupIndex(tensor: scope.tensor("g_idx"), size: columnCount, block: block),
        axis: scope.rank(of: picked) - 1)
    }
    let floats =
      mode == .int8
      ? try scope.floats(picked)
      : try scope.unpacked(picked, count: columnCount, isSigned: true)
    let scale = try scope.emit(
      .gather(axis: 0), scope.weight("\(role)_scale", [.fixed(rowCount)]), indices)
    return try scope.divide(floats, scope.expandDims(scale, axes: [scope.rank(of: scale)]))
  }

  // MARK: Stored parts, rows first

  private func stored(in scope: LoweringScope) throws(KerasImportError) -> Value {
    let width = mode == .int8 ? columnCount : (columnCount + 1) / 2
    return try rowsFirst(role, [rowCount, width], in: scope)
  }

  /// Scales (as floats of the compute type) or zero points of blocks: `[rows, blocks]`.
  private func groupParameter(
    _ name: String, block: Int, in scope: LoweringScope
  ) throws(KerasImportError) -> Value {
    let count = (columnCount + block - 1) / block
    let value = try rowsFirst("\(role)_\(name)", [rowCount, count], in: scope)
    if name == "scale" { return try scope.cast(value, to: scope.computeDType) }
    // Keras keeps the zero points of a table that maps back as floats.
    return try scope.cast(value, to: .int8)
  }

  /// A weight; a view with its axes exchanged for the table that maps back.
  private func rowsFirst(_ name: String, _ sizes: [Int], in scope: LoweringScope) throws(KerasImportError)
    -> Value
  {
    guard isReversed else { return try scope.variable(name, Shape(sizes)) }
    let tensor = try scope.tensor(name)
    guard tensor.sizes == sizes.reversed() else {
      throw KerasImportError(
        .weightShape(name, expected: Shape(sizes.reversed()), found: Shape(tensor.sizes), origin: nil))
    }
    return try scope.transposed(tensor, [1, 0], as: name)
  }

  // MARK: Mapping back

  /// `x . transposed table`: `[..., rows]`; of floats in a type of their own or the one that both have in common.
  func logits(
    of x: Value, _ activations: ActivationQuantizer?, in scope: LoweringScope, as dtype: DType? = nil
  ) throws(KerasImportError) -> Value {
    guard mode != nil else {
      let shape: Shape =
        isReversed ? [.fixed(columnCount), .fixed(rowCount)] : [.fixed(rowCount), .fixed(columnCount)]
      let table = try scope.weight(role, shape)
      let common = dtype ?? scope.dtype(of: x).promoted(with: scope.dtype(of: table))
      let kernel = try scope.cast(table, to: common)
      return try scope.product(
        scope.cast(x, to: common), isReversed ? kernel : scope.transpose(kernel, [1, 0]))
    }
    let axes = try scope.axes(activations?.axes ?? [-1], rank: scope.rank(of: x))
    let rounded = try activations.map { quantizer throws(KerasImportError) in
      try scope.quantized(x, quantizer, axes: axes)
    }
    let q = rounded?.q ?? x
    if let block {
      let table = try scope.grouped(
        stored(in: scope), .nibbles(isSigned: true, count: columnCount),
        scale: groupParameter("scale", block: block, in: scope),
        zero: groupParameter("zero", block: block, in: scope),
        GroupIndex(tensor: scope.tensor("g_idx"), size: columnCount, block: block), axis: 1)
      let y = try scope.product(q, scope.transpose(table, [1, 0]))
      return try rounded.map { rounded throws(KerasImportError) in try scope.divide(y, rounded.scale) } ?? y
    }
    let table =
      mode == .int8
      ? try scope.floats(stored(in: scope))
      : try scope.unpacked(stored(in: scope), count: columnCount, isSigned: true)
    let y = try scope.product(q, scope.transpose(table, [1, 0]))
    let scale = try scope.weight("\(role)_scale", [.fixed(rowCount)])
    guard let rounded else { return try scope.divide(y, scale) }
    return try scope.divide(y, scope.multiply(rounded.scale, scale))
  }
}
