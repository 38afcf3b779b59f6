import ModelIR

/// `unique` of `keras/src/ops/numpy.py`.
extension OperationCall {
  /// The different elements in ascending order, with the places of their first occurrence, their places in the result,
  /// and how often they occur, where asked for. `size` gives a fixed number of them, filled up with `fill_value`.
  /// Source: `keras/src/backend/tensorflow/numpy.py`, `unique`.
  func unique() throws(KerasImportError) -> [Value] {
    let given = try tensor("x", at: 0)
    if let axis = try int("axis"), scope.rank(of: given) > 1 {
      return try uniqueSlices(given, axis: scope.axis(axis, rank: scope.rank(of: given)))
    }
    let isSorted = try bool("sorted", default: true)
    let x = try scope.flattened(scope.numeric(given))
    let (values, places) = try scope.sorted(x, axis: 0)
    var runs = try UniqueRuns(values, scope)
    let size = try int("size")
    guard isSorted || size == nil else {
      throw KerasImportError(.unsupported("a fixed number of unique elements in order of occurrence"))
    }
    let slots = try size.map { count throws(KerasImportError) in try scope.emit(.range(.fixed(count))) }
    let results = try isSorted ? runs.picked(slots: slots) : runs.pickedByOccurrence(places)
    return try outputs(
      scope.emit(.gather(axis: 0), values, results.starts), axis: 0, of: given, isUsed: results.isUsed,
      places: { () throws(KerasImportError) in
        try scope.emit(.gather(axis: 0), places, results.starts)
      },
      inverse: { () throws(KerasImportError) in
        let target = try scope.expandDims(places, axes: [1])
        let inverse = try scope.emit(.scatterND(.none), runs.numbers, target, runs.numbers)
        return try scope.reshape(inverse, scope.shape(of: given))
      },
      counts: { () throws(KerasImportError) in results.counts })
  }

  /// The results that are asked for; slots that nothing is in are filled up.
  /// - Parameter picked: the different elements or slices, along `axis`.
  /// - Parameter isUsed: true for a slot that something is in; nil where there are no others.
  private func outputs(
    _ picked: Value, axis: Int, of given: Value, isUsed: Value?,
    places: () throws(KerasImportError) -> Value, inverse: () throws(KerasImportError) -> Value,
    counts: () throws(KerasImportError) -> Value
  ) throws(KerasImportError) -> [Value] {
    func filled(_ y: Value, _ fill: Double, along axis: Int = 0) throws(KerasImportError) -> Value {
      guard let isUsed else { return y }
      let spread = try scope.alongAxis(isUsed, axis: axis, rank: scope.rank(of: y))
      return try scope.select(spread, y, scope.scalar(fill, like: y))
    }
    let fill = try double("fill_value", default: 0)
    var outputs = [try scope.cast(filled(picked, fill, along: axis), to: scope.dtype(of: given))]
    if try bool("return_index", default: false) {
      outputs.append(try filled(scope.cast(places(), to: .int32), 1))
    }
    if try bool("return_inverse", default: false) {
      outputs.append(try scope.cast(inverse(), to: .int32))
    }
    if try bool("return_counts", default: false) {
      outputs.append(try filled(scope.cast(counts(), to: .int32), 0))
    }
    return outputs
  }

  /// The different slices along an axis, in the order of their elements (those of axis 0 slowest, axis 0 and the axis
  /// swapped) or of occurrence; the rest as in ``unique()``.
  private func uniqueSlices(_ given: Value, axis: Int) throws(KerasImportError) -> [Value] {
    let x = try scope.numeric(given)
    let slices = try UniqueSlices(x, axis: axis, isSorted: bool("sorted", default: true), scope)
    let slots =
      if let size = try int("size") { try scope.emit(.range(.fixed(size))) } else {
        try scope.numbers(below: slices.count, named: "unique")
      }
    let isUsed = try int("size") == nil ? nil : scope.compare(.less, slots, slices.count)
    let hits = try scope.compare(.equal, scope.expandDims(slots, axes: [1]), slices.numbers)
    let firsts = try scope.emit(
      .argReduce(.maximum, axis: 1, keepDims: false), scope.cast(hits, to: .int32))
    return try outputs(
      scope.emit(.gather(axis: axis), x, firsts), axis: axis, of: given, isUsed: isUsed,
      places: { () throws(KerasImportError) in firsts },
      inverse: { () throws(KerasImportError) in slices.numbers },
      counts: { () throws(KerasImportError) in
        try scope.reduce(.sum, scope.cast(hits, to: .int32), axes: [1])
      })
  }
}

/// The slices along an axis, numbered so that equal ones have the same number.
private struct UniqueSlices {
  /// The number of each slice, int64.
  let numbers: Value
  /// How many different ones there are, int64.
  let count: Value

