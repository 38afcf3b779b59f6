public import ModelIR

/// What the numbers of a tensor are like.
public struct TensorStatistics: Sendable {
  /// The smallest finite number; nil when there is none.
  public private(set) var minimum: Double?
  /// The largest finite number.
  public private(set) var maximum: Double?
  /// The mean of the finite numbers.
  public private(set) var mean: Double?
  /// The standard deviation of the finite numbers, all of them counted.
  public private(set) var deviation: Double?
  /// How many are zero.
  public private(set) var zeroCount = 0
  /// How many are NaN or infinite.
  public private(set) var nonFiniteCount = 0
  /// How many finite numbers lie in each of equal parts between the smallest and the largest.
  public private(set) var histogram: [Int] = []

  /// The number of parts of ``histogram``.
  public static let binCount = 32

  /// Reads the tensor's bytes, twice.
  /// - Throws: `TensorError` when they cannot be read.
  public init(_ tensor: Tensor) throws(TensorError) {
    switch tensor.dtype {
    case .string: return
    case .float32: try tensor.withUnsafeBytes { count(Numbers<Float>(bytes: $0)) }
    case .float64: try tensor.withUnsafeBytes { count(Numbers<Double>(bytes: $0)) }
    default: try tensor.converted(to: .float64).withUnsafeBytes { count(Numbers<Double>(bytes: $0)) }
    }
  }

  private mutating func count<T: BinaryFloatingPoint>(_ numbers: Numbers<T>) {
    var (low, high) = (T.infinity, -T.infinity)
    var (sum, finite) = (0.0, 0)
    for index in 0..<numbers.count {
      let number = numbers[index]
      guard number.isFinite else { nonFiniteCount += 1; continue }
      low = Swift.min(low, number)
      high = Swift.max(high, number)
      if number == 0 { zeroCount += 1 }
      sum += Double(number)
      finite += 1
    }
    guard finite > 0 else { return }
    (minimum, maximum) = (Double(low), Double(high))
    let mean = sum / Double(finite)
    self.mean = mean
    spread(numbers, mean: mean, low: Double(low), high: Double(high), finite)
  }

  private mutating func spread<T: BinaryFloatingPoint>(
    _ numbers: Numbers<T>, mean: Double, low: Double, high: Double, _ finite: Int
  ) {
    var bins = Array(repeating: 0, count: TensorStatistics.binCount)
    // Halves, so that the difference of two large numbers stays finite.
    let width = high / 2 - low / 2
    var squares = 0.0
    for index in 0..<numbers.count {
      let number = Double(numbers[index])
      guard number.isFinite else { continue }
      squares += (number - mean) * (number - mean)
      // From 0 to 1, since the number lies between both.
      let part = width > 0 ? (number / 2 - low / 2) / width : 0
      bins[Swift.min(Int(part * Double(TensorStatistics.binCount)), TensorStatistics.binCount - 1)] += 1
    }
    deviation = (squares / Double(finite)).squareRoot()
    histogram = bins
  }
}

/// Little-endian numbers at any address.
private struct Numbers<T: BinaryFloatingPoint> {
  let bytes: UnsafeRawBufferPointer
  var count: Int { bytes.count / MemoryLayout<T>.size }

  subscript(index: Int) -> T { bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<T>.size, as: T.self) }
}
