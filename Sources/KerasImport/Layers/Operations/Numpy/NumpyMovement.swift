import ModelIR

/// Operations of `keras/src/ops/numpy.py` that move, join and split elements.
extension OperationCall {
  // MARK: Shapes

  /// The same elements in another shape, of which one size may be -1.
  func reshape() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    let sizes = try required("newshape", dimensions("newshape", at: 1))
    guard sizes.count(where: { $0 == -1 }) <= 1 else {
      throw KerasImportError(.invalidGraph("two sizes of \(sizes) are open"))
    }
    return try scope.reshape(x, sizes.completed(elementCount: scope.shape(of: x).elementCount))
  }

  /// All elements in one axis.
  func ravel() throws(KerasImportError) -> Value { try scope.flattened(tensor("x", at: 0)) }

  /// Axes of size 1 at positions in the result.
  func expandDims() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    let given = try required("axis", ints("axis", at: 1))
    return try scope.expandDims(x, axes: scope.axes(given, rank: scope.rank(of: x) + given.count))
  }

  /// Axes of size 1 removed: those named, or all.
  func squeeze() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    let shape = scope.shape(of: x)
    guard let given = try ints("axis", at: 1) else {
      try scope.checkKnown(shape, "squeeze without axis")
      return try scope.squeeze(x, axes: shape.dimensions.indices.filter { shape[$0] == 1 })
    }
    return try scope.squeeze(x, axes: scope.axes(given, rank: shape.rank))
  }

  /// The operand broadcast to a shape.
  func broadcastTo() throws(KerasImportError) -> Value {
    try scope.emit(.expand(Shape(required("shape", ints("shape", at: 1)))), tensor("x", at: 0))
  }

  // MARK: Axes

  /// The axes in another order; turned round without `axes`.
  func transpose() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    let rank = scope.rank(of: x)
    let axes = try ints("axes", at: 1) ?? Array((0..<rank).reversed())
    return try scope.transpose(
      x, axes.map { axis throws(KerasImportError) in try scope.axis(axis, rank: rank) })
  }

  /// Two axes exchanged.
  func swapAxes() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    let rank = scope.rank(of: x)
    var order = Array(0..<rank)
    let first = try scope.axis(required("axis1", int("axis1", at: 1)), rank: rank)
    order.swapAt(first, try scope.axis(required("axis2", int("axis2", at: 2)), rank: rank))
    return try scope.transpose(x, order)
  }

  /// Axes moved to other places, the rest in order.
  func moveAxis() throws(KerasImportError) -> Value {
    try scope.moveAxes(
      tensor("x", at: 0), from: required("source", ints("source", at: 1)),
      to: required("destination", ints("destination", at: 2)))
  }

  /// The order along axes turned round: all axes without `axis`.
  func flip() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    let rank = scope.rank(of: x)
    return try scope.reversed(x, axes: scope.axes(ints("axis", at: 1) ?? Array(0..<rank), rank: rank))
  }

  /// ``flip()`` of one axis: `fliplr` 1, `flipud` 0.
  func flipAxis(_ axis: Int) throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    return try scope.reversed(x, axes: [scope.axis(axis, rank: scope.rank(of: x))])
  }

  /// `k` quarter turns in the plane of two axes, from the first toward the second.
  func rotate90() throws(KerasImportError) -> Value {
    let x = try tensor("array", at: 0)
    let rank = scope.rank(of: x)
    let given = try ints("axes") ?? [0, 1]
    guard given.count == 2 else { throw KerasImportError(.invalidGraph("a plane of \(given.count) axes")) }
    let axes = try (scope.axis(given[0], rank: rank), scope.axis(given[1], rank: rank))
    var order = Array(0..<rank)
    order.swapAt(axes.0, axes.1)
    switch try ((int("k", default: 1)) % 4 + 4) % 4 {
    case 0: return x
    case 1: return try scope.transpose(scope.reversed(x, axes: [axes.1]), order)
    case 2: return try scope.reversed(x, axes: [axes.0, axes.1])
    default: return try scope.reversed(scope.transpose(x, order), axes: [axes.1])
    }
  }

  /// Elements of axes moved round by `shift` places; without `axis` of the flattened operand.
  func roll() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    let shifts = try required("shift", ints("shift"))
    guard let axes = try ints("axis") else {
      return try scope.reshape(
        scope.rolled(scope.flattened(x), axis: 0, by: shifts.reduce(0, &+)), scope.shape(of: x))
    }
    return try scope.rolled(x, axes: axes, by: shifts)
  }

  // MARK: Copies

  /// The operand repeated whole along each of the last axes.
  func tile() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    let repeats = try required("repeats", dimensions("repeats", at: 1))
    return try scope.tiled(x, repeats)
  }

  /// Each element of an axis repeated, as often as one number or one for each says; without `axis` flattened.
  func repeatElements() throws(KerasImportError) -> Value {
    let (x, axis, _) = try alongAxis(tensor("x", at: 0))
    let repeats = try required("repeats", numbers("repeats"))
    return try scope.repeated(x, axis: axis, repeats.map(Dimension.fixed))
  }

  /// Elements added around the operand: `constant`, `reflect` or `symmetric`, by one pair, or one for each axis.
  func pad() throws(KerasImportError) -> Value {
    let x = try tensor("x", at: 0)
    let widths = try required("pad_width", array("pad_width"))
    let filler = try double("constant_values", at: 1, default: 0)
    let numbers = try widths.numbers().map { Int(clampingDouble: $0) }
    return try scope.padded(
      x, by: .pairs(numbers, sizes: widths.sizes, rank: scope.rank(of: x)),
      mode: string("mode") ?? "constant",
      filler: filler)
  }

  // MARK: Joining and splitting

  /// Tensors joined along an axis, in their common type.
  func concatenate() throws(KerasImportError) -> Value {
    let x = try tensors("xs", at: 0)
    return try scope.concat(x, axis: scope.axis(int("axis", default: 0), rank: scope.rank(of: x[0])))
  }

  /// Tensors joined along a new axis, in their common type.
  func stack() throws(KerasImportError) -> Value {
    let x = try tensors("x", at: 0)
    return try scope.stack(x, axis: scope.axis(int("axis", default: 0), rank: scope.rank(of: x[0]) + 1))
  }

  /// Two tensors joined along an axis; both flattened without.
  func append() throws(KerasImportError) -> Value {
    let x = try tensorOperands("x1", "x2")
    guard let axis = try int("axis") else {
      return try scope.concat([scope.flattened(x[0]), scope.flattened(x[1])], axis: 0)
    }
    return try scope.concat(x, axis: scope.axis(axis, rank: scope.rank(of: x[0])))
  }

  /// Tensors joined along axis 1, vectors along axis 0.
  func horizontalStack() throws(KerasImportError) -> Value {
    let x = try tensors("xs", at: 0).map { part throws(KerasImportError) in
      scope.rank(of: part) == 0 ? try scope.expandDims(part, axes: [0]) : part
    }
    return try scope.concat(x, axis: scope.rank(of: x[0]) == 1 ? 0 : 1)
  }

  /// Tensors joined along axis 0, vectors as rows.
  func verticalStack() throws(KerasImportError) -> Value {
    let x = try tensors("xs", at: 0).map { part throws(KerasImportError) in try scope.leading(part, rank: 2) }
    return try scope.concat(x, axis: 0)
  }

  /// Tensors joined along axis 2: vectors `[1, n, 1]`, matrices `[m, n, 1]`.
  func depthStack() throws(KerasImportError) -> Value {
    let x = try tensors("xs", at: 0).map { part throws(KerasImportError) in
      let wide = try scope.leading(part, rank: 2)
      return scope.rank(of: wide) == 2 ? try scope.expandDims(wide, axes: [2]) : wide
    }
    return try scope.concat(x, axis: 2)
  }

  /// Parts along an axis: so many equal ones, or cut at places.
  func split() throws(KerasImportError) -> [Value] {
    try split(axis: int("axis", default: 0))
  }

  /// ``split()`` along an axis: `vsplit` 0, `dsplit` 2.
  func splitAxis(_ axis: Int) throws(KerasImportError) -> [Value] { try split(axis: axis) }

  /// ``split()`` along axis 1, of vectors along axis 0.
  func horizontalSplit() throws(KerasImportError) -> [Value] {
    try split(axis: scope.rank(of: tensor("x", at: 0)) == 1 ? 0 : 1)
  }

  /// ``split()`` into parts of which the first are one longer when they cannot be equal.
  func arraySplit() throws(KerasImportError) -> [Value] {
    try split(axis: int("axis", default: 0), isUneven: true)
  }

  private func split(axis given: Int, isUneven: Bool = false) throws(KerasImportError) -> [Value] {
    let x = try tensor("x", at: 0)
    let axis = try scope.axis(given, rank: scope.rank(of: x))
    let size = scope.shape(of: x)[axis]
    let isCut = value("indices_or_sections")?.int == nil
    let numbers = try required("indices_or_sections", numbers("indices_or_sections"))
    if isCut {
      let cuts = [Dimension.fixed(0)] + numbers.map { $0 < 0 ? size + .fixed($0) : .fixed($0) } + [size]
      let sizes = zip(cuts, cuts.dropFirst()).map { $1 - $0 }
      return try scope.emitAll(.split(axis: axis, sizes: sizes), [x])
    }
    guard let count = numbers.first, (1...1 << 16).contains(count) else {
      throw KerasImportError(.invalidGraph("cannot split into \(numbers) parts"))
    }
    if !isUneven, let known = size.fixedSize, known % count != 0 {
      throw KerasImportError(.invalidGraph("\(known) elements do not split into \(count) equal parts"))
    }
    // The remainder goes to the first parts, one element each.
    let sizes = (0..<count).map {
      isUneven ? (size + .fixed(count - 1 - $0)) / .fixed(count) : size / .fixed(count)
    }
    return try scope.emitAll(.split(axis: axis, sizes: sizes), [x])
  }

  /// Coordinates of a grid over vectors: one tensor each, `xy` with the first two axes exchanged.
  func meshgrid() throws(KerasImportError) -> [Value] {
    let x = try rest("x").map { value throws(KerasImportError) in try scope.flattened(value) }
    let indexing = try string("indexing") ?? "xy"
    guard indexing == "xy" || indexing == "ij" else {
      throw KerasImportError(.unsupported("indexing \"\(indexing)\""))
    }
    var places = Array(x.indices)
    if indexing == "xy", x.count > 1 { places.swapAt(0, 1) }
    let shape = Shape(places.map { scope.shape(of: x[$0])[0] })
    var grids: [Value] = []
    for (index, vector) in x.enumerated() {
      let axis = places.firstIndex(of: index) ?? index
      grids.append(try scope.emit(.expand(shape), scope.alongAxis(vector, axis: axis, rank: x.count)))
    }
    return grids
  }
}

