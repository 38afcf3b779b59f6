import ModelIR

/// Each channel of each image stretched over the whole `value_range`; a channel of one value stays. Mask: none.
/// Source: `keras/src/layers/preprocessing/image_preprocessing/auto_contrast.py`.
///
/// Extremes are taken over axes 1 and 2 whatever `data_format` says.
struct AutoContrast: Layer {
  let range: ValueRange

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    range = try config.valueRange(sorted: true)
    config.ignore("data_format", "factor", "bounding_box_format")
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    // Integers too are computed in, and given in, the compute type.
    let original = try scope.cast(call.input.value, to: scope.computeDType)
    guard scope.rank(of: original) == 4 || scope.rank(of: original) == 3 else {
      throw KerasImportError(.invalidGraph("expected images, found shape \(scope.shape(of: original))"))
    }
    let x = try range.toBytes(original, in: scope)
    let low = try scope.reduce(.minimum, x, axes: [1, 2], keepDims: true)
    let high = try scope.reduce(.maximum, x, axes: [1, 2], keepDims: true)
    let scale = try scope.divide(scope.scalar(255, like: x), scope.subtract(high, low))
    let offset = try scope.multiply(scope.unary(.negate, low), scale)
    let stretched = try scope.add(scope.multiply(x, scale), offset)
    let y = try range.fromBytes(scope.unary(.clip(minimum: 0, maximum: 255), stretched), in: scope)
    return [Operand(try scope.emit(.select, scope.unary(.isNaN, y), original, y))]
  }
}

/// The two ends of an image's values (`value_range`).
struct ValueRange {
  let low: Double
  let high: Double

  private var isBytes: Bool { low == 0 && high == 255 }

  /// Values brought to 0...255.
  func toBytes(_ x: Value, in scope: LoweringScope) throws(KerasImportError) -> Value {
    if isBytes { return x }
    let unit = try scope.divide(scope.add(x, -low), scope.scalar(high - low, like: x))
    return try scope.add(scope.multiply(unit, 255), 0)
  }

  /// Values of 0...255 brought back.
  func fromBytes(_ x: Value, in scope: LoweringScope) throws(KerasImportError) -> Value {
    if isBytes { return x }
    let unit = try scope.divide(x, scope.scalar(255, like: x))
    return try scope.add(scope.multiply(unit, high - low), low)
  }
}

extension LayerConfig {
  /// `value_range`, 0 to 255 unless given.
  mutating func valueRange(sorted: Bool) throws(KerasImportError) -> ValueRange {
    guard let given = try optionalArray("value_range")?.values else { return ValueRange(low: 0, high: 255) }
    guard given.count == 2, given[0] != given[1] else {
      throw invalid("value_range", expected: "two different numbers", found: "\(given)")
    }
    let ends = sorted ? given.sorted() : given
    return ValueRange(low: ends[0], high: ends[1])
  }
}

