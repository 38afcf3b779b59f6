import ModelIR

/// A change of layout between Keras's weights and those of another library. Applying one reads no bytes; the elements
/// are rearranged when they are read.
///
/// | weight | Keras | PyTorch | MLX | ONNX |
/// |---|---|---|---|---|
/// | Dense | `[in, out]` | `[out, in]` | `[out, in]` | either |
/// | Conv | `[H, W, in, out]` | `[out, in, H, W]` | `[out, H, W, in]` | `[out, in, H, W]` |
/// | LSTM gates | i f c o | i f g o (the same) | the same | i o f c |
/// | GRU gates | z r h | r z n | r z n | z r h |
public struct WeightConversion: Sendable {
  private let steps: [@Sendable (Tensor) throws(TensorError) -> Tensor]

  private init(_ step: @escaping @Sendable (Tensor) throws(TensorError) -> Tensor) { steps = [step] }
  private init(steps: [@Sendable (Tensor) throws(TensorError) -> Tensor]) { self.steps = steps }

  /// The tensor in the new layout, to be read later.
  func apply(to tensor: Tensor) throws(TensorError) -> Tensor {
    var result = tensor
    for step in steps { result = try step(result) }
    return result
  }

  /// This conversion, then another.
  public func then(_ next: WeightConversion) -> WeightConversion {
    WeightConversion(steps: steps + next.steps)
  }

  /// No change.
  public static let asStored = WeightConversion(steps: [])
}

// MARK: - Axes

extension WeightConversion {
  /// The axes in another order: axis `i` of the result is axis `order[i]` of the weight.
  public static func transposed(_ order: Int...) -> WeightConversion { transposed(order) }

  private static func transposed(_ order: [Int]) -> WeightConversion {
    WeightConversion { tensor throws(TensorError) in
      guard order.sorted() == Array(0..<tensor.rank) else {
        throw TensorError("expected \(order.count) axes, found \(tensor.type.shape)")
      }
      return try tensor.transposed(order)
    }
  }

  /// The same elements in another shape.
  public static func reshaped(_ sizes: Int...) -> WeightConversion { reshaped(sizes) }

  private static func reshaped(_ sizes: [Int]) -> WeightConversion {
    WeightConversion { tensor throws(TensorError) in
      guard try ElementCount.of(sizes) == tensor.elementCount else {
        throw TensorError("expected the elements of \(sizes), found \(tensor.type.shape)")
      }
      return try tensor.reshaped(sizes)
    }
  }

  /// `[in, out]` to `[out, in]`: a Dense kernel, a recurrent kernel (rows of gates), for libraries that multiply by the
  /// transposed matrix.
  public static let inOutToOutIn = transposed(1, 0)

  /// `[H, W, in, out]` to `[out, in, H, W]`, for any number of spatial axes. A transposed convolution's
  /// `[H, W, out, in]` becomes `[in, out, H, W]` by the same rule.
  public static let hwioToOIHW = WeightConversion { tensor throws(TensorError) in
    let spatial = try spatialAxes(tensor)
    return try tensor.transposed([spatial.count + 1, spatial.count] + spatial)
  }

  /// `[H, W, in, out]` to `[out, H, W, in]`, for any number of spatial axes: MLX, TensorFlow Lite.
  public static let hwioToOHWI = WeightConversion { tensor throws(TensorError) in
    let spatial = try spatialAxes(tensor)
    return try tensor.transposed([spatial.count + 1] + spatial + [spatial.count])
  }

  /// A depthwise kernel `[H, W, in, multiplier]` to `[in * multiplier, 1, H, W]`, a convolution of `in` groups.
  public static let depthwiseToOIHW = WeightConversion { tensor throws(TensorError) in
    let spatial = try spatialAxes(tensor)
    let sizes = tensor.sizes
    // Two sizes of a tensor, whose product fits.
    let channels = sizes[spatial.count] * sizes[spatial.count + 1]
    return try tensor.transposed([spatial.count, spatial.count + 1] + spatial).reshaped(
      [channels, 1] + sizes.prefix(spatial.count))
  }

  /// A depthwise kernel `[H, W, in, multiplier]` to `[in * multiplier, H, W, 1]`.
  public static let depthwiseToOHWI = WeightConversion { tensor throws(TensorError) in
    let spatial = try spatialAxes(tensor)
    let sizes = tensor.sizes
    // Two sizes of a tensor, whose product fits.
    let channels = sizes[spatial.count] * sizes[spatial.count + 1]
    return try tensor.transposed([spatial.count, spatial.count + 1] + spatial).reshaped(
      [channels] + sizes.prefix(spatial.count) + [1])
  }

