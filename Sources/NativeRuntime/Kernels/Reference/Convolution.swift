import ModelIR

/// A window operation in three spatial dimensions, channels last; missing dimensions have size 1.
struct WindowGeometry {
  var batch: Int
  var channels: Int
  var input: [Int]
  var output: [Int]
  var kernel: [Int]
  var strides: [Int]
  var dilations: [Int]
  var before: [Int]

  init(_ sizes: [Int], kernel: [Int], strides: [Int], dilations: [Int], padding: Padding) throws {
    let spatial = Array(sizes[1..<(sizes.count - 1)])
    func padded(_ values: [Int]) -> [Int] { Array(repeating: 1, count: 3 - values.count) + values }
    guard spatial.count <= 3 else { throw KernelError("more than 3 spatial axes") }
    batch = sizes[0]
    channels = sizes[sizes.count - 1]
    input = padded(spatial)
    self.kernel = padded(kernel)
    self.strides = padded(strides)
    self.dilations = padded(dilations)
    var pairs: [PadPair] = []
    switch padding {
    case .explicit(let given): pairs = given
    case .sameUpper:
      for axis in spatial.indices {
        pairs.append(
          PadPair.same(
            size: spatial[axis], window: kernel[axis], stride: strides[axis], dilation: dilations[axis]))
      }
    }
    before = Array(repeating: 0, count: 3 - pairs.count) + pairs.map(\.before)
    let after = Array(repeating: 0, count: 3 - pairs.count) + pairs.map(\.after)
    output = []
    for axis in 0..<3 {
      let extent = (self.kernel[axis] - 1) * self.dilations[axis] + 1
      let room = input[axis] + before[axis] + after[axis] - extent
      guard room >= 0 else { throw KernelError("the window is larger than the data \(spatial)") }
      output.append(room / self.strides[axis] + 1)
    }
  }

  /// The result's sizes with the dimensions that were added removed.
  func resultSizes(rank: Int, channels: Int) -> [Int] { [batch] + output[(5 - rank)...] + [channels] }
  /// The kernel positions along an axis that lie inside the data: a window may be far larger than it.
  @inline(__always)
  func taps(_ axis: Int, at position: Int) -> Range<Int> {
    let start = position * strides[axis] - before[axis]
    let first = start >= 0 ? 0 : (-start - 1) / dilations[axis] + 1
    let end = start >= input[axis] ? 0 : (input[axis] - 1 - start) / dilations[axis] + 1
    return first..<max(first, min(end, kernel[axis]))
  }

  var outputCount: Int { output.reduce(1, *) }
  var inputCount: Int { input.reduce(1, *) }
  var windowCount: Int { kernel.reduce(1, *) }
}

/// Runs a channels-last kernel on an operand of either layout.
func channelsLast(_ x: Tensor, _ layout: DataLayout, _ body: (Tensor) throws -> Tensor) throws -> Tensor {
  guard layout == .channelsFirst else { return try body(x) }
  let rank = x.rank
  let y = try body(transpose(x, [0] + Array(2..<rank) + [1]))
  return try transpose(y, [0, rank - 1] + Array(1..<(rank - 1)))
}

func convolution(_ attributes: ConvAttributes, _ x: [Tensor]) throws -> Tensor {
  let kernel = try attributes.kernelOrder.spatialFirst(x[1])
  let y = try channelsLast(x[0], attributes.layout) { data in
    let y: Tensor
    switch data.dtype {
    case .float32: y = try convolve(attributes, data, kernel, Float.self)
    case .float64: y = try convolve(attributes, data, kernel, Double.self)
    default: throw KernelError("Conv of \(data.dtype.rawValue)")
    }
    return x.count > (attributes.epilogue.addsOperand ? 3 : 2) ? try binary(.add, y, x[2]) : y
  }
  return try epilogue(attributes.epilogue, y, x)
}

/// What a product does to its result before it is stored.
func epilogue(_ epilogue: Epilogue, _ y: Tensor, _ operands: [Tensor]) throws -> Tensor {
  var y = y
  if epilogue.addsOperand, let residual = operands.last { y = try binary(.add, y, residual) }
  return try epilogue.function.map { try unary($0, y) } ?? y
}

extension KernelOrder {
  /// A kernel in Keras's order.
  func spatialFirst(_ kernel: Tensor) throws -> Tensor {
    switch self {
    case .spatialFirst: kernel
    case .spatialLast: try transpose(kernel, KernelOrder.toSpatialLast(rank: kernel.rank).inversePermutation)
    }
  }
}

