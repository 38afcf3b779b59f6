/// The sizes of a tensor's axes, outermost first.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral {
  /// One entry per axis; empty for a scalar.
  public var dimensions: [Dimension]

  /// A shape of these sizes.
  public init(_ dimensions: [Dimension]) { self.dimensions = dimensions }
  /// A shape whose sizes are all known.
  public init(_ sizes: [Int]) { dimensions = sizes.map(Dimension.fixed) }
  /// A shape of these sizes.
  public init(arrayLiteral elements: Dimension...) { dimensions = elements }

  /// The number of axes.
  public var rank: Int { dimensions.count }

  /// The size of one axis.
  /// - Precondition: `axis` is in `0..<rank`.
  public subscript(axis: Int) -> Dimension {
    get { dimensions[axis] }
    set { dimensions[axis] = newValue }
  }

  /// All sizes as numbers, if every one is known.
  public var fixedSizes: [Int]? {
    var sizes: [Int] = []
    sizes.reserveCapacity(dimensions.count)
    for dimension in dimensions {
      guard let size = dimension.fixedSize else { return nil }
      sizes.append(size)
    }
    return sizes
  }

  /// The product of all sizes.
  public var elementCount: Dimension { dimensions.reduce(1, *) }

  /// The shape with sizes put in place of names.
  public func substituting(_ sizes: [String: Dimension]) -> Shape {
    Shape(dimensions.map { $0.substituting(sizes) })
  }
}

extension Shape: CustomStringConvertible {
  /// `[batch, 28, 28, 1]`
  public var description: String { "[" + dimensions.map(\.description).joined(separator: ", ") + "]" }
}

/// The type of a tensor: what its elements are and how many there are along each axis.
public struct TensorType: Hashable, Sendable, CustomStringConvertible {
  /// The element type.
  public var dtype: DType
  /// The sizes of the axes.
  public var shape: Shape

  /// An element type with a shape.
  public init(_ dtype: DType, _ shape: Shape) {
    self.dtype = dtype
    self.shape = shape
  }

  /// `float32[batch, 28, 28, 1]`
  public var description: String { "\(dtype.rawValue)\(shape)" }
}
