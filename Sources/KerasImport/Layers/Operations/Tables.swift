import ModelIR

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Cosines and sines of `2 pi row column / period`.
struct FourierMatrix {
  var rows, columns, period: Int

  func cosines(_ dtype: DType) throws(KerasImportError) -> Tensor { try tensor(dtype) { cos($0) } }
  func sines(_ dtype: DType) throws(KerasImportError) -> Tensor { try tensor(dtype) { sin($0) } }

  private func tensor(_ dtype: DType, _ function: (Double) -> Double) throws(KerasImportError) -> Tensor {
    let table = (0..<period).map { function(2 * .pi * Double($0) / Double(period)) }
    var numbers: [Double] = []
    numbers.reserveCapacity(rows * columns)
    for row in 0..<rows {
      for column in 0..<columns { numbers.append(table[row * column % period]) }
    }
    return try checkedTensor(Tensor(numbers, sizes: [rows, columns], dtype: dtype))
  }
}

/// Weights of filters.
enum Filters {
  /// Gaussian weights of a sum of 1.
  static func gaussian(_ size: Int, sigma: Double) -> [Double] {
    let middle = Double(size - 1) / 2
    let weights = (0..<size).map {
      exp(-0.5 * ((Double($0) - middle) / sigma) * ((Double($0) - middle) / sigma))
    }
    let total = weights.reduce(0, +)
    return weights.map { $0 / total }
  }
}

/// Windows of `tf.signal`.
enum Windows {
  /// `a - (1 - a) cos(2 pi i / n)`, n the length where it is even, else one less (TensorFlow's periodic windows).
  static func cosine(_ length: Int, _ a: Double, isPeriodic: Bool = true) -> [Double] {
    guard length > 1 else { return Array(repeating: 1, count: length) }
    let period = length - 1 + (isPeriodic && length % 2 == 0 ? 1 : 0)
    return (0..<length).map { a - (1 - a) * cos(2 * .pi * Double($0) / Double(period)) }
  }

  /// `hann` or `hamming`.
  static func named(_ name: String, length: Int) throws(KerasImportError) -> [Double] {
    switch name {
    case "hann": return cosine(length, 0.5)
    case "hamming": return cosine(length, 0.54)
    default: throw KerasImportError(.unsupported("window \"\(name)\""))
    }
  }

  /// The window by the sum of the squares of all its copies, `step` apart, that reach an element.
  /// Source: `tf.signal.inverse_stft_window_fn`.
  static func dual(_ window: [Double], step: Int) -> [Double] {
    var sums = [Double](repeating: 0, count: step)
    for (index, value) in window.enumerated() { sums[index % step] += value * value }
    return window.enumerated().map { $1 / sums[$0 % step] }
  }
}
