import ModelIR
import NativeFormat

/// Reductions, movements, indexing and products of `keras.src.ops.numpy`, `.core` and `.math`.
extension LayerRegistry {
  mutating func addShapeOperations() {
    addReductions()
    addMovements()
    addJoins()
    addProducts()
    addIndexing()
  }

  private mutating func addReductions() {
    let reductions: [(String, ReduceFunction)] = [
      ("Sum", .sum), ("Max", .maximum), ("Min", .minimum), ("Amax", .maximum), ("Amin", .minimum), ("Prod", .product),
    ]
    for (name, function) in reductions {
      operation(name) { call throws(KerasImportError) in
        var x = try call.tensor("x", 0)
        let dtype = call.scope.dtype(of: x)
        if function == .sum || function == .product {
          if dtype == .bool || dtype == .int8 || dtype == .int16 { x = try call.scope.cast(x, to: .int32) }
          if dtype == .uint8 || dtype == .uint16 { x = try call.scope.cast(x, to: .uint32) }
        }
        if let target = try call.dtype() { x = try call.scope.cast(x, to: target) }
        var y = try call.reduced(function, x)
        if let initial = try call.double("initial") {
          let bound = call.scope.scalar(initial, like: y)
          y = try call.scope.emit(.binary(function == .maximum ? .maximum : .minimum), y, bound)
        }
        return [y]
      }
    }
    operation("Mean") { call throws(KerasImportError) in [try call.reduced(.mean, call.floating("x", 0))] }
    operation("Logsumexp") { call throws(KerasImportError) in [try call.reduced(.logSumExp, call.floating("x", 0))] }
    operation("Var", "Std") { call throws(KerasImportError) in
      let x = try call.floating("x", 0)
      let axes = try call.axes(rank: call.scope.rank(of: x))
      let centered = try call.scope.subtract(x, call.scope.reduce(.mean, x, axes: axes, keepDims: true))
      let variance = try call.scope.reduce(
        .mean, call.scope.unary(.square, centered), axes: axes, keepDims: call.bool("keepdims", default: false))
      return [call.scope.object.className == "Std" ? try call.scope.unary(.sqrt, variance) : variance]
    }
    operation("Any", "All") { call throws(KerasImportError) in
      let x = try call.scope.cast(call.tensor("x", 0), to: .bool)
      return [try call.reduced(call.scope.object.className == "Any" ? .any : .all, x)]
    }
    operation("CountNonzero") { call throws(KerasImportError) in
      let x = try call.scope.cast(call.scope.cast(call.tensor("x", 0), to: .bool), to: .int32)
      return [try call.reduced(.sum, x)]
    }
    operation("Argmax", "Argmin") { call throws(KerasImportError) in
      var x = try call.tensor("x", 0)
      let shape = call.scope.shape(of: x)
      let given = try call.int("axis")
      if given == nil { x = try call.scope.reshape(x, [shape.elementCount]) }
      let axis = try call.scope.axis(given ?? 0, rank: call.scope.rank(of: x))
      let keeps = try call.bool("keepdims", default: false)
      let function: ArgFunction = call.scope.object.className == "Argmax" ? .maximum : .minimum
      let y = try call.scope.emit(.argReduce(function, axis: axis, keepDims: keeps && given != nil), x)
      let result = try call.scope.cast(y, to: .int32)
      return [keeps && given == nil ? try call.scope.reshape(result, Shape(shape.dimensions.map { _ in 1 })) : result]
    }
    operation("Cumsum", "Cumprod") { call throws(KerasImportError) in
      var x = try call.tensor("x", 0)
      if let dtype = try call.dtype() { x = try call.scope.cast(x, to: dtype) }
      if call.scope.dtype(of: x) == .bool { x = try call.scope.cast(x, to: .int32) }
      let given = try call.int("axis")
      if given == nil { x = try call.scope.reshape(x, [call.scope.shape(of: x).elementCount]) }
      let axis = try call.scope.axis(given ?? 0, rank: call.scope.rank(of: x))
      let function: CumulativeFunction = call.scope.object.className == "Cumsum" ? .sum : .product
      return [try call.scope.emit(.cumulative(function, axis: axis, reverse: false, exclusive: false), x)]
    }
    operation("TopK") { call throws(KerasImportError) in
      let x = try call.tensor("x", 0)
      guard let k = try call.int("k") else { throw KerasImportError(.missingKey("k")) }
      call.ignore("sorted")
      let axis = call.scope.rank(of: x) - 1
      let results = try call.scope.emitAll(.topK(k: .fixed(k), axis: axis, largest: true), [x])
      return [results[0], try call.scope.cast(results[1], to: .int32)]
    }
    operation("Sort", "Argsort") { call throws(KerasImportError) in
      var x = try call.tensor("x", 0)
      let given = try call.int("axis")
      let isFlat = given == nil && call.scope.object.config["axis"]?.isNull == true
      if isFlat { x = try call.scope.reshape(x, [call.scope.shape(of: x).elementCount]) }
      let axis = try call.scope.axis(given ?? -1, rank: call.scope.rank(of: x))
      let results = try call.scope.emitAll(
        .topK(k: call.scope.shape(of: x)[axis], axis: axis, largest: false), [x])
      return [call.scope.object.className == "Sort" ? results[0] : try call.scope.cast(results[1], to: .int32)]
    }
  }