private func convolve<T: ProductElement>(
  _ attributes: ConvAttributes, _ x: Tensor, _ kernel: Tensor, _ type: T.Type
) throws -> Tensor {
  let filters = kernel.sizes[kernel.rank - 1]
  let geometry = try WindowGeometry(
    x.sizes, kernel: Array(kernel.sizes.dropLast(2)), strides: attributes.strides,
    dilations: attributes.dilations,
    padding: attributes.padding)
  let groups = attributes.groups
  guard geometry.channels == kernel.sizes[kernel.rank - 2] * groups else {
    throw KernelError(
      "expected \(kernel.sizes[kernel.rank - 2] * groups) channels, found \(geometry.channels)")
  }
  return try x.read(T.self) { source in
    try kernel.read(T.self) { weights in
      try Tensor.make(T.self, geometry.resultSizes(rank: x.rank, channels: filters)) { target in
        if groups > 1, groups == geometry.channels {
          depthwise(geometry, filters, source, weights, target)
        } else {
          grouped(geometry, groups, filters, source, weights, target)
        }
      }
    }
  }
}

/// Windows laid out as rows of a matrix, times the kernel as a matrix, group by group.
private func grouped<T: ProductElement>(
  _ g: WindowGeometry, _ groups: Int, _ filters: Int, _ x: UnsafePointer<T>, _ kernel: UnsafePointer<T>,
  _ y: UnsafeMutablePointer<T>
) {
  let depth = g.windowCount * (g.channels / groups)
  let isPointwise =
    g.windowCount == 1 && g.strides == [1, 1, 1] && g.before == [0, 0, 0] && groups == 1
    && g.output == g.input
  if isPointwise {
    multiply(x, rowStride: g.channels, kernel, y, m: g.batch * g.outputCount, k: depth, n: filters)
    return
  }
  let perGroup = filters / groups
  let lineCount = g.output[0] * g.output[1]
  // As many lines of the result at a time as keep the windows within 2^24 elements.
  let strip = min(lineCount, max(1, (1 << 24) / max(g.output[2] * depth, 1), 256 / max(g.output[2], 1)))
  let rows = strip * g.output[2]
  let columns = UnsafeMutablePointer<T>.allocate(capacity: max(rows * depth, 1))
  let results = UnsafeMutablePointer<T>.allocate(capacity: groups > 1 ? max(rows * perGroup, 1) : 1)
  let weights = UnsafeMutablePointer<T>.allocate(capacity: groups > 1 ? max(depth * perGroup, 1) : 1)
  defer {
    columns.deallocate()
    results.deallocate()
    weights.deallocate()
  }
  let channels = g.channels / groups
  for group in 0..<groups {
    if groups > 1 {
      for row in 0..<depth {
        (weights + row * perGroup).update(from: kernel + row * filters + group * perGroup, count: perGroup)
      }
    }
    for sample in 0..<g.batch {
      for first in stride(from: 0, to: lineCount, by: max(strip, 1)) {
        let lines = first..<min(first + strip, lineCount)
        let output = y + (sample * lineCount + first) * g.output[2] * filters
        let count = lines.count * g.output[2]
        layOutWindows(g, x + sample * g.inputCount * g.channels, group * channels, channels, lines, columns)
        if groups == 1 {
          multiply(columns, rowStride: depth, kernel, output, m: count, k: depth, n: filters)
          continue
        }
        multiply(columns, rowStride: depth, weights, results, m: count, k: depth, n: perGroup)
        for row in 0..<count {
          (output + row * filters + group * perGroup).update(from: results + row * perGroup, count: perGroup)
        }
      }
    }
  }
}

