import ModelIR

/// Add, Subtract, Multiply, Average, Maximum, Minimum: element-wise, left to right, operands of lower rank get axes
/// after the batch. Source: `keras/src/layers/merging/base_merge.py`.
///
/// Mask: the results are masked where all inputs are, and only if every input has a mask; where one input is masked
/// the other wins (Keras 3.4 on). Before, see ``MaskMerge``; values were untouched.
struct Merge: Layer {
  enum Function: String {
    case add = "Add", subtract = "Subtract", multiply = "Multiply", average = "Average", maximum = "Maximum",
      minimum = "Minimum"
  }

  let function: Function
  let maskMerge: MaskMerge
  var maskRule: MaskRule { .custom }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    guard let function = Function(rawValue: config.className) else {
      throw KerasImportError(.unsupportedLayer(className: config.className))
    }
    self.function = function
    maskMerge = config.maskMerge
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let inputs = call.inputs
    guard inputs.count >= 1, function != .subtract || inputs.count == 2 else {
      throw KerasImportError(.invalidGraph("\(function.rawValue) cannot take \(inputs.count) inputs"))
    }
    let aligned = try scope.aligned(inputs)
    let masks = inputs.map(\.mask)
    switch maskMerge {
    case .none: return [Operand(try plain(aligned, in: scope))]
    case .and:
      return [Operand(try plain(aligned, in: scope), mask: try scope.conjunction(masks.compactMap { $0 }))]
    case .or: break
    }
    var mask: Value?
    if masks.allSatisfy({ $0 != nil }) { mask = try scope.disjunction(masks.compactMap { $0 }) }
    let value: Value
    switch function {
    case .multiply where masks.contains { $0 != nil }:
      value = try maskedProduct(aligned, masks, mask, in: scope)
    case .maximum where masks.contains { $0 != nil }, .minimum where masks.contains { $0 != nil }:
      value = try maskedExtreme(aligned, masks, in: scope)
    default: value = try plain(aligned, in: scope)
    }
    return [Operand(value, mask: mask)]
  }

  private func plain(_ values: [Value], in scope: LoweringScope) throws(KerasImportError) -> Value {
    var result = values[0]
    for value in values.dropFirst() { result = try combine(result, value, in: scope) }
    if function == .average { result = try scope.average(result, count: values.count) }
    return result
  }

  private func combine(_ a: Value, _ b: Value, in scope: LoweringScope) throws(KerasImportError) -> Value {
    switch function {
    case .add, .average: try scope.add(a, b)
    case .subtract: try scope.subtract(a, b)
    case .multiply: try scope.multiply(a, b)
    case .maximum: try scope.emit(.binary(.maximum), a, b)
    case .minimum: try scope.emit(.binary(.minimum), a, b)
    }
  }

  /// A masked element counts as 1; where all operands are masked the product is 0.
  private func maskedProduct(
    _ values: [Value], _ masks: [Value?], _ all: Value?, in scope: LoweringScope
  ) throws(KerasImportError) -> Value {
    var factors: [Value] = []
    for (value, mask) in zip(values, masks) {
      guard let mask else { factors.append(value); continue }
      let wide = try scope.trailing(mask, rank: scope.rank(of: value))
      factors.append(try scope.emit(.select, wide, value, scope.scalar(1, like: value)))
    }
    let product = try plain(factors, in: scope)
    guard let all else { return product }
    let kept = try scope.trailing(all, rank: scope.rank(of: product))
    return try scope.emit(.select, kept, product, scope.scalar(0, like: product))
  }

  /// Where one of two operands is masked the other is the result (`_apply_merge_op_and_or_mask`).
  private func maskedExtreme(
    _ values: [Value], _ masks: [Value?], in scope: LoweringScope
  ) throws(KerasImportError) -> Value {
    var output = values[0]
    var outputMask = masks[0]
    for (value, mask) in zip(values.dropFirst(), masks.dropFirst()) {
      let rank = max(scope.rank(of: output), scope.rank(of: value))
      var x = value
      if let mask { x = try scope.emit(.select, scope.trailing(mask, rank: rank), x, output) }
      if let outputMask {
        output = try scope.emit(.select, scope.trailing(outputMask, rank: rank), output, x)
      }
      if let mask, let known = outputMask {
        outputMask = try scope.emit(.binary(.logicalOr), known, mask)
      } else {
        outputMask = nil
      }
      output = try combine(output, x, in: scope)
    }
    return output
  }
}

