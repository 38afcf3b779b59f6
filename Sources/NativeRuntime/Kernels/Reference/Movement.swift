import ModelIR

/// Operations that move elements; they work on the elements' bits, whatever the type.
func movement(_ op: Op, _ x: [Tensor]) throws -> [Tensor] {
  if x[0].dtype == .string { return try stringMovement(op, x) }
  switch op {
  case .reshape(let shape):
    guard let sizes = shape.fixedSizes, sizes.reduce(1, *) == x[0].elementCount else {
      throw KernelError("cannot reshape \(x[0].sizes) to \(shape)")
    }
    return try [Tensor(dtype: x[0].dtype, sizes: sizes, storage: x[0].storage)]
  case .transpose(let permutation): return [try transpose(x[0], permutation)]
  case .concat(let axis): return [try concat(x, axis)]
  case .split(let axis, let sizes):
    guard let sizes = Shape(sizes).fixedSizes else { throw KernelError("the parts \(sizes) are not known") }
    return try split(x[0], axis, sizes)
  case .slice(let ranges): return [try slice(x[0], ranges)]
  case .pad(let attributes): return [try pad(x[0], attributes)]
  case .expand(let shape):
    guard let sizes = shape.fixedSizes else { throw KernelError("the shape \(shape) is not known") }
    return [try strided(x[0], sizes: sizes, strides: broadcastStrides(x[0].sizes, to: sizes), offset: 0)]
  case .tile(let repeats): return [try tile(x[0], repeats)]
  case .reverse(let axes):
    return [try slice(x[0], axes.map { SliceRange(axis: $0, start: nil, stop: nil, step: -1) })]
  case .gather(let axis): return [try gather(x[0], x[1], axis)]
  case .gatherElements(let axis): return [try gatherElements(x[0], x[1], axis)]
  case .gatherND(let batchDims): return [try gatherND(x[0], x[1], batchDims)]
  case .triangle(let upper, let k): return [try triangle(x[0], upper: upper, k: k)]
  case .unary, .binary, .compare, .select, .cast, .matMul, .dense, .dequantize, .einsum, .attention, .conv,
    .convTranspose, .pool, .reduce, .argReduce,
    .cumulative, .topK, .batchNormalization, .normalization, .softmax, .logSoftmax, .scatterND, .range,
    .count, .sizes,
    .recurrent, .sequenceRecurrent, .scan, .resize, .lookup, .hash, .vectorize:
    throw KernelError("\(op.name) does not move elements")
  }
}

/// Strings are moved through the positions of their elements.
private func stringMovement(_ op: Op, _ x: [Tensor]) throws -> [Tensor] {
  var all: [String] = []
  var positions: [Tensor] = []
  for tensor in x {
    guard let strings = tensor.strings else { positions.append(tensor); continue }
    try positions.append(Tensor(strings.indices.map { Int64($0 + all.count) }, sizes: tensor.sizes))
    all += strings
  }
  return try movement(op, positions).map { moved in
    // Places counted above.
    try Tensor(try moved.elements(as: Int64.self).map { all[Int($0)] }, sizes: moved.sizes)
  }
}

extension Tensor {
  /// A new tensor of the same type whose bytes `body` writes.
  func remade(_ sizes: [Int], _ body: (UnsafeRawBufferPointer, UnsafeMutableRawBufferPointer) throws -> Void)
    throws -> Tensor
  {
    let storage = try MemoryStorage(byteCount: sizes.reduce(1, *) * dtype.byteCount) { target in
      try withBytes { try body($0, target) }
    }
    return try Tensor(dtype: dtype, sizes: sizes, storage: storage)
  }
}

/// Element `i` of the result is the element at `offset + i . strides` of the operand.
/// - Throws: ``KernelError`` when that reaches beyond the operand.
func strided(_ x: Tensor, sizes: [Int], strides: [Int], offset: Int) throws -> Tensor {
  let count = try ElementCount.of(sizes)
  var (low, high) = (offset, offset)
  for (size, step) in zip(sizes, strides) where count > 0 {
    low += min((size - 1) * step, 0)
    high += max((size - 1) * step, 0)
  }
  guard count == 0 || low >= 0 && high < x.elementCount else {
    throw KernelError("elements of sizes \(sizes) reach beyond the operand of sizes \(x.sizes)")
  }
  return try x.remade(sizes) { source, target in
    switch x.dtype.byteCount {
    case 1: copyStrided(source, target, UInt8.self, sizes, strides, offset)
    case 2: copyStrided(source, target, UInt16.self, sizes, strides, offset)
    case 4: copyStrided(source, target, UInt32.self, sizes, strides, offset)
    default: copyStrided(source, target, UInt64.self, sizes, strides, offset)
    }
  }
}

