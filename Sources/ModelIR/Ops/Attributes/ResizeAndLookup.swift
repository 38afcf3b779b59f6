/// Attributes of ``Op/resize(_:)``: the axes named get new sizes, the others stay.
///
/// Source coordinate of output element i: `halfPixel`: `(i + 0.5) * n / m - 0.5`; `asymmetric`: `i * n / m`;
/// `alignCorners`: `i * (n - 1) / (m - 1)`. Nearest takes the floor of `(i + 0.5) * n / m` (halfPixel) or of
/// the coordinate (asymmetric); linear has two taps, edges clamped; cubic is Keys's kernel, taps outside left out and
/// the rest renormalised.
public struct ResizeAttributes: Hashable, Sendable {
  /// How values between elements are made. More may come: switch over it with a `default`.
  public enum Method: Hashable, Sendable {
    /// The nearest element; on a line between two; by Keys's cubic kernel of parameter `a`.
    case nearest, linear, cubic(a: Double)
  }
  /// Where an element of the result lies in the source. More may come: switch over it with a `default`.
  public enum Coordinates: Hashable, Sendable {
    /// Centres on centres; corners on corners, the ends apart; corner elements on corner elements.
    case halfPixel, asymmetric, alignCorners
  }
  /// How values between elements are made.
  public var method: Method
  /// Where an element of the result lies in the source.
  public var coordinates: Coordinates
  /// The axes resampled, ascending.
  public var axes: [Int]
  /// The new size of each of ``axes``.
  public var sizes: [Dimension]
  /// All attributes.
  public init(method: Method, coordinates: Coordinates, axes: [Int], sizes: [Dimension]) {
    self.method = method
    self.coordinates = coordinates
    self.axes = axes
    self.sizes = sizes
  }
}

/// A table from keys to values with a default for other keys. The two arrays have equal counts; keys are unique.
public struct LookupTable: Hashable, Sendable {
  /// Keys or values.
  public enum Entries: Hashable, Sendable {
    /// Of one kind.
    case integers([Int64]), strings([String])

    var count: Int {
      switch self {
      case .integers(let list): list.count
      case .strings(let list): list.count
      }
    }
  }
  /// The keys.
  public var keys: Entries
  /// The value of each key.
  public var values: Entries
  /// The value of other keys, where values are integers.
  public var defaultInteger: Int64
  /// The value of other keys, where values are strings.
  public var defaultString: String
  /// All attributes.
  public init(keys: Entries, values: Entries, defaultInteger: Int64 = 0, defaultString: String = "") {
    self.keys = keys
    self.values = values
    self.defaultInteger = defaultInteger
    self.defaultString = defaultString
  }
}

/// Attributes of ``Op/hash(_:)``: TensorFlow's StringToHashBucketFast (FarmHash fingerprint 64) or, with a key,
/// StringToHashBucketStrong (SipHash) of each element's text (integers in decimal), modulo `binCount`.
///
/// Several operands: TensorFlow's SparseCross, which joins 64-bit numbers, integers themselves and the FarmHash of
/// strings, onto a start value.
public struct HashAttributes: Hashable, Sendable {
  /// The number of results; they lie below it.
  public var binCount: Int
  /// SipHash's key, two 64-bit words; nil for FarmHash.
  public var key: [UInt64]?
  /// All attributes.
  public init(binCount: Int, key: [UInt64]? = nil) {
    self.binCount = binCount
    self.key = key
  }
}