extension LoweringScope {
  /// A sum by its count; sums of integers give floats, as in `a / n` of Keras.
  func average(_ sum: Value, count: Int) throws(KerasImportError) -> Value {
    if dtype(of: sum).isFloatingPoint { return try multiply(sum, 1 / Double(count)) }
    return try multiply(cast(sum, to: .float32), 1 / Double(count))
  }

  /// Axes of size 1 added at the end up to a rank, as masks broadcast.
  func trailing(_ x: Value, rank: Int) throws(KerasImportError) -> Value {
    let own = self.rank(of: x)
    return own >= rank ? x : try expandDims(x, axes: Array(own..<rank))
  }

  /// True where any of the masks is.
  func disjunction(_ masks: [Value]) throws(KerasImportError) -> Value? {
    var result = masks.first
    for mask in masks.dropFirst() {
      if let known = result { result = try emit(.binary(.logicalOr), known, mask) }
    }
    return result
  }

  /// Inputs of a merging layer brought to one rank and one type.
  func aligned(_ inputs: [Operand]) throws(KerasImportError) -> [Value] {
    let rank = inputs.map { self.rank(of: $0.value) }.max() ?? 0  // Without inputs there is nothing to align.
    let types = inputs.map { dtype(of: $0.value) }
    let common = types.dropFirst().reduce(types[0]) { $0.promoted(with: $1) }
    var values: [Value] = []
    for input in inputs {
      let own = self.rank(of: input.value)
      let missing = own < rank && own > 0 ? Array(1..<(1 + rank - own)) : []
      values.append(try cast(expandDims(input.value, axes: missing), to: common))
    }
    return values
  }
}

extension DType {
  /// Keras's `backend.result_type` of two tensors' types (JAX's lattice).
  func promoted(with other: DType) -> DType {
    if self == other { return self }
    if isFloatingPoint || other.isFloatingPoint {
      if !isFloatingPoint { return other }
      if !other.isFloatingPoint { return self }
      let pair: Set<DType> = [self, other]
      if pair == [.float16, .bfloat16] { return .float32 }
      return byteCount >= other.byteCount ? self : other
    }
    if self == .bool { return other }
    if other == .bool { return self }
    if isSigned == other.isSigned { return byteCount >= other.byteCount ? self : other }
    let signed = isSigned ? self : other
    let unsigned = isSigned ? other : self
    if signed.byteCount > unsigned.byteCount { return signed }
    switch unsigned.byteCount {
    case 1: return .int16
    case 2: return .int32
    case 4: return .int64
    default: return .float32
    }
  }

  private var isSigned: Bool { self == .int8 || self == .int16 || self == .int32 || self == .int64 }
}

