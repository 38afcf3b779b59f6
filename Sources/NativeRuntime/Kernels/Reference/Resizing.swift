import ModelIR

/// Each axis by itself: a list of taps (position and weight) for each element of the result.
func resize(_ attributes: ResizeAttributes, _ x: Tensor) throws -> Tensor {
  var result = x
  for (axis, dimension) in zip(attributes.axes, attributes.sizes) {
    let size = result.sizes[axis]
    guard let target = dimension.fixedSize else { throw KernelError("the size \(dimension) is not known") }
    guard size > 0 else { throw KernelError("cannot resize an empty axis") }
    let taps = (0..<target).map { attributes.taps($0, size: size, target: target) }
    if attributes.method == .nearest {
      result = try gather(result, Tensor(taps.map { Int64($0[0].position) }, sizes: [target]), axis)
    } else {
      result = try weighted(result, axis, taps)
    }
  }
  return result
}

extension ResizeAttributes {
  /// The elements of an axis that one element of the result is made of, with their weights.
  func taps(_ index: Int, size: Int, target: Int) -> [(position: Int, weight: Double)] {
    let ratio = Double(size) / Double(target)
    let coordinate: Double
    switch coordinates {
    case .halfPixel: coordinate = (Double(index) + 0.5) * ratio - 0.5
    case .asymmetric: coordinate = Double(index) * ratio
    case .alignCorners: coordinate = target > 1 ? Double(index) * Double(size - 1) / Double(target - 1) : 0
    }
    func clamp(_ position: Int) -> Int { min(max(position, 0), size - 1) }
    switch method {
    case .nearest:
      let place =
        coordinates == .halfPixel ? ((Double(index) + 0.5) * ratio).rounded(.down) : coordinate.rounded(.down)
      return [(clamp(Int(place)), 1)]
    case .linear:
      let low = coordinate.rounded(.down)
      let weight = coordinate - low
      return [(clamp(Int(low)), 1 - weight), (clamp(Int(low) + 1), weight)]
    case .cubic(let a):
      let low = Int(coordinate.rounded(.down))
      var taps = (low - 1...low + 2).map { ($0, ResizeAttributes.keys(abs(coordinate - Double($0)), a)) }
      taps = taps.filter { $0.0 >= 0 && $0.0 < size }
      let total = taps.reduce(0) { $0 + $1.1 }
      return taps.map { ($0.0, total == 0 ? 0 : $0.1 / total) }
    }
  }

  /// Keys's cubic kernel.
  static func keys(_ t: Double, _ a: Double) -> Double {
    if t <= 1 { return ((a + 2) * t - (a + 3)) * t * t + 1 }
    if t < 2 { return (((t - 5) * t + 8) * t - 4) * a }
    return 0
  }
}

private func weighted(_ x: Tensor, _ axis: Int, _ taps: [[(position: Int, weight: Double)]]) throws -> Tensor
{
  let wide = try x.cast(to: .float64)
  let (outer, size, inner) = around(x.sizes, axis)
  var sizes = x.sizes
  sizes[axis] = taps.count
  let result = try wide.read(Double.self) { source in
    try Tensor.make(Double.self, sizes) { target in
      for block in 0..<outer {
        for (place, parts) in taps.enumerated() {
          let to = target + (block * taps.count + place) * inner
          for part in parts {
            let from = source + (block * size + part.position) * inner
            for i in 0..<inner { to[i] += part.weight * from[i] }
          }
        }
      }
    }
  }
  return try result.cast(to: x.dtype)
}
