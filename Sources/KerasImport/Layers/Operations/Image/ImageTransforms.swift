import ModelIR

/// Operations of `keras/src/ops/image.py` that read images at computed places.
extension OperationCall {
  private func interpolation() throws(KerasImportError) -> Bool {
    switch try string("interpolation") ?? "bilinear" {
    case "bilinear": return true
    case "nearest": return false
    case let other: throw KerasImportError(.unsupported("interpolation \"\(other)\""))
    }
  }

  /// Images read at `((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k)`, `k = c0 x + c1 y + 1`, of `[a0 a1 a2 b0 b1 b2 c0
  /// c1]`. Source: TensorFlow's `ImageProjectiveTransformV3`.
  func affineTransform() throws(KerasImportError) -> Value {
    try projected(
      scope.cast(tensor("transform", at: 1), to: .float32), mode: string("fill_mode") ?? "constant")
  }

  /// ``affineTransform()`` with the projection that brings four end points to four start points.
  func perspectiveTransform() throws(KerasImportError) -> Value {
    var points: [Value] = []
    for (position, name) in ["start_points", "end_points"].enumerated() {
      let x = try scope.cast(tensor(name, at: position + 1), to: .float32)
      points.append(try scope.leading(x, rank: 3))
    }
    return try projected(scope.homography(from: points[0], to: points[1]), mode: "constant")
  }

  private func projected(_ transform: Value, mode: String) throws(KerasImportError) -> Value {
    let isLinear = try interpolation()
    let fill = try double("fill_value", default: 0)
    let given = try tensor("images", at: 0)
    let own = scope.dtype(of: given)
    return try inChannelsLast(scope.floating(given)) { image throws(KerasImportError) in
      let isSingle = scope.rank(of: image) == 3
      let x = isSingle ? try scope.expandDims(image, axes: [0]) : image
      let y = try scope.projected(
        x, by: scope.leading(transform, rank: 2), isLinear: isLinear, mode: mode.lowercased(), fill: fill)
      return try scope.cast(isSingle ? scope.squeeze(y, axes: [0]) : y, to: own)
    }
  }

  /// Elements at places between others: `coordinates [rank, ...]`, order 0 (nearest, halves to even) or 1 (linear).
  func mapCoordinates() throws(KerasImportError) -> Value {
    let given = try tensor("inputs", at: 0)
    let coordinates = try scope.unstacked(tensor("coordinates", at: 1), axis: 0, count: scope.rank(of: given))
    let (order, mode) = (try required("order", int("order")), try string("fill_mode") ?? "constant")
    let fill = try double("fill_value", default: 0)
    guard order == 0 || order == 1, coordinates.count == scope.rank(of: given) else {
      throw KerasImportError(.unsupported("interpolation of order \(order)"))
    }
    let shape = scope.shape(of: given)
    var taps: [[(place: Value, isInside: Value?, weight: Value?)]] = []
    for (axis, coordinate) in coordinates.enumerated() {
      let wide = try scope.floating(coordinate)
      let low = try scope.unary(order == 0 ? .round : .floor, wide)
      let upper = try scope.subtract(wide, low)
      let (place, isInside) = try scope.folded(scope.cast(low, to: .int64), size: shape[axis], mode: mode)
      if order == 0 { taps.append([(place, isInside, nil)]); continue }
      let next = try scope.folded(scope.cast(scope.add(low, 1), to: .int64), size: shape[axis], mode: mode)
      let lower = try scope.subtract(scope.scalar(1, like: upper), upper)
      taps.append([(place, isInside, lower), (next.place, next.isInside, upper)])
    }
    let weightType = scope.dtype(of: try scope.floating(coordinates[0]))
    var total: Value?
    for choice in 0..<(order == 0 ? 1 : 1 << taps.count) {
      let picks = taps.indices.map { taps[$0][order == 0 ? 0 : choice >> $0 & 1] }
      let place = try scope.flatPlace(picks.map(\.place), in: shape)
      var value = try scope.cast(scope.emit(.gather(axis: 0), scope.flattened(given), place), to: weightType)
      if let isInside = try scope.conjunction(picks.compactMap(\.isInside)) {
        value = try scope.select(isInside, value, scope.scalar(fill, weightType))
      }
      for weight in picks.compactMap(\.weight) { value = try scope.multiply(value, weight) }
      total = try total.map { known throws(KerasImportError) in try scope.add(known, value) } ?? value
    }
    guard let total else { throw KerasImportError(.invalidGraph("coordinates of no axes")) }
    let own = scope.dtype(of: given)
    return try scope.cast(own.isInteger ? scope.unary(.round, total) : total, to: own)
  }