  private mutating func addMovements() {
    operation("Reshape") { call throws(KerasImportError) in
      let x = try call.tensor("x", 0)
      guard let sizes = try call.ints("newshape", 1) else { throw KerasImportError(.missingKey("newshape")) }
      return [try call.scope.reshape(x, call.resolved(sizes, of: call.scope.shape(of: x)))]
    }
    operation("Ravel") { call throws(KerasImportError) in
      let x = try call.tensor("x", 0)
      return [try call.scope.reshape(x, [call.scope.shape(of: x).elementCount])]
    }
    operation("Transpose") { call throws(KerasImportError) in
      let x = try call.tensor("x", 0)
      let rank = call.scope.rank(of: x)
      let axes = try call.ints("axes", 1) ?? Array((0..<rank).reversed())
      return [try call.scope.transpose(x, axes.map { axis throws(KerasImportError) in try call.scope.axis(axis, rank: rank) })]
    }
    operation("Swapaxes") { call throws(KerasImportError) in
      let x = try call.tensor("x", 0)
      let rank = call.scope.rank(of: x)
      var order = Array(0..<rank)
      order.swapAt(
        try call.scope.axis(call.int("axis1", 1) ?? 0, rank: rank), try call.scope.axis(call.int("axis2", 2) ?? 0, rank: rank))
      return [try call.scope.transpose(x, order)]
    }
    operation("Moveaxis") { call throws(KerasImportError) in
      let x = try call.tensor("x", 0)
      let rank = call.scope.rank(of: x)
      var order: [Int?] = Array(repeating: nil, count: rank)
      var rest = Array(0..<rank)
      for (from, to) in zip(try call.ints("source", 1) ?? [], try call.ints("destination", 2) ?? []) {
        let axis = try call.scope.axis(from, rank: rank)
        order[try call.scope.axis(to, rank: rank)] = axis
        rest.removeAll { $0 == axis }
      }
      return [try call.scope.transpose(x, order.map { $0 ?? rest.removeFirst() })]
    }
    operation("ExpandDims") { call throws(KerasImportError) in
      let x = try call.tensor("x", 0)
      let given = try call.ints("axis", 1) ?? []
      let rank = call.scope.rank(of: x) + given.count
      return [try call.scope.expandDims(x, axes: call.scope.axes(given, rank: rank))]
    }
    operation("Squeeze") { call throws(KerasImportError) in
      let x = try call.tensor("x", 0)
      let shape = call.scope.shape(of: x)
      let all = shape.dimensions.indices.filter { shape[$0] == 1 }
      let axes = try call.ints("axis", 1).map { given throws(KerasImportError) in try call.scope.axes(given, rank: shape.rank) }
      return [try call.scope.squeeze(x, axes: axes ?? all)]
    }
    operation("Flip", "Fliplr", "Flipud") { call throws(KerasImportError) in
      let x = try call.tensor("x", 0)
      let rank = call.scope.rank(of: x)
      let name = call.scope.object.className
      let given = try name == "Flip" ? call.ints("axis", 1) : (name == "Fliplr" ? [1] : [0])
      return [try call.scope.emit(.reverse(axes: call.scope.axes(given ?? Array(0..<rank), rank: rank)), x)]
    }
    operation("BroadcastTo") { call throws(KerasImportError) in
      let x = try call.tensor("x", 0)
      guard let sizes = try call.ints("shape", 1) else { throw KerasImportError(.missingKey("shape")) }
      return [try call.scope.emit(.expand(Shape(sizes)), x)]
    }
    operation("Tile") { call throws(KerasImportError) in
      var x = try call.tensor("x", 0)
      var repeats = try call.ints("repeats", 1) ?? []
      let rank = call.scope.rank(of: x)
      if repeats.count > rank { x = try call.scope.expandDims(x, axes: Array(0..<(repeats.count - rank))) }
      repeats = Array(repeating: 1, count: max(0, rank - repeats.count)) + repeats
      return [try call.scope.emit(.tile(repeats), x)]
    }
    operation("Pad") { call throws(KerasImportError) in
      let x = try call.tensor("x", 0)
      let rank = call.scope.rank(of: x)
      guard let widths = call.value("pad_width")?.numericArray else { throw KerasImportError(.missingKey("pad_width")) }
      var pads: [PadPair] = []
      for axis in 0..<rank {
        let place = widths.sizes.count < 2 || widths.sizes[0] == 1 ? 0 : axis * 2
        guard place < widths.values.count else { throw KerasImportError(.invalidGraph("pad_width has too few pairs")) }
        let before = Int(clampingDouble: widths.values[place])
        pads.append(PadPair(before, widths.values.count == 1 ? before : Int(clampingDouble: widths.values[place + 1])))
      }
      let mode: PadAttributes.Mode
      switch try call.string("mode") ?? "constant" {
      case "constant": mode = .constant(try call.double("constant_values", 1) ?? 0)
      case "reflect": mode = .reflect
      case "symmetric": mode = .symmetric
      case let other: throw KerasImportError(.unsupported("padding mode \"\(other)\""))
      }
      return [try call.scope.emit(.pad(PadAttributes(pads: pads, mode: mode)), x)]
    }
    operation("Cast") { call throws(KerasImportError) in
      let x = try call.tensor("x", 0)
      guard let dtype = try call.dtype("dtype", 1) else { throw KerasImportError(.missingKey("dtype")) }
      return [try call.scope.cast(x, to: dtype)]
    }
    operation("ZerosLike", "OnesLike") { call throws(KerasImportError) in
      let x = try call.tensor("x", 0)
      let number = call.scope.object.className == "OnesLike" ? 1.0 : 0.0
      let dtype = try call.dtype() ?? call.scope.dtype(of: x)
      return [try call.scope.emit(.expand(call.scope.shape(of: x)), call.scope.scalar(number, dtype))]
    }
    operation("FullLike") { call throws(KerasImportError) in
      let x = try call.tensor("x", 0)
      let dtype = try call.dtype() ?? call.scope.dtype(of: x)
      let filler = try call.scope.cast(call.tensor("fill_value", 1), to: dtype)
      return [try call.scope.emit(.expand(call.scope.shape(of: x)), filler)]
    }
    operation("Tril", "Triu") { call throws(KerasImportError) in
      let upper = call.scope.object.className == "Triu"
      return [try call.scope.emit(.triangle(upper: upper, k: call.int("k") ?? 0), call.tensor("x", 0))]
    }
    operation("Repeat") { call throws(KerasImportError) in
      var x = try call.tensor("x", 0)
      let given = try call.int("axis")
      if given == nil { x = try call.scope.reshape(x, [call.scope.shape(of: x).elementCount]) }
      let axis = try call.scope.axis(given ?? 0, rank: call.scope.rank(of: x))
      let repeats = try call.ints("repeats") ?? [1]
      let shape = call.scope.shape(of: x)
      if repeats.count == 1 {
        var wide = shape.dimensions
        wide.insert(.fixed(repeats[0]), at: axis + 1)
        var result = shape
        result[axis] = shape[axis] * .fixed(repeats[0])
        let spread = try call.scope.emit(.expand(Shape(wide)), call.scope.expandDims(x, axes: [axis + 1]))
        return [try call.scope.reshape(spread, result)]
      }
      guard repeats.count <= 1 << 16, repeats.allSatisfy({ $0 <= 1 << 10 }) else {
        throw KerasImportError(.unsupported("more than \(1 << 16) numbers of repeats, or one beyond \(1 << 10)"))
      }
      let picks = repeats.enumerated().flatMap { Array(repeating: Int64($0.offset), count: max($0.element, 0)) }
      return [try call.scope.emit(.gather(axis: axis), x, call.scope.constant(Tensor(vector: picks)))]
    }
    operation("Roll") { call throws(KerasImportError) in
      var x = try call.tensor("x", 0)
      let shape = call.scope.shape(of: x)
      let axes = try call.ints("axis")
      let shifts = try call.ints("shift") ?? [0]
      if axes == nil { x = try call.scope.reshape(x, [shape.elementCount]) }
      for (index, axis) in (axes ?? [0]).enumerated() {
        let place = try call.scope.axis(axis, rank: call.scope.rank(of: x))
        let shift = shifts[min(index, shifts.count - 1)]
        guard let size = call.scope.shape(of: x)[place].fixedSize, size > 0 else {
          throw KerasImportError(.unsupported("Roll along an axis whose size is not known"))
        }
        let cut = ((-shift % size) + size) % size
        if cut == 0 { continue }
        let tail = try call.scope.emit(.slice([SliceRange(axis: place, start: cut, stop: nil)]), x)
        let head = try call.scope.emit(.slice([SliceRange(axis: place, start: 0, stop: cut)]), x)
        x = try call.scope.emit(.concat(axis: place), tail, head)
      }
      return [axes == nil ? try call.scope.reshape(x, shape) : x]
    }
  }

