import ModelIR

/// TensorFlow's functions on numbers, with TensorFlow's names of their arguments.
extension LayerRegistry {
  mutating func addTensorFlowMath() {
    addElementwise()
    addSums()
    addNorms()
    addMatrices()
    addOrders()
  }

  private mutating func addElementwise() {
    operation("tf.squared_difference") { call throws(KerasImportError) in
      let x = try call.operands("x", "y")
      return [try call.scope.unary(.square, call.scope.subtract(x[0], x[1]))]
    }
    // Where the first operand is 0 so is the result.
    operation("tf.xlogy", "tf.xdivy") { call throws(KerasImportError) in
      let x = try call.floatingOperands("x", "y")
      let zero = call.scope.scalar(0, like: x[0])
      let isLog = call.scope.object.className == "tf.xlogy"
      let y =
        try isLog ? call.scope.multiply(x[0], call.scope.unary(.log, x[1])) : call.scope.divide(x[0], x[1])
      return [try call.scope.emit(.select, call.scope.emit(.compare(.equal), x[0], zero), zero, y)]
    }
    operation("tf.multiply_no_nan") { call throws(KerasImportError) in
      let x = try call.floatingOperands("x", "y")
      let zero = call.scope.scalar(0, like: x[1])
      return [
        try call.scope.emit(
          .select, call.scope.emit(.compare(.equal), x[1], zero), zero, call.scope.multiply(x[0], x[1]))
      ]
    }
    operation("tf.clip_by_value") { call throws(KerasImportError) in
      guard let t = call.argument("t", 0), let low = call.argument("clip_value_min", 1),
        let high = call.argument("clip_value_max", 2)
      else { throw KerasImportError(.missingKey("clip_value_min")) }
      let x = try call.promoted([t, low, high])
      return [try call.scope.emit(.binary(.maximum), call.scope.emit(.binary(.minimum), x[0], x[2]), x[1])]
    }
    operation("tf.nn.silu") { call throws(KerasImportError) in
      let x = try call.floating("features", 0)
      let beta = try call.double("beta", 1) ?? 1
      return [
        try call.scope.multiply(x, call.scope.unary(.sigmoid, beta == 1 ? x : call.scope.multiply(x, beta)))
      ]
    }
    operation("tf.nn.crelu") { call throws(KerasImportError) in
      let x = try call.tensor("features", 0)
      let axis = try call.scope.axis(call.int("axis", 1) ?? -1, rank: call.scope.rank(of: x))
      return [
        try call.scope.emit(
          .concat(axis: axis), call.scope.unary(.relu, x),
          call.scope.unary(.relu, call.scope.unary(.negate, x)))
      ]
    }
    operation("tf.nn.dropout") { call throws(KerasImportError) in
      let x = try call.tensor("x", 0)
      call.ignore("noise_shape", "seed")
      guard try call.double("rate", 1) ?? 0 == 0 else {
        throw KerasImportError(.unsupported("nn.dropout, which is random at inference too"))
      }
      return [x]
    }
    operation("tf.nn.bias_add") { call throws(KerasImportError) in
      guard let value = call.argument("value", 0), let bias = call.argument("bias", 1) else {
        throw KerasImportError(.missingKey("bias"))
      }
      let x = try call.promoted([value, bias])
      return [try call.scope.addBias(x[0], x[1], layout: call.tensorFlowLayout(2))]
    }
  }

  private mutating func addSums() {
    operation("tf.add_n", "tf.accumulate_n") { call throws(KerasImportError) in
      let x = try call.tensors("inputs", 0)
      call.ignore("shape", "tensor_dtype")
      guard var sum = x.first else { throw KerasImportError(.invalidGraph("a sum of no tensors")) }
      for value in x.dropFirst() { sum = try call.scope.add(sum, value) }
      return [sum]
    }
    operation("tf.cumsum", "tf.cumprod") { call throws(KerasImportError) in
      let x = try call.tensor("x", 0)
      let axis = try call.scope.axis(call.int("axis", 1) ?? 0, rank: call.scope.rank(of: x))
      let function: CumulativeFunction = call.scope.object.className == "tf.cumsum" ? .sum : .product
      let exclusive = try call.bool("exclusive", 2, default: false)
      let reverse = try call.bool("reverse", 3, default: false)
      return [
        try call.scope.emit(.cumulative(function, axis: axis, reverse: reverse, exclusive: exclusive), x)
      ]
    }
    operation("tf.count_nonzero") { call throws(KerasImportError) in
      let x = try call.tensor("input", 0)
      let axes = try call.tensorFlowAxes(rank: call.scope.rank(of: x), at: 1)
      let counted = try call.scope.cast(call.scope.cast(x, to: .bool), to: .int64)
      let sum = try call.scope.reduce(
        .sum, counted, axes: axes, keepDims: call.bool("keepdims", 2, default: false))
      return [try call.scope.cast(sum, to: call.dtype("dtype", 3) ?? .int64)]
    }
    operation("tf.argmax", "tf.argmin") { call throws(KerasImportError) in
      let x = try call.tensor("input", 0)
      let (given, old) = (try call.int("axis", 1), try call.int("dimension"))
      let axis = try call.scope.axis(given ?? old ?? 0, rank: call.scope.rank(of: x))
      let function: ArgFunction = call.scope.object.className == "tf.argmax" ? .maximum : .minimum
      let y = try call.scope.emit(.argReduce(function, axis: axis, keepDims: false), x)
      return [try call.scope.cast(y, to: call.dtype("output_type", 2) ?? .int64)]
    }
  }

