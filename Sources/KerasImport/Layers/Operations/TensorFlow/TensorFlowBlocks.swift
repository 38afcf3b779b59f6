import ModelIR
import NativeFormat

/// TensorFlow's functions on blocks of space, turned sequences and grey morphology, with TensorFlow's names of their
/// arguments.
extension LayerRegistry {
  mutating func addTensorFlowBlocks() {
    add("tf.space_to_batch", "tf.space_to_batch_nd", as: OperationCall.tensorFlowSpaceToBatch)
    add("tf.batch_to_space", "tf.batch_to_space_nd", as: OperationCall.tensorFlowBatchToSpace)
    add("tf.reverse_sequence", as: OperationCall.tensorFlowReverseSequence)
    add("tf.nn.dilation2d", as: OperationCall.tensorFlowDilation2d, false)
    add("tf.nn.erosion2d", as: OperationCall.tensorFlowDilation2d, true)
  }
}

extension OperationCall {
  /// Blocks of space put into the batch: `[N, S..., rest]` to `[b... N, S / b..., rest]`, padded first.
  func tensorFlowSpaceToBatch() throws(KerasImportError) -> Value {
    var x = try tensor("input", at: 0)
    let (block, pads) = (try blockShape(), try blockPairs("paddings"))
    let count = block.count
    guard pads.count == count, scope.rank(of: x) > count else {
      throw KerasImportError(.invalidGraph("\(pads.count) pads for blocks of \(block)"))
    }
    for (axis, pair) in pads.enumerated() {
      x = try scope.bordered(x, axis: axis + 1, before: .fixed(pair[0]), after: .fixed(pair[1]))
    }
    let shape = scope.shape(of: x)
    let parts = block.indices.map { shape[$0 + 1] / .fixed(block[$0]) }
    let rest = Array(shape.dimensions.dropFirst(count + 1))
    let split = block.indices.flatMap { [parts[$0], .fixed(block[$0])] }
    let spread = try scope.reshape(x, Shape([shape[0]] + split + rest))
    let order = block.indices.map { 2 * $0 + 2 } + [0] + block.indices.map { 2 * $0 + 1 }
    let turned = try scope.transpose(spread, order + rest.indices.map { 2 * count + 1 + $0 })
    return try scope.reshape(turned, Shape([shape[0] * .fixed(block.reduce(1, *))] + parts + rest))
  }

  /// The inverse: `[b... N, S..., rest]` to `[N, S b..., rest]`, cropped afterwards.
  func tensorFlowBatchToSpace() throws(KerasImportError) -> Value {
    let x = try tensor("input", at: 0)
    let (block, crops) = (try blockShape(), try blockPairs("crops"))
    let (count, shape) = (block.count, scope.shape(of: x))
    guard crops.count == count, shape.rank > count else {
      throw KerasImportError(.invalidGraph("\(crops.count) crops for blocks of \(block)"))
    }
    let batch = shape[0] / .fixed(block.reduce(1, *))
    let parts = Array(shape.dimensions[1...count])
    let rest = Array(shape.dimensions.dropFirst(count + 1))
    let spread = try scope.reshape(x, Shape(block.map { .fixed($0) } + [batch] + parts + rest))
    let pairs = block.indices.flatMap { [count + 1 + $0, $0] }
    let turned = try scope.transpose(spread, [count] + pairs + rest.indices.map { 2 * count + 1 + $0 })
    let wide = zip(parts, block).map { $0 * .fixed($1) }
    var y = try scope.reshape(turned, Shape([batch] + wide + rest))
    for (index, crop) in crops.enumerated() {
      y = try scope.part(
        y, axis: index + 1, start: .fixed(crop[0]), size: wide[index] - .fixed(crop[0]) - .fixed(crop[1]))
    }
    return y
  }

  private func blockShape() throws(KerasImportError) -> [Int] {
    let block = try required("block_shape", ints("block_shape", at: 1))
    guard !block.isEmpty, block.count < 8, block.allSatisfy({ (1..<1 << 16).contains($0) }) else {
      throw KerasImportError(.invalidGraph("blocks of \(block)"))
    }
    return block
  }

  private func blockPairs(_ name: String) throws(KerasImportError) -> [[Int]] {
    let rows = try required(name, argument(name, at: 2)?.integerRows)
    guard rows.allSatisfy({ $0.count == 2 && $0.allSatisfy { (0..<1 << 24).contains($0) } }) else {
      throw KerasImportError(.invalidGraph("\(name) \(rows)"))
    }
    return rows
  }

