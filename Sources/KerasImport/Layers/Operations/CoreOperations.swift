import ModelIR

/// The operations of `keras/src/ops/core.py`, one line each.
extension LayerRegistry {
  mutating func addCoreOperations() {
    add("Cast", as: OperationCall.cast)
    add("SaturateCast", as: OperationCall.saturateCast)
    add("ConvertToTensor", "StopGradient", as: OperationCall.copy)
    add("Unstack", as: OperationCall.unstack)
    add("Slice", as: OperationCall.slice)
    add("SliceUpdate", as: OperationCall.sliceUpdate)
    add("Scatter", as: OperationCall.scatter)
    add("ScatterUpdate", as: OperationCall.scatterUpdate)
    add("Map", as: OperationCall.map)
    add("VectorizedMap", as: OperationCall.map)
    add("Scan", as: OperationCall.scan)
    add("AssociativeScan", as: OperationCall.associativeScan)
    add("Switch", as: OperationCall.switchBranches)
    refuse(
      "Cond",
      because:
        "its branches take no arguments, so that they can only be Python code, which is never executed; choose with ops.where, or with ops.switch between layers or operations"
    )
    for name in ["WhileLoop", "ForiLoop"] {
      refuse(
        name,
        because:
          "Keras writes no file that holds the functions of a loop, and Python code is never executed; use ops.scan or ops.map over a layer or an operation"
      )
    }
  }
}

extension OperationCall {
  /// The operand in another element type.
  func cast() throws(KerasImportError) -> Value {
    try scope.cast(tensor("x", at: 0), to: required("dtype", dtype("dtype", at: 1)))
  }

  /// The operand in another element type, brought into its range first.
  func saturateCast() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    let target = try required("dtype", dtype("dtype", at: 1))
    return try scope.saturated(x, to: target)
  }

  /// The slices of an axis, each without it.
  func unstack() throws(KerasImportError) -> [Value] {
    let x = try tensor("x", at: 0)
    return try scope.unstacked(
      x, axis: scope.axis(int("axis", default: 0), rank: scope.rank(of: x)), count: int("num"))
  }

  /// A part of a shape from start indices on, which may depend on the data.
  func slice() throws(KerasImportError) -> Value {
    var x = try tensor("inputs", at: 0)
    let rank = scope.rank(of: x)
    let sizes = try required("shape", ints("shape"))
    guard sizes.count == rank else {
      throw KerasImportError(.invalidGraph("a part of shape \(sizes) of \(scope.shape(of: x))"))
    }
    if let starts = try? self.sizes("start_indices", at: 1), starts.count == rank {  // Else a tensor, below.
      for axis in 0..<rank {
        let size = sizes[axis] == -1 ? scope.shape(of: x)[axis] - starts[axis] : .fixed(sizes[axis])
        x = try scope.part(x, axis: axis, start: starts[axis], size: size)
      }
      return x
    }
    let starts = try scope.cast(tensor("start_indices", at: 1), to: .int64)
    for axis in 0..<rank {
      let start = try scope.slice(starts, axis: 0, from: axis, to: axis + 1)
      guard sizes[axis] >= 0 else {
        throw KerasImportError(.unsupported("a part whose size depends on the data"))
      }
      x = try scope.emit(.gather(axis: axis), x, scope.add(scope.emit(.range(.fixed(sizes[axis]))), start))
    }
    return x
  }

  /// The operand with updates put in from start indices on; starts are moved so that the updates fit.
  func sliceUpdate() throws(KerasImportError) -> Value {
    let x = try tensor("inputs", at: 0)
    let starts = try scope.cast(tensor("start_indices", at: 1), to: .int64)
    var updates = try scope.cast(tensor("updates", at: 2), to: scope.dtype(of: x))
    let (shape, part) = (scope.shape(of: x), scope.shape(of: updates))
    try scope.expectRank(shape.rank, of: updates)
    var isInside: Value?
    for axis in 0..<shape.rank {
      let room = try scope.emit(.sizes([shape[axis] - part[axis]]))
      let wanted = try scope.maximum(
        scope.slice(starts, axis: 0, from: axis, to: axis + 1), scope.scalar(0, .int64))
      let place = try scope.subtract(scope.emit(.range(shape[axis])), scope.minimum(wanted, room))
      let last = try scope.emit(.sizes([part[axis] - 1]))
      let isIn = try scope.and(
        scope.compare(.greaterOrEqual, place, 0), scope.compare(.lessOrEqual, place, last))
      let clamped = try scope.maximum(scope.minimum(place, last), scope.scalar(0, .int64))
      updates = try scope.emit(.gather(axis: axis), updates, clamped)
      let spread = try scope.alongAxis(isIn, axis: axis, rank: shape.rank)
      isInside = try isInside.map { known throws(KerasImportError) in try scope.and(known, spread) } ?? spread
    }
    guard let isInside else { return updates }
    return try scope.select(isInside, updates, x)
  }

  /// Zeros to which values are added at coordinate tuples.
  func scatter() throws(KerasImportError) -> Value {
    let values = try tensor("values", at: 1)
    let sizes = try required("shape", dimensions("shape"))
    let zeros = try scope.filled(Shape(sizes), 0, scope.dtype(of: values))
    return try scope.emit(.scatterND(.add), zeros, scope.cast(tensor("indices", at: 0), to: .int64), values)
  }

  /// The operand with updates put in (or combined by `reduction`) at coordinate tuples.
  func scatterUpdate() throws(KerasImportError) -> Value {
    let x = try tensor("inputs", at: 0)
    let indices = try scope.cast(tensor("indices", at: 1), to: .int64)
    let updates = try scope.cast(tensor("updates", at: 2), to: scope.dtype(of: x))
    let reductions: [String: ScatterReduction] = [
      "none": .none, "add": .add, "max": .maximum, "min": .minimum, "mul": .multiply,
    ]
    let name = try string("reduction") ?? "none"
    guard let reduction = reductions[name] else {
      throw KerasImportError(.unsupported("reduction \"\(name)\""))
    }
    return try scope.emit(.scatterND(reduction), x, indices, updates)
  }
}