  private mutating func addNorms() {
    operation("tf.l2_normalize") { call throws(KerasImportError) in
      let x = try call.tensor("x", 0)
      let rank = call.scope.rank(of: x)
      let (axis, dim) = (try call.ints("axis", 1), try call.ints("dim"))
      let given = axis ?? dim
      let axes = try call.scope.axes(given ?? Array(0..<rank), rank: rank)
      return [try call.scope.unitNormalized(x, axes: axes, epsilon: call.double("epsilon", 2) ?? 1e-12)]
    }
    operation("tf.reduce_euclidean_norm") { call throws(KerasImportError) in
      let x = try call.floating("input_tensor", 0)
      let axes = try call.tensorFlowAxes(rank: call.scope.rank(of: x), at: 1)
      let keeps = try call.bool("keepdims", 2, default: false)
      return [
        try call.scope.unary(
          .sqrt, call.scope.reduce(.sum, call.scope.unary(.square, x), axes: axes, keepDims: keeps))
      ]
    }
    operation("tf.norm") { call throws(KerasImportError) in [try call.norm()] }
    operation("tf.clip_by_norm") { call throws(KerasImportError) in
      let x = try call.floating("t", 0)
      guard let bound = try call.double("clip_norm", 1) else {
        throw KerasImportError(.missingKey("clip_norm"))
      }
      let rank = call.scope.rank(of: x)
      let axes = try call.tensorFlowAxes("axes", rank: rank, at: 2)
      let squares = try call.scope.reduce(.sum, call.scope.unary(.square, x), axes: axes, keepDims: true)
      let length = try call.scope.unary(.clip(minimum: bound, maximum: nil), call.scope.unary(.sqrt, squares))
      return [try call.scope.divide(call.scope.multiply(x, bound), length)]
    }
    operation("tf.nn.local_response_normalization") { call throws(KerasImportError) in
      let x = try call.floating("input", 0)
      let radius = try call.int("depth_radius", 1) ?? 5
      let (bias, alpha, beta) = (
        try call.double("bias", 2) ?? 1, try call.double("alpha", 3) ?? 1, try call.double("beta", 4) ?? 0.5
      )
      let axis = call.scope.rank(of: x) - 1
      guard axis >= 0, (0...1 << 10).contains(radius) else {
        throw KerasImportError(.invalidGraph("depth_radius \(radius)"))
      }
      var pads = Array(repeating: PadPair(0, 0), count: axis + 1)
      pads[axis] = PadPair(radius, radius)
      let squares = try call.scope.emit(
        .pad(PadAttributes(pads: pads, mode: .constant(0))), call.scope.unary(.square, x))
      let size = call.scope.shape(of: x)[axis]
      var sum = try call.scope.part(squares, axis: axis, start: 0, size: size)
      for offset in 1..<(2 * radius + 1) where radius > 0 {
        sum = try call.scope.add(sum, call.scope.part(squares, axis: axis, start: .fixed(offset), size: size))
      }
      let base = try call.scope.add(call.scope.multiply(sum, alpha), bias)
      return [
        try call.scope.divide(x, call.scope.emit(.binary(.power), base, call.scope.scalar(beta, like: base)))
      ]
    }
  }

