/// A part of a partitioned variable: an interval along each axis, or all of it.
struct TensorSlice: Sendable, Hashable {
  /// Start and length for each axis; nil for the whole axis.
  private var extents: [Extent?] = []

  private struct Extent: Hashable {
    var start: Int
    var length: Int
  }

  /// Axes (1), each with start (1) and length (2); an axis without length is whole.
  init(_ message: ProtobufMessage) throws(KerasImportError) {
    for axis in try message.messages(1) {
      guard let length = try axis.numbers(2).last else {
        extents.append(nil)
        continue
      }
      guard let start = Int(exactly: try axis.number(1)), let count = Int(exactly: length),
        count <= Int.max - start
      else { throw KerasImportError(.corrupted("an impossible part of a variable")) }
      extents.append(Extent(start: start, length: count))
    }
  }

  /// The shape of the part.
  func sizes(of whole: [Int]) -> [Int] { zip(whole, extents).map { $1?.length ?? $0 } }

  /// The parts in order and the axis they divide.
  /// - Throws: `unsupported` when they divide several, `corrupted` when they leave gaps or overlap.
  static func order(
    _ slices: [TensorSlice], sizes: [Int]
  ) throws(KerasImportError) -> (slices: [TensorSlice], axis: Int) {
    guard !sizes.isEmpty, slices.allSatisfy({ $0.extents.count == sizes.count }) else {
      throw KerasImportError(.corrupted("parts of another number of axes than the variable"))
    }
    func isWhole(_ axis: Int) -> Bool {
      slices.allSatisfy { slice in
        slice.extents[axis].map { $0.start == 0 && $0.length == sizes[axis] } ?? true
      }
    }
    let divided = sizes.indices.filter { !isWhole($0) }
    guard divided.count <= 1 else {
      throw KerasImportError(.unsupported("a variable partitioned along several axes"))
    }
    let axis = divided.first ?? 0  // A variable in one part is whole along any axis.
    let ordered = slices.sorted { $0.start(axis) < $1.start(axis) }
    var end = 0
    for slice in ordered {
      guard slice.start(axis) == end else {
        throw KerasImportError(.corrupted("parts with gaps between them"))
      }
      end += slice.sizes(of: sizes)[axis]
    }
    return (ordered, axis)
  }

  private func start(_ axis: Int) -> Int { extents[axis]?.start ?? 0 }  // No extent: the whole axis.

  /// The key of the part's own entry: numbers and texts written so that keys sort as what they mean.
  ///
  /// Source: `EncodeTensorNameSlice` of `tensorflow/core/util/saved_tensor_slice_util.cc` and
  /// `tensorflow/core/lib/strings/ordered_code.cc`.
  func key(of name: String) -> [UInt8] {
    var key: [UInt8] = [0]
    for byte in name.utf8 {
      switch byte {
      case 0: key += [0, 0xFF]
      case 0xFF: key += [0xFF, 0]
      default: key.append(byte)
      }
    }
    key += [0, 1]
    key += TensorSlice.unsigned(extents.count)
    for extent in extents {
      key += TensorSlice.signed(extent?.start ?? 0)  // TensorFlow's numbers for the whole axis: 0 and -1.
      key += TensorSlice.signed(extent?.length ?? -1)
    }
    return key
  }

  /// The number of bytes, then the bytes, highest first.
  private static func unsigned(_ number: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = number
    while rest > 0 {
      bytes.insert(UInt8(truncatingIfNeeded: rest), at: 0)
      rest >>= 8
    }
    return [UInt8(bytes.count)] + bytes
  }

  /// Seven bits of the number in each byte, after as many leading ones as there are bytes; negative numbers inverted.
  private static func signed(_ number: Int) -> [UInt8] {
    let magnitude = number < 0 ? ~number : number
    let bitCount = Int.bitWidth - magnitude.leadingZeroBitCount
    let count = bitCount / 7 + 1
    let sign: UInt8 = number < 0 ? 0xFF : 0
    var bytes = (0..<10).map { $0 < 2 ? sign : UInt8(truncatingIfNeeded: number >> (8 * (9 - $0))) }
    bytes.removeFirst(10 - count)
    // The header: `count` leading ones, which may reach into the second byte.
    let header = count >= 8 ? UInt16(0xFFFF) << (16 - count) : UInt16(0xFF00) << (8 - count) & 0xFF00
    bytes[0] ^= UInt8(header >> 8)
    if count > 1 { bytes[1] ^= UInt8(truncatingIfNeeded: header) }
    return bytes
  }
}