  /// Axes resampled with factors and shifts that may depend on the data: weights of a triangle, Keys's cubic or Lanczos
  /// kernel, widened where `antialias` shrinks. Source: `keras/src/backend/tensorflow/image.py`.
  func scaleAndTranslate() throws(KerasImportError) -> Value {
    let given = try tensor("images", at: 0)
    let sizes = try required("output_shape", sizes("output_shape", at: 1))
    let factors = try tensorOperands(positions: [("scale", 2), ("translation", 3)])
    let axes = try scope.orderedAxes(
      required("spatial_dims", ints("spatial_dims")), rank: scope.rank(of: given))
    let method = try required("method", string("method"))
    let antialias = try bool("antialias", default: true)
    let own = scope.dtype(of: given)
    var x = try scope.floating(given)
    for (index, axis) in axes.enumerated() {
      guard axis < sizes.count else {
        throw KerasImportError(.invalidGraph("an output shape of \(sizes.count) axes"))
      }
      let weights = try scope.resamplingWeights(
        from: scope.shape(of: x)[axis], to: sizes[axis], scale: scope.element(index, of: factors[0], axis: 0),
        translation: scope.element(index, of: factors[1], axis: 0), method: method, antialias: antialias)
      let moved = try scope.moveAxes(x, from: [axis], to: [-1])
      x = try scope.moveAxes(
        scope.matMul(moved, scope.cast(weights, to: scope.dtype(of: x))), from: [-1], to: [axis])
    }
    guard own.isInteger else { return x }
    let all = Array(0..<scope.rank(of: given))
    let wide = try scope.floating(given)
    let low = try scope.reduce(.minimum, wide, axes: all)
    let bounded = try scope.maximum(
      scope.minimum(scope.unary(.round, x), scope.reduce(.maximum, wide, axes: all)), low)
    return try scope.cast(bounded, to: own)
  }

  private func tensorOperands(positions: [(String, Int)]) throws(KerasImportError) -> [Value] {
    var arguments: [CallArgument<Operand>] = []
    for (name, position) in positions { arguments.append(try required(name, argument(name, at: position))) }
    return try promoted(arguments).map { value throws(KerasImportError) in try scope.floating(value) }
  }
}

extension LoweringScope {
  /// Axes in the order they are given.
  func orderedAxes(_ axes: [Int], rank: Int) throws(KerasImportError) -> [Int] {
    try axes.map { axis throws(KerasImportError) in try self.axis(axis, rank: rank) }
  }

  /// `[N, 8]`: the projection that brings end points `[N, 4, 2]` to start points, by eight linear equations.
  func homography(from start: Value, to end: Value) throws(KerasImportError) -> Value {
    let (one, zero) = (
      try filled([shape(of: end)[0]], 1, .float32), try filled([shape(of: end)[0]], 0, .float32)
    )
    var rows: [Value] = []
    var targets: [Value] = []
    for point in 0..<4 {
      let s = try unstacked(element(point, of: start, axis: 1), axis: 1, count: 2)
      let e = try unstacked(element(point, of: end, axis: 1), axis: 1, count: 2)
      for index in 0..<2 {
        let products = try e.map { coordinate throws(KerasImportError) in
          try unary(.negate, multiply(s[index], coordinate))
        }
        let own = [e[0], e[1], one]
        let none = [zero, zero, zero]
        rows.append(try stack((index == 0 ? own + none : none + own) + products, axis: 1))
        targets.append(s[index])
      }
    }
    let matrix = try cast(stack(rows, axis: 1), to: .float64)
    let solution = try solved(matrix, cast(expandDims(stack(targets, axis: 1), axes: [2]), to: .float64))
    return try cast(squeeze(solution, axes: [2]), to: .float32)
  }

