import ModelFiles
public import ModelIR

/// NumPy's `.npy` format, versions 1 to 3.
///
/// | offset | bytes | meaning |
/// |---|---|---|
/// | 0 | 6 | `93 4E 55 4D 50 59` |
/// | 6 | 2 | major and minor version |
/// | 8 | 2 (version 1) or 4 | length of the header, little-endian |
/// | then | | a Python dictionary: `descr`, `fortran_order`, `shape` |
public enum NumpyArray {
  /// What is wrong with a file.
  public struct FormatError: Error, Sendable, CustomStringConvertible {
    /// What is wrong.
    public let description: String

    /// A fault in words.
    package init(_ description: String) { self.description = description }
    init(description: String) { self.description = description }
  }

  /// Reads an `.npy` file.
  /// - Throws: ``FormatError`` with the path: it cannot be opened, or is no array that is read.
  public static func load(_ path: String) throws(FormatError) -> Tensor {
    do {
      return try MappedFile(path: path).content.withBytes { bytes in Result { try decode(bytes) } }.get()
    } catch let error as FileError {
      throw FormatError(description: "\(error)")
    } catch {
      throw FormatError(description: "\(path): \(error)")
    }
  }

  /// Writes an `.npy` file, which appears under its name when it is complete.
  /// - Throws: ``FormatError`` with the path when it cannot be written, or the tensor cannot be read.
  public static func save(_ tensor: Tensor, to path: String) throws(FormatError) {
    do {
      let bytes = try encode(tensor)
      let file = try OutputFile(replacing: path)
      try file.write(bytes)
      try file.finish()
    } catch let error as FileError {
      throw FormatError(description: "\(error)")
    } catch {
      throw FormatError(description: "\(path): \(error)")
    }
  }

