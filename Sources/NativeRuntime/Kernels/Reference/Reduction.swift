import CKernels
import ModelIR

/// Moves the reduced axes to the end: `[kept, reduced]`, both flattened.
private func reduced(_ x: Tensor, _ axes: [Int]) throws -> (tensor: Tensor, outer: Int, inner: Int) {
  let kept = x.sizes.indices.filter { !axes.contains($0) }
  let order = kept + axes
  let moved = order == Array(x.sizes.indices) ? x : try transpose(x, order)
  return (moved, kept.map { x.sizes[$0] }.reduce(1, *), axes.map { x.sizes[$0] }.reduce(1, *))
}

private func resultSizes(_ x: Tensor, _ axes: [Int], _ keepDims: Bool) -> [Int] {
  x.sizes.indices.compactMap { axis in axes.contains(axis) ? (keepDims ? 1 : nil) : x.sizes[axis] }
}

func reduce(_ function: ReduceFunction, _ x: Tensor, _ axes: [Int], _ keepDims: Bool) throws -> Tensor {
  let sizes = resultSizes(x, axes, keepDims)
  if function == .sum || function == .mean, x.dtype == .float32, axes.last != x.rank - 1, axes.count == 1 {
    return try sumAlongMiddle(x, axes[0], isMean: function == .mean, sizes)
  }
  let (moved, outer, inner) = try reduced(x, axes)
  switch x.dtype {
  case .float32: return try reduceRows(function, moved, outer, inner, sizes, Float.self)
  case .float64: return try reduceRows(function, moved, outer, inner, sizes, Double.self)
  case .int64: return try reduceIntegers(function, moved, outer, inner, sizes)
  case .bool: return try reduceBools(function, moved, outer, inner, sizes)
  default: throw KernelError("\(function.name) of \(x.dtype.rawValue)")
  }
}

private func reduceRows<T: TensorElement & BinaryFloatingPoint>(
  _ function: ReduceFunction, _ x: Tensor, _ outer: Int, _ inner: Int, _ sizes: [Int], _ type: T.Type
) throws -> Tensor {
  try x.read(T.self) { source in
    try Tensor.make(T.self, sizes) { target in
      let (source, target) = (ReadPointer(source), SharedPointer(target))
      parallel(outer, grain: max(1, (1 << 14) / max(inner, 1))) { range in
        for row in range { target.pointer[row] = reduceRow(function, source.pointer + row * inner, inner) }
      }
    }
  }
}

@inline(__always)
private func reduceRow<T: BinaryFloatingPoint>(
  _ function: ReduceFunction, _ x: UnsafePointer<T>, _ count: Int
) -> T {
  switch function {
  case .sum, .mean:
    var sum = 0.0
    for i in 0..<count { sum += Double(x[i]) }
    return T(function == .sum ? sum : sum / Double(count))
  case .product:
    var product = T(1)
    for i in 0..<count { product *= x[i] }
    return product
  case .maximum:
    var best = -T.infinity
    for i in 0..<count { if x[i] > best || x[i].isNaN { best = x[i]; if best.isNaN { break } } }
    return best
  case .minimum:
    var best = T.infinity
    for i in 0..<count { if x[i] < best || x[i].isNaN { best = x[i]; if best.isNaN { break } } }
    return best
  case .logSumExp:
    var best = -Double.infinity
    for i in 0..<count {
      if x[i].isNaN { return x[i] }
      best = max(best, Double(x[i]))
    }
    if best.isInfinite { return T(best) }
    var sum = 0.0
    for i in 0..<count { sum += libm_exp(Double(x[i]) - best) }
    return T(best + libm_log(sum))
  case .any, .all: return 0
  }
}

/// Sums over one axis that is not the last: whole rows are added, in float64.
private func sumAlongMiddle(_ x: Tensor, _ axis: Int, isMean: Bool, _ sizes: [Int]) throws -> Tensor {
  let (outer, size, inner) = around(x.sizes, axis)
  return try x.read(Float.self) { source in
    try Tensor.make(Float.self, sizes) { target in
      var sums = [Double](repeating: 0, count: inner)
      for block in 0..<outer {
        for i in 0..<inner { sums[i] = 0 }
        for row in 0..<size {
          let from = source + (block * size + row) * inner
          for i in 0..<inner { sums[i] += Double(from[i]) }
        }
        for i in 0..<inner { target[block * inner + i] = Float(isMean ? sums[i] / Double(size) : sums[i]) }
      }
    }
  }
}