/// Each row of `columns` holds the window of one output position of the lines: kernel positions outermost,
/// channels innermost.
private func layOutWindows<T: ProductElement>(
  _ g: WindowGeometry, _ image: UnsafePointer<T>, _ firstChannel: Int, _ channels: Int, _ lines: Range<Int>,
  _ columns: UnsafeMutablePointer<T>
) {
  let (source, target) = (ReadPointer(image), SharedPointer(columns))
  let depth = g.windowCount * channels
  let first = lines.lowerBound
  parallel(lines.count, grain: max(1, (1 << 14) / max(g.output[2] * depth, 1))) { range in
    for line in first + range.lowerBound..<first + range.upperBound {
      let (od, oh) = (line / g.output[1], line % g.output[1])
      for ow in 0..<g.output[2] {
        var row = target.pointer + ((line - first) * g.output[2] + ow) * depth
        for kd in 0..<g.kernel[0] {
          let id = od * g.strides[0] + kd * g.dilations[0] - g.before[0]
          for kh in 0..<g.kernel[1] {
            let ih = oh * g.strides[1] + kh * g.dilations[1] - g.before[1]
            for kw in 0..<g.kernel[2] {
              let iw = ow * g.strides[2] + kw * g.dilations[2] - g.before[2]
              let isInside =
                id >= 0 && id < g.input[0] && ih >= 0 && ih < g.input[1] && iw >= 0 && iw < g.input[2]
              if isInside {
                let place = ((id * g.input[1] + ih) * g.input[2] + iw) * g.channels + firstChannel
                row.update(from: source.pointer + place, count: channels)
              } else {
                row.update(repeating: 0, count: channels)
              }
              row += channels
            }
          }
        }
      }
    }
  }
}

/// One input channel for each group: products accumulated over the window, channels innermost.
private func depthwise<T: ProductElement>(
  _ g: WindowGeometry, _ filters: Int, _ x: UnsafePointer<T>, _ kernel: UnsafePointer<T>,
  _ y: UnsafeMutablePointer<T>
) {
  let multiplier = filters / g.channels
  let (source, weights, target) = (ReadPointer(x), ReadPointer(kernel), SharedPointer(y))
  parallel(g.batch * g.output[0] * g.output[1], grain: max(1, (1 << 14) / max(g.output[2] * filters, 1))) {
    lines in
    for line in lines {
      let (oh, rest) = (line % g.output[1], line / g.output[1])
      let (od, sample) = (rest % g.output[0], rest / g.output[0])
      let image = source.pointer + sample * g.inputCount * g.channels
      for ow in 0..<g.output[2] {
        let row = target.pointer + (line * g.output[2] + ow) * filters
        forEachTap(g, od, oh, ow) { tap, place in
          let (values, factors) = (image + place * g.channels, weights.pointer + tap * filters)
          if multiplier == 1 {
            for c in 0..<filters { row[c] += values[c] * factors[c] }
          } else {
            for c in 0..<filters { row[c] += values[c / multiplier] * factors[c] }
          }
        }
      }
    }
  }
}

/// The kernel positions of a window that lie inside the data, with the data's position.
@inline(__always)
func forEachTap(
  _ g: WindowGeometry, _ od: Int, _ oh: Int, _ ow: Int, _ body: (_ tap: Int, _ place: Int) -> Void
) {
  let (deep, high, wide) = (g.taps(0, at: od), g.taps(1, at: oh), g.taps(2, at: ow))
  for kd in deep {
    let id = od * g.strides[0] + kd * g.dilations[0] - g.before[0]
    for kh in high {
      let ih = oh * g.strides[1] + kh * g.dilations[1] - g.before[1]
      for kw in wide {
        let iw = ow * g.strides[2] + kw * g.dilations[2] - g.before[2]
        body((kd &* g.kernel[1] &+ kh) &* g.kernel[2] &+ kw, (id * g.input[1] + ih) * g.input[2] + iw)
      }
    }
  }
}

// MARK: - Pooling

func pool(_ attributes: PoolAttributes, _ x: Tensor) throws -> Tensor {
  try channelsLast(x, attributes.layout) { data in
    switch data.dtype {
    case .float32: try pool(attributes, data, Float.self)
    case .float64: try pool(attributes, data, Double.self)
    case .int64: try pool(attributes, data.cast(to: .float64), Double.self).cast(to: .int64)
    default: throw KernelError("pooling of \(data.dtype.rawValue)")
    }
  }
}