extension [PadPair] {
  /// NumPy's forms: one number, one pair, or a pair for each axis.
  static func pairs(_ numbers: [Int], sizes: [Int], rank: Int) throws(KerasImportError) -> [PadPair] {
    switch numbers.count {
    case 1: return Array(repeating: PadPair(numbers[0], numbers[0]), count: rank)
    case 2 where sizes.count < 2 || rank == 1 || sizes[0] == 1:
      return Array(repeating: PadPair(numbers[0], numbers[1]), count: rank)
    case 2 * rank: return (0..<rank).map { PadPair(numbers[2 * $0], numbers[2 * $0 + 1]) }
    default: throw KerasImportError(.invalidGraph("\(numbers.count) pad widths for \(rank) axes"))
    }
  }
}

extension LoweringScope {
  /// The order along axes turned round.
  func reversed(_ x: Value, axes: [Int]) throws(KerasImportError) -> Value {
    axes.isEmpty ? x : try emit(.reverse(axes: axes), x)
  }

  /// Several axes moved round, one shift each or one for all.
  func rolled(_ x: Value, axes: [Int], by shifts: [Int]) throws(KerasImportError) -> Value {
    guard shifts.count == axes.count || shifts.count == 1 || axes.count == 1 else {
      throw KerasImportError(.invalidGraph("\(shifts.count) shifts for \(axes.count) axes"))
    }
    var y = x
    for index in 0..<Swift.max(axes.count, shifts.count) {
      let axis = try axis(axes[axes.count == 1 ? 0 : index], rank: rank(of: x))
      y = try rolled(y, axis: axis, by: shifts[shifts.count == 1 ? 0 : index])
    }
    return y
  }

