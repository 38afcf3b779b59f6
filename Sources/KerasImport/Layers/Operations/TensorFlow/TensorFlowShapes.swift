import ModelIR
import NativeFormat

/// TensorFlow's functions on shapes and places, with TensorFlow's names of their arguments.
extension LayerRegistry {
  mutating func addTensorFlowShapes() {
    addSizes()
    addParts()
    addRearrangements()
    addSelections()
    addFilled()
  }

  private mutating func addSizes() {
    add("tf.shape", as: OperationCall.tensorFlowShape)
    add("tf.size", as: OperationCall.tensorFlowSize)
    add("tf.rank", as: OperationCall.tensorFlowRank)
    add("tf.reshape", as: OperationCall.tensorFlowReshape)
    add("tf.ensure_shape", as: OperationCall.tensorFlowEnsureShape)
    add("tf.keras.backend.batch_flatten", as: OperationCall.tensorFlowBatchFlatten)
    add("tf.broadcast_to", as: OperationCall.tensorFlowBroadcastTo)
  }

  private mutating func addParts() {
    add("tf.slice", as: OperationCall.tensorFlowSlice)
    add("tf.strided_slice", as: OperationCall.tensorFlowStridedSlice)
    add("tf.split", as: OperationCall.tensorFlowSplit)
    add("tf.unstack", as: OperationCall.tensorFlowUnstack)
  }

  private mutating func addRearrangements() {
    add("tf.tile", as: OperationCall.tensorFlowTile)
    add("tf.pad", "tf.padv2", as: OperationCall.tensorFlowPad)
    add("tf.reverse", as: OperationCall.tensorFlowReverse)
    add("tf.roll", as: OperationCall.tensorFlowRoll)
    add("tf.repeat", as: OperationCall.tensorFlowRepeat)
    add("tf.matrix_transpose", as: OperationCall.tensorFlowMatrixTranspose)
  }

  private mutating func addSelections() {
    add("tf.gather", "tf.gatherv2", as: OperationCall.tensorFlowGather)
    add("tf.nn.embedding_lookup", as: OperationCall.tensorFlowEmbeddingLookup)
    add("tf.gather_nd", as: OperationCall.tensorFlowGatherNd)
    add("tf.select", as: OperationCall.tensorFlowSelect)
    add("tf.boolean_mask", as: OperationCall.tensorFlowBooleanMask)
    add("tf.tensor_scatter_nd_update", as: OperationCall.tensorFlowScatter, .none)
    add("tf.tensor_scatter_nd_add", as: OperationCall.tensorFlowScatter, .add)
    add("tf.tensor_scatter_nd_max", as: OperationCall.tensorFlowScatter, .maximum)
    add("tf.tensor_scatter_nd_min", as: OperationCall.tensorFlowScatter, .minimum)
    add("tf.one_hot", as: OperationCall.tensorFlowOneHot)
    add("tf.sequence_mask", as: OperationCall.tensorFlowSequenceMask)
  }

  private mutating func addFilled() {
    add("tf.zeros_like", as: OperationCall.tensorFlowZerosLike, false)
    add("tf.ones_like", as: OperationCall.tensorFlowZerosLike, true)
    add("tf.fill", as: OperationCall.tensorFlowFill)
    add("tf.zeros", as: OperationCall.tensorFlowZeros, false)
    add("tf.ones", as: OperationCall.tensorFlowZeros, true)
    add("tf.range", as: OperationCall.tensorFlowRange)
  }
}

/// TensorFlow's functions on shapes and places, with TensorFlow's names of their arguments.
extension OperationCall {
  /// A copy in which updates are put, or combined, at coordinate tuples.
  func tensorFlowScatter(_ reduction: ScatterReduction) throws(KerasImportError) -> Value {
    let x = try tensor("tensor", at: 0)
    let indices = try scope.cast(tensor("indices", at: 1), to: .int64)
    return try scope.emit(
      .scatterND(reduction), x, indices, scope.cast(tensor("updates", at: 2), to: scope.dtype(of: x)))
  }