  private mutating func addJoins() {
    operation("Concatenate") { call throws(KerasImportError) in
      let x = try call.tensors("xs", 0)
      let axis = try call.scope.axis(call.int("axis") ?? 0, rank: call.scope.rank(of: x[0]))
      return [try call.scope.emitAll(.concat(axis: axis), x)[0]]
    }
    operation("Stack") { call throws(KerasImportError) in
      let x = try call.tensors("x", 0)
      let axis = try call.scope.axis(call.int("axis") ?? 0, rank: call.scope.rank(of: x[0]) + 1)
      let wide = try x.map { part throws(KerasImportError) in try call.scope.expandDims(part, axes: [axis]) }
      return [try call.scope.emitAll(.concat(axis: axis), wide)[0]]
    }
    operation("Hstack", "Vstack", "Dstack") { call throws(KerasImportError) in
      let name = call.scope.object.className
      let needed = name == "Dstack" ? 3 : (name == "Vstack" ? 2 : 1)
      let x = try call.tensors("xs", 0).map { part throws(KerasImportError) in
        let rank = call.scope.rank(of: part)
        if rank >= needed { return part }
        if needed == 3, rank == 1 { return try call.scope.expandDims(part, axes: [0, 2]) }
        return try call.scope.expandDims(part, axes: needed == 3 ? [2] : [0])
      }
      let axis = name == "Dstack" ? 2 : (name == "Vstack" || call.scope.rank(of: x[0]) == 1 ? 0 : 1)
      return [try call.scope.emitAll(.concat(axis: axis), x)[0]]
    }
    operation("Split", "ArraySplit") { call throws(KerasImportError) in
      let x = try call.tensor("x", 0)
      let axis = try call.scope.axis(call.int("axis") ?? 0, rank: call.scope.rank(of: x))
      let size = call.scope.shape(of: x)[axis]
      let isList = call.value("indices_or_sections")?.array != nil
      let given = try call.ints("indices_or_sections") ?? [1]
      guard isList ? given.count < 1 << 16 : given.count == 1 && given[0] <= 1 << 16 else {
        throw KerasImportError(.unsupported("a split into more than \(1 << 16) parts"))
      }
      var sizes: [Dimension] = []
      if isList {
        var start = Dimension.fixed(0)
        for end in given {
          sizes.append(.fixed(end) - start)
          start = .fixed(end)
        }
        sizes.append(size - start)
      } else if let known = size.fixedSize, given[0] > 0, known % given[0] != 0 {
        guard call.scope.object.className == "ArraySplit" else {
          throw KerasImportError(.invalidGraph("\(known) elements do not split into \(given[0]) equal parts"))
        }
        sizes = (0..<given[0]).map { .fixed(known / given[0] + ($0 < known % given[0] ? 1 : 0)) }
      } else {
        sizes = Array(repeating: size / .fixed(max(given[0], 1)), count: max(given[0], 1))
      }
      return try call.scope.emitAll(.split(axis: axis, sizes: sizes), [x])
    }
    operation("Unstack") { call throws(KerasImportError) in
      let x = try call.tensor("x", 0)
      let axis = try call.scope.axis(call.int("axis") ?? 0, rank: call.scope.rank(of: x))
      let given = try call.int("num")
      guard let count = call.scope.shape(of: x)[axis].fixedSize ?? given, count >= 0, count <= 1 << 16 else {
        throw KerasImportError(.unsupported("Unstack along an axis whose size is not known"))
      }
      let parts = try call.scope.emitAll(.split(axis: axis, sizes: Array(repeating: 1, count: count)), [x])
      return try parts.map { part throws(KerasImportError) in try call.scope.squeeze(part, axes: [axis]) }
    }
  }