  private mutating func addMatrices() {
    operation("tf.matmul") { call throws(KerasImportError) in
      guard let left = call.argument("a", 0), let right = call.argument("b", 1) else {
        throw KerasImportError(.missingKey("b"))
      }
      let x = try call.promoted([left, right])
      func isTurned(_ side: String) throws(KerasImportError) -> Bool {
        let (turned, adjoint) = (
          try call.bool("transpose_\(side)", default: false), try call.bool("adjoint_\(side)", default: false)
        )
        return turned != adjoint
      }
      call.ignore("a_is_sparse", "b_is_sparse", "output_type", "grad_a", "grad_b")
      let a = try isTurned("a") ? call.scope.matrixTransposed(x[0]) : x[0]
      let b = try isTurned("b") ? call.scope.matrixTransposed(x[1]) : x[1]
      return [try call.scope.matMul(a, b)]
    }
    operation("tf.einsum") { call throws(KerasImportError) in
      guard let equation = try call.string("equation") else {
        throw KerasImportError(.unsupported("einsum whose operands Keras did not save"))
      }
      let x = try call.tensors("operands", 0)
      return [try call.scope.einsum(equation, x)]
    }
    operation("tf.tensordot") { call throws(KerasImportError) in
      guard let left = call.argument("a", 0), let right = call.argument("b", 1),
        let axes = call.argument("axes", 2)
      else {
        throw KerasImportError(.missingKey("axes"))
      }
      let x = try call.promoted([left, right])
      let (rankA, rankB) = (call.scope.rank(of: x[0]), call.scope.rank(of: x[1]))
      var pairs: (a: [Int], b: [Int])
      if case .integer(let count) = axes {
        guard (0...min(rankA, rankB)).contains(count) else {
          throw KerasImportError(.invalidGraph("\(count) axes of ranks \(rankA), \(rankB)"))
        }
        pairs = (Array((rankA - count)..<rankA), Array(0..<count))
      } else {
        guard case .list(let sides) = axes, sides.count == 2, let a = sides[0].integers,
          let b = sides[1].integers,
          a.count == b.count
        else { throw KerasImportError(.unsupported("axes of tensordot that are not numbers")) }
        pairs = (a, b)
      }
      pairs.a = try pairs.a.map { axis throws(KerasImportError) in
        try call.scope.axis(axis, rank: rankA, key: "axes")
      }
      pairs.b = try pairs.b.map { axis throws(KerasImportError) in
        try call.scope.axis(axis, rank: rankB, key: "axes")
      }
      let letters = Array("abcdefghijklmnopqrstuvwxyz")
      guard rankA + rankB <= letters.count else {
        throw KerasImportError(.unsupported("tensordot of ranks \(rankA), \(rankB)"))
      }
      let first = Array(letters[..<rankA])
      var second = Array(letters[rankA..<(rankA + rankB)])
      for (a, b) in zip(pairs.a, pairs.b) { second[b] = first[a] }
      let kept =
        first.indices.filter { !pairs.a.contains($0) }.map { first[$0] }
        + second.indices.filter { !pairs.b.contains($0) }.map { second[$0] }
      return [try call.scope.emit(.einsum("\(String(first)),\(String(second))->\(String(kept))"), x[0], x[1])]
    }
    operation("tf.band_part") { call throws(KerasImportError) in
      var x = try call.tensor("input", 0)
      let (lower, upper) = (try call.int("num_lower", 1) ?? -1, try call.int("num_upper", 2) ?? -1)
      if lower >= 0 { x = try call.scope.emit(.triangle(upper: true, k: -lower), x) }
      if upper >= 0 { x = try call.scope.emit(.triangle(upper: false, k: upper), x) }
      return [x]
    }
    operation("tf.diag_part", "tf.trace") { call throws(KerasImportError) in
      let isTrace = call.scope.object.className == "tf.trace"
      let x = try call.tensor(isTrace ? "x" : "input", 0)
      guard try call.int("k") ?? 0 == 0 else {
        throw KerasImportError(.unsupported("diagonals beside the main one"))
      }
      call.ignore("padding_value", "align")
      let rank = call.scope.rank(of: x)
      guard rank > 1 else { throw KerasImportError(.invalidGraph("a matrix has 2 axes or more")) }
      let shape = call.scope.shape(of: x)
      let size = Dimension.minimum(shape[rank - 2], shape[rank - 1])
      let square = try call.scope.part(
        call.scope.part(x, axis: rank - 2, start: 0, size: size), axis: rank - 1, start: 0, size: size)
      let isDiagonal = try call.scope.diagonal(size)
      let picked = try call.scope.emit(.select, isDiagonal, square, call.scope.scalar(0, like: x))
      return [try call.scope.reduce(.sum, picked, axes: isTrace ? [rank - 2, rank - 1] : [rank - 1])]
    }
    operation("tf.diag") { call throws(KerasImportError) in
      let x = try call.tensor("diagonal", 0)
      for key in ["k", "num_rows", "num_cols"] where ![nil, key == "k" ? 0 : -1].contains(try call.int(key)) {
        throw KerasImportError(.unsupported("\(key) of linalg.diag"))
      }
      call.ignore("padding_value", "align")
      let rank = call.scope.rank(of: x)
      guard rank > 0 else { throw KerasImportError(.invalidGraph("a diagonal has 1 axis or more")) }
      let isDiagonal = try call.scope.diagonal(call.scope.shape(of: x)[rank - 1])
      return [
        try call.scope.emit(
          .select, isDiagonal, call.scope.expandDims(x, axes: [rank]), call.scope.scalar(0, like: x))
      ]
    }
  }