  /// Every slice is compared with every other.
  init(_ x: Value, axis: Int, isSorted: Bool, _ scope: LoweringScope) throws(KerasImportError) {
    var order = Array(0..<scope.rank(of: x))
    order.swapAt(0, axis)
    let shape = scope.shape(of: x)
    let size = shape[axis]
    let others = order.dropFirst().map { shape[$0] }
    let rows = try scope.reshape(scope.transpose(x, order), [size, Shape(others).elementCount])
    let (a, b) = (try scope.expandDims(rows, axes: [1]), try scope.expandDims(rows, axes: [0]))
    let differs = try scope.compare(.notEqual, a, b)
    let isEqual = try scope.not(scope.reduce(.any, differs, axes: [2]))
    let places = try scope.emit(.range(size))
    let isBefore = try scope.compare(.less, places, scope.expandDims(places, axes: [1]))
    let isLater = try scope.reduce(.any, scope.and(isEqual, isBefore), axes: [1])
    let isFirst = try scope.not(isLater)
    // `comesBefore[i, j]`: slice j stands before slice i in the result.
    let comesBefore: Value
    if isSorted {
      let seen = try scope.emit(
        .cumulative(.sum, axis: 2, reverse: false, exclusive: true), scope.cast(differs, to: .int32))
      let decides = try scope.and(differs, scope.compare(.equal, seen, 0))
      comesBefore = try scope.reduce(.any, scope.and(decides, scope.compare(.less, b, a)), axes: [2])
    } else {
      let firsts = try scope.emit(
        .argReduce(.maximum, axis: 1, keepDims: true), scope.cast(isEqual, to: .int32))
      comesBefore = try scope.compare(.less, places, scope.cast(firsts, to: .int64))
    }
    let counted = try scope.cast(scope.and(comesBefore, isFirst), to: .int64)
    numbers = try scope.reduce(.sum, counted, axes: [1])
    count = try scope.reduce(.sum, scope.cast(isFirst, to: .int64), axes: [0])
  }
}

/// Runs of equal elements in a sorted vector.
private struct UniqueRuns {
  let scope: LoweringScope
  /// True where a run begins.
  let isStart: Value
  /// The number of each element's run, int64.
  private(set) var numbers: Value

  init(_ sorted: Value, _ scope: LoweringScope) throws(KerasImportError) {
    self.scope = scope
    let first = try scope.filled([1], 1, .bool)
    let (later, earlier) = (
      try scope.slice(sorted, axis: 0, from: 1, to: nil), try scope.slice(sorted, axis: 0, from: nil, to: -1)
    )
    isStart = try scope.concat([first, scope.compare(.notEqual, later, earlier)], axis: 0)
    let sums = try scope.emit(
      .cumulative(.sum, axis: 0, reverse: false, exclusive: false), scope.cast(isStart, to: .int64))
    numbers = try scope.add(sums, -1)
  }

  /// Which runs are meant, where they begin and how long they are: one element for each run.
  struct Picked {
    let slots: Value
    let starts: Value
    let counts: Value
    /// True for a slot that a run is in; nil where there are as many slots as runs.
    var isUsed: Value?
  }

  /// All runs, or a fixed number of them.
  func picked(slots: Value?) throws(KerasImportError) -> Picked {
    let order = try scope.placesTrueFirst(isStart)
    let count = try scope.reduce(.sum, scope.cast(isStart, to: .int64), axes: [0])
    let wanted = if let slots { slots } else { try scope.numbers(below: count, named: "unique") }
    let isUsed = try slots.map { slots throws(KerasImportError) in try scope.compare(.less, slots, count) }
    let last = try scope.add(scope.emit(.sizes([scope.shape(of: order)[0]])), -1)
    let starts = try scope.emit(.gather(axis: 0), order, scope.minimum(wanted, last))
    let hits = try scope.compare(.equal, scope.expandDims(wanted, axes: [1]), numbers)
    let counts = try scope.reduce(.sum, scope.cast(hits, to: .int64), axes: [1])
    return Picked(slots: wanted, starts: starts, counts: counts, isUsed: isUsed)
  }

  /// All runs, ordered and numbered by the places where their elements occur first.
  mutating func pickedByOccurrence(_ places: Value) throws(KerasImportError) -> Picked {
    let sorted = try picked(slots: nil)
    let firsts = try scope.emit(.gather(axis: 0), places, sorted.starts)
    // The number of runs is known to no input, so that they are counted rather than sorted.
    let isEarlier = try scope.compare(.less, firsts, scope.expandDims(firsts, axes: [1]))
    let ranks = try scope.reduce(.sum, scope.cast(isEarlier, to: .int64), axes: [1])
    let order = try scope.emit(
      .scatterND(.none), sorted.slots, scope.expandDims(ranks, axes: [1]), sorted.slots)
    numbers = try scope.emit(.gather(axis: 0), ranks, numbers)
    return Picked(
      slots: sorted.slots, starts: try scope.emit(.gather(axis: 0), sorted.starts, order),
      counts: try scope.emit(.gather(axis: 0), sorted.counts, order))
  }
}