  private mutating func addProducts() {
    operation("Matmul") { call throws(KerasImportError) in
      let x = try call.operands("x1", "x2")
      let (a, b) = (call.scope.rank(of: x[0]), call.scope.rank(of: x[1]))
      let left = a == 1 ? try call.scope.expandDims(x[0], axes: [0]) : x[0]
      let right = b == 1 ? try call.scope.expandDims(x[1], axes: [1]) : x[1]
      var y = try call.scope.matMul(left, right)
      if b == 1 { y = try call.scope.squeeze(y, axes: [call.scope.rank(of: y) - 1]) }
      if a == 1 { y = try call.scope.squeeze(y, axes: [call.scope.rank(of: y) - (b == 1 ? 1 : 2)]) }
      return [y]
    }
    operation("Einsum") { call throws(KerasImportError) in
      guard let subscripts = try call.string("subscripts") else { throw KerasImportError(.missingKey("subscripts")) }
      var arguments: [CallArgument<Operand>] = []
      for position in call.call.positional.indices {
        if let argument = call.argument("operands", position) { arguments.append(argument) }
      }
      let x = try call.promoted(arguments)
      return [try call.scope.einsum(subscripts, x)]
    }
    operation("Outer") { call throws(KerasImportError) in
      let x = try call.operands("x1", "x2")
      let a = try call.scope.reshape(x[0], [call.scope.shape(of: x[0]).elementCount, 1])
      let b = try call.scope.reshape(x[1], [1, call.scope.shape(of: x[1]).elementCount])
      return [try call.scope.multiply(a, b)]
    }
  }