private func copyStrided<T: BitwiseCopyable>(
  _ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer, _ type: T.Type, _ sizes: [Int],
  _ strides: [Int], _ offset: Int
) {
  guard let x = source.baseAddress?.assumingMemoryBound(to: T.self),
    let y = target.baseAddress?.assumingMemoryBound(to: T.self)
  else { return }
  guard let count = sizes.last, let step = strides.last else { y[0] = x[offset]; return }
  var row = 0
  forEachRow(sizes, [strides]) { offsets in
    let from = x + (offset + offsets[0])
    if step == 1 {
      (y + row).update(from: from, count: count)
    } else {
      for i in 0..<count { y[row + i] = from[i * step] }
    }
    row += count
  }
}

func transpose(_ x: Tensor, _ permutation: [Int]) throws -> Tensor {
  let own = strides(of: x.sizes)
  return try strided(
    x, sizes: permutation.map { x.sizes[$0] }, strides: permutation.map { own[$0] }, offset: 0)
}

func slice(_ x: Tensor, _ ranges: [SliceRange]) throws -> Tensor {
  var sizes = x.sizes
  var steps = strides(of: sizes)
  var offset = 0
  for range in ranges {
    let (start, count, step) = range.resolved(size: x.sizes[range.axis])
    offset += start * steps[range.axis]
    sizes[range.axis] = count
    // A step beyond the axis, of any size, takes one element and is never made.
    if count > 1 { steps[range.axis] *= step }
  }
  return try strided(x, sizes: sizes, strides: steps, offset: offset)
}

private func concat(_ x: [Tensor], _ axis: Int) throws -> Tensor {
  var sizes = x[0].sizes
  sizes[axis] = x.reduce(0) { $0 + $1.sizes[axis] }
  let (outer, _, inner) = around(sizes, axis)
  let rowBytes = sizes[axis] * inner * x[0].dtype.byteCount
  return try x[0].remade(sizes) { _, target in
    var start = 0
    for part in x {
      for other in sizes.indices where other != axis && part.sizes[other] != sizes[other] {
        throw KernelError("cannot join shapes \(x[0].sizes) and \(part.sizes) along axis \(axis)")
      }
      let bytes = part.sizes[axis] * inner * part.dtype.byteCount
      try part.withBytes { source in
        guard bytes > 0 else { return }
        for row in 0..<outer {
          let from = UnsafeRawBufferPointer(rebasing: source[(row * bytes)..<((row + 1) * bytes)])
          UnsafeMutableRawBufferPointer(rebasing: target[(row * rowBytes + start)...]).copyMemory(from: from)
        }
      }
      start += bytes
    }
  }
}

private func split(_ x: Tensor, _ axis: Int, _ sizes: [Int]) throws -> [Tensor] {
  var start = 0
  var parts: [Tensor] = []
  guard sizes.reduce(0, +) == x.sizes[axis] else {
    throw KernelError("cannot split \(x.sizes) into \(sizes)")
  }
  for size in sizes {
    parts.append(try slice(x, [SliceRange(axis: axis, start: start, stop: start + size)]))
    start += size
  }
  return parts
}

private func tile(_ x: Tensor, _ repeats: [Int]) throws -> Tensor {
  // [r0, s0, r1, s1, ...] with stride 0 along the repeats, then the pairs joined.
  let own = strides(of: x.sizes)
  var sizes: [Int] = []
  var steps: [Int] = []
  for axis in x.sizes.indices {
    sizes += [repeats[axis], x.sizes[axis]]
    steps += [0, own[axis]]
  }
  let tiled = try strided(x, sizes: sizes, strides: steps, offset: 0)
  return try Tensor(dtype: x.dtype, sizes: zip(x.sizes, repeats).map { $0 * $1 }, storage: tiled.storage)
}