extension LoweringScope {
  /// The slices of an axis of known size (or of `count`), each without it.
  func unstacked(_ x: Value, axis: Int, count given: Int? = nil) throws(KerasImportError) -> [Value] {
    guard let count = shape(of: x)[axis].fixedSize ?? given, (0...1 << 16).contains(count) else {
      throw KerasImportError(.unsupported("unstacking an axis whose size is not known"))
    }
    let parts = try emitAll(.split(axis: axis, sizes: Array(repeating: 1, count: count)), [x])
    return try parts.map { part throws(KerasImportError) in try squeeze(part, axes: [axis]) }
  }

  /// A value brought into the range of a type, and into the type. Bounds that the value's own type cannot hold exactly
  /// are moved inward.
  func saturated(_ x: Value, to target: DType) throws(KerasImportError) -> Value {
    let own = dtype(of: x)
    // All 16-bit floats are float32's, and bounds that float32 holds are closer.
    if own != target, own == .float16 || own == .bfloat16 {
      return try saturated(cast(x, to: .float32), to: target)
    }
    guard own != .bool, let range = own.finiteRange, let bounds = target.finiteRange else {
      return try cast(x, to: target)
    }
    var low = range.lowerBound < bounds.lowerBound ? bounds.lowerBound : nil
    var high = range.upperBound > bounds.upperBound ? bounds.upperBound : nil
    if low == nil, high == nil { return try cast(x, to: target) }
    if own == .float32 {
      low = low.map { Double(Float($0)) < $0 ? Double(Float($0).nextUp) : Double(Float($0)) }
      high = high.map { Double(Float($0)) > $0 ? Double(Float($0).nextDown) : Double(Float($0)) }
    }
    return try cast(unary(.clip(minimum: low, maximum: high), x), to: target)
  }
}