  private mutating func addIndexing() {
    operation("GetItem") { call throws(KerasImportError) in
      let x = try call.tensor("x", 0)
      guard let key = call.argument("key", 1) else { return [try call.scope.expandDims(x, axes: [0])] }
      return [try call.scope.item(x, key)]
    }
    operation("Take") { call throws(KerasImportError) in
      var x = try call.tensor("x", 0)
      let indices = try call.tensor("indices", 1)
      let given = try call.int("axis")
      if given == nil { x = try call.scope.reshape(x, [call.scope.shape(of: x).elementCount]) }
      let axis = try call.scope.axis(given ?? 0, rank: call.scope.rank(of: x))
      return [try call.scope.emit(.gather(axis: axis), x, call.scope.integerIndices(indices))]
    }
    operation("TakeAlongAxis") { call throws(KerasImportError) in
      var x = try call.tensor("x", 0)
      var indices = try call.scope.integerIndices(call.tensor("indices", 1))
      let given = try call.int("axis")
      if given == nil {
        x = try call.scope.reshape(x, [call.scope.shape(of: x).elementCount])
        indices = try call.scope.reshape(indices, [call.scope.shape(of: indices).elementCount])
      }
      let axis = try call.scope.axis(given ?? 0, rank: call.scope.rank(of: x))
      return [try call.scope.emit(.gatherElements(axis: axis), x, indices)]
    }
    operation("OneHot") { call throws(KerasImportError) in
      let x = try call.scope.cast(call.tensor("x", 0), to: .int64)
      guard let classes = try call.int("num_classes") else { throw KerasImportError(.missingKey("num_classes")) }
      call.ignore("sparse")
      let rank = call.scope.rank(of: x)
      let axis = try call.scope.axis(call.int("axis") ?? -1, rank: rank + 1)
      let y = try call.scope.oneHot(x, classes: classes, dtype: call.dtype() ?? .float32)
      if axis == rank { return [y] }
      var order = Array(0..<rank)
      order.insert(rank, at: axis)
      return [try call.scope.transpose(y, order)]
    }
  }
}

