import ModelIR

/// All axes after the batch in one, row-major; `channels_first` moves axis 1 to the end before.
/// Source: `keras/src/layers/reshaping/flatten.py`.
struct Flatten: Layer {
  let layout: DataLayout

  init(_ config: inout LayerConfig) throws(KerasImportError) { layout = try config.layout() }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    var x = try call.input.value
    let rank = scope.rank(of: x)
    if layout == .channelsFirst, rank > 2 { x = try scope.transpose(x, [0] + Array(2..<rank) + [1]) }
    let shape = scope.shape(of: x)
    guard rank >= 1 else { throw KerasImportError(.invalidGraph("Flatten needs a batch axis")) }
    let rest = Shape(Array(shape.dimensions.dropFirst())).elementCount
    return [Operand(try scope.reshape(x, [shape[0], rest]))]
  }
}

/// Another shape per sample; one size may be -1. Source: `keras/src/layers/reshaping/reshape.py`.
struct Reshape: Layer {
  let target: [Int]

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    guard let sizes = try config.optionalInts("target_shape") else {
      throw KerasImportError(.missingKey("target_shape"))
    }
    guard sizes.filter({ $0 == -1 }).count <= 1, sizes.allSatisfy({ $0 >= -1 }) else {
      throw config.invalid("target_shape", expected: "sizes, at most one of them -1", found: "\(sizes)")
    }
    target = sizes
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    let shape = scope.shape(of: x)
    let sample = Shape(Array(shape.dimensions.dropFirst())).elementCount
    return [
      Operand(try scope.reshape(x, Shape([shape[0]] + target.resolved(elementCount: sample).dimensions)))
    ]
  }
}

extension [Int] {
  /// The sizes with -1 replaced by what is left of `elementCount`.
  func resolved(elementCount: Dimension) -> Shape {
    let known = filter { $0 != -1 }.reduce(Dimension.fixed(1)) { $0 * .fixed($1) }
    return Shape(map { $0 == -1 ? (known == 0 ? 0 : elementCount / known) : Dimension.fixed($0) })
  }
}

/// The axes of a sample in another order; `dims` count from 1. Source: `keras/src/layers/reshaping/permute.py`.
struct Permute: Layer {
  let dims: [Int]

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    guard let dims = try config.optionalInts("dims") else { throw KerasImportError(.missingKey("dims")) }
    self.dims = dims
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    [Operand(try scope.transpose(call.input.value, [0] + dims))]
  }
}

/// `[N, C]` repeated to `[N, n, C]`. Source: `keras/src/layers/reshaping/repeat_vector.py`.
struct RepeatVector: Layer {
  let count: Int

  init(_ config: inout LayerConfig) throws(KerasImportError) { count = try config.count("n") }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    let shape = scope.shape(of: x)
    guard shape.rank == 2 else {
      throw KerasImportError(.invalidGraph("RepeatVector needs an input of rank 2, found \(shape)"))
    }
    return [
      Operand(try scope.emit(.expand([shape[0], .fixed(count), shape[1]]), scope.expandDims(x, axes: [1])))
    ]
  }
}

extension LayerConfig {
  /// Pairs of numbers, one per spatial axis: `[[1, 2], [0, 1]]`, one number per axis, or one number; for one axis
  /// also `[1, 2]`.
  mutating func pairs(_ key: String, axes: Int, default standard: Int) throws(KerasImportError) -> [PadPair] {
    guard let value = value(key) else { return Array(repeating: PadPair(standard, standard), count: axes) }
    if let int = value.int { return try checked(Array(repeating: PadPair(int, int), count: axes), key) }
    guard let items = value.array else { throw invalid(key, expected: "numbers", found: value.shortText) }
    if axes == 1, items.count == 2, let before = items[0].int, let after = items[1].int {
      return try checked([PadPair(before, after)], key)
    }
    var pairs: [PadPair] = []
    for item in items {
      if let int = item.int { pairs.append(PadPair(int, int)); continue }
      guard let before = item[0]?.int, let after = item[1]?.int, item.array?.count == 2 else {
        throw invalid(key, expected: "pairs of numbers", found: value.shortText)
      }
      pairs.append(PadPair(before, after))
    }
    guard pairs.count == axes else { throw invalid(key, expected: "\(axes) pairs", found: value.shortText) }
    return try checked(pairs, key)
  }

  private func checked(_ pairs: [PadPair], _ key: String) throws(KerasImportError) -> [PadPair] {
    for pair in pairs where pair.before < 0 || pair.after < 0 || max(pair.before, pair.after) > 1 << 31 {
      throw invalid(key, expected: "numbers of elements", found: "\(pair.before), \(pair.after)")
    }
    return pairs
  }

  /// The number of spatial axes in the class name: `Conv2DTranspose` has 2.
  func spatialCount() throws(KerasImportError) -> Int {
    for count in 1...3 where className.contains("\(count)D") { return count }
    throw KerasImportError(.unsupportedLayer(className: className))
  }
}

/// ZeroPadding1D/2D/3D. Source: `keras/src/layers/reshaping/zero_padding2d.py`.
struct ZeroPadding: Layer {
  let pads: [PadPair]
  let layout: DataLayout

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    pads = try config.pairs("padding", axes: try config.spatialCount(), default: 1)
    layout = try config.layout()
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    let rank = scope.rank(of: x)
    try scope.expectRank(pads.count + 2, of: x)
    var all = Array(repeating: PadPair(0, 0), count: rank)
    for (pair, axis) in zip(pads, layout.spatialAxes(rank: rank)) { all[axis] = pair }
    return [Operand(try scope.emit(.pad(PadAttributes(pads: all, mode: .constant(0))), x))]
  }
}

/// Cropping1D/2D/3D. Source: `keras/src/layers/reshaping/cropping2d.py`.
struct Cropping: Layer {
  let crops: [PadPair]
  let layout: DataLayout

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    let axes = try config.spatialCount()
    crops = try config.pairs("cropping", axes: axes, default: axes == 2 ? 0 : 1)
    layout = try config.layout()
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    try scope.expectRank(crops.count + 2, of: x)
    let axes = layout.spatialAxes(rank: scope.rank(of: x))
    let ranges = zip(crops, axes).map { crop, axis in
      SliceRange(axis: axis, start: crop.before, stop: crop.after == 0 ? nil : -crop.after)
    }
    return [Operand(try scope.emit(.slice(ranges), x))]
  }
}

extension LoweringScope {
  /// - Throws: `invalidGraph` when the value has another rank.
  func expectRank(_ rank: Int, of value: Value) throws(KerasImportError) {
    guard self.rank(of: value) == rank else {
      throw KerasImportError(
        .invalidGraph("expected an input of rank \(rank), found shape \(shape(of: value))"))
    }
  }
}
