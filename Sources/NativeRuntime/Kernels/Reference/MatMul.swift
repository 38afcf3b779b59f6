import ModelIR

/// An element type whose products the blocked kernel computes.
protocol ProductElement: TensorElement, BinaryFloatingPoint, SIMDScalar, SendableMetatype, Codable {}
extension Float: ProductElement {}
extension Double: ProductElement {}

/// `c[m, n] = a[m, k] . b[k, n]`, row-major, `c` overwritten.
///
/// `b` is packed into panels of 8 columns, and 4 rows of `a` go through a panel at a time, their sums in registers.
@inline(__always)
private func productBody<T: ProductElement>(
  _ a: UnsafePointer<T>, rowStride: Int, _ b: UnsafePointer<T>, _ c: UnsafeMutablePointer<T>, m: Int, k: Int,
  n: Int
) {
  let panels = (n + 7) / 8
  let packed = UnsafeMutablePointer<SIMD8<T>>.allocate(capacity: max(panels * k, 1))
  defer { packed.deallocate() }
  let (source, target) = (ReadPointer(b), SharedPointer(packed))
  parallel(panels, grain: max(1, (1 << 15) / max(k * 8, 1))) { range in
    for panel in range { pack(source.pointer, panel, k: k, n: n, target.pointer + panel * k) }
  }
  let (x, y) = (ReadPointer(a), SharedPointer(c))
  let blocks = (m + 3) / 4
  parallel(blocks, grain: max(1, (1 << 16) / max(4 * k * n, 1))) { range in
    for panel in 0..<panels {
      let columns = UnsafePointer(target.pointer + panel * k)
      for block in range {
        multiplyBlock(
          x.pointer + block * 4 * rowStride, rowStride: rowStride, rows: min(4, m - block * 4), columns,
          y.pointer + block * 4 * n + panel * 8, width: min(8, n - panel * 8), k: k, n: n)
      }
    }
  }
}

@inline(__always)
private func pack<T: ProductElement>(
  _ b: UnsafePointer<T>, _ panel: Int, k: Int, n: Int, _ target: UnsafeMutablePointer<SIMD8<T>>
) {
  let first = panel * 8
  let width = min(8, n - first)
  for row in 0..<k {
    var vector = SIMD8<T>()
    let source = b + row * n + first
    for column in 0..<width { vector[column] = source[column] }
    target[row] = vector
  }
}

@inline(__always)
private func multiplyBlock<T: ProductElement>(
  _ a: UnsafePointer<T>, rowStride: Int, rows: Int, _ b: UnsafePointer<SIMD8<T>>,
  _ c: UnsafeMutablePointer<T>,
  width: Int, k: Int, n: Int
) {
  var (s0, s1, s2, s3) = (SIMD8<T>(), SIMD8<T>(), SIMD8<T>(), SIMD8<T>())
  // Rows beyond the last read the last again; their sums are not stored.
  let (r0, r1) = (a, a + min(1, rows - 1) * rowStride)
  let (r2, r3) = (a + min(2, rows - 1) * rowStride, a + min(3, rows - 1) * rowStride)
  for i in 0..<k {
    let vector = b[i]
    s0 += vector * r0[i]
    s1 += vector * r1[i]
    s2 += vector * r2[i]
    s3 += vector * r3[i]
  }
  store(s0, c, width)
  if rows > 1 { store(s1, c + n, width) }
  if rows > 2 { store(s2, c + 2 * n, width) }
  if rows > 3 { store(s3, c + 3 * n, width) }
}

@inline(__always)
private func store<T: ProductElement>(_ sum: SIMD8<T>, _ c: UnsafeMutablePointer<T>, _ width: Int) {
  if width == 8 {
    UnsafeMutableRawPointer(c).storeBytes(of: sum, as: SIMD8<T>.self)
  } else {
    for column in 0..<width { c[column] = sum[column] }
  }
}

/// `c = a . b` in float32.
func product(
  _ a: UnsafePointer<Float>, rowStride: Int, _ b: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>,
  m: Int, k: Int,
  n: Int
) { productBody(a, rowStride: rowStride, b, c, m: m, k: k, n: n) }