private func pad(_ x: Tensor, _ attributes: PadAttributes) throws -> Tensor {
  var result = x
  if case .constant(let value) = attributes.mode { return try constantPad(x, attributes.pads, value) }
  for (axis, pair) in attributes.pads.enumerated() where pair.before + pair.after > 0 {
    let size = result.sizes[axis]
    let positions = try (-pair.before..<(size + pair.after)).map { try source($0, size, attributes.mode) }
    result = try gather(result, Tensor(positions.map(Int64.init), sizes: [positions.count]), axis)
  }
  return result
}

/// Which element a padded position repeats.
private func source(_ position: Int, _ size: Int, _ mode: PadAttributes.Mode) throws -> Int {
  guard size > 0 else { throw KernelError("cannot pad an empty axis") }
  switch mode {
  case .constant, .edge: return min(max(position, 0), size - 1)
  case .reflect:
    if size == 1 { return 0 }
    let period = 2 * (size - 1)
    let phase = ((position % period) + period) % period
    return phase < size ? phase : period - phase
  case .symmetric:
    let phase = ((position % (2 * size)) + 2 * size) % (2 * size)
    return phase < size ? phase : 2 * size - 1 - phase
  }
}

private func constantPad(_ x: Tensor, _ pads: [PadPair], _ value: Double) throws -> Tensor {
  let sizes = zip(x.sizes, pads).map { $0 + $1.before + $1.after }
  let filler = try Tensor([value], sizes: Array(repeating: 1, count: sizes.count), dtype: x.dtype)
  let target = try strided(filler, sizes: sizes, strides: sizes.map { _ in 0 }, offset: 0)
  let steps = strides(of: sizes)
  let offset = zip(steps, pads).reduce(0) { $0 + $1.0 * $1.1.before }
  let width = x.dtype.byteCount
  return try target.remade(sizes) { old, new in
    new.copyMemory(from: old)
    try x.withBytes { source in
      guard let count = x.sizes.last else { new.copyMemory(from: source); return }
      var row = 0
      forEachRow(x.sizes, [steps]) { offsets in
        let from = UnsafeRawBufferPointer(rebasing: source[(row * width)..<((row + count) * width)])
        UnsafeMutableRawBufferPointer(rebasing: new[((offset + offsets[0]) * width)...]).copyMemory(
          from: from)
        row += count
      }
    }
  }
}

// MARK: - Indexing

/// Index tensors as Swift integers, negative ones counted from the end, checked against the axis.
private func positions(_ indices: Tensor, size: Int) throws -> [Int] {
  try indices.cast(to: .int64).elements(as: Int64.self).map { index in
    let position = index < 0 ? Int(index) + size : Int(index)
    guard position >= 0, position < size else {
      throw KernelError("index \(index) is out of range for an axis of \(size) elements")
    }
    return position
  }
}

func gather(_ x: Tensor, _ indices: Tensor, _ axis: Int) throws -> Tensor {
  let (outer, size, inner) = around(x.sizes, axis)
  let picked = try positions(indices, size: size)
  let sizes = Array(x.sizes[..<axis]) + indices.sizes + Array(x.sizes[(axis + 1)...])
  let bytes = inner * x.dtype.byteCount
  return try x.remade(sizes) { source, target in
    guard bytes > 0, let from = source.baseAddress, let to = target.baseAddress else { return }
    for row in 0..<outer {
      for (place, position) in picked.enumerated() {
        (to + (row * picked.count + place) * bytes).copyMemory(
          from: from + (row * size + position) * bytes, byteCount: bytes)
      }
    }
  }
}

private func gatherElements(_ x: Tensor, _ indices: Tensor, _ axis: Int) throws -> Tensor {
  let picked = try positions(indices, size: x.sizes[axis])
  let own = strides(of: x.sizes)
  let coordinates = strides(of: indices.sizes)
  let width = x.dtype.byteCount
  return try x.remade(indices.sizes) { source, target in
    guard let from = source.baseAddress, let to = target.baseAddress else { return }
    for place in picked.indices {
      var offset = 0
      for other in indices.sizes.indices {
        let coordinate = other == axis ? picked[place] : place / coordinates[other] % indices.sizes[other]
        offset += coordinate * own[other]
      }
      (to + place * width).copyMemory(from: from + offset * width, byteCount: width)
    }
  }
}