/// Contrast by tiles: each tile's histogram of 256 values, cut off at a limit and what was cut off spread evenly,
/// becomes a curve; a pixel is the mean of the curves of the four nearest tiles. Mask: none.
/// Source: `keras/src/layers/preprocessing/image_preprocessing/clahe.py`.
///
/// - x: `[N, H, W, C]`, the size known; mirrored below and to the right up to whole tiles.
struct ContrastByTiles: Layer {
  let range: ValueRange
  let limit: Double
  let grid: (rows: Int, columns: Int)
  let layout: DataLayout

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    range = try config.valueRange(sorted: false)
    limit = try config.double("clip_limit", default: 4)
    let sizes = try config.ints("tile_grid_size", count: 2, default: 8)
    guard sizes.allSatisfy({ (1...1 << 12).contains($0) }) else {
      throw config.invalid("tile_grid_size", expected: "two positive integers", found: "\(sizes)")
    }
    grid = (sizes[0], sizes[1])
    layout = try config.layout()
    config.ignore("factor", "bounding_box_format")
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    var x = try call.input.value
    let isSingle = scope.rank(of: x) == 3
    if isSingle { x = try scope.expandDims(x, axes: [0]) }
    try scope.expectRank(4, of: x)
    if layout == .channelsFirst { x = try scope.transpose(x, [0, 2, 3, 1]) }
    let dtype = scope.dtype(of: x)
    let images = try range.toBytes(scope.cast(x, to: .float32), in: scope)
    var y = try range.fromBytes(equalized(images, in: scope), in: scope)
    y = try scope.cast(y, to: dtype)
    if layout == .channelsFirst { y = try scope.transpose(y, [0, 3, 1, 2]) }
    return [Operand(isSingle ? try scope.squeeze(y, axes: [0]) : y)]
  }

  private func equalized(_ images: Value, in scope: LoweringScope) throws(KerasImportError) -> Value {
    let shape = scope.shape(of: images)
    guard let height = shape[1].fixedSize, let width = shape[2].fixedSize, height > 0, width > 0,
      height < 1 << 20, width < 1 << 20
    else { throw KerasImportError(.unsupported("images whose size is not known")) }
    let tile = ((height + grid.rows - 1) / grid.rows, (width + grid.columns - 1) / grid.columns)
    let borders = (tile.0 * grid.rows - height, tile.1 * grid.columns - width)
    guard borders.0 <= height, borders.1 <= width else {
      throw KerasImportError(.unsupported("more than twice as many tiles as pixels"))
    }
    var padded = images
    if borders != (0, 0) {
      let pads = [PadPair(0, 0), PadPair(0, borders.0), PadPair(0, borders.1), PadPair(0, 0)]
      padded = try scope.emit(.pad(PadAttributes(pads: pads, mode: .symmetric)), images)
    }
    let levels = try scope.cast(
      scope.unary(.clip(minimum: 0, maximum: 255), scope.unary(.truncate, padded)), to: .int64)
    let curves = try curves(levels, tile, in: scope)
    let y = try blended(levels, curves, tile, in: scope)
    return try scope.emit(
      .slice([SliceRange(axis: 1, start: 0, stop: height), SliceRange(axis: 2, start: 0, stop: width)]), y)
  }

  /// The curve of each tile: `[N, rows, columns, C, 256]`.
  private func curves(
    _ levels: Value, _ tile: (Int, Int), in scope: LoweringScope
  ) throws(KerasImportError) -> Value {
    let shape = scope.shape(of: levels)
    let size = tile.0 * tile.1
    let split: Shape = [
      shape[0], .fixed(grid.rows), .fixed(tile.0), .fixed(grid.columns), .fixed(tile.1), shape[3],
    ]
    let tiles = try scope.reshape(
      scope.transpose(scope.reshape(levels, split), [0, 1, 3, 5, 2, 4]),
      [shape[0], .fixed(grid.rows), .fixed(grid.columns), shape[3], .fixed(size)])
    var histogram = try scope.reduce(.sum, scope.oneHot(tiles, classes: 256, dtype: .float32), axes: [4])
    if limit > 0 {
      let most = Double(Float(limit * Double(size) / 256))
      let cut = try scope.unary(.clip(minimum: 0, maximum: most), histogram)
      let excess = try scope.reduce(.sum, scope.subtract(histogram, cut), axes: [4], keepDims: true)
      histogram = try scope.add(cut, scope.divide(excess, scope.scalar(256, like: cut)))
    }
    let sums = try scope.emit(.cumulative(.sum, axis: 4, reverse: false, exclusive: false), histogram)
    let least = try scope.reduce(.minimum, sums, axes: [4], keepDims: true)
    let rise = try scope.subtract(scope.scalar(Double(size), like: sums), least)
    let isFlat = try scope.emit(.compare(.equal), rise, scope.scalar(0, like: rise))
    let divisor = try scope.emit(.select, isFlat, scope.scalar(1, like: rise), rise)
    let curve = try scope.divide(scope.multiply(scope.subtract(sums, least), 255), divisor)
    return try scope.unary(.clip(minimum: 0, maximum: 255), curve)
  }

  /// The mean of the curves of the tiles around each pixel; beyond the outermost tiles' middles they are repeated.
  private func blended(
    _ levels: Value, _ curves: Value, _ tile: (Int, Int), in scope: LoweringScope
  ) throws(KerasImportError) -> Value {
    let shape = scope.shape(of: levels)
    let rows = Neighbours(tile: tile.0, count: grid.rows)
    let columns = Neighbours(tile: tile.1, count: grid.columns)
    // [N, H, W, C, 256] would be large: one pick a corner from curves flattened to one axis.
    let flat = try scope.reshape(curves, [scope.shape(of: curves).elementCount])
    let channel = try scope.emit(.range(shape[3]))
    let image = try scope.expandDims(scope.emit(.range(shape[0])), axes: [1, 2, 3])
    let stride = scope.scalar(256, .int64)
    let channels = try scope.emit(.sizes([shape[3]]))
    let perTile = try scope.multiply(channels, stride)
    let base = try scope.add(
      scope.add(
        scope.multiply(
          image, scope.multiply(perTile, scope.scalar(Double(grid.rows * grid.columns), .int64))), levels),
      scope.multiply(channel, stride))
    func corner(_ row: [Int], _ column: [Int]) throws(KerasImportError) -> Value {
      let places = row.flatMap { r in column.map { c in Double(r * grid.columns + c) } }
      let tiles = try scope.array(places, [1, row.count, column.count, 1], .int64, as: "tiles")
      return try scope.emit(.gather(axis: 0), flat, scope.add(base, scope.multiply(tiles, perTile)))
    }
    let across = try scope.array(columns.shares, [1, 1, columns.shares.count, 1], .float32, as: "across")
    let down = try scope.array(rows.shares, [1, rows.shares.count, 1, 1], .float32, as: "down")
    func mix(_ a: Value, _ b: Value, _ share: Value) throws(KerasImportError) -> Value {
      let rest = try scope.subtract(scope.scalar(1, like: share), share)
      return try scope.add(scope.multiply(a, rest), scope.multiply(b, share))
    }
    let top = try mix(corner(rows.before, columns.before), corner(rows.before, columns.after), across)
    let bottom = try mix(corner(rows.after, columns.before), corner(rows.after, columns.after), across)
    return try mix(top, bottom, down)
  }

  /// For each pixel along one axis the tiles whose middles are before and after it, and how near it is to the second.
  private struct Neighbours {
    var before: [Int] = []
    var after: [Int] = []
    var shares: [Double] = []

    init(tile: Int, count: Int) {
      for pixel in 0..<(tile * count) {
        let place = (Float(pixel) - Float(tile) / 2) / Float(tile) + 1
        let first = place.rounded(.down)
        shares.append(Double(place - first))
        before.append(min(max(Int(first) - 1, 0), count - 1))
        after.append(min(max(Int(first), 0), count - 1))
      }
    }
  }
}