  /// Decodes an array; strings become a string tensor.
  /// - Throws: ``FormatError``.
  package static func decode(_ bytes: UnsafeRawBufferPointer) throws -> Tensor {
    let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]
    guard bytes.count >= 12, Array(bytes[..<6]) == magic else {
      throw FormatError(description: "not an .npy array")
    }
    let isFirst = bytes[6] == 1
    let width = isFirst ? 2 : 4
    var length = 0
    for index in 0..<width { length |= Int(bytes[8 + index]) << (8 * index) }
    let start = 8 + width + length
    guard start <= bytes.count else { throw FormatError(description: "the header is cut off") }
    let header = String(decoding: bytes[(8 + width)..<start], as: UTF8.self)
    let descr = try field("descr", header)
    let isFortran = try field("fortran_order", header).contains("True")
    let sizes = try shape(try field("shape", header))
    let data = UnsafeRawBufferPointer(rebasing: bytes[start...])
    let tensor = try array(
      descr.filter { $0 != "'" && $0 != "\"" }, isFortran ? sizes.reversed() : sizes, data)
    return isFortran ? try tensor.transposed(Array((0..<tensor.rank).reversed())) : tensor
  }

  /// The text of a value of the header's dictionary.
  private static func field(_ name: String, _ header: String) throws -> String {
    guard let key = header.firstRange(of: "'\(name)':") else {
      throw FormatError(description: "the header has no \(name)")
    }
    let rest = header[key.upperBound...].drop { $0 == " " }
    if rest.first == "(" { return String(rest.prefix { $0 != ")" }) }
    return String(rest.prefix { $0 != "," && $0 != "}" })
  }

  private static func shape(_ text: String) throws -> [Int] {
    var sizes: [Int] = []
    var count = 1
    for part in text.dropFirst().split(separator: ",") {
      let digits = part.filter { !$0.isWhitespace && $0 != "L" }  // Python 2 wrote `3L`.
      if digits.isEmpty { continue }
      guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
        throw FormatError(description: "the shape has a size \"\(digits)\"")
      }
      guard let size = Int(digits) else { throw FormatError(description: "the shape is too large") }
      let (product, overflow) = count.multipliedReportingOverflow(by: max(size, 1))
      guard !overflow, product < 1 << 40 else { throw FormatError(description: "the shape is too large") }
      count = product
      sizes.append(size)
    }
    return sizes
  }

  private static let types: [String: DType] = [
    "f2": .float16, "f4": .float32, "f8": .float64, "i1": .int8, "i2": .int16, "i4": .int32, "i8": .int64,
    "u1": .uint8, "u2": .uint16, "u4": .uint32, "u8": .uint64, "b1": .bool,
  ]

  private static func array(_ descr: String, _ sizes: [Int], _ data: UnsafeRawBufferPointer) throws -> Tensor
  {
    let count = try ElementCount.of(sizes)
    let kind = String(descr.drop { "<>|=".contains($0) })
    let isBig = descr.hasPrefix(">")
    if let width = Int(kind.dropFirst()), kind.hasPrefix("U") || kind.hasPrefix("S") {
      return try strings(count, width, isWide: kind.hasPrefix("U"), isBig, sizes, data)
    }
    guard let dtype = types[kind] else {
      throw FormatError(description: "arrays of type \(descr) are not read")
    }
    let byteCount = count * dtype.byteCount
    guard data.count >= byteCount else {
      throw FormatError(description: "expected \(byteCount) bytes of data, found \(data.count)")
    }
    let storage = try MemoryStorage(byteCount: byteCount) { target in
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: data[..<byteCount]))
      guard isBig, dtype.byteCount > 1 else { return }
      for element in stride(from: 0, to: byteCount, by: dtype.byteCount) {
        target[element..<(element + dtype.byteCount)].reverse()
      }
    }
    return try Tensor(dtype: dtype, sizes: sizes, storage: storage)
  }

  private static func strings(
    _ count: Int, _ width: Int, isWide: Bool, _ isBig: Bool, _ sizes: [Int], _ data: UnsafeRawBufferPointer
  ) throws -> Tensor {
    let (bytesEach, overflow) = width.multipliedReportingOverflow(by: isWide ? 4 : 1)
    let (total, overflow2) = bytesEach.multipliedReportingOverflow(by: count)
    guard !overflow, !overflow2, width >= 0, data.count >= total else {
      throw FormatError(description: "the data is cut off")
    }
    // Elements without bytes are not bounded by the file's size, and each is a value of its own in memory.
    guard width > 0 || count <= 1 << 20 else { throw FormatError(description: "too many empty strings") }
    guard count <= MemoryBudget.process.left / (2 * MemoryLayout<String>.stride) else {
      throw FormatError(description: "\(count) strings are more than there is memory for")
    }
    var result: [String] = []
    result.reserveCapacity(count)
    for element in 0..<count {
      let part = data[(element * bytesEach)..<((element + 1) * bytesEach)]
      if !isWide {
        result.append(String(decoding: part.prefix { $0 != 0 }, as: UTF8.self))
        continue
      }
      var text = String.UnicodeScalarView()
      for place in stride(from: part.startIndex, to: part.endIndex, by: 4) {
        var code: UInt32 = 0
        for byte in 0..<4 { code |= UInt32(data[place + byte]) << UInt32(isBig ? 24 - 8 * byte : 8 * byte) }
        if code == 0 { break }
        text.append(Unicode.Scalar(code) ?? "\u{FFFD}")
      }
      result.append(String(text))
    }
    return try Tensor(result, sizes: sizes)
  }

  /// Encodes an array, version 1, C order, little-endian; bfloat16, which NumPy lacks, as float32.
  /// - Throws: what reading the tensor throws.
  package static func encode(_ tensor: Tensor) throws -> [UInt8] {
    let source = tensor.dtype == .bfloat16 ? try tensor.converted(to: .float32) : tensor
    var descr =
      types.first { $0.value == source.dtype }.map { (source.dtype.byteCount == 1 ? "|" : "<") + $0.key }
      // Texts have a type of their own, below.
      ?? ""
    var data: [UInt8] = []
    if let strings = source.strings {
      let width = strings.reduce(1) { max($0, $1.unicodeScalars.count) }
      descr = "<U\(width)"
      for text in strings {
        let codes =
          text.unicodeScalars.map(\.value) + Array(repeating: 0, count: width - text.unicodeScalars.count)
        for code in codes {
          for byte in 0..<4 { data.append(UInt8(truncatingIfNeeded: code >> UInt32(8 * byte))) }
        }
      }
    } else {
      let count = source.elementCount * source.dtype.byteCount
      data = try source.withBytes { Array($0.prefix(count)) }
    }
    let sizes = source.sizes.map(String.init).joined(separator: ", ")
    let shape = source.sizes.count == 1 ? "(\(sizes),)" : "(\(sizes))"
    var header = "{'descr': '\(descr)', 'fortran_order': False, 'shape': \(shape), }"
    header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
    let length = header.utf8.count
    return [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0, UInt8(length & 255), UInt8(length >> 8)]
      + Array(header.utf8) + data
  }
}
