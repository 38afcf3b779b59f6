import ModelIR

/// Losses, CTC and encodings of `keras/src/ops/nn.py`. Keras's epsilon is 1e-7.
extension OperationCall {
  /// Encodings of several classes as one: the largest of the one-hot vectors over axis 1 (0 of a vector).
  func multiHot() throws(KerasImportError) -> Value {
    _ = try bool("sparse", default: false)  // Given dense, which is what a sparse result means.
    let x = try scope.cast(tensor("inputs", at: 0), to: .int64)
    let classes = try required("num_classes", int("num_classes"))
    let rank = scope.rank(of: x)
    let hot = try scope.oneHot(x, classes: classes, dtype: .bool)
    let moved = try scope.moveAxes(
      hot, from: [rank], to: [scope.axis(int("axis", default: -1), rank: rank + 1)])
    let y = try scope.reduce(.any, moved, axes: [rank > 1 ? 1 : 0])
    return try scope.cast(y, to: dtype() ?? .float32)
  }

  /// `-(t log p + (1 - t) log(1 - p))` of each element; of logits `max(x, 0) - x t + log(1 + exp(-|x|))`.
  func binaryCrossentropy() throws(KerasImportError) -> Value {
    let x = try floatingOperands("target", "output")
    let (target, output) = (x[0], x[1])
    if try bool("from_logits", default: false) {
      return try scope.binaryCrossentropy(target: target, logits: output)
    }
    let p = try scope.unary(.clip(minimum: 1e-7, maximum: 1 - 1e-7), output)
    let one = scope.scalar(1, like: p)
    let first = try scope.multiply(target, scope.unary(.log, p))
    let second = try scope.multiply(scope.subtract(one, target), scope.unary(.log, scope.subtract(one, p)))
    return try scope.unary(.negate, scope.add(first, second))
  }

  /// `-sum(t log p)` along an axis, p normalised and clipped; of logits through their log-softmax.
  func categoricalCrossentropy() throws(KerasImportError) -> Value {
    let x = try floatingOperands("target", "output")
    let axis = try scope.axis(int("axis", default: -1), rank: scope.rank(of: x[1]))
    let logarithms: Value
    if try bool("from_logits", default: false) {
      logarithms = try scope.emit(.logSoftmax(axis: axis), x[1])
    } else {
      let sum = try scope.reduce(.sum, x[1], axes: [axis], keepDims: true)
      let p = try scope.unary(.clip(minimum: 1e-7, maximum: 1 - 1e-7), scope.divide(x[1], sum))
      logarithms = try scope.unary(.log, p)
    }
    return try scope.unary(.negate, scope.reduce(.sum, scope.multiply(x[0], logarithms), axes: [axis]))
  }

  /// ``categoricalCrossentropy()`` of class numbers, over the last axis; probabilities are clipped and their logarithms
  /// taken for logits, as Keras does on TensorFlow.
  func sparseCategoricalCrossentropy() throws(KerasImportError) -> Value {
    var target = try scope.cast(tensor("target", at: 0), to: .int64)
    let output = try floating("output", at: 1)
    let last = scope.rank(of: output) - 1
    guard last >= 0, try scope.axis(int("axis", default: -1), rank: last + 1) == last else {
      throw KerasImportError(.unsupported("an axis that is not the last"))
    }
    if scope.rank(of: target) == last + 1, scope.shape(of: target)[last] == 1 {
      target = try scope.squeeze(target, axes: [last])
    }
    let isLogits = try bool("from_logits", default: false)
    let clipped = isLogits ? output : try scope.unary(.clip(minimum: 1e-7, maximum: 1 - 1e-7), output)
    let logits = isLogits ? output : try scope.unary(.log, clipped)
    let logarithms = try scope.emit(.logSoftmax(axis: last), logits)
    let picked = try scope.emit(
      .gatherElements(axis: last), logarithms, scope.expandDims(target, axes: [last]))
    return try scope.unary(.negate, scope.squeeze(picked, axes: [last]))
  }

  /// `20 log10(max_val) - 10 log10(mean((x1 - x2)^2))`.
  func signalToNoise() throws(KerasImportError) -> Value {
    let x = try floatingOperands("x1", "x2")
    let peak = scope.scalar(try required("max_val", double("max_val")), like: x[1])
    let square = try scope.unary(.square, scope.subtract(x[0], x[1]))
    let error = try scope.reduce(.mean, square, axes: Array(0..<scope.rank(of: square)))
    let tenth = 4.342944819032518
    let signal = try scope.multiply(scope.unary(.log, peak), 2 * tenth)
    return try scope.subtract(signal, scope.multiply(scope.unary(.log, error), tenth))
  }

  /// The most likely class of each step, repeats merged and blanks left out, -1 behind them: `[1, N, T]` int32; and the
  /// negative sums of the largest logits, `[N, 1]`. Beam search is refused.
  func ctcDecode() throws(KerasImportError) -> [Value] {
    guard try string("strategy") ?? "greedy" == "greedy" else {
      throw KerasImportError(.unsupported("beam search, whose order of paths is TensorFlow's own"))
    }
    ignore("beam_width", "top_paths")
    let x = try floating("inputs", at: 0)
    let lengths = try scope.expandDims(scope.cast(tensor("sequence_lengths", at: 1), to: .int64), axes: [1])
    try scope.expectRank(3, of: x)
    let (steps, classes) = (scope.shape(of: x)[1], scope.shape(of: x)[2])
    let isInside = try scope.compare(.less, scope.emit(.range(steps)), lengths)
    let largest = try scope.reduce(.maximum, x, axes: [2])
    let scores = try scope.reduce(
      .sum, scope.select(isInside, largest, scope.scalar(0, like: x)), axes: [1], keepDims: true)
    let best = try scope.emit(.argReduce(.maximum, axis: 2, keepDims: false), x)
    let isUnset = scope.object.config["mask_index"]?.isNull == true
    let blank = try int("mask_index") ?? (isUnset ? -1 : 0)
    let blankClass =
      try blank < 0 ? scope.emit(.sizes([classes + .fixed(blank)])) : scope.scalar(Double(blank), .int64)
    var isKept = try scope.and(isInside, scope.compare(.notEqual, best, blankClass))
    if try bool("merge_repeated", default: true) {
      let differs = try scope.compare(
        .notEqual, scope.slice(best, axis: 1, from: 1, to: nil), scope.slice(best, axis: 1, from: nil, to: -1)
      )
      let first = try scope.filled([scope.shape(of: x)[0], 1], 1, .bool)
      isKept = try scope.and(isKept, scope.concat([first, differs], axis: 1))
    }
    let order = try scope.placesTrueFirst(isKept)
    let packed = try scope.emit(.gatherElements(axis: 1), best, order)
    let count = try scope.reduce(.sum, scope.cast(isKept, to: .int64), axes: [1], keepDims: true)
    let isUsed = try scope.compare(.less, scope.emit(.range(steps)), count)
    let decoded = try scope.cast(scope.select(isUsed, packed, scope.scalar(-1, .int64)), to: .int32)
    return [try scope.expandDims(decoded, axes: [0]), try scope.unary(.negate, scores)]
  }
}

extension LoweringScope {
  /// `max(x, 0) - x t + log(1 + exp(-|x|))` of logits x and targets t.
  func binaryCrossentropy(target: Value, logits: Value) throws(KerasImportError) -> Value {
    let decay = try unary(.log1p, unary(.exp, unary(.negate, unary(.absolute, logits))))
    return try add(subtract(unary(.relu, logits), multiply(logits, target)), decay)
  }
}
