import CKernels
import ModelIR

/// A product of few rows with a large matrix that stays as small as the file has it, in integers of 4 or 8 bits or floats
/// of 16, and is widened on its way to the sums. 4,096 × 4,096 numbers, one thread, 1 and 8 rows: 1.1 and 2.8 ms of int8,
/// 1.2 and 3.0 of 4 bits, 1.9 and 3.2 of float16, 2.8 and 3.8 of float32 where it is.
struct NarrowProduct: Step {
  private let rows: Int
  private let matrix: NarrowMatrix
  private let function: ElementFunction?
  private let hasBias: Bool

  /// More rows are faster with a matrix that is packed in float32.
  private static let mostRows = 16
  /// Smaller matrices take little memory in float32.
  private static let fewestElements = 1 << 20

  /// Whether a product is better done so than with a packed matrix.
  static func suits(_ request: StepRequest) -> Bool {
    guard let epilogue = request.op.productEpilogue, request.options.usesOwnKernels, !epilogue.addsOperand,
      request.operands.allSatisfy({ $0.dtype == .float32 }),
      epilogue.function.map({ ElementFunction($0) != nil }) ?? true
    else { return false }
    let (a, b) = (request.operands[0], request.operands[1])
    return b.sizes.count == 2 && b.elementCount >= fewestElements && a.elementCount > 0
      && a.elementCount <= mostRows * b.sizes[0]
      && request.constants[1].map { NarrowMatrix.isNarrow($0.tensor) } ?? false
  }

  fileprivate init?(_ request: StepRequest) throws {
    guard NarrowProduct.suits(request), let constant = request.constants[1] else { return nil }
    function = request.op.productEpilogue?.function.flatMap { ElementFunction($0) }
    rows = request.operands[0].elementCount / request.operands[1].sizes[0]
    guard let matrix = try NarrowMatrix(constant.tensor, request.operands[1].sizes) else { return nil }
    self.matrix = matrix
    hasBias = request.operands.count > 2
  }

  func run(_ memory: StepMemory) throws {
    let (a, c) = (ReadPointer(memory.floats(0)), SharedPointer(memory.floatResult(0)))
    let bias = hasBias ? ReadPointer(memory.floats(2)) : nil
    // Few rows: whole pages of the matrix; more: as many columns as stay in the first cache with their sums.
    let (block, all) = (rows > 8 ? 128 : 1024, matrix.columns)
    try matrix.withDescription { description in
      let description = SharedDescription(value: description)
      parallel((all + block - 1) / block, grain: 1) { [self] blocks in
        for index in blocks {
          let first = index * block
          multiply(
            first..<min(first + block, all), description.value, a.pointer, bias?.pointer, c.pointer)
        }
      }
    }
  }

  private func multiply(
    _ range: Range<Int>, _ description: ck_narrow, _ a: UnsafePointer<Float>, _ bias: UnsafePointer<Float>?,
    _ c: UnsafeMutablePointer<Float>
  ) {
    let first = range.lowerBound
    withUnsafePointer(to: description) {
      ck_narrow_product(
        $0, a, $0.pointee.k, rows, first, range.count, bias.map { $0 + first }, c + first, matrix.columns)
    }
    guard let function else { return }
    for row in 0..<rows {
      let target = c + row * matrix.columns + first
      ck_unary(function.function, function.alpha, function.beta, target, target, range.count)
    }
  }
}

/// What threads only read.
private struct SharedDescription: @unchecked Sendable {
  let value: ck_narrow
}

extension FusedBackend {
  func prepareNarrow(_ request: StepRequest) throws -> PreparedStep? {
    guard let product = try NarrowProduct(request) else { return nil }
    var layouts: [Layout?] = request.operands.map { _ in .rowMajor }
    layouts[1] = nil
    return PreparedStep(step: product, operandLayouts: layouts, resultLayouts: [.rowMajor])
  }
}