// MARK: - Pieces

extension OperationCall {
  /// The axes of a reduction: all when none are given.
  func axes(rank: Int) throws(KerasImportError) -> [Int] {
    guard let given = try ints("axis") else { return Array(0..<rank) }
    return try scope.axes(given, rank: rank)
  }

  func reduced(_ function: ReduceFunction, _ x: Value) throws(KerasImportError) -> Value {
    let axes = try axes(rank: scope.rank(of: x))
    return try scope.reduce(function, x, axes: axes, keepDims: bool("keepdims", default: false))
  }

  /// A target shape of which one size may be -1; a size of the operand's that is not known may stand at its place.
  func resolved(_ sizes: [Int], of shape: Shape) throws(KerasImportError) -> Shape {
    guard sizes.filter({ $0 < 0 }).count <= 1 else { throw KerasImportError(.invalidGraph("two sizes of \(sizes) are open")) }
    return sizes.resolved(elementCount: shape.elementCount)
  }
}

extension LoweringScope {
  /// Indices in a type that gather takes.
  func integerIndices(_ x: Value) throws(KerasImportError) -> Value {
    dtype(of: x).isInteger ? x : try cast(x, to: .int32)
  }

  /// A last axis that is 1 at the class and 0 elsewhere; classes out of range give zeros.
  func oneHot(_ x: Value, classes: Int, dtype target: DType) throws(KerasImportError) -> Value {
    guard classes <= 1 << 22 else {
      throw KerasImportError(.unsupported("one-hot vectors of \(classes) classes; the limit is \(1 << 22)"))
    }
    let all = constant(Tensor(vector: Array(0..<Int64(max(classes, 0)))), as: "classes")
    return try cast(emit(.compare(.equal), expandDims(x, axes: [rank(of: x)]), cast(all, to: dtype(of: x))), to: target)
  }