/// `c = a . b` in float64.
func product(
  _ a: UnsafePointer<Double>, rowStride: Int, _ b: UnsafePointer<Double>, _ c: UnsafeMutablePointer<Double>,
  m: Int,
  k: Int, n: Int
) { productBody(a, rowStride: rowStride, b, c, m: m, k: k, n: n) }

/// `c = a . b` for either type.
@inline(__always)
func multiply<T: ProductElement>(
  _ a: UnsafePointer<T>, rowStride: Int, _ b: UnsafePointer<T>, _ c: UnsafeMutablePointer<T>, m: Int, k: Int,
  n: Int
) {
  if let a = a as? UnsafePointer<Float>, let b = b as? UnsafePointer<Float>,
    let c = c as? UnsafeMutablePointer<Float>
  {
    product(a, rowStride: rowStride, b, c, m: m, k: k, n: n)
  } else if let a = a as? UnsafePointer<Double>, let b = b as? UnsafePointer<Double>,
    let c = c as? UnsafeMutablePointer<Double>
  {
    product(a, rowStride: rowStride, b, c, m: m, k: k, n: n)
  }
}

func matMul(_ a: Tensor, _ b: Tensor) throws -> Tensor {
  switch a.dtype {
  case .float32: return try matMul(a, b, Float.self)
  case .float64: return try matMul(a, b, Double.self)
  case .int64: return try integerMatMul(a, b)
  default: throw KernelError("MatMul of \(a.dtype.rawValue)")
  }
}

private func matMulPlan(_ a: Tensor, _ b: Tensor) throws -> (batch: [Int], m: Int, k: Int, n: Int) {
  guard a.rank >= 2, b.rank >= 2, a.sizes[a.rank - 1] == b.sizes[b.rank - 2] else {
    throw KernelError("cannot multiply shapes \(a.sizes) and \(b.sizes)")
  }
  let batch = try broadcastSizes(Array(a.sizes.dropLast(2)), Array(b.sizes.dropLast(2)))
  return (batch, a.sizes[a.rank - 2], a.sizes[a.rank - 1], b.sizes[b.rank - 1])
}

private func matMul<T: ProductElement>(_ a: Tensor, _ b: Tensor, _ type: T.Type) throws -> Tensor {
  let (batch, m, k, n) = try matMulPlan(a, b)
  return try a.read(T.self) { x in
    try b.read(T.self) { y in
      try Tensor.make(T.self, batch + [m, n]) { z in
        if b.sizes.dropLast(2).allSatisfy({ $0 == 1 }), a.sizes.dropLast(2).reduce(1, *) == batch.reduce(1, *)
        {
          multiply(x, rowStride: k, y, z, m: batch.reduce(1, *) * m, k: k, n: n)
          return
        }
        let xs = broadcastStrides(Array(a.sizes.dropLast(2)), to: batch).map { $0 * m * k }
        let ys = broadcastStrides(Array(b.sizes.dropLast(2)), to: batch).map { $0 * k * n }
        var offset = 0
        forEachRow(batch + [1], [xs + [0], ys + [0]]) { offsets in
          multiply(x + offsets[0], rowStride: k, y + offsets[1], z + offset, m: m, k: k, n: n)
          offset += m * n
        }
      }
    }
  }
}

private func integerMatMul(_ a: Tensor, _ b: Tensor) throws -> Tensor {
  let (batch, m, k, n) = try matMulPlan(a, b)
  return try a.read(Int64.self) { x in
    try b.read(Int64.self) { y in
      try Tensor.make(Int64.self, batch + [m, n]) { z in
        let xs = broadcastStrides(Array(a.sizes.dropLast(2)), to: batch).map { $0 * m * k }
        let ys = broadcastStrides(Array(b.sizes.dropLast(2)), to: batch).map { $0 * k * n }
        var offset = 0
        forEachRow(batch + [1], [xs + [0], ys + [0]]) { offsets in
          for i in 0..<m {
            for p in 0..<k {
              let value = x[offsets[0] + i * k + p]
              for j in 0..<n {
                z[offset + i * n + j] = z[offset + i * n + j] &+ value &* y[offsets[1] + p * n + j]
              }
            }
          }
          offset += m * n
        }
      }
    }
  }
}