/// A constant matrix of float32 as it is stored: small numbers, and what makes floats of them.
private struct NarrowMatrix: Sendable {
  let columns: Int
  private let rows, byteStep, block: Int
  private let type: ck_narrow_type
  private let numbers: any ResidentStorage
  /// Empty: ones, and zeros.
  private let scale, zero: [Float]

  /// Whether a matrix is stored in a way that the kernel knows.
  static func isNarrow(_ tensor: Tensor) -> Bool {
    if let converted = tensor.storage as? ConvertedStorage {
      return converted.source.dtype.narrowFloat != nil
    }
    return (tensor.storage as? DequantizedStorage)?.scale.dtype == .float32
  }

  init?(_ tensor: Tensor, _ sizes: [Int]) throws {
    (rows, columns) = (sizes[0], sizes[1])
    if let converted = tensor.storage as? ConvertedStorage {
      guard let half = converted.source.dtype.narrowFloat else { return nil }
      (type, byteStep, block, scale, zero) = (half, 2 * sizes[1], sizes[0], [], [])
      numbers = try converted.source.storage.resident()
      return
    }
    guard let restored = tensor.storage as? DequantizedStorage else { return nil }
    let attributes = restored.attributes
    (type, byteStep) = attributes.numbers.narrow(columns: sizes[1], isSigned: restored.numbers.dtype == .int8)
    (block, scale) = try restored.scales(restored.scale, sizes)
    zero = try restored.zero.map { try restored.scales($0, sizes).values } ?? []  // None: symmetric.
    numbers = try restored.numbers.storage.resident()
  }

  /// Calls `body` while the numbers' bytes are held.
  func withDescription(_ body: (ck_narrow) -> Void) throws {
    try numbers.withBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      scale.withUnsafeBufferPointer { scale in
        zero.withUnsafeBufferPointer { zero in
          body(
            ck_narrow(
              type: type, bytes: base, byte_step: byteStep, k: rows, n: columns,
              scale: scale.isEmpty ? nil : scale.baseAddress, zero: zero.isEmpty ? nil : zero.baseAddress,
              block: block))
        }
      }
    }
  }
}

extension DType {
  /// The kernel's name of a 16-bit floating-point type; nil for others.
  fileprivate var narrowFloat: ck_narrow_type? {
    switch self {
    case .float16: ck_float16
    case .bfloat16: ck_bfloat16
    case .float32, .float64, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .bool, .string:
      nil
    }
  }
}

extension DequantizeAttributes.Numbers {
  /// The kernel's name of the numbers, and the bytes of a row.
  fileprivate func narrow(columns: Int, isSigned: Bool) -> (ck_narrow_type, Int) {
    switch self {
    case .bytes: (isSigned ? ck_int8 : ck_uint8, columns)
    case .nibbles(let isSigned, _): (isSigned ? ck_int4 : ck_uint4, columns / 2 + columns % 2)
    }
  }
}

extension DequantizedStorage {
  /// Scales or zero points as the kernel takes them, one for each column and group of rows: how many rows a group has, and
  /// the numbers; none where all of them are 1.
  fileprivate func scales(_ tensor: Tensor, _ sizes: [Int]) throws -> (block: Int, values: [Float]) {
    let (rows, columns) = (sizes[0], sizes[1])
    let values = try [Float](tensor)
    if values.count == 1 {
      return (rows, values[0] == 1 && zero == nil ? [] : Array(repeating: values[0], count: columns))
    }
    if let size = attributes.blockSize {
      if attributes.axis == 0 { return (size, values) }
      let groups = columns / size + (columns % size == 0 ? 0 : 1)
      return (
        1, (0..<rows).flatMap { row in (0..<columns).map { values[row * groups + $0 / size] } }
      )
    }
    if attributes.axis == 1 { return (rows, values) }
    return (1, values.flatMap { Array(repeating: $0, count: columns) })
  }
}