  /// Einstein's notation with `...` and with the result left out, as NumPy has it.
  func einsum(_ subscripts: String, _ operands: [Value]) throws(KerasImportError) -> Value {
    let text = subscripts.filter { $0 != " " }
    let sides = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    var inputs = sides[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard inputs.count == operands.count else {
      throw KerasImportError(.invalidGraph("\"\(subscripts)\" needs \(inputs.count) operands, found \(operands.count)"))
    }
    let used = Set(text)
    let spare = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".filter { !used.contains($0) }
    var longest = 0
    for (index, input) in inputs.enumerated() where input.contains("...") {
      let count = rank(of: operands[index]) - (input.count - 3)
      guard count >= 0, count <= spare.count else { throw KerasImportError(.invalidGraph("\"\(subscripts)\" does not fit its operands")) }
      longest = max(longest, count)
    }
    let batch = String(spare.prefix(longest))
    for (index, input) in inputs.enumerated() where input.contains("...") {
      let count = rank(of: operands[index]) - (input.count - 3)
      inputs[index] = input.replacing("...", with: String(batch.suffix(count)))
    }
    var output: String
    if sides.count == 2 {
      output = String(sides[1].dropFirst()).replacing("...", with: batch)
    } else {
      let letters = inputs.joined()
      let once = Set(letters).filter { letter in letters.count { $0 == letter } == 1 && !batch.contains(letter) }
      output = batch + String(once.sorted())
    }
    return try emitAll(.einsum(inputs.joined(separator: ",") + "->" + output), operands)[0]
  }

  /// NumPy's basic indexing.
  func item(_ x: Value, _ key: CallArgument<Operand>) throws(KerasImportError) -> Value {
    var keys: [CallArgument<Operand>]
    if case .list(let items) = key { keys = items } else { keys = [key] }
    let rank = rank(of: x)
    let consumed = keys.count { argument in
      switch argument {
      case .none, .ellipsis: false
      default: true
      }
    }
    guard consumed <= rank else { throw KerasImportError(.invalidGraph("\(consumed) indices for shape \(shape(of: x))")) }
    let whole = CallArgument<Operand>.slice(start: .none, stop: .none, step: .none)
    if let place = keys.firstIndex(where: { if case .ellipsis = $0 { true } else { false } }) {
      keys.replaceSubrange(place...place, with: Array(repeating: whole, count: rank - consumed))
    }
    var ranges: [SliceRange] = []
    var removed: [Int] = []
    var layout: [Bool] = []  // true: a new axis; false: an axis of x
    var gathered: (axis: Int, indices: Value)?
    var axis = 0
    for key in keys {
      switch key {
      case .none:
        layout.append(true)
        continue
      case .integer(let index):
        ranges.append(SliceRange(axis: axis, start: index, stop: index == -1 ? nil : index &+ 1))
        removed.append(axis)
      case .slice(let start, let stop, let step):
        let range = SliceRange(axis: axis, start: try start.index, stop: try stop.index, step: try step.index ?? 1)
        guard range.step != 0 else { throw KerasImportError(.invalidGraph("a slice with step 0")) }
        if range.start != nil || range.stop != nil || range.step != 1 { ranges.append(range) }
        layout.append(false)
      case .tensor(let operand):
        guard gathered == nil else { throw KerasImportError(.unsupported("indexing with two tensors")) }
        gathered = (axis, try integerIndices(operand.value))
        layout.append(false)
      case .array(let tensor):
        guard gathered == nil else { throw KerasImportError(.unsupported("indexing with two tensors")) }
        gathered = (axis, constant(tensor))
        layout.append(false)
      default: throw KerasImportError(.unsupported("this kind of index"))
      }
      axis += 1
    }
    var y = ranges.isEmpty ? x : try emit(.slice(ranges), x)
    if let gathered {
      guard removed.isEmpty, !layout.contains(true) else { throw KerasImportError(.unsupported("mixed indexing with a tensor")) }
      return try emit(.gather(axis: gathered.axis), y, gathered.indices)
    }
    let kept = shape(of: y).dimensions.enumerated().filter { !removed.contains($0.offset) }.map(\.element)
    layout += Array(repeating: false, count: max(0, kept.count - layout.count { !$0 }))
    var rest = kept[...]
    let result = layout.map { $0 ? Dimension.fixed(1) : rest.popFirst() ?? 1 }
    y = try reshape(y, Shape(result))
    return y
  }
}

extension CallArgument {
  /// A bound of a slice.
  fileprivate var index: Int? {
    get throws(KerasImportError) {
      switch self {
      case .none: return nil
      case .integer(let value): return value
      default: throw KerasImportError(.unsupported("a slice whose bounds depend on the data"))
      }
    }
  }
}
