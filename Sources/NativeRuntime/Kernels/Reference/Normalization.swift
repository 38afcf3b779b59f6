import CKernels
import ModelIR

func batchNormalization(_ x: [Tensor], _ axis: Int, _ epsilon: Double) throws -> Tensor {
  let parameters = try x[1...].map { try $0.doubles() }
  let count = x[0].sizes[axis]
  // y = x * factor + offset, the two made in float64.
  let factor = (0..<count).map { parameters[0][$0] / (parameters[3][$0] + epsilon).squareRoot() }
  let offset = (0..<count).map { parameters[1][$0] - parameters[2][$0] * factor[$0] }
  var sizes = Array(repeating: 1, count: x[0].rank)
  sizes[axis] = count
  let scaled = try binary(.multiply, x[0], Tensor(factor, sizes: sizes, dtype: x[0].dtype))
  return try binary(.add, scaled, Tensor(offset, sizes: sizes, dtype: x[0].dtype))
}

func normalization(_ kind: Normalization, _ epsilon: Double, _ x: [Tensor]) throws -> Tensor {
  switch kind {
  case .layer(let axis):
    let rows = NormalizedRows(x[0].sizes[axis...].reduce(1, *), epsilon: epsilon, isCentered: true)
    return try rows.normalized(x[0], scale: x[1].doubles(), offset: x[2].doubles())
  case .rootMeanSquare(let axis):
    let rows = NormalizedRows(x[0].sizes[axis...].reduce(1, *), epsilon: epsilon, isCentered: false)
    let scale = try x[1].doubles()
    return try rows.normalized(x[0], scale: scale, offset: Array(repeating: 0, count: scale.count))
  case .groups(let count, let axis):
    return try groupNormalization(count, axis, epsilon, x)
  }
}

/// The groups are rows when the channels come right after the batch.
private func groupNormalization(_ count: Int, _ axis: Int, _ epsilon: Double, _ x: [Tensor]) throws -> Tensor
{
  let order = [0, axis] + (1..<x[0].rank).filter { $0 != axis }
  let channelsFirst = try transpose(x[0], order)
  let space = channelsFirst.sizes[2...].reduce(1, *)
  let (scale, offset) = (try x[1].doubles(), try x[2].doubles())
  let size = scale.count / count
  let rows = NormalizedRows(size * space, epsilon: epsilon, isCentered: true)
  func spread(_ parameter: [Double]) -> [Double] {
    parameter.flatMap { Array(repeating: $0, count: space) }
  }
  let y = try rows.normalized(channelsFirst, scale: spread(scale), offset: spread(offset))
  // It is a permutation.
  return try transpose(y, order.indices.map { axis in order.firstIndex(of: axis) ?? axis })
}

/// Rows of so many elements, each normalized by its own statistics in float64.
private struct NormalizedRows {
  let size: Int
  let epsilon: Double
  let isCentered: Bool

  init(_ size: Int, epsilon: Double, isCentered: Bool) {
    (self.size, self.epsilon, self.isCentered) = (size, epsilon, isCentered)
  }

  /// Parameters for one row, or for several that follow each other.
  func normalized(_ x: Tensor, scale: [Double], offset: [Double]) throws -> Tensor {
    if x.dtype == .float64 { return try normalized(x, scale, offset, Double.self) }
    return try normalized(x, scale, offset, Float.self)
  }

  private func normalized<T: TensorElement & BinaryFloatingPoint>(
    _ x: Tensor, _ scale: [Double], _ offset: [Double], _ type: T.Type
  ) throws -> Tensor {
    try x.read(T.self) { source in
      try Tensor.make(T.self, x.sizes) { target in
        let (source, target) = (ReadPointer(source), SharedPointer(target))
        parallel(size == 0 ? 0 : x.elementCount / size, grain: max(1, (1 << 13) / max(size, 1))) { range in
          for row in range {
            let (from, to) = (source.pointer + row * size, target.pointer + row * size)
            let (mean, factor) = statistics(from)
            let first = row * size % scale.count
            for i in 0..<size {
              to[i] = T((Double(from[i]) - mean) * factor * scale[first + i] + offset[first + i])
            }
          }
        }
      }
    }
  }

  /// The mean, 0 where it is not taken, and the reciprocal of the deviation from it.
  private func statistics<T: BinaryFloatingPoint>(_ row: UnsafePointer<T>) -> (mean: Double, factor: Double) {
    var sum = 0.0
    if isCentered { for i in 0..<size { sum += Double(row[i]) } }
    let mean = sum / Double(size)
    var squares = 0.0
    for i in 0..<size {
      let difference = Double(row[i]) - mean
      squares += difference * difference
    }
    return (mean, 1 / (squares / Double(size) + epsilon).squareRoot())
  }
}

func softmax(_ x: Tensor, _ axis: Int, isLog: Bool) throws -> Tensor {
  if axis != x.rank - 1 {
    var order = Array(0..<x.rank)
    order.swapAt(axis, x.rank - 1)
    return try transpose(softmax(transpose(x, order), x.rank - 1, isLog: isLog), order)
  }
  if x.dtype == .float64 { return try softmaxRows(x, isLog, Double.self) }
  return try softmaxRows(x, isLog, Float.self)
}

private func softmaxRows<T: TensorElement & BinaryFloatingPoint>(_ x: Tensor, _ isLog: Bool, _ type: T.Type)
  throws -> Tensor
{
  let inner = x.sizes[x.rank - 1]
  let outer = x.elementCount / max(inner, 1)
  return try x.read(T.self) { source in
    try Tensor.make(T.self, x.sizes) { target in
      let (source, target) = (ReadPointer(source), SharedPointer(target))
      parallel(outer, grain: max(1, (1 << 12) / max(inner, 1))) { range in
        for row in range {
          softmaxRow(source.pointer + row * inner, target.pointer + row * inner, inner, isLog)
        }
      }
    }
  }
}

private func softmaxRow<T: BinaryFloatingPoint>(
  _ x: UnsafePointer<T>, _ y: UnsafeMutablePointer<T>, _ count: Int, _ isLog: Bool
) {
  var best = -T.infinity
  for i in 0..<count { if x[i] > best || x[i].isNaN { best = x[i] } }
  var sum = 0.0
  if isLog {
    for i in 0..<count { sum += libm_exp(Double(x[i] - best)) }
    let shift = libm_log(sum)
    for i in 0..<count { y[i] = T(Double(x[i] - best) - shift) }
  } else {
    for i in 0..<count {
      let e = libm_exp(Double(x[i] - best))
      y[i] = T(e)
      sum += e
    }
    let scale = 1 / sum
    for i in 0..<count { y[i] = T(Double(y[i]) * scale) }
  }
}
