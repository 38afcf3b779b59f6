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
    operation("tf.shape") { call throws(KerasImportError) in
      let x = try call.tensor("input", 0)
      let sizes = try call.scope.emit(.sizes(call.scope.shape(of: x).dimensions))
      return [try call.scope.cast(sizes, to: call.dtype("out_type") ?? .int32)]
    }
    operation("tf.size") { call throws(KerasImportError) in
      let x = try call.tensor("input", 0)
      let size = try call.scope.reshape(call.scope.emit(.sizes([call.scope.shape(of: x).elementCount])), [])
      return [try call.scope.cast(size, to: call.dtype("out_type") ?? .int32)]
    }
    operation("tf.rank") { call throws(KerasImportError) in
      [call.scope.scalar(Double(call.scope.rank(of: try call.tensor("input", 0))), .int32)]
    }
    operation("tf.reshape") { call throws(KerasImportError) in
      let x = try call.tensor("tensor", 0)
      guard let sizes = try call.sizes("shape", 1) else { throw KerasImportError(.missingKey("shape")) }
      return [try call.scope.reshape(x, sizes.completed(elementCount: call.scope.shape(of: x).elementCount))]
    }
    operation("tf.ensure_shape") { call throws(KerasImportError) in
      call.ignore("shape")
      return [try call.tensor("x", 0)]
    }
    operation("tf.keras.backend.batch_flatten") { call throws(KerasImportError) in
      let x = try call.tensor("x", 0)
      let shape = call.scope.shape(of: x)
      guard shape.rank > 0 else { throw KerasImportError(.invalidGraph("batch_flatten needs a batch axis")) }
      return [try call.scope.reshape(x, [shape[0], Shape(Array(shape.dimensions.dropFirst())).elementCount])]
    }
    operation("tf.broadcast_to") { call throws(KerasImportError) in
      let x = try call.tensor("input", 0)
      guard let sizes = try call.sizes("shape", 1) else { throw KerasImportError(.missingKey("shape")) }
      return [try call.scope.emit(.expand(Shape(sizes)), x)]
    }
  }

  private mutating func addParts() {
    operation("tf.slice") { call throws(KerasImportError) in
      let x = try call.tensor("input_", 0)
      guard let begin = try call.sizes("begin", 1), let sizes = try call.sizes("size", 2),
        begin.count == sizes.count, begin.count == call.scope.rank(of: x)
      else { throw KerasImportError(.invalidGraph("slice needs a start and a size for each axis")) }
      var y = x
      for axis in begin.indices {
        let size = sizes[axis] == -1 ? call.scope.shape(of: x)[axis] - begin[axis] : sizes[axis]
        y = try call.scope.part(y, axis: axis, start: begin[axis], size: size)
      }
      return [y]
    }
    operation("tf.strided_slice") { call throws(KerasImportError) in
      let x = try call.tensor("input_", 0)
      guard let begin = try call.ints("begin", 1), let end = try call.ints("end", 2), begin.count == end.count
      else {
        throw KerasImportError(.invalidGraph("strided_slice needs starts and ends of one number"))
      }
      let steps = try call.ints("strides", 3) ?? Array(repeating: 1, count: begin.count)
      guard steps.count == begin.count else {
        throw KerasImportError(.invalidGraph("strided_slice needs a step for each start"))
      }
      func isSet(_ mask: String, _ bit: Int) throws(KerasImportError) -> Bool {
        (try call.int(mask) ?? 0) >> bit & 1 == 1
      }
      var keys: [CallArgument<Operand>] = []
      for bit in begin.indices {
        if try isSet("ellipsis_mask", bit) { keys.append(.ellipsis); continue }
        if try isSet("new_axis_mask", bit) { keys.append(.none); continue }
        if try isSet("shrink_axis_mask", bit) { keys.append(.integer(begin[bit])); continue }
        let start: CallArgument<Operand> = try isSet("begin_mask", bit) ? .none : .integer(begin[bit])
        let stop: CallArgument<Operand> = try isSet("end_mask", bit) ? .none : .integer(end[bit])
        keys.append(.slice(start: start, stop: stop, step: .integer(steps[bit])))
      }
      for mask in ["ellipsis_mask", "new_axis_mask", "shrink_axis_mask", "begin_mask", "end_mask"] {
        _ = try call.int(mask)
      }
      return [try call.scope.item(x, .list(keys))]
    }
    operation("tf.split") { call throws(KerasImportError) in
      let x = try call.tensor("value", 0)
      let axis = try call.scope.axis(call.int("axis", 2) ?? 0, rank: call.scope.rank(of: x))
      call.ignore("num")
      let size = call.scope.shape(of: x)[axis]
      guard let argument = call.argument("num_or_size_splits", 1) else {
        throw KerasImportError(.missingKey("num_or_size_splits"))
      }
      if case .integer(let count) = argument {
        guard (1...1 << 16).contains(count) else {
          throw KerasImportError(.invalidGraph("cannot split into \(count) parts"))
        }
        let sizes = Array(repeating: size / .fixed(count), count: count)
        return try call.scope.emitAll(.split(axis: axis, sizes: sizes), [x])
      }
      guard let sizes = try call.sizes("num_or_size_splits", 1) else { return [] }
      return try call.scope.emitAll(.split(axis: axis, sizes: sizes.completed(sum: size)), [x])
    }
    operation("tf.unstack") { call throws(KerasImportError) in
      let x = try call.tensor("value", 0)
      let axis = try call.scope.axis(call.int("axis", 2) ?? 0, rank: call.scope.rank(of: x))
      let given = try call.int("num", 1)
      guard let count = call.scope.shape(of: x)[axis].fixedSize ?? given, (0...1 << 16).contains(count) else {
        throw KerasImportError(.unsupported("unstack along an axis whose size is not known"))
      }
      let parts = try call.scope.emitAll(.split(axis: axis, sizes: Array(repeating: 1, count: count)), [x])
      return try parts.map { part throws(KerasImportError) in try call.scope.squeeze(part, axes: [axis]) }
    }
  }

  private mutating func addRearrangements() {
    operation("tf.tile") { call throws(KerasImportError) in
      let x = try call.tensor("input", 0)
      let shape = call.scope.shape(of: x)
      guard let repeats = try call.sizes("multiples", 1), repeats.count == shape.rank else {
        throw KerasImportError(.invalidGraph("tile needs a number of repeats for each of \(shape.rank) axes"))
      }
      let known = repeats.compactMap(\.fixedSize)
      if known.count == repeats.count { return [try call.scope.emit(.tile(known), x)] }
      // Repeats that follow from shapes: an axis before each, broadcast.
      let spread = zip(repeats, shape.dimensions).flatMap { [$0, $1] }
      let narrow = try call.scope.expandDims(x, axes: (0..<shape.rank).map { $0 * 2 })
      let wide = try call.scope.emit(.expand(Shape(spread)), narrow)
      return [try call.scope.reshape(wide, Shape(zip(repeats, shape.dimensions).map { $0 * $1 }))]
    }
    operation("tf.pad", "tf.padv2") { call throws(KerasImportError) in
      let x = try call.tensor("tensor", 0)
      guard let widths = call.argument("paddings", 1)?.integerRows, widths.count == call.scope.rank(of: x),
        widths.allSatisfy({ $0.count == 2 })
      else { throw KerasImportError(.unsupported("paddings that are not a pair of numbers for each axis")) }
      let mode: PadAttributes.Mode
      switch try call.string("mode")?.uppercased() ?? "CONSTANT" {
      case "CONSTANT": mode = .constant(try call.double("constant_values") ?? 0)
      case "REFLECT": mode = .reflect
      case "SYMMETRIC": mode = .symmetric
      case let other: throw KerasImportError(.unsupported("padding mode \"\(other)\""))
      }
      call.ignore("constant_values")
      let pads = widths.map { PadPair($0[0], $0[1]) }
      return [try call.scope.emit(.pad(PadAttributes(pads: pads, mode: mode)), x)]
    }
    operation("tf.reverse") { call throws(KerasImportError) in
      let x = try call.tensor("tensor", 0)
      let axes = try call.scope.axes(call.ints("axis", 1) ?? [], rank: call.scope.rank(of: x))
      return [axes.isEmpty ? x : try call.scope.emit(.reverse(axes: axes), x)]
    }
    operation("tf.roll") { call throws(KerasImportError) in
      var x = try call.tensor("input", 0)
      let shifts = try call.ints("shift", 1) ?? []
      let axes = try call.ints("axis", 2) ?? []
      guard shifts.count == axes.count else {
        throw KerasImportError(.invalidGraph("roll needs a shift for each axis"))
      }
      for (shift, given) in zip(shifts, axes) {
        let axis = try call.scope.axis(given, rank: call.scope.rank(of: x))
        x = try call.scope.rolled(x, axis: axis, by: shift)
      }
      return [x]
    }
    operation("tf.repeat") { call throws(KerasImportError) in
      var x = try call.tensor("input", 0)
      let given = try call.int("axis", 2)
      if given == nil { x = try call.scope.reshape(x, [call.scope.shape(of: x).elementCount]) }
      let axis = try call.scope.axis(given ?? 0, rank: call.scope.rank(of: x))
      guard let repeats = try call.sizes("repeats", 1) else { throw KerasImportError(.missingKey("repeats")) }
      return [try call.scope.repeated(x, axis: axis, repeats)]
    }
    operation("tf.matrix_transpose") { call throws(KerasImportError) in
      let x = try call.tensor("a", 0)
      _ = try call.bool("conjugate", default: false)
      let rank = call.scope.rank(of: x)
      guard rank > 1 else { throw KerasImportError(.invalidGraph("a matrix has 2 axes or more")) }
      return [try call.scope.transpose(x, Array(0..<(rank - 2)) + [rank - 1, rank - 2])]
    }
  }

  private mutating func addSelections() {
    operation("tf.gather", "tf.gatherv2") { call throws(KerasImportError) in
      let x = try call.tensor("params", 0)
      let indices = try call.scope.integerIndices(call.tensor("indices", 1))
      call.ignore("validate_indices")
      let batch = try call.int("batch_dims") ?? 0
      let batchDims = try batch < 0 ? call.scope.axis(batch, rank: call.scope.rank(of: indices)) : batch
      let axis = try call.scope.axis(call.int("axis", 3) ?? batchDims, rank: call.scope.rank(of: x))
      return [try call.scope.gathered(x, indices, axis: axis, batchDims: batchDims)]
    }
    operation("tf.nn.embedding_lookup") { call throws(KerasImportError) in
      let x = try call.tensor("params", 0)
      guard try call.double("max_norm") == nil else {
        throw KerasImportError(.unsupported("max_norm of embedding_lookup"))
      }
      call.ignore("partition_strategy", "validate_indices")
      return [try call.scope.emit(.gather(axis: 0), x, call.scope.integerIndices(call.tensor("ids", 1)))]
    }
    operation("tf.gather_nd") { call throws(KerasImportError) in
      let x = try call.tensor("params", 0)
      let indices = try call.scope.cast(call.tensor("indices", 1), to: .int64)
      call.ignore("bad_indices_policy")
      return [try call.scope.emit(.gatherND(batchDims: call.int("batch_dims", 2) ?? 0), x, indices)]
    }
    // A vector of conditions picks whole rows.
    operation("tf.select") { call throws(KerasImportError) in
      guard let first = call.argument("x", 1), let second = call.argument("y", 2) else {
        throw KerasImportError(.missingKey("y"))
      }
      let x = try call.promoted([first, second])
      let condition = try call.scope.cast(call.tensor("condition", 0), to: .bool)
      let rank = call.scope.rank(of: x[0])
      let aligned =
        call.scope.rank(of: condition) == 1 ? try call.scope.trailing(condition, rank: rank) : condition
      return [try call.scope.emit(.select, aligned, x[0], x[1])]
    }
    operation("tf.boolean_mask") { call throws(KerasImportError) in
      let x = try call.tensor("tensor", 0)
      guard let mask = call.argument("mask", 1)?.numbers, mask.sizes.count == 1 else {
        throw KerasImportError(.unsupported("a mask whose number of true elements depends on the data"))
      }
      let axis = try call.scope.axis(call.int("axis", 3) ?? 0, rank: call.scope.rank(of: x))
      let kept = mask.values.indices.filter { mask.values[$0] != 0 }.map(Int64.init)
      return [
        try call.scope.emit(.gather(axis: axis), x, call.scope.constant(Tensor(vector: kept)))
      ]
    }
    let scatters: [(String, ScatterReduction)] = [
      ("tf.tensor_scatter_nd_update", .none), ("tf.tensor_scatter_nd_add", .add),
      ("tf.tensor_scatter_nd_max", .maximum), ("tf.tensor_scatter_nd_min", .minimum),
    ]
    for (name, reduction) in scatters {
      operation(name) { call throws(KerasImportError) in
        let x = try call.tensor("tensor", 0)
        let indices = try call.scope.cast(call.tensor("indices", 1), to: .int64)
        let updates = try call.scope.cast(call.tensor("updates", 2), to: call.scope.dtype(of: x))
        return [try call.scope.emit(.scatterND(reduction), x, indices, updates)]
      }
    }
    operation("tf.one_hot") { call throws(KerasImportError) in
      let x = try call.scope.cast(call.tensor("indices", 0), to: .int64)
      guard let depth = try call.int("depth", 1), (1...1 << 26).contains(depth) else {
        throw KerasImportError(.missingKey("depth"))
      }
      let (on, off) = (try call.double("on_value", 2), try call.double("off_value", 3))
      let dtype = try call.dtype("dtype", 5) ?? .float32
      let rank = call.scope.rank(of: x)
      let axis = try call.scope.axis(call.int("axis", 4) ?? -1, rank: rank + 1)
      let hot = try call.scope.oneHot(x, classes: depth, dtype: .bool)
      let y = try call.scope.emit(
        .select, hot, call.scope.scalar(on ?? 1, dtype), call.scope.scalar(off ?? 0, dtype))
      var order = Array(0..<rank)
      order.insert(rank, at: axis)
      return [try call.scope.transpose(y, order)]
    }
    operation("tf.sequence_mask") { call throws(KerasImportError) in
      let x = try call.scope.cast(call.tensor("lengths", 0), to: .int64)
      guard let length = try call.sizes("maxlen", 1)?.first else {
        throw KerasImportError(.unsupported("sequence_mask without maxlen, whose size depends on the data"))
      }
      let steps = try call.scope.emit(.range(length))
      let mask = try call.scope.emit(
        .compare(.less), steps, call.scope.expandDims(x, axes: [call.scope.rank(of: x)]))
      return [try call.scope.cast(mask, to: call.dtype("dtype", 2) ?? .bool)]
    }
  }

  private mutating func addFilled() {
    operation("tf.zeros_like", "tf.ones_like") { call throws(KerasImportError) in
      let x = try call.tensor(call.hasArgument("tensor") ? "tensor" : "input", 0)
      let number = call.scope.object.className == "tf.ones_like" ? 1.0 : 0.0
      call.ignore("optimize", "layout")
      let dtype = try call.dtype("dtype", 1) ?? call.scope.dtype(of: x)
      return [try call.scope.emit(.expand(call.scope.shape(of: x)), call.scope.scalar(number, dtype))]
    }
    operation("tf.fill") { call throws(KerasImportError) in
      guard let sizes = try call.sizes("dims", 0) else { throw KerasImportError(.missingKey("dims")) }
      call.ignore("layout")
      return [try call.scope.emit(.expand(Shape(sizes)), call.tensor("value", 1))]
    }
    operation("tf.zeros", "tf.ones") { call throws(KerasImportError) in
      guard let sizes = try call.sizes("shape", 0) else { throw KerasImportError(.missingKey("shape")) }
      let number = call.scope.object.className == "tf.ones" ? 1.0 : 0.0
      call.ignore("layout")
      return [
        try call.scope.emit(
          .expand(Shape(sizes)), call.scope.scalar(number, call.dtype("dtype", 1) ?? .float32))
      ]
    }
    operation("tf.range") { call throws(KerasImportError) in
      guard let first = try call.sizes("start", 0)?.first else {
        throw KerasImportError(.missingKey("start"))
      }
      let limit = try call.sizes("limit", 1)?.first
      let step = try call.int("delta", 2) ?? 1
      guard step != 0 else { throw KerasImportError(.invalidGraph("a range with step 0")) }
      let start = limit == nil ? 0 : first
      let span = ((limit ?? first) - start) * .fixed(step < 0 ? -1 : 1)
      let count = Dimension.maximum(span, 0).dividedRoundingUp(by: Int(clamping: step.magnitude))
      var y = try call.scope.emit(.range(count))
      if step != 1 { y = try call.scope.multiply(y, Double(step)) }
      if start != 0 { y = try call.scope.add(y, call.scope.emit(.sizes([start]))) }
      return [try call.scope.cast(y, to: call.dtype("dtype", 3) ?? .int32)]
    }
  }
}