  private mutating func addOrders() {
    operation("tf.top_k") { call throws(KerasImportError) in
      let x = try call.tensor("input", 0)
      let k = try call.sizes("k", 1)?.first ?? 1
      call.ignore("sorted")
      let results = try call.scope.emitAll(.topK(k: k, axis: call.scope.rank(of: x) - 1, largest: true), [x])
      return [results[0], try call.scope.cast(results[1], to: call.dtype("index_type", 3) ?? .int32)]
    }
    operation("tf.sort", "tf.argsort") { call throws(KerasImportError) in
      let x = try call.tensor("values", 0)
      let axis = try call.scope.axis(call.int("axis", 1) ?? -1, rank: call.scope.rank(of: x))
      let direction = try call.string("direction", 2) ?? "ASCENDING"
      call.ignore("stable")
      let largest = direction == "DESCENDING"
      guard largest || direction == "ASCENDING" else {
        throw KerasImportError(.unsupported("direction \"\(direction)\""))
      }
      let results = try call.scope.emitAll(
        .topK(k: call.scope.shape(of: x)[axis], axis: axis, largest: largest), [x])
      return [
        call.scope.object.className == "tf.sort" ? results[0] : try call.scope.cast(results[1], to: .int32)
      ]
    }
  }
}

extension LoweringScope {
  /// True on the diagonal of a square matrix.
  fileprivate func diagonal(_ size: Dimension) throws(KerasImportError) -> Value {
    let places = try emit(.range(size))
    return try emit(.compare(.equal), expandDims(places, axes: [1]), expandDims(places, axes: [0]))
  }
}

extension OperationCall {
  /// `axis` as TensorFlow's reductions have it: all axes when absent.
  func tensorFlowAxes(_ name: String = "axis", rank: Int, at position: Int) throws(KerasImportError) -> [Int]
  {
    guard let given = try ints(name, position) else { return Array(0..<rank) }
    return try scope.axes(given, rank: rank)
  }

  /// `data_format`: `NHWC` and its kin, or `NCHW`; absent: channels last.
  func tensorFlowLayout(_ position: Int? = nil) throws(KerasImportError) -> DataLayout {
    guard let format = try string("data_format", position), !format.isEmpty else { return .channelsLast }
    guard format.hasPrefix("N"), format.count > 2 else {
      throw KerasImportError(.unsupported("data_format \"\(format)\""))
    }
    return format.hasPrefix("NC") ? .channelsFirst : .channelsLast
  }

  /// `tf.norm`: Euclidean, of absolute values to a power, or their maximum; over two axes the Euclidean norm only.
  fileprivate func norm() throws(KerasImportError) -> Value {
    let x = try floating("tensor", 0)
    let rank = scope.rank(of: x)
    let given = try ints("axis", 2)
    let axes = try scope.axes(given ?? Array(0..<rank), rank: rank)
    let (first, second) = (try bool("keepdims", 3, default: false), try bool("keep_dims", default: false))
    let keeps = first || second
    var order: Double? = 2
    if case .string(let text)? = argument("ord", 1) {
      guard text == "euclidean" || text == "fro" else {
        throw KerasImportError(.unsupported("ord \"\(text)\""))
      }
    } else {
      order = try double("ord", 1) ?? 2
      if let given, given.count > 1 {
        throw KerasImportError(.unsupported("a matrix norm of order \(order ?? 2)"))
      }
    }
    let magnitude = try scope.unary(.absolute, x)
    switch order {
    case 1: return try scope.reduce(.sum, magnitude, axes: axes, keepDims: keeps)
    case Double.infinity: return try scope.reduce(.maximum, magnitude, axes: axes, keepDims: keeps)
    case 2, nil:
      return try scope.unary(.sqrt, scope.reduce(.sum, scope.unary(.square, x), axes: axes, keepDims: keeps))
    case let power?:
      guard power > 0 else { throw KerasImportError(.unsupported("a norm of order \(power)")) }
      let sum = try scope.reduce(
        .sum, scope.emit(.binary(.power), magnitude, scope.scalar(power, like: x)), axes: axes,
        keepDims: keeps)
      return try scope.emit(.binary(.power), sum, scope.scalar(1 / power, like: x))
    }
  }
}