  /// Images `[N, H, W, C]` read at projected places; see ``OperationCall/affineTransform()``.
  func projected(
    _ x: Value, by transform: Value, isLinear: Bool, mode: String, fill: Double
  ) throws(KerasImportError) -> Value {
    let s = shape(of: x)
    let t = try unstacked(transform, axis: 1, count: 8).map { part throws(KerasImportError) in
      try expandDims(part, axes: [1, 2])
    }
    guard t.count == 8 else { throw KerasImportError(.invalidGraph("a projection of \(t.count) numbers")) }
    let column = try expandDims(cast(emit(.range(s[2])), to: .float32), axes: [0, 1])
    let row = try expandDims(cast(emit(.range(s[1])), to: .float32), axes: [0, 2])
    func form(_ a: Value, _ b: Value, _ c: Value) throws(KerasImportError) -> Value {
      try add(add(multiply(a, column), multiply(b, row)), c)
    }
    let divisor = try form(t[6], t[7], scalar(1, .float32))
    let (px, py) = (try divide(form(t[0], t[1], t[2]), divisor), try divide(form(t[3], t[4], t[5]), divisor))
    let (cx, cy) = (try wrapped(px, size: s[2], mode: mode), try wrapped(py, size: s[1], mode: mode))
    let filler = scalar(fill, like: x)
    if !isLinear { return try read(x, row: halvesAway(cy), column: halvesAway(cx), filler) }
    let (left, top) = (try unary(.floor, cx), try unary(.floor, cy))
    let (right, bottom) = (try add(left, 1), try add(top, 1))
    func line(_ row: Value) throws(KerasImportError) -> Value {
      let first = try multiply(
        expandDims(subtract(right, cx), axes: [3]), read(x, row: row, column: left, filler))
      return try add(
        first, multiply(expandDims(subtract(cx, left), axes: [3]), read(x, row: row, column: right, filler)))
    }
    let upper = try multiply(expandDims(subtract(bottom, cy), axes: [3]), line(top))
    return try add(upper, multiply(expandDims(subtract(cy, top), axes: [3]), line(bottom)))
  }

  /// The nearest whole number, halves away from 0.
  private func halvesAway(_ x: Value) throws(KerasImportError) -> Value {
    try multiply(unary(.sign, x), unary(.floor, add(unary(.absolute, x), 0.5)))
  }

  /// Elements at whole places `[N, H, W]`, the filler outside.
  private func read(_ x: Value, row: Value, column: Value, _ filler: Value) throws(KerasImportError) -> Value
  {
    let s = shape(of: x)
    let (rows, columns) = (try emit(.sizes([s[1]])), try emit(.sizes([s[2]])))
    let (r, c) = (try cast(row, to: .int64), try cast(column, to: .int64))
    let isInside = try and(
      and(compare(.greaterOrEqual, r, 0), compare(.less, r, rows)),
      and(compare(.greaterOrEqual, c, 0), compare(.less, c, columns)))
    let safe = try select(isInside, add(multiply(r, columns), c), scalar(0, .int64))
    let target: Shape = [s[0], s[1], s[2]]
    let flat = try reshape(x, [s[0], s[1] * s[2], s[3]])
    let picked = try gathered(flat, expanded(safe, target), axis: 1, batchDims: 1)
    return try select(expandDims(expanded(isInside, target), axes: [3]), picked, filler)
  }

  /// Coordinates brought into an axis by TensorFlow's rules: `reflect` mirrors with the edge repeated, `wrap` starts anew,
  /// `nearest` stays at the edge, `constant` leaves them.
  private func wrapped(_ x: Value, size: Dimension, mode: String) throws(KerasImportError) -> Value {
    if mode == "constant" { return x }
    let count = try cast(emit(.sizes([size])), to: .float32)
    let last = try add(count, -1)
    func clamped(_ y: Value) throws(KerasImportError) -> Value {
      try maximum(minimum(y, last), scalar(0, .float32))
    }
    switch mode {
    case "nearest": return try clamped(x)
    case "reflect":
      let period = try multiply(count, 2)
      let below = try subtract(x, multiply(unary(.floor, divide(x, period)), period))
      return try clamped(select(compare(.less, below, count), below, add(subtract(period, below), -1)))
    case "wrap":
      let under = try add(x, multiply(count, add(unary(.truncate, divide(unary(.negate, x), last)), 1)))
      let over = try subtract(x, multiply(count, unary(.truncate, divide(x, last))))
      return try clamped(select(compare(.less, x, 0), under, select(compare(.greater, x, last), over, x)))
    default: throw KerasImportError(.unsupported("fill mode \"\(mode)\""))
    }
  }