/// Inputs joined along an axis. Mask: the masks, all true where missing, broadcast to their inputs, joined, and
/// reduced by any over the last axis (``MaskMerge/and``: by all; ``MaskMerge/none``: lost).
/// Source: `keras/src/layers/merging/concatenate.py`.
struct Concatenate: Layer {
  let axis: Int
  let maskMerge: MaskMerge
  var maskRule: MaskRule { .custom }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    axis = try config.int("axis", default: -1)
    maskMerge = config.maskMerge
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let inputs = call.inputs
    guard let first = inputs.first else { throw KerasImportError(.invalidGraph("Concatenate needs inputs")) }
    let rank = scope.rank(of: first.value)
    let axis = try scope.axis(axis, rank: rank)
    let types = inputs.map { scope.dtype(of: $0.value) }
    let common = types.dropFirst().reduce(types[0]) { $0.promoted(with: $1) }
    let values = try inputs.map { operand throws(KerasImportError) in
      try scope.cast(operand.value, to: common)
    }
    var result = Operand(values.count == 1 ? values[0] : try scope.emitAll(.concat(axis: axis), values)[0])
    let isMasked =
      maskMerge == .or ? inputs.allSatisfy { $0.mask != nil } : inputs.contains { $0.mask != nil }
    if maskMerge != .none, isMasked { result.mask = try mask(inputs, axis: axis, rank: rank, in: scope) }
    return [result]
  }

  private func mask(
    _ inputs: [Operand], axis: Int, rank: Int, in scope: LoweringScope
  ) throws(KerasImportError) -> Value {
    let known = inputs.compactMap(\.mask)
    if axis == rank - 1, known.allSatisfy({ scope.rank(of: $0) == rank - 1 }) {
      // Joined along the features, every feature of an input has that input's mask.
      let joined = try maskMerge == .or ? scope.disjunction(known) : scope.conjunction(known)
      if let joined { return joined }
    }
    if axis < rank - 1, known.count == inputs.count, known.allSatisfy({ scope.rank(of: $0) == rank - 1 }) {
      return try scope.emitAll(.concat(axis: axis), known)[0]
    }
    var parts: [Value] = []
    for input in inputs {
      var aligned = scope.scalar(1, .bool)
      if let mask = input.mask { aligned = try scope.trailing(mask, rank: rank) }
      parts.append(try scope.emit(.expand(scope.shape(of: input.value)), aligned))
    }
    let joined = parts.count == 1 ? parts[0] : try scope.emitAll(.concat(axis: axis), parts)[0]
    return try scope.reduce(maskMerge == .or ? .any : .all, joined, axes: [rank - 1])
  }
}

/// The batched product of two inputs over one axis of each. `normalize`: both scaled to length 1 along them first.
/// Mask: none. Source: `keras/src/layers/merging/dot.py`.
struct Dot: Layer {
  let axes: [Int]
  let normalize: Bool

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    axes = try config.optionalInts("axes") ?? []  // Refused below.
    normalize = try config.bool("normalize", default: false)
    guard axes.count == 1 || axes.count == 2 else {
      throw config.invalid("axes", expected: "an axis or two", found: "\(axes)")
    }
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    guard call.inputs.count == 2 else {
      throw KerasImportError(.invalidGraph("Dot needs 2 inputs, found \(call.inputs.count)"))
    }
    var (a, b) = (call.inputs[0].value, call.inputs[1].value)
    let first = try scope.axis(axes[0], rank: scope.rank(of: a), key: "axes")
    let second = try scope.axis(axes.count == 2 ? axes[1] : axes[0], rank: scope.rank(of: b), key: "axes")
    if normalize {
      a = try scope.unitNormalized(a, axes: [first], epsilon: 1e-12)
      b = try scope.unitNormalized(b, axes: [second], epsilon: 1e-12)
    }
    return [Operand(try scope.batchDot(a, b, axes: (first, second)))]
  }
}

extension LoweringScope {
  /// Keras's `batch_dot`: axis 0 in step, one axis of each contracted, the other axes of `a` then of `b`; two
  /// matrices of rank 2 give `[N, 1]`.
  func batchDot(_ a: Value, _ b: Value, axes: (Int, Int)) throws(KerasImportError) -> Value {
    let letters = Array("abcdefghijklmnopqrstuvwxyz")
    let (rankA, rankB) = (rank(of: a), rank(of: b))
    guard axes.0 > 0, axes.1 > 0, rankA + rankB < letters.count else {
      throw KerasImportError(.unsupported("a product over the batch axis"))
    }
    var left = Array(letters[..<rankA])
    var right = Array(letters[rankA..<(rankA + rankB)])
    right[0] = left[0]
    right[axes.1] = left[axes.0]
    var output = left.enumerated().filter { $0.offset != axes.0 }.map(\.element)
    output += right.enumerated().filter { $0.offset != 0 && $0.offset != axes.1 }.map(\.element)
    left = Array(left)
    let y = try emit(.einsum(String(left) + "," + String(right) + "->" + String(output)), a, b)
    return rankA == 2 && rankB == 2 ? try expandDims(y, axes: [1]) : y
  }
}

extension LayerConfig {
  /// How the masks of several operands become one, by the writer's release.
  fileprivate var maskMerge: MaskMerge {
    mutating get { mark { if case .mergesMasks(let rule) = $0 { rule } else { nil } } ?? .or }
  }
}
