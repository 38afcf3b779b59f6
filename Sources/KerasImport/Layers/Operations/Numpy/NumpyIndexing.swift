import ModelIR

/// Operations of `keras/src/ops/numpy.py` that pick elements.
extension OperationCall {
  /// NumPy's indexing: numbers, slices, None, the ellipsis, integer tensors and truth values.
  func item() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    guard let key = argument("key", at: 1) else { return try scope.expandDims(x, axes: [0]) }
    return try scope.item(x, key)
  }

  /// Slices along an axis; of the flattened operand without. Negative indices count from the end.
  func take() throws(KerasImportError) -> Value {
    let indices = try scope.integerIndices(tensor("indices", at: 1))
    let (x, axis, _) = try alongAxis(tensor("x", at: 0))
    return try scope.emit(.gather(axis: axis), x, indices)
  }

  /// One element for each index along an axis, the other axes broadcast against each other.
  func takeAlongAxis() throws(KerasImportError) -> Value {
    var indices = try scope.integerIndices(tensor("indices", at: 1))
    let (given, axis, isFlat) = try alongAxis(tensor("x", at: 0))
    if isFlat { indices = try scope.flattened(indices) }
    guard scope.rank(of: given) == scope.rank(of: indices) else {
      throw KerasImportError(
        .invalidGraph("indices of shape \(scope.shape(of: indices)) for \(scope.shape(of: given))"))
    }
    var (wideX, wideIndices) = (scope.shape(of: given), scope.shape(of: indices))
    for other in 0..<wideX.rank where other != axis {
      let size = wideX[other].broadcast(with: wideIndices[other])
      (wideX[other], wideIndices[other]) = (size, size)
    }
    let x = try scope.expanded(given, wideX)
    return try scope.emit(.gatherElements(axis: axis), x, scope.expanded(indices, wideIndices))
  }

  /// `[..., classes]`, 1 at the class and 0 elsewhere, along a new axis; classes out of range give zeros.
  func oneHot() throws(KerasImportError) -> Value {
    ignore("sparse")
    let x = try scope.cast(tensor("x", at: 0), to: .int64)
    let classes = try required("num_classes", int("num_classes"))
    let rank = scope.rank(of: x)
    let axis = try scope.axis(int("axis", default: -1), rank: rank + 1)
    let y = try scope.oneHot(x, classes: classes, dtype: dtype() ?? .float32)
    return try scope.moveAxes(y, from: [rank], to: [axis])
  }
}

extension Dimension {
  /// The size to which both are spread, either of which may be 1; what is not known of them is the larger one.
  fileprivate func broadcast(with other: Dimension) -> Dimension {
    if self == other || other == 1 { return self }
    if self == 1 { return other }
    return fixedSize == nil && other.fixedSize == nil
      ? .maximum(self, other) : fixedSize == nil ? other : self
  }
}

extension LoweringScope {
  /// Indices in a type that gather takes.
  func integerIndices(_ x: Value) throws(KerasImportError) -> Value {
    dtype(of: x).isInteger ? x : try cast(x, to: .int32)
  }

  /// The value itself when it has this shape already.
  func expanded(_ x: Value, _ target: Shape) throws(KerasImportError) -> Value {
    shape(of: x) == target ? x : try emit(.expand(target), x)
  }

  /// A last axis that is 1 at the class and 0 elsewhere; classes out of range give zeros.
  func oneHot(_ x: Value, classes: Int, dtype target: DType) throws(KerasImportError) -> Value {
    guard (0...1 << 26).contains(classes) else { throw KerasImportError(.unsupported("\(classes) classes")) }
    let all = constant(Tensor(vector: Array(0..<Int64(classes))), as: "classes")
    return try cast(
      compare(.equal, expandDims(x, axes: [rank(of: x)]), cast(all, to: dtype(of: x))), to: target)
  }