  /// The first elements of each sequence in the opposite order, as many as its length; the rest where they are.
  func tensorFlowReverseSequence() throws(KerasImportError) -> Value {
    let x = try tensor("input", at: 0)
    let rank = scope.rank(of: x)
    let sequence = try scope.axis(
      required("seq_axis", int(hasArgument("seq_dim") ? "seq_dim" : "seq_axis")), rank: rank)
    let batch = try scope.axis(
      int(hasArgument("batch_dim") ? "batch_dim" : "batch_axis", default: 0), rank: rank)
    guard sequence != batch else { throw KerasImportError(.invalidGraph("sequences along the batch axis")) }
    let lengths = try scope.expandDims(scope.cast(tensor("seq_lengths", at: 1), to: .int64), axes: [1])
    let moved = try scope.moveAxes(x, from: [batch, sequence], to: [0, 1])
    let shape = scope.shape(of: moved)
    let steps = try scope.emit(.expand([shape[0], shape[1]]), scope.emit(.range(shape[1])))
    let mirrored = try scope.subtract(scope.subtract(lengths, scope.scalar(1, .int64)), steps)
    let places = try scope.emit(.select, scope.compare(.less, steps, lengths), mirrored, steps)
    let turned = try scope.gathered(moved, places, axis: 1, batchDims: 1)
    return try scope.moveAxes(turned, from: [0, 1], to: [batch, sequence])
  }

  /// Grey dilation, the largest sum of window and filter over the taps inside the data; erosion, the smallest difference
  /// to the filter turned round. Filter `[kH, kW, C]`.
  func tensorFlowDilation2d(_ isErosion: Bool) throws(KerasImportError) -> Value {
    let names = ["value", "input"].filter { hasArgument($0) }
    let kernels = ["filters", "filter", "kernel"].filter { hasArgument($0) }
    guard let image = argument(names.first ?? "input", at: 0),
      let taps = argument(kernels.first ?? "filters", at: 1)
    else { throw KerasImportError(.missingKey("filters")) }
    var x = try promoted([image, taps])
    guard scope.dtype(of: x[0]).isFloatingPoint, try tensorFlowLayout() == .channelsLast else {
      throw KerasImportError(.unsupported("grey morphology of integers, or with channels first"))
    }
    try scope.expectRank(4, of: x[0])
    try scope.expectRank(3, of: x[1])
    if isErosion {
      x = [try scope.unary(.negate, x[0]), try scope.reversed(x[1], axes: [0, 1])]
    }
    let largest = try dilated(x[0], by: x[1])
    return isErosion ? try scope.unary(.negate, largest) : largest
  }

  private func dilated(_ image: Value, by filter: Value) throws(KerasImportError) -> Value {
    let kernel = scope.shape(of: filter).dimensions.prefix(2).compactMap(\.fixedSize)
    guard kernel.count == 2, kernel.allSatisfy({ (1...16).contains($0) }) else {
      throw KerasImportError(
        .unsupported("grey morphology with a filter of shape \(scope.shape(of: filter))"))
    }
    let strides = try spatialSizes("strides", 2, count: 2, .channelsLast)
    let rateName = hasArgument("rates") ? "rates" : "dilations"
    let rates = try spatialSizes(rateName, nil, count: 2, .channelsLast, default: 1)
    let padding = try windowPadding(
      image, kernel: kernel, strides: strides, dilations: rates, at: nil, .channelsLast)
    guard case .explicit(let pads) = padding else {
      throw KerasImportError(.unsupported("grey morphology with strides over sizes that are not known"))
    }
    var x = image
    for (index, pad) in pads.enumerated() {
      x = try scope.bordered(
        x, axis: index + 1, before: .fixed(pad.before), after: .fixed(pad.after), filler: -.infinity)
    }
    let shape = scope.shape(of: x)
    let counts = (0..<2).map { axis in
      (shape[axis + 1] - .fixed((kernel[axis] - 1) * rates[axis])).dividedRoundingUp(by: strides[axis])
    }
    var largest: Value?
    for row in 0..<kernel[0] {
      for column in 0..<kernel[1] {
        var part = x
        for (axis, tap) in [row, column].enumerated() {
          let reach = (counts[axis] - 1) * .fixed(strides[axis]) + 1
          part = try scope.part(part, axis: axis + 1, start: .fixed(tap * rates[axis]), size: reach)
          part = try scope.slice(part, axis: axis + 1, from: nil, to: nil, step: strides[axis])
        }
        let weight = try scope.element(column, of: scope.element(row, of: filter, axis: 0), axis: 0)
        let sum = try scope.add(part, weight)
        largest = try largest.map { known throws(KerasImportError) in try scope.maximum(known, sum) } ?? sum
      }
    }
    return try required("filters", largest)
  }
}