/// The offset in `x`, in elements, that each coordinate tuple picks, and the elements of one slice.
private func tupleOffsets(_ x: Tensor, _ indices: Tensor, batchDims: Int) throws -> (
  offsets: [Int], slice: Int
) {
  let tuple = indices.sizes.last ?? 0  // The type is inferred for a rank of 1 or more only.
  let own = strides(of: x.sizes)
  let raw = try indices.cast(to: .int64).elements(as: Int64.self)
  let batch = x.sizes[..<batchDims].reduce(1, *)
  let perBatch = tuple == 0 ? 1 : raw.count / tuple / max(batch, 1)
  let slice = x.sizes[(batchDims + tuple)...].reduce(1, *)
  let batchStride = x.sizes[batchDims...].reduce(1, *)
  var offsets: [Int] = []
  for place in 0..<(batch * perBatch) {
    var offset = place / max(perBatch, 1) * batchStride
    for part in 0..<tuple {
      let size = x.sizes[batchDims + part]
      let index = Int(raw[place * tuple + part])
      let position = index < 0 ? index + size : index
      guard position >= 0, position < size else {
        throw KernelError("index \(index) is out of range for an axis of \(size) elements")
      }
      offset += position * own[batchDims + part]
    }
    offsets.append(offset)
  }
  return (offsets, slice)
}

private func gatherND(_ x: Tensor, _ indices: Tensor, _ batchDims: Int) throws -> Tensor {
  let (offsets, slice) = try tupleOffsets(x, indices, batchDims: batchDims)
  let tuple = indices.sizes.last ?? 0  // The type is inferred for a rank of 1 or more only.
  let sizes = Array(indices.sizes.dropLast()) + Array(x.sizes[(batchDims + tuple)...])
  let width = x.dtype.byteCount
  return try x.remade(sizes) { source, target in
    guard let from = source.baseAddress, let to = target.baseAddress, slice > 0 else { return }
    for (place, offset) in offsets.enumerated() {
      (to + place * slice * width).copyMemory(from: from + offset * width, byteCount: slice * width)
    }
  }
}

func scatterND(_ x: Tensor, _ indices: Tensor, _ updates: Tensor, _ reduction: ScatterReduction) throws
  -> Tensor
{
  switch x.dtype {
  case .float32: return try scatter(x, indices, updates, reduction, Float.self, plus: +, times: *)
  case .float64: return try scatter(x, indices, updates, reduction, Double.self, plus: +, times: *)
  case .int64: return try scatter(x, indices, updates, reduction, Int64.self, plus: &+, times: &*)
  case .bool:
    let (wide, values) = (try x.cast(to: .int64), try updates.cast(to: .int64))
    return try scatter(wide, indices, values, reduction, Int64.self, plus: &+, times: &*).cast(to: .bool)
  default: throw KernelError("ScatterND of \(x.dtype.rawValue)")
  }
}

private func scatter<T: TensorElement & Comparable & Numeric>(
  _ x: Tensor, _ indices: Tensor, _ updates: Tensor, _ reduction: ScatterReduction, _ type: T.Type,
  plus: (T, T) -> T, times: (T, T) -> T
) throws -> Tensor {
  let (offsets, slice) = try tupleOffsets(x, indices, batchDims: 0)
  let values = try updates.elements(as: T.self)
  return try x.read(T.self) { source in
    try Tensor.make(T.self, x.sizes) { y in
      y.update(from: source, count: x.elementCount)
      for (place, offset) in offsets.enumerated() {
        for i in 0..<slice {
          let value = values[place * slice + i]
          switch reduction {
          case .none: y[offset + i] = value
          case .add: y[offset + i] = plus(y[offset + i], value)
          case .multiply: y[offset + i] = times(y[offset + i], value)
          case .maximum: y[offset + i] = max(y[offset + i], value)
          case .minimum: y[offset + i] = min(y[offset + i], value)
          }
        }
      }
    }
  }
}

private func triangle(_ x: Tensor, upper: Bool, k: Int) throws -> Tensor {
  let (rows, columns) = (x.sizes[x.rank - 2], x.sizes[x.rank - 1])
  let width = x.dtype.byteCount
  return try x.remade(x.sizes) { source, target in
    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<min(source.count, target.count)]))
    for row in 0..<(x.elementCount / max(columns, 1)) {
      for column in 0..<columns where upper ? column - row % rows < k : column - row % rows > k {
        let start = (row * columns + column) * width
        for byte in start..<(start + width) { target[byte] = 0 }
      }
    }
  }
}