  /// The sizes as a vector.
  func tensorFlowShape() throws(KerasImportError) -> Value {
    let x = try tensor("input", at: 0)
    let sizes = try scope.emit(.sizes(scope.shape(of: x).dimensions))
    return try scope.cast(sizes, to: dtype("out_type") ?? .int32)
  }

  /// The number of elements.
  func tensorFlowSize() throws(KerasImportError) -> Value {
    let x = try tensor("input", at: 0)
    let size = try scope.reshape(scope.emit(.sizes([scope.shape(of: x).elementCount])), [])
    return try scope.cast(size, to: dtype("out_type") ?? .int32)
  }

  /// The number of axes.
  func tensorFlowRank() throws(KerasImportError) -> Value {
    return scope.scalar(Double(scope.rank(of: try tensor("input", at: 0))), .int32)
  }

  /// The same elements in another shape, of which one size may be -1.
  func tensorFlowReshape() throws(KerasImportError) -> Value {
    let x = try tensor("tensor", at: 0)
    guard let sizes = try sizes("shape", at: 1) else { throw KerasImportError(.missingKey("shape")) }
    return try scope.reshape(x, sizes.completed(elementCount: scope.shape(of: x).elementCount))
  }

  /// The operand itself; its shape is checked.
  func tensorFlowEnsureShape() throws(KerasImportError) -> Value {
    ignore("shape")
    return try tensor("x", at: 0)
  }