  /// NumPy's indexing.
  func item(_ x: Value, _ key: CallArgument<Operand>) throws(KerasImportError) -> Value {
    var keys: [CallArgument<Operand>]
    if case .list(let items) = key { keys = items } else { keys = [key] }
    let consumed = keys.reduce(0) { $0 + axisCount($1) }
    guard consumed <= rank(of: x) else {
      throw KerasImportError(.invalidGraph("\(consumed) indices for shape \(shape(of: x))"))
    }
    let whole = CallArgument<Operand>.slice(start: .none, stop: .none, step: .none)
    let rest = Array(repeating: whole, count: rank(of: x) - consumed)
    if let place = keys.firstIndex(where: { if case .ellipsis = $0 { true } else { false } }) {
      keys.replaceSubrange(place...place, with: rest)
    } else {
      keys += rest
    }
    return try picked(x, keys)
  }

  /// The number of axes that an index takes.
  private func axisCount(_ key: CallArgument<Operand>) -> Int {
    switch key {
    case .none, .ellipsis: 0
    case .tensor(let operand): dtype(of: operand.value) == .bool ? rank(of: operand.value) : 1
    case .array(let tensor): tensor.dtype == .bool ? tensor.rank : 1
    default: 1
    }
  }

  /// What a key leaves of its axes.
  private enum Place { case kept, removed, new, indexed(Value), masked(Value) }

  /// One key for each axis and new axis, in order.
  private func picked(_ x: Value, _ keys: [CallArgument<Operand>]) throws(KerasImportError) -> Value {
    var (y, axis) = (x, 0)
    var ranges: [SliceRange] = []
    var places: [Place] = []
    for key in keys {
      switch key {
      case .none: places.append(.new)
      case .integer(let index):
        ranges.append(SliceRange(axis: axis, start: index, stop: index == -1 ? nil : index &+ 1))
        places.append(.removed)
      case .slice(let start, let stop, let step):
        if let range = try range(axis: axis, start, stop, step) {
          if range.start != nil || range.stop != nil || range.step != 1 { ranges.append(range) }
        } else {
          y = try part(y, axis: axis, from: start, to: stop, step)
        }
        places.append(.kept)
      case .tensor(let operand): places.append(place(operand.value))
      case .array(let tensor): places.append(place(constant(tensor)))
      case .list: places.append(.indexed(try vector(key)))
      case .number, .bool, .string, .dictionary, .ellipsis, .object:
        throw KerasImportError(.unsupported("this kind of index"))
      }
      axis += axisCount(key)
    }
    return try arranged(ranges.isEmpty ? y : emit(.slice(ranges), y), places)
  }

  private func place(_ index: Value) -> Place { dtype(of: index) == .bool ? .masked(index) : .indexed(index) }

  private func vector(_ key: CallArgument<Operand>) throws(KerasImportError) -> Value {
    guard let numbers = key.integers else { throw KerasImportError(.unsupported("this kind of index")) }
    return constant(Tensor(vector: numbers.map(Int64.init)))
  }

  /// Axes removed, added and picked, the ranges cut already.
  private func arranged(_ x: Value, _ places: [Place]) throws(KerasImportError) -> Value {
    let vectors = places.count { place in
      switch place {
      case .indexed(let index): rank(of: index) > 0
      case .masked: true
      default: false
      }
    }
    guard vectors < 2 else { throw KerasImportError(.unsupported("indexing with two tensors")) }
    var (y, axis) = (x, 0)
    for place in places {
      switch place {
      case .kept: axis += 1
      case .new:
        y = try expandDims(y, axes: [axis])
        axis += 1
      case .removed: y = try squeeze(y, axes: [axis])
      case .indexed(let index):
        y = try emit(.gather(axis: axis), y, integerIndices(index))
        axis += rank(of: index)
      case .masked(let mask):
        y = try masked(y, mask, axis: axis)
        axis += 1
      }
    }
    return y
  }

  /// The slices at which a mask is true, its axes as one.
  func masked(_ x: Value, _ mask: Value, axis: Int) throws(KerasImportError) -> Value {
    let (dimensions, count) = (shape(of: x).dimensions, rank(of: mask))
    guard axis + count <= dimensions.count else {
      throw KerasImportError(.invalidGraph("a mask of shape \(shape(of: mask)) for \(shape(of: x))"))
    }
    let merged = Shape(Array(dimensions[axis..<(axis + count)])).elementCount
    let flat = try reshape(
      x, Shape(Array(dimensions[..<axis]) + [merged] + Array(dimensions[(axis + count)...])))
    return try emit(.gather(axis: axis), flat, truePlaces(flattened(mask)))
  }