private func pool<T: ProductElement>(_ attributes: PoolAttributes, _ x: Tensor, _ type: T.Type) throws
  -> Tensor
{
  let g = try WindowGeometry(
    x.sizes, kernel: attributes.kernelSize, strides: attributes.strides,
    dilations: attributes.kernelSize.map { _ in 1 }, padding: attributes.padding)
  let channels = g.channels
  let isMaximum = attributes.function == .maximum
  return try x.read(T.self) { source in
    try Tensor.make(T.self, g.resultSizes(rank: x.rank, channels: channels)) { target in
      let (source, target) = (ReadPointer(source), SharedPointer(target))
      parallel(g.batch * g.output[0] * g.output[1], grain: max(1, (1 << 13) / max(g.output[2] * channels, 1)))
      { lines in
        for line in lines {
          let (oh, rest) = (line % g.output[1], line / g.output[1])
          let image = source.pointer + (rest / g.output[0]) * g.inputCount * channels
          for ow in 0..<g.output[2] {
            let row = target.pointer + (line * g.output[2] + ow) * channels
            var count = 0
            forEachTap(g, rest % g.output[0], oh, ow) { _, place in
              let values = image + place * channels
              if !isMaximum {
                for c in 0..<channels { row[c] += values[c] }
              } else if count == 0 {
                for c in 0..<channels { row[c] = values[c] }
              } else {
                for c in 0..<channels where values[c] > row[c] || values[c].isNaN { row[c] = values[c] }
              }
              count += 1
            }
            if !isMaximum, count > 0 { for c in 0..<channels { row[c] /= T(count) } }
            if isMaximum, count == 0 { for c in 0..<channels { row[c] = -.infinity } }
          }
        }
      }
    }
  }
}

// MARK: - Transposed convolution

func transposedConvolution(_ attributes: ConvTransposeAttributes, _ x: [Tensor]) throws -> Tensor {
  let kernel = try attributes.kernelOrder.spatialFirst(x[1])
  return try channelsLast(x[0], attributes.layout) { data in
    let y: Tensor
    switch data.dtype {
    case .float32: y = try convolveTransposed(attributes, data, kernel, Float.self)
    case .float64: y = try convolveTransposed(attributes, data, kernel, Double.self)
    default: throw KernelError("ConvTranspose of \(data.dtype.rawValue)")
    }
    return x.count > 2 ? try binary(.add, y, x[2]) : y
  }
}

/// `[N * spatial, C]` times the kernel as `[C, K * F]`, the products added where they belong.
private func convolveTransposed<T: ProductElement>(
  _ attributes: ConvTransposeAttributes, _ x: Tensor, _ kernel: Tensor, _ type: T.Type
) throws -> Tensor {
  let count = attributes.strides.count
  func padded(_ values: [Int], _ filler: Int = 1) -> [Int] {
    Array(repeating: filler, count: 3 - values.count) + values
  }
  let window = padded(Array(kernel.sizes.dropLast(2)))
  let (filters, channels) = (kernel.sizes[kernel.rank - 2], kernel.sizes[kernel.rank - 1])
  let input = padded(Array(x.sizes[1...count]))
  let (steps, dilations) = (padded(attributes.strides), padded(attributes.dilations))
  let before = padded(attributes.pads.map(\.before), 0)
  let after = padded(attributes.pads.map(\.after), 0)
  let extra = padded(attributes.outputPadding, 0)
  let output: [Int] = (0..<3).map { (axis: Int) -> Int in
    let full: Int = (input[axis] - 1) * steps[axis] + (window[axis] - 1) * dilations[axis] + 1
    return full - before[axis] - after[axis] + extra[axis]
  }
  guard output.allSatisfy({ $0 >= 0 }) else { throw KernelError("the result would have sizes \(output)") }
  let taps = window.reduce(1, *)
  let flat = try Tensor(
    dtype: x.dtype, sizes: [x.elementCount / max(channels, 1), channels], storage: x.storage)
  let weights = try transpose(
    Tensor(dtype: kernel.dtype, sizes: [taps * filters, channels], storage: kernel.storage), [1, 0])
  let products = try matMul(flat, weights)
  let cells = input.reduce(1, *)
  return try products.read(T.self) { source in
    try Tensor.make(T.self, [x.sizes[0]] + output[(3 - count)...] + [filters]) { target in
      for place in 0..<(x.sizes[0] * cells) {
        let (sample, cell) = (place / cells, place % cells)
        let position = [cell / (input[1] * input[2]), cell / input[2] % input[1], cell % input[2]]
        for tap in 0..<taps {
          let k = [tap / (window[1] * window[2]), tap / window[2] % window[1], tap % window[2]]
          let o: [Int] = (0..<3).map { (axis: Int) -> Int in
            position[axis] * steps[axis] + k[axis] * dilations[axis] - before[axis]
          }
          guard (0..<3).allSatisfy({ o[$0] >= 0 && o[$0] < output[$0] }) else { continue }
          let line: Int = (sample * output[0] + o[0]) * output[1] + o[1]
          let to = target + (line * output[2] + o[2]) * filters
          let from = source + (place * taps + tap) * filters
          for f in 0..<filters { to[f] += from[f] }
        }
      }
    }
  }
}