  /// Whole places brought into an axis by `map_coordinates`' rules, and where they were inside.
  func folded(_ x: Value, size: Dimension, mode: String) throws(KerasImportError) -> (
    place: Value, isInside: Value?
  ) {
    let count = try emit(.sizes([size]))
    func clamped(_ y: Value) throws(KerasImportError) -> Value {
      try maximum(minimum(y, add(count, -1)), scalar(0, .int64))
    }
    switch mode {
    case "constant":
      return (try clamped(x), try and(compare(.greaterOrEqual, x, 0), compare(.less, x, count)))
    case "nearest": return (try clamped(x), nil)
    case "wrap": return (try emit(.binary(.modulo), x, count), nil)
    case "mirror", "reflect":
      let period = try multiply(count, 2)
      let rest = try emit(.binary(.modulo), unary(.absolute, x), period)
      let over = try subtract(period, rest)
      return (try select(compare(.less, rest, count), rest, mode == "reflect" ? add(over, -1) : over), nil)
    case let other: throw KerasImportError(.unsupported("fill mode \"\(other)\""))
    }
  }

  /// The row-major place of coordinates in a shape.
  func flatPlace(_ coordinates: [Value], in shape: Shape) throws(KerasImportError) -> Value {
    var place = coordinates[0]
    for (axis, coordinate) in coordinates.enumerated().dropFirst() {
      place = try add(multiply(place, emit(.sizes([shape[axis]]))), coordinate)
    }
    return place
  }

  /// `[size, target]`: the weights of ``OperationCall/scaleAndTranslate()`` along one axis; `steps` rounds places to so
  /// many parts of the distance between two elements.
  func resamplingWeights(
    from size: Dimension, to target: Dimension, scale: Value, translation: Value, method: String,
    antialias: Bool,
    steps: Double? = nil
  ) throws(KerasImportError) -> Value {
    let one = scalar(1, like: scale)
    let inverse = try divide(one, scale)
    let widening = antialias ? try maximum(inverse, one) : one
    let outputs = try add(cast(emit(.range(target)), to: dtype(of: scale)), 0.5)
    var sample = try add(subtract(multiply(outputs, inverse), multiply(translation, inverse)), -0.5)
    if let steps {
      let low = try unary(.floor, sample)
      sample = try add(low, multiply(unary(.round, multiply(subtract(sample, low), steps)), 1 / steps))
    }
    let inputs = try expandDims(cast(emit(.range(size)), to: dtype(of: scale)), axes: [1])
    let distance = try divide(unary(.absolute, subtract(expandDims(sample, axes: [0]), inputs)), widening)
    let weights = try resamplingKernel(distance, method)
    let total = try reduce(.sum, weights, axes: [0], keepDims: true)
    let isUsed = try compare(.greater, unary(.absolute, total), 1000 * 1.1920929e-07)
    let normalized = try select(isUsed, divideNoNaN(weights, total), scalar(0, like: weights))
    let last = try add(cast(emit(.sizes([size])), to: dtype(of: scale)), -0.5)
    let isInside = try and(compare(.greaterOrEqual, sample, -0.5), compare(.lessOrEqual, sample, last))
    return try select(expandDims(isInside, axes: [0]), normalized, scalar(0, like: weights))
  }

  private func resamplingKernel(_ x: Value, _ method: String) throws(KerasImportError) -> Value {
    let zero = scalar(0, like: x)
    switch method {
    case "linear", "bilinear", "trilinear", "triangle":
      return try unary(.relu, subtract(scalar(1, like: x), x))
    case "cubic", "bicubic", "tricubic":
      let near = try polynomial([1.5, -2.5, 0, 1], x)
      let far = try polynomial([-0.5, 2.5, -4, 2], x)
      return try select(
        compare(.greaterOrEqual, x, 2), zero, select(compare(.greaterOrEqual, x, 1), far, near))
    case "lanczos3", "lanczos5":
      let radius = method == "lanczos3" ? 3.0 : 5.0
      let turn = try multiply(x, 3.141592653589793)
      let waves = try multiply(unary(.sin, turn), unary(.sin, multiply(turn, 1 / radius)))
      let isFar = try compare(.greater, x, 1e-3)
      let square = try select(isFar, unary(.square, turn), scalar(1, like: x))
      let value = try select(isFar, divide(multiply(waves, radius), square), scalar(1, like: x))
      return try select(compare(.greater, x, radius), zero, value)
    default: throw KerasImportError(.unsupported("method \"\(method)\""))
    }
  }
}