  /// A slice of plain numbers; nil when a bound is a tensor.
  private func range(
    axis: Int, _ start: CallArgument<Operand>, _ stop: CallArgument<Operand>, _ step: CallArgument<Operand>
  ) throws(KerasImportError) -> SliceRange? {
    guard let first = bound(start), let last = bound(stop), let step = bound(step) else { return nil }
    guard step != .some(0) else { throw KerasImportError(.invalidGraph("a slice with step 0")) }
    return SliceRange(axis: axis, start: first, stop: last, step: step ?? 1)  // None: Python's default.
  }

  /// A bound that is a number (or None); nil when it is a tensor.
  private func bound(_ argument: CallArgument<Operand>) -> Int?? {
    switch argument {
    case .none: return .some(nil)
    case .integer(let value): return .some(value)
    case .array: return argument.integers.flatMap { $0.count == 1 ? .some($0[0]) : nil }
    case .tensor(let operand):
      guard let size = sizes(in: operand.value)?.first?.fixedSize else { return nil }
      return .some(size)
    default: return nil
    }
  }

  /// A slice whose bounds or step follow from shapes.
  private func part(
    _ x: Value, axis: Int, from start: CallArgument<Operand>, to stop: CallArgument<Operand>,
    _ step: CallArgument<Operand>
  ) throws(KerasImportError) -> Value {
    let stride = try size(step) ?? 1  // None: Python's default.
    let isBackward = stride.fixedSize.map { $0 < 0 } ?? false  // A size is none.
    guard isBackward || stride.isNeverNegative, stride != 0 else {
      throw KerasImportError(.unsupported("a slice with step \(stride), which may be negative"))
    }
    let axis = SliceAxis(index: axis, size: shape(of: x)[axis], isBackward: isBackward)
    let (from, to) = (try size(start), try size(stop))
    let first = from.map(axis.clamped) ?? axis.first  // None: from the end that the step leaves.
    let last = to.map(axis.clamped) ?? axis.end  // None: up to the other.
    var span = isBackward ? first - last : last - first
    if let from, let to, !axis.isInOrder(from, to) { span = .maximum(0, span) }
    if stride == 1 { return try part(x, axis: axis.index, start: first, size: span) }
    let length = isBackward ? stride * -1 : stride
    let places = try emit(
      .binary(.multiply), emit(.range((span + length - 1) / length)), emit(.sizes([stride])))
    return try emit(.gather(axis: axis.index), x, add(places, emit(.sizes([first]))))
  }

  /// A number, or an integer that follows from shapes; nil for None.
  private func size(_ argument: CallArgument<Operand>) throws(KerasImportError) -> Dimension? {
    if let number = bound(argument) { return number.map { .fixed($0) } }
    guard case .tensor(let operand) = argument, let found = sizes(in: operand.value)?.first else {
      throw KerasImportError(.unsupported("a slice whose bounds depend on the data"))
    }
    return found
  }
}

/// An axis that is sliced as NumPy does it: bounds count from the end when negative, and are brought onto the axis.
private struct SliceAxis {
  let index: Int
  let size: Dimension
  let isBackward: Bool

  /// Where a slice without a start begins.
  var first: Dimension { isBackward ? size - 1 : 0 }
  /// Where a slice without a stop ends.
  var end: Dimension { isBackward ? -1 : size }

  /// The place of a bound: from 0 to the size, or from -1 to the last element for steps backwards.
  func clamped(_ bound: Dimension) -> Dimension {
    var place = bound
    if !bound.isNeverNegative {
      // 1 where the bound turns out negative. One that is at most 1 less than the size is so only on an empty axis.
      let isNegative = 1 - Dimension.minimum(1, .maximum(0, bound + 1))
      place = .maximum(isBackward ? -1 : 0, bound == size - 1 ? bound : bound + size * isNegative)
    }
    let largest = isBackward ? size - 1 : size
    return (largest - bound).isNeverNegative ? place : .minimum(place, largest)
  }

  /// Whether the slice does not end before it begins, as far as that is plain to see.
  func isInOrder(_ start: Dimension, _ stop: Dimension) -> Bool {
    let (low, high) = isBackward ? (stop, start) : (start, stop)
    return low.isNeverNegative && (high - low).isNeverNegative
  }
}