private func reduceIntegers(
  _ function: ReduceFunction, _ x: Tensor, _ outer: Int, _ inner: Int, _ sizes: [Int]
) throws -> Tensor {
  let values = try x.elements(as: Int64.self)
  return try Tensor.make(Int64.self, sizes) { y in
    for row in 0..<outer {
      let part = values[(row * inner)..<((row + 1) * inner)]
      switch function {
      case .sum, .logSumExp, .any, .all: y[row] = part.reduce(0, &+)
      case .mean: y[row] = inner == 0 ? 0 : part.reduce(0, &+) / Int64(inner)
      case .maximum: y[row] = part.max() ?? .min
      case .minimum: y[row] = part.min() ?? .max
      case .product: y[row] = part.reduce(1, &*)
      }
    }
  }
}

private func reduceBools(
  _ function: ReduceFunction, _ x: Tensor, _ outer: Int, _ inner: Int, _ sizes: [Int]
) throws -> Tensor {
  let values = try x.elements(as: Bool.self)
  return try Tensor.make(Bool.self, sizes) { y in
    for row in 0..<outer {
      let part = values[(row * inner)..<((row + 1) * inner)]
      y[row] = function == .any ? part.contains(true) : !part.contains(false)
    }
  }
}

func argReduce(_ function: ArgFunction, _ x: Tensor, _ axis: Int, _ keepDims: Bool) throws -> Tensor {
  let (moved, outer, inner) = try reduced(x, [axis])
  guard inner > 0 else { throw KernelError("the axis is empty") }
  let values = try moved.cast(to: .float64).elements(as: Double.self)
  return try Tensor.make(Int64.self, resultSizes(x, [axis], keepDims)) { y in
    for row in 0..<outer {
      var best = 0
      for i in 1..<max(inner, 1) {
        let (value, current) = (values[row * inner + i], values[row * inner + best])
        if function == .maximum ? value > current : value < current { best = i }
      }
      y[row] = Int64(best)
    }
  }
}

func cumulative(_ function: CumulativeFunction, _ x: Tensor, _ axis: Int, reverse: Bool, exclusive: Bool)
  throws -> Tensor
{
  switch x.dtype {
  case .float32:
    return try running(function, x, axis, reverse, exclusive, Float.self, -.infinity, .infinity) {
      $0 + $1
    } times: {
      $0 * $1
    }
  case .float64:
    return try running(function, x, axis, reverse, exclusive, Double.self, -.infinity, .infinity) {
      $0 + $1
    } times: {
      $0 * $1
    }
  case .int64:
    return try running(function, x, axis, reverse, exclusive, Int64.self, .min, .max) {
      $0 &+ $1
    } times: {
      $0 &* $1
    }
  default: throw KernelError("a running sum of \(x.dtype.rawValue)")
  }
}

private func running<T: TensorElement & Comparable & Numeric>(
  _ function: CumulativeFunction, _ x: Tensor, _ axis: Int, _ reverse: Bool, _ exclusive: Bool,
  _ type: T.Type,
  _ lowest: T, _ highest: T, plus: (T, T) -> T, times: (T, T) -> T
) throws -> Tensor {
  let (outer, size, inner) = around(x.sizes, axis)
  let start: T =
    switch function {
    case .sum: 0;
    case .product: 1;
    case .maximum: lowest;
    case .minimum: highest
    }
  return try x.read(T.self) { source in
    try Tensor.make(T.self, x.sizes) { y in
      for block in 0..<outer {
        for lane in 0..<inner {
          var total = start
          for step in 0..<size {
            let place = (block * size + (reverse ? size - 1 - step : step)) * inner + lane
            if exclusive { y[place] = total }
            switch function {
            case .sum: total = plus(total, source[place])
            case .product: total = times(total, source[place])
            case .maximum: if total == total { total = source[place] <= total ? total : source[place] }
            case .minimum: if total == total { total = source[place] >= total ? total : source[place] }
            }
            if !exclusive { y[place] = total }
          }
        }
      }
    }
  }
}

func topK(_ x: Tensor, _ k: Int, _ axis: Int, _ largest: Bool) throws -> [Tensor] {
  let (outer, size, inner) = around(x.sizes, axis)
  guard k <= size else {
    throw KernelError("expected at least \(k) elements along axis \(axis), found \(size)")
  }
  let values = try x.cast(to: .float64).elements(as: Double.self)
  var sizes = x.sizes
  sizes[axis] = k
  let indices = try Tensor.make(Int64.self, sizes) { y in
    for block in 0..<outer {
      for lane in 0..<inner {
        func value(_ i: Int) -> Double { values[(block * size + i) * inner + lane] }
        let order = (0..<size).sorted { a, b in
          let (p, q) = (value(a), value(b))
          if p == q || (p.isNaN && q.isNaN) { return a < b }
          if p.isNaN || q.isNaN { return largest ? p.isNaN : q.isNaN }
          return largest ? p > q : p < q
        }
        for i in 0..<k { y[(block * k + i) * inner + lane] = Int64(order[i]) }
      }
    }
  }
  return [try movement(Op.gatherElements(axis: axis), [x, indices])[0], indices]
}