  /// All axes but the first as one.
  func tensorFlowBatchFlatten() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    let shape = scope.shape(of: x)
    guard shape.rank > 0 else { throw KerasImportError(.invalidGraph("batch_flatten needs a batch axis")) }
    return try scope.reshape(x, [shape[0], Shape(Array(shape.dimensions.dropFirst())).elementCount])
  }

  /// The operand broadcast to a shape.
  func tensorFlowBroadcastTo() throws(KerasImportError) -> Value {
    let x = try tensor("input", at: 0)
    guard let sizes = try sizes("shape", at: 1) else { throw KerasImportError(.missingKey("shape")) }
    return try scope.emit(.expand(Shape(sizes)), x)
  }

  /// A part from starts on, of sizes of which -1 is the rest.
  func tensorFlowSlice() throws(KerasImportError) -> Value {
    let x = try tensor("input_", at: 0)
    guard let begin = try sizes("begin", at: 1), let sizes = try sizes("size", at: 2),
      begin.count == sizes.count, begin.count == scope.rank(of: x)
    else { throw KerasImportError(.invalidGraph("slice needs a start and a size for each axis")) }
    var y = x
    for axis in begin.indices {
      let size = sizes[axis] == -1 ? scope.shape(of: x)[axis] - begin[axis] : sizes[axis]
      y = try scope.part(y, axis: axis, start: begin[axis], size: size)
    }
    return y
  }

  /// NumPy's basic slices, as bit masks say.
  func tensorFlowStridedSlice() throws(KerasImportError) -> Value {
    let x = try tensor("input_", at: 0)
    guard let begin = try sizes("begin", at: 1), let end = try sizes("end", at: 2), begin.count == end.count
    else {
      throw KerasImportError(.invalidGraph("strided_slice needs starts and ends of one number"))
    }
    let steps = try ints("strides", at: 3) ?? Array(repeating: 1, count: begin.count)
    guard steps.count == begin.count else {
      throw KerasImportError(.invalidGraph("strided_slice needs a step for each start"))
    }
    func isSet(_ mask: String, _ bit: Int) throws(KerasImportError) -> Bool {
      (try int(mask, default: 0)) >> bit & 1 == 1
    }
    var keys: [CallArgument<Operand>] = []
    for bit in begin.indices {
      if try isSet("ellipsis_mask", bit) { keys.append(.ellipsis); continue }
      if try isSet("new_axis_mask", bit) { keys.append(.none); continue }
      if try isSet("shrink_axis_mask", bit) { keys.append(try index(begin[bit])); continue }
      let start = try isSet("begin_mask", bit) ? .none : index(begin[bit])
      let stop = try isSet("end_mask", bit) ? .none : index(end[bit])
      keys.append(.slice(start: start, stop: stop, step: .integer(steps[bit])))
    }
    for mask in ["ellipsis_mask", "new_axis_mask", "shrink_axis_mask", "begin_mask", "end_mask"] {
      _ = try int(mask)
    }
    return try scope.item(x, .list(keys))
  }

  /// A number, or a scalar computed from sizes.
  private func index(_ size: Dimension) throws(KerasImportError) -> CallArgument<Operand> {
    if let number = size.fixedSize { return .integer(number) }
    return .tensor(Operand(try scope.reshape(scope.emit(.sizes([size])), [])))
  }

  /// Parts along an axis: so many equal ones, or of sizes of which one may be -1.
  func tensorFlowSplit() throws(KerasImportError) -> [Value] {
    let x = try tensor("value", at: 0)
    let axis = try scope.axis(int("axis", at: 2, default: 0), rank: scope.rank(of: x))
    ignore("num")
    let size = scope.shape(of: x)[axis]
    guard let argument = argument("num_or_size_splits", at: 1) else {
      throw KerasImportError(.missingKey("num_or_size_splits"))
    }
    if case .integer(let count) = argument {
      guard (1...1 << 16).contains(count) else {
        throw KerasImportError(.invalidGraph("cannot split into \(count) parts"))
      }
      let sizes = Array(repeating: size / .fixed(count), count: count)
      return try scope.emitAll(.split(axis: axis, sizes: sizes), [x])
    }
    guard let sizes = try sizes("num_or_size_splits", at: 1) else { return [] }
    return try scope.emitAll(.split(axis: axis, sizes: sizes.completed(sum: size)), [x])
  }

  /// The slices of an axis, each without it.
  func tensorFlowUnstack() throws(KerasImportError) -> [Value] {
    let x = try tensor("value", at: 0)
    let axis = try scope.axis(int("axis", at: 2, default: 0), rank: scope.rank(of: x))
    return try scope.unstacked(x, axis: axis, count: int("num", at: 1))
  }

  /// The operand repeated whole along each axis.
  func tensorFlowTile() throws(KerasImportError) -> Value {
    let x = try tensor("input", at: 0)
    guard let repeats = try sizes("multiples", at: 1), repeats.count == scope.rank(of: x) else {
      throw KerasImportError(
        .invalidGraph("tile needs a number of repeats for each of \(scope.rank(of: x)) axes"))
    }
    return try scope.tiled(x, repeats)
  }

  /// Elements added around the operand.
  func tensorFlowPad() throws(KerasImportError) -> Value {
    let x = try tensor("tensor", at: 0)
    guard let widths = argument("paddings", at: 1)?.integerRows, widths.count == scope.rank(of: x),
      widths.allSatisfy({ $0.count == 2 })
    else { throw KerasImportError(.unsupported("paddings that are not a pair of numbers for each axis")) }
    let filler = try double("constant_values", default: 0)
    return try scope.padded(
      x, by: widths.map { PadPair($0[0], $0[1]) }, mode: string("mode") ?? "constant", filler: filler)
  }

  /// The order along axes turned round.
  func tensorFlowReverse() throws(KerasImportError) -> Value {
    let x = try tensor("tensor", at: 0)
    let axes = try scope.axes(required("axis", ints("axis", at: 1)), rank: scope.rank(of: x))
    return axes.isEmpty ? x : try scope.emit(.reverse(axes: axes), x)
  }

  /// Elements of axes moved round.
  func tensorFlowRoll() throws(KerasImportError) -> Value {
    let x = try tensor("input", at: 0)
    let shifts = try required("shift", ints("shift", at: 1))
    let axes = try required("axis", ints("axis", at: 2))
    guard shifts.count == axes.count else {
      throw KerasImportError(.invalidGraph("roll needs a shift for each axis"))
    }
    return try scope.rolled(x, axes: axes, by: shifts)
  }

  /// Each element of an axis repeated.
  func tensorFlowRepeat() throws(KerasImportError) -> Value {
    var x = try tensor("input", at: 0)
    let given = try int("axis", at: 2)
    if given == nil { x = try scope.reshape(x, [scope.shape(of: x).elementCount]) }
    let axis = try scope.axis(given ?? 0, rank: scope.rank(of: x))  // No axis: the one that is left.
    guard let repeats = try sizes("repeats", at: 1) else { throw KerasImportError(.missingKey("repeats")) }
    return try scope.repeated(x, axis: axis, repeats)
  }

  /// The last two axes exchanged.
  func tensorFlowMatrixTranspose() throws(KerasImportError) -> Value {
    let x = try tensor("a", at: 0)
    _ = try bool("conjugate", default: false)
    return try scope.matrixTransposed(x)
  }

  /// Slices along an axis, the first `batch_dims` axes in step.
  func tensorFlowGather() throws(KerasImportError) -> Value {
    let x = try tensor("params", at: 0)
    let indices = try scope.integerIndices(tensor("indices", at: 1))
    ignore("validate_indices")
    let batch = try int("batch_dims", default: 0)
    let batchDims = try batch < 0 ? scope.axis(batch, rank: scope.rank(of: indices)) : batch
    let axis = try scope.axis(int("axis", at: 3) ?? batchDims, rank: scope.rank(of: x))
    return try scope.gathered(x, indices, axis: axis, batchDims: batchDims)
  }

  /// Rows of a table.
  func tensorFlowEmbeddingLookup() throws(KerasImportError) -> Value {
    let x = try tensor("params", at: 0)
    guard try double("max_norm") == nil else {
      throw KerasImportError(.unsupported("max_norm of embedding_lookup"))
    }
    ignore("partition_strategy", "validate_indices")
    return try scope.emit(.gather(axis: 0), x, scope.integerIndices(tensor("ids", at: 1)))
  }

  /// Slices at coordinate tuples.
  func tensorFlowGatherNd() throws(KerasImportError) -> Value {
    let x = try tensor("params", at: 0)
    let indices = try scope.cast(tensor("indices", at: 1), to: .int64)
    ignore("bad_indices_policy")
    return try scope.emit(.gatherND(batchDims: int("batch_dims", at: 2, default: 0)), x, indices)
  }

  /// Elements of one of two tensors; a vector of conditions picks whole rows.
  func tensorFlowSelect() throws(KerasImportError) -> Value {
    guard let first = argument("x", at: 1), let second = argument("y", at: 2) else {
      throw KerasImportError(.missingKey("y"))
    }
    let x = try promoted([first, second])
    let condition = try scope.cast(tensor("condition", at: 0), to: .bool)
    let rank = scope.rank(of: x[0])
    let aligned =
      scope.rank(of: condition) == 1 ? try scope.trailing(condition, rank: rank) : condition
    return try scope.emit(.select, aligned, x[0], x[1])
  }

  /// Slices of an axis at which a mask is true.
  func tensorFlowBooleanMask() throws(KerasImportError) -> Value {
    let x = try tensor("tensor", at: 0)
    guard let mask = argument("mask", at: 1)?.numbers, mask.sizes.count == 1 else {
      throw KerasImportError(.unsupported("a mask whose number of true elements depends on the data"))
    }
    let axis = try scope.axis(int("axis", at: 3, default: 0), rank: scope.rank(of: x))
    let kept = mask.values.indices.filter { mask.values[$0] != 0 }.map(Int64.init)
    return try scope.emit(.gather(axis: axis), x, scope.constant(Tensor(vector: kept)))
  }

  /// A new axis with `on_value` at the index and `off_value` elsewhere.
  func tensorFlowOneHot() throws(KerasImportError) -> Value {
    let x = try scope.cast(tensor("indices", at: 0), to: .int64)
    guard let depth = try int("depth", at: 1), (1...1 << 26).contains(depth) else {
      throw KerasImportError(.missingKey("depth"))
    }
    let (on, off) = (try double("on_value", at: 2, default: 1), try double("off_value", at: 3, default: 0))
    let dtype = try dtype("dtype", at: 5) ?? .float32
    let rank = scope.rank(of: x)
    let axis = try scope.axis(int("axis", at: 4, default: -1), rank: rank + 1)
    let hot = try scope.oneHot(x, classes: depth, dtype: .bool)
    let y = try scope.emit(
      .select, hot, scope.scalar(on, dtype), scope.scalar(off, dtype))
    var order = Array(0..<rank)
    order.insert(rank, at: axis)
    return try scope.transpose(y, order)
  }

  /// True for the first so many of `maxlen` steps.
  func tensorFlowSequenceMask() throws(KerasImportError) -> Value {
    let x = try scope.cast(tensor("lengths", at: 0), to: .int64)
    guard let length = try sizes("maxlen", at: 1)?.first else {
      throw KerasImportError(.unsupported("sequence_mask without maxlen, whose size depends on the data"))
    }
    let steps = try scope.emit(.range(length))
    let mask = try scope.emit(
      .compare(.less), steps, scope.expandDims(x, axes: [scope.rank(of: x)]))
    return try scope.cast(mask, to: dtype("dtype", at: 2) ?? .bool)
  }

  /// The operand's shape filled with 0 or 1.
  func tensorFlowZerosLike(_ isOnesLike: Bool) throws(KerasImportError) -> Value {
    let x = try tensor(hasArgument("tensor") ? "tensor" : "input", at: 0)
    let number = isOnesLike ? 1.0 : 0.0
    ignore("optimize", "layout")
    let dtype = try dtype("dtype", at: 1) ?? scope.dtype(of: x)
    return try scope.emit(.expand(scope.shape(of: x)), scope.scalar(number, dtype))
  }

  /// A shape filled with a value.
  func tensorFlowFill() throws(KerasImportError) -> Value {
    guard let sizes = try sizes("dims", at: 0) else { throw KerasImportError(.missingKey("dims")) }
    ignore("layout")
    return try scope.emit(.expand(Shape(sizes)), tensor("value", at: 1))
  }

  /// A shape filled with 0 or 1.
  func tensorFlowZeros(_ isOnes: Bool) throws(KerasImportError) -> Value {
    guard let sizes = try sizes("shape", at: 0) else { throw KerasImportError(.missingKey("shape")) }
    let number = isOnes ? 1.0 : 0.0
    ignore("layout")
    return try scope.emit(
      .expand(Shape(sizes)), scope.scalar(number, dtype("dtype", at: 1) ?? .float32))
  }

  /// Numbers from a start below a limit in steps; a single one is the limit.
  func tensorFlowRange() throws(KerasImportError) -> Value {
    guard let first = try sizes("start", at: 0)?.first else {
      throw KerasImportError(.missingKey("start"))
    }
    let limit = try sizes("limit", at: 1)?.first
    let step = try int("delta", at: 2, default: 1)
    guard step != 0 else { throw KerasImportError(.invalidGraph("a range with step 0")) }
    let start = limit == nil ? 0 : first
    let span = ((limit ?? first) - start) * .fixed(step < 0 ? -1 : 1)
    let count = Dimension.maximum(span, 0).dividedRoundingUp(by: Int(clamping: step.magnitude))
    var y = try scope.emit(.range(count))
    if step != 1 { y = try scope.multiply(y, Double(step)) }
    if start != 0 { y = try scope.add(y, scope.emit(.sizes([start]))) }
    return try scope.cast(y, to: dtype("dtype", at: 3) ?? .int32)
  }
}