  /// The kernel of a Dense that follows a Flatten of `[H, W, C]` images, for a model that flattens `[C, H, W]`:
  /// `[H * W * C, out]` to `[out, C * H * W]`.
  public static func flattenedHWCToCHW(height: Int, width: Int) -> WeightConversion {
    WeightConversion { tensor throws(TensorError) in
      let area = height.multipliedReportingOverflow(by: width).partialValue
      guard tensor.rank == 2, area > 0, tensor.sizes[0] % area == 0 else {
        throw TensorError("expected [\(height) * \(width) * channels, out], found \(tensor.type.shape)")
      }
      let (rows, columns) = (tensor.sizes[0], tensor.sizes[1])
      let image = try tensor.reshaped([height, width, rows / area, columns])
      return try image.transposed([3, 2, 0, 1]).reshaped([columns, rows])
    }
  }

  private static func spatialAxes(_ tensor: Tensor) throws(TensorError) -> [Int] {
    guard tensor.rank >= 3 else {
      throw TensorError("expected a convolution's kernel, found \(tensor.type.shape)")
    }
    return Array(0..<(tensor.rank - 2))
  }
}

// MARK: - Gates and biases

extension WeightConversion {
  /// Blocks of the last axis in another order: block `i` of the result is block `order[i]` of `count` equal ones. Fewer
  /// than `count` pick some.
  public static func blocks(_ order: [Int], of count: Int) -> WeightConversion {
    WeightConversion { tensor throws(TensorError) in
      guard let width = tensor.sizes.last, count > 0, width % count == 0,
        order.allSatisfy({ (0..<count).contains($0) })
      else {
        throw TensorError("expected \(count) blocks along the last axis, found \(tensor.type.shape)")
      }
      return try tensor.lastAxisBlocks(order, of: count)
    }
  }

  /// An LSTM's gates from Keras's i f c o to ONNX's i o f c. (PyTorch's and MLX's i f g o is Keras's order.)
  public static let lstmGatesToIOFC = blocks([0, 3, 1, 2], of: 4)

  /// A GRU's gates from Keras's z r h to PyTorch's and MLX's r z n. (ONNX's z r h is Keras's order.)
  public static let gruGatesToRZN = blocks([1, 0, 2], of: 3)

  /// One row, without its axis: of the bias `[2, 3 * units]` of a GRU with `reset_after`, row 0 is the input's, row 1
  /// the recurrent one.
  public static func row(_ index: Int) -> WeightConversion {
    WeightConversion { tensor throws(TensorError) in
      guard let rows = tensor.sizes.first, (0..<rows).contains(index) else {
        throw TensorError("expected a row \(index), found \(tensor.type.shape)")
      }
      return try tensor.row(index)
    }
  }

  /// The bias `[2, 3 * units]` of a GRU with `reset_after` as MLX has it: `[3 * units]`, both rows added for z and r,
  /// the input's alone for h, in Keras's order of gates. MLX's `bhn` is `.row(1).then(.blocks([2], of: 3))`.
  public static let mergedGRUBias = WeightConversion { tensor throws(TensorError) in
    guard tensor.rank == 2, tensor.sizes[0] == 2, tensor.sizes[1] % 3 == 0 else {
      throw TensorError("expected a bias of [2, 3 * units], found \(tensor.type.shape)")
    }
    let width = tensor.sizes[1]
    // A bias is a row of numbers, made as a whole.
    return try .computed(dtype: tensor.dtype, sizes: [width]) {
      let values = try [Double](tensor)
      return (0..<width).map { values[$0] + ($0 < width / 3 * 2 ? values[width + $0] : 0) }
    }
  }

  /// Zeros of the weight's shape: PyTorch's LSTM has two biases where Keras has one.
  public static let zeros = WeightConversion { tensor throws(TensorError) in
    try Tensor(scalar: 0, tensor.dtype).broadcast(to: tensor.sizes)
  }
}

extension Tensor {
  /// Blocks of the last axis, side by side when they are read.
  fileprivate func lastAxisBlocks(_ order: [Int], of count: Int) throws(TensorError) -> Tensor {
    let size = (sizes.last ?? 0) / count  // A scalar has no blocks, and no axis to take them from.
    func part(_ range: Range<Int>) throws(TensorError) -> Tensor {
      try sliced([SliceRange(axis: rank - 1, start: range.lowerBound, stop: range.upperBound)])
    }
    let parts = try order.map { block throws(TensorError) in try part(block * size..<(block + 1) * size) }
    guard let joined = try Tensor.joinedOnLastAxis(parts) else { return try part(0..<0) }  // Of no blocks.
    return joined
  }

  /// One entry of the first axis.
  fileprivate func row(_ index: Int) throws(TensorError) -> Tensor {
    try sliced([SliceRange(axis: 0, start: index, stop: index + 1)]).reshaped(Array(sizes.dropFirst()))
  }
}