  /// The operand repeated whole along each axis, axes of size 1 in front where there are more repeats than axes.
  func tiled(_ given: Value, _ repeats: [Dimension]) throws(KerasImportError) -> Value {
    let x = try leading(given, rank: repeats.count)
    let shape = shape(of: x)
    let all = Array(repeating: Dimension.fixed(1), count: shape.rank - repeats.count) + repeats
    let known = all.compactMap(\.fixedSize)
    if known.count == all.count { return try emit(.tile(known), x) }
    // Repeats that follow from shapes: an axis before each, broadcast.
    let spread = zip(all, shape.dimensions).flatMap { [$0, $1] }
    let wide = try emit(.expand(Shape(spread)), expandDims(x, axes: (0..<shape.rank).map { $0 * 2 }))
    return try reshape(wide, Shape(zip(all, shape.dimensions).map { $0 * $1 }))
  }

  /// Elements added around a value; mirrored ones may be more than the data has, in several rounds.
  func padded(_ x: Value, by pads: [PadPair], mode: String, filler: Double) throws(KerasImportError) -> Value
  {
    let attributes: PadAttributes.Mode
    switch mode.lowercased() {
    case "constant": attributes = .constant(filler)
    case "reflect": attributes = .reflect
    case "symmetric": attributes = .symmetric
    case "edge": attributes = .edge
    default: throw KerasImportError(.unsupported("padding mode \"\(mode)\""))
    }
    if dtype(of: x) == .bool {
      let wide = try emit(.pad(PadAttributes(pads: pads, mode: attributes)), cast(x, to: .int32))
      return try cast(wide, to: .bool)
    }
    return try emit(.pad(PadAttributes(pads: pads, mode: attributes)), x)
  }
}
