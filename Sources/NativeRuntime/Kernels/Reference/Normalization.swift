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

func layerNormalization(_ x: [Tensor], _ axis: Int, _ epsilon: Double) throws -> Tensor {
  let inner = x[0].sizes[axis...].reduce(1, *)
  let outer = x[0].sizes[..<axis].reduce(1, *)
  let gamma = try x[1].doubles()
  let beta = try x[2].doubles()
  if x[0].dtype == .float64 {
    return try normalizeRows(x[0], outer, inner, gamma, beta, epsilon, Double.self)
  }
  return try normalizeRows(x[0], outer, inner, gamma, beta, epsilon, Float.self)
}

private func normalizeRows<T: TensorElement & BinaryFloatingPoint>(
  _ x: Tensor, _ outer: Int, _ inner: Int, _ gamma: [Double], _ beta: [Double], _ epsilon: Double,
  _ type: T.Type
) throws -> Tensor {
  try x.read(T.self) { source in
    try Tensor.make(T.self, x.sizes) { target in
      let (source, target) = (ReadPointer(source), SharedPointer(target))
      parallel(outer, grain: max(1, (1 << 13) / max(inner, 1))) { range in
        for row in range {
          let from = source.pointer + row * inner
          var sum = 0.0
          for i in 0..<inner { sum += Double(from[i]) }
          let mean = sum / Double(inner)
          var squares = 0.0
          for i in 0..<inner {
            let difference = Double(from[i]) - mean
            squares += difference * difference
          }
          let scale = 1 / (squares / Double(inner) + epsilon).squareRoot()
          let to = target.pointer + row * inner
          for i in 0..<inner { to[i] = T((Double(from[i]) - mean) * scale * gamma[i] + beta[i]) }
        }
      }
    }
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
