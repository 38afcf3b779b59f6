/// Row-major strides, in elements.
func strides(of sizes: [Int]) -> [Int] {
  var result = Array(repeating: 1, count: sizes.count)
  for axis in stride(from: sizes.count - 2, through: 0, by: -1) {
    result[axis] = result[axis + 1] * sizes[axis + 1]
  }
  return result
}

/// Strides of an operand broadcast to a result's sizes: 0 along axes it repeats.
func broadcastStrides(_ sizes: [Int], to result: [Int]) -> [Int] {
  let own = strides(of: sizes)
  let offset = result.count - sizes.count
  return result.indices.map { axis in
    axis < offset || (sizes[axis - offset] == 1 && result[axis] != 1) ? 0 : own[axis - offset]
  }
}

/// The broadcast of two lists of sizes that are known to fit.
func broadcastSizes(_ a: [Int], _ b: [Int]) throws -> [Int] {
  let count = max(a.count, b.count)
  var result = Array(repeating: 1, count: count)
  for index in 0..<count {
    let x = index < count - a.count ? 1 : a[index - (count - a.count)]
    let y = index < count - b.count ? 1 : b[index - (count - b.count)]
    guard x == y || x == 1 || y == 1 else { throw KernelError("shapes \(a) and \(b) do not broadcast") }
    result[index] = x == 1 ? y : x
  }
  return result
}

/// Calls `body` with the offsets of each innermost row of several strided operands, in row-major order.
///
/// - Returns: through `body`: the offset of the row in each operand; the row has `sizes.last` elements.
func forEachRow(_ sizes: [Int], _ strides: [[Int]], _ body: ([Int]) -> Void) {
  let outer = sizes.dropLast()
  guard !sizes.contains(0) else { return }
  var index = Array(repeating: 0, count: outer.count)
  var offsets = Array(repeating: 0, count: strides.count)
  while true {
    body(offsets)
    var axis = outer.count - 1
    while axis >= 0 {
      index[axis] += 1
      for operand in strides.indices { offsets[operand] += strides[operand][axis] }
      if index[axis] < sizes[axis] { break }
      for operand in strides.indices { offsets[operand] -= strides[operand][axis] * sizes[axis] }
      index[axis] = 0
      axis -= 1
    }
    if axis < 0 { return }
  }
}

/// The sizes before, of, and after an axis.
func around(_ sizes: [Int], _ axis: Int) -> (outer: Int, size: Int, inner: Int) {
  (sizes[..<axis].reduce(1, *), sizes[axis], sizes[(axis + 1)...].reduce(1, *))
}
