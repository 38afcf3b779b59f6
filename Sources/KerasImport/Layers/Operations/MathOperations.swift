import ModelIR

/// The operations of `keras/src/ops/math.py`, one line each.
extension LayerRegistry {
  mutating func addMathOperations() {
    add("SegmentSum", as: OperationCall.segments, .add)
    add("SegmentMax", as: OperationCall.segments, .maximum)
    add("SegmentMin", as: OperationCall.segments, .minimum)
    add("SegmentProd", as: OperationCall.segments, .multiply)
    refuse(
      "SegmentReduction", because: "it is the base of the segment operations, and computes nothing itself")
    add("TopK", as: OperationCall.topK)
    add("InTopK", as: OperationCall.inTopK)
    add("Logsumexp", as: OperationCall.floatingReduction, .logSumExp)
    add("CDist", as: OperationCall.distances)
    add("ExtractSequences", as: OperationCall.extractSequences)
    add("Rsqrt", as: OperationCall.reciprocalRoot)
    add("Erf", as: OperationCall.floatingFunction, .erf)
    add("Erfc", as: OperationCall.complementaryError)
    add("Erfinv", as: OperationCall.inverseError)
    add("Logdet", as: OperationCall.logDeterminant)
    addFourierOperations()
    add("ViewAsComplex", as: OperationCall.viewAsComplex)
    add("ViewAsReal", as: OperationCall.viewAsReal)
  }
}

extension OperationCall {
  /// `1 / sqrt(x)`.
  func reciprocalRoot() throws(KerasImportError) -> Value {
    try scope.unary(.reciprocal, scope.unary(.sqrt, floating("x", at: 0)))
  }

  /// `1 - erf(x)`.
  func complementaryError() throws(KerasImportError) -> Value {
    let y = try scope.unary(.erf, floating("x", at: 0))
    return try scope.subtract(scope.scalar(1, like: y), y)
  }

  /// The inverse of the error function.
  func inverseError() throws(KerasImportError) -> Value {
    let x = try floating("x", at: 0)
    guard scope.dtype(of: x) != .float64 else { throw KerasImportError(.unsupported("erfinv of float64")) }
    return try scope.cast(scope.inverseErrorFunction(scope.cast(x, to: .float32)), to: scope.dtype(of: x))
  }

  /// The k largest elements of the last axis in order, and their int32 places.
  func topK() throws(KerasImportError) -> [Value] {
    let x = try tensor("x", at: 0)
    let k = try required("k", dimensions("k")?.first)
    ignore("sorted")
    let results = try scope.emitAll(.topK(k: k, axis: scope.rank(of: x) - 1, largest: true), [x])
    return [results[0], try scope.cast(results[1], to: .int32)]
  }

  /// Whether the prediction at each target is among the k largest: fewer than k are larger, and it is finite.
  func inTopK() throws(KerasImportError) -> Value {
    let targets = try scope.cast(tensor("targets", at: 0), to: .int64)
    let predictions = try floating("predictions", at: 1)
    try scope.expectRank(2, of: predictions)
    let own = try scope.emit(.gatherElements(axis: 1), predictions, scope.expandDims(targets, axes: [1]))
    let larger = try scope.cast(scope.compare(.greater, predictions, own), to: .int32)
    let count = try scope.reduce(.sum, larger, axes: [1])
    let isNear = try scope.compare(.less, count, Double(required("k", int("k"))))
    return try scope.and(isNear, scope.isFinite(scope.squeeze(own, axes: [1])))
  }

  /// Euclidean distances of every row of the first to every row of the second: `[..., n, m]`.
  func distances() throws(KerasImportError) -> Value {
    let x = try floatingOperands("x", "y")
    let rank = (scope.rank(of: x[0]), scope.rank(of: x[1]))
    let first = try scope.expandDims(x[0], axes: [rank.0 - 1])
    let difference = try scope.subtract(first, scope.expandDims(x[1], axes: [rank.1 - 2]))
    let last = scope.rank(of: difference) - 1
    return try scope.unary(.sqrt, scope.reduce(.sum, scope.unary(.square, difference), axes: [last]))
  }

  /// Slices of axis 0 combined by the number of their segment; negative numbers are left out. `num_segments`, or as many
  /// as the largest number says. A segment without slices: 0, 1, the type's smallest or largest number.
  func segments(_ reduction: ScatterReduction) throws(KerasImportError) -> Value {
    let data = try tensor("data", at: 0)
    let ids = try scope.cast(tensor("segment_ids", at: 1), to: .int64)
    ignore("sorted")
    let size = scope.shape(of: ids)[0]
    let largest = try scope.add(scope.reduce(.maximum, ids, axes: [0]), 1)
    let given = try int("num_segments")
    let numbers =
      if let given { try scope.emit(.range(.fixed(given))) } else {
        try scope.numbers(below: largest, named: "segments")
      }
    let count = scope.shape(of: numbers)[0]
    var shape = scope.shape(of: data)
    // One row more, for slices that belong to no segment.
    shape[0] = count + 1
    let identity = try scope.dtype(of: data).identity(of: reduction)
    let isIn = try scope.and(
      scope.compare(.greaterOrEqual, ids, 0), scope.compare(.less, ids, scope.emit(.sizes([count]))))
    let place = try scope.select(isIn, ids, scope.emit(.sizes([count])))
    let places = try scope.reshape(place, [size, 1])
    let y = try scope.emit(
      .scatterND(reduction), scope.emit(.expand(shape), scope.constant(identity)), places, data)
    return try scope.part(y, axis: 0, start: 0, size: count)
  }

  /// Overlapping parts of the last axis: `[..., count, sequence_length]`.
  func extractSequences() throws(KerasImportError) -> Value {
    let length = try required("sequence_length", int("sequence_length"))
    return try scope.framed(
      tensor("x", at: 0), length: length, step: required("sequence_stride", int("sequence_stride")))
  }
}

extension DType {
  /// What changes nothing when combined, which is what a segment without elements holds.
  fileprivate func identity(of reduction: ScatterReduction) throws(KerasImportError) -> Tensor {
    switch reduction {
    case .none, .add: return try checkedTensor(Tensor([0], sizes: [], dtype: self))
    case .multiply: return try checkedTensor(Tensor([1], sizes: [], dtype: self))
    case .maximum, .minimum:
      if isFloatingPoint, let range = finiteRange {
        let bound = reduction == .maximum ? range.lowerBound : range.upperBound
        return try checkedTensor(Tensor([bound], sizes: [], dtype: self))
      }
      guard let bounds = wholeRange else {
        throw KerasImportError(.unsupported("segments of \(rawValue) elements"))
      }
      let bound = reduction == .maximum ? bounds.lowerBound : bounds.upperBound
      return try checkedTensor(Tensor(vector: [bound]).convertedWhenRead(to: self).reshaped([]))
    }
  }
}

extension LoweringScope {
  /// Overlapping parts of the last axis: `[..., count, length]`, `count = (n - length) / step + 1`.
  func framed(_ x: Value, length: Int, step: Int) throws(KerasImportError) -> Value {
    guard (1..<1 << 31).contains(length), (1..<1 << 31).contains(step), rank(of: x) > 0 else {
      throw KerasImportError(.invalidGraph("parts of \(length) elements every \(step)"))
    }
    let last = rank(of: x) - 1
    let size = shape(of: x)[last]
    let count = Dimension.maximum((size - .fixed(length) + .fixed(step)) / .fixed(step), 0)
    let starts = try expandDims(multiply(emit(.range(count)), Double(step)), axes: [1])
    return try emit(.gather(axis: last), x, add(starts, emit(.range(.fixed(length)))))
  }
}
