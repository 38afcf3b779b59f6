public import ModelIR

/// How one weight differs between two models.
public struct WeightDifference: Sendable {
  /// The path of its layer and its role, `encoder/block_1/dense/kernel`.
  public let name: String
  /// The types in both models; nil where a model has no such weight.
  public let first, second: TensorType?
  /// What differs of the numbers; nil unless both models have the weight with one shape.
  public let distance: Distance?

  /// How far two tensors of one shape are apart, as vectors.
  public struct Distance: Hashable, Sendable {
    /// The Euclidean norm of the first model's tensor.
    public internal(set) var firstNorm = 0.0
    /// The Euclidean norm of the second model's tensor.
    public internal(set) var secondNorm = 0.0
    /// The Euclidean norm of their difference.
    public internal(set) var norm = 0.0
    /// The largest difference of two elements.
    public internal(set) var maximum = 0.0
    /// How many elements differ.
    public internal(set) var changedCount = 0
    /// ``norm`` as a part of ``firstNorm``; infinite where that is 0.
    public var relative: Double { norm == 0 ? 0 : norm / firstNorm }
  }

  /// Whether both models have the weight, of one type and with the same numbers.
  public var isEqual: Bool { first == second && distance?.changedCount == 0 }

  init(_ name: String, _ first: Tensor?, _ second: Tensor?) throws {
    self.name = name
    self.first = first?.type
    self.second = second?.type
    guard let first, let second, first.sizes == second.sizes, first.dtype != .string, second.dtype != .string
    else {
      distance = nil
      return
    }
    var walk = TensorWalk(first.dtype, second.dtype)
    try second.withBytes { bytes in
      try first.storage.forEachPiece { piece in try walk.add(piece, beside: bytes, of: second) }
    }
    distance = try walk.finished(elementCount: first.elementCount)
  }
}

/// Two tensors walked side by side: the one as its pieces come, the other where it lies.
private struct TensorWalk {
  private let dtypes: (first: DType, second: DType)
  private var distance = WeightDifference.Distance()
  private var elementsDone = 0
  /// How many bytes of the other tensor have been given back.
  private var releasedCount = 0
  /// Bytes of an element that a piece was cut in.
  private var rest: [UInt8] = []
  private var sums = (first: 0.0, second: 0.0, difference: 0.0)

  /// How many elements are converted at once.
  private static let blockCount = 1 << 12

  init(_ first: DType, _ second: DType) { dtypes = (first, second) }

  mutating func add(_ piece: UnsafeRawBufferPointer, beside other: UnsafeRawBufferPointer, of second: Tensor)
    throws
  {
    let width = dtypes.first.byteCount
    guard rest.isEmpty, piece.count % width == 0 else {
      rest += piece
      let whole = rest.count / width * width
      let block = Array(rest[..<whole])
      rest.removeFirst(whole)
      return try block.withUnsafeBytes { try addWhole($0, beside: other) }
    }
    try addWhole(piece, beside: other)
    // What has been walked is not kept in memory.
    let done = elementsDone * dtypes.second.byteCount
    (second.storage as? HeldStorage)?.bytes.slice(offset: releasedCount, count: done - releasedCount)?
      .releasePages()
    releasedCount = done
  }

  private mutating func addWhole(_ piece: UnsafeRawBufferPointer, beside other: UnsafeRawBufferPointer) throws
  {
    let (width, otherWidth) = (dtypes.first.byteCount, dtypes.second.byteCount)
    var done = 0
    while done < piece.count / width {
      let count = min(TensorWalk.blockCount, piece.count / width - done)
      let start = elementsDone * otherWidth
      guard start + count * otherWidth <= other.count else {
        throw TensorError("more bytes of data than expected")
      }
      addBlock(
        UnsafeRawBufferPointer(rebasing: piece[(done * width)..<((done + count) * width)]),
        UnsafeRawBufferPointer(rebasing: other[start..<(start + count * otherWidth)]), count)
      done += count
      elementsDone += count
    }
  }

  private mutating func addBlock(
    _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, _ count: Int
  ) {
    guard let a = first.baseAddress, let b = second.baseAddress else { return }
    withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * count) { numbers in
      guard let x = numbers.baseAddress else { return }
      let y = x + count
      ElementConversion.convert(a, dtypes.first, to: x, .float64, count: count)
      ElementConversion.convert(b, dtypes.second, to: y, .float64, count: count)
      for index in 0..<count {
        sums.first += x[index] * x[index]
        sums.second += y[index] * y[index]
        if x[index] == y[index] || x[index].isNaN && y[index].isNaN { continue }
        let difference = x[index] - y[index]
        sums.difference += difference * difference
        distance.maximum = difference.isNaN ? .infinity : max(distance.maximum, difference.magnitude)
        distance.changedCount += 1
      }
    }
    // Integers beyond 2^53 may be one number as doubles.
    if distance.changedCount == 0, dtypes.first == dtypes.second, dtypes.first.isInteger,
      !first.elementsEqual(second)
    {
      distance.changedCount += 1
    }
  }

  func finished(elementCount: Int) throws -> WeightDifference.Distance {
    guard elementsDone == elementCount else {
      throw TensorError("expected \(elementCount) elements, found \(elementsDone)")
    }
    var result = distance
    result.firstNorm = sums.first.squareRoot()
    result.secondNorm = sums.second.squareRoot()
    result.norm = sums.difference.isNaN ? .infinity : sums.difference.squareRoot()
    return result
  }
}
