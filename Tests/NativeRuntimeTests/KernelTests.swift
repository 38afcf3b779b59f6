import ModelIR
import Testing

@testable import NativeRuntime

/// Kernels against numbers of TensorFlow 2.21 and NumPy on the same patterned operands.
struct KernelTests {
  /// Quarters around 0 with a period, so that Python and Swift make the same operands.
  private func pattern(_ sizes: Int..., period: Int = 7) throws -> Tensor {
    let count = sizes.reduce(1, *)
    return try Tensor((0..<count).map { Float($0 % period - period / 2) / 4 }, sizes: sizes)
  }

  private func expect(_ tensor: Tensor, _ expected: [Double], tolerance: Double = 2e-6) throws {
    let values = try tensor.doubles()
    #expect(values.count == expected.count)
    for (value, wanted) in zip(values, expected) { #expect(abs(value - wanted) <= tolerance) }
  }

  private func attributes(_ stride: Int, _ padding: Padding, dilation: Int = 1, groups: Int = 1)
    -> ConvAttributes
  {
    ConvAttributes(
      strides: [stride, stride], dilations: [dilation, dilation], padding: padding, groups: groups,
      layout: .channelsLast)
  }

  private let valid = Padding.explicit([PadPair(0, 0), PadPair(0, 0)])

  @Test func `a convolution with same padding and stride 2`() throws {
    let y = try convolution(attributes(2, .sameUpper), [pattern(1, 5, 5, 4), pattern(3, 3, 4, 2, period: 5)])
    #expect(y.sizes == [1, 3, 3, 2])
    try expect(
      y,
      [
        -0.1875, -0.5, 1, 0.9375, -0.3125, 0.1875, 0.1875, 0.25, -0.5, 0, 0.125, -1.125, -0.0625,
        0.9375, -0.625, 0, 0.6875, 0.1875,
      ])
  }

  @Test func `unsigned numbers of 64 bits are not taken for negative ones`() throws {
    // NumPy: x >> 60, x // 10, x % 10, x > 5, x.astype(float), max, argmax and a sort of them, dtype uint64.
    let x = try Tensor([1 << 63 | 7, 3, .max] as [UInt64], sizes: [3])
    func result(_ op: Op, _ operands: [Tensor]) throws -> [Tensor] {
      let types = try op.inferTypes(operands.map(\.type))
      let forms = types.map { OperandForm(dtype: $0.dtype, sizes: $0.shape.fixedSizes ?? []) }
      return try ReferenceKernels.evaluate(op, operands, results: forms)
    }
    func number(_ value: UInt64) throws -> Tensor { try Tensor([value], sizes: [1]) }
    #expect(try [UInt64](result(.binary(.shiftRight), [x, number(60)])[0]) == [8, 0, 15])
    #expect(
      try [UInt64](result(.binary(.divide), [x, number(10)])[0]) == [
        922_337_203_685_477_581, 0, 1_844_674_407_370_955_161,
      ])
    #expect(try [UInt64](result(.binary(.modulo), [x, number(10)])[0]) == [5, 3, 5])
    #expect(try [Bool](result(.compare(.greater), [x, number(5)])[0]) == [true, false, true])
    #expect(try [Double](result(.cast(.float64), [x])[0]) == [0x1p63, 3, 0x1p64])
    #expect(try [UInt64](result(.reduce(.maximum, axes: [0], keepDims: false), [x])[0]) == [.max])
    #expect(try [Int64](result(.argReduce(.minimum, axis: 0, keepDims: false), [x])[0]) == [1])
    #expect(try [UInt64](result(.topK(k: 2, axis: 0, largest: true), [x])[0]) == [.max, 1 << 63 | 7])
  }

  @Test func `a slice with a step beyond every axis takes one element`() throws {
    // NumPy: x[:, ::2**63 - 1] and x[:, ::-2**63].
    let x = try Tensor([0, 1, 2, 3, 4, 5] as [Float], sizes: [2, 3])
    try expect(slice(x, [SliceRange(axis: 1, start: nil, stop: nil, step: .max)]), [0, 3])
    try expect(slice(x, [SliceRange(axis: 0, start: nil, stop: nil, step: .max)]), [0, 1, 2])
    try expect(slice(x, [SliceRange(axis: 1, start: nil, stop: nil, step: .min)]), [2, 5])
  }

  @Test func `a dilated convolution`() throws {
    let y = try convolution(
      attributes(1, valid, dilation: 2), [pattern(1, 5, 5, 4), pattern(3, 3, 4, 2, period: 5)])
    try expect(
      y,
      [
        0.4375, -0.875,
      ])
  }

  @Test func `a convolution in two groups`() throws {
    let y = try convolution(
      attributes(2, valid, groups: 2), [pattern(1, 5, 5, 4), pattern(3, 3, 2, 4, period: 5)])
    try expect(
      y,
      [
        1.0625, 0.125, 0.375, 1.0625, -0.625, 1.375, 0.625, 0.625, 1.375, -0.625, 0.75, -1.125,
        0.125, 1.0625, 0.5625, -0.25,
      ])
  }

  @Test func `a transposed convolution`() throws {
    let attributes = ConvTransposeAttributes(
      strides: [2, 2], dilations: [1, 1], pads: [PadPair(0, 0), PadPair(0, 0)], outputPadding: [0, 0],
      layout: .channelsLast)
    let y = try transposedConvolution(attributes, [pattern(1, 2, 2, 3), pattern(3, 3, 2, 3, period: 5)])
    #expect(y.sizes == [1, 5, 5, 2])
    try expect(
      y,
      [
        0.5, -0.3125, 0.125, -0.0625, -0.3125, 0.375, 0.125, -0.25, 0.3125, -0.0625, -0.3125,
        0.125, -0.0625, -0.25, 0.375, -0.1875, -0.25, 0.3125, -0.0625, -0.125, -0.0625, 0,
        -0.5625, 1.375, -0.5, -0.5, 0.4375, -0.25, 0, 0.25, 0.0625, -0.3125, 0.875, -0.4375,
        -0.375, 0.1875, -0.1875, 0.125, 0.125, -0.1875, -0.3125, 0.875, -0.4375, -0.1875, 0.1875,
        -0.5, 0.125, 0.125, -0.1875, 0.125,
      ])
  }

  @Test func `padding is not counted by an average`() throws {
    let attributes = PoolAttributes(
      function: .average, kernelSize: [2, 2], strides: [2, 2], padding: .sameUpper, layout: .channelsLast)
    try expect(
      try pool(attributes, pattern(1, 3, 3, 2)),
      [
        -0.1875, -0.375, 0.125, 0.375, -0.125, 0.125, -0.25, 0,
      ])
  }

  @Test func `the maximum of a window`() throws {
    let attributes = PoolAttributes(
      function: .maximum, kernelSize: [2, 2], strides: [1, 1], padding: valid, layout: .channelsLast)
    try expect(
      try pool(attributes, pattern(1, 3, 3, 2)),
      [
        0.75, 0, 0.25, 0.5, 0.75, 0.75, 0, 0.25,
      ])
  }

  @Test func `einsum repeats a size of 1 no time at all where the other is empty`() throws {
    let y = try einsum(EinsumEquation("ab,bc->ac"), [pattern(2, 0), pattern(1, 3)])
    #expect(y.sizes == [2, 3])
    #expect(try [Float](y) == [0, 0, 0, 0, 0, 0])
    #expect(throws: KernelError.self) { try strided(pattern(0), sizes: [1], strides: [0], offset: 0) }
  }

  @Test func `einsum sums letters that only the operands have`() throws {
    let y = try einsum(EinsumEquation("abc,cda->bd"), [pattern(2, 3, 4), pattern(4, 2, 2, period: 5)])
    try expect(
      y,
      [
        -0.9375, 0.8125, 0.625, -1.25, 0, 0.625,
      ])
  }

  @Test func `a letter twice in an operand is its diagonal`() throws {
    try expect(
      try einsum(EinsumEquation("iij->ij"), [pattern(3, 3, 2)]),
      [
        -0.75, -0.5, -0.5, -0.25, -0.25, 0,
      ])
  }

  @Test func `an LSTM repeats its output at masked steps`() throws {
    let y = try masked(.lstm, [pattern(2, 8, period: 5), pattern(2, 8, period: 5), pattern(8, period: 5)])
    try expect(
      y,
      [
        0.02298, -0.057967, 0.02298, -0.057967, 0.108955, -0.12412, 0, 0, 0.045145, -0.069994,
        0.104681, -0.128801,
      ])
  }

  @Test func `a GRU that resets after the product`() throws {
    let cell = RecurrentAttributes.Cell.gru(resetAfter: true)
    let y = try masked(cell, [pattern(2, 6, period: 5), pattern(2, 6, period: 5), pattern(2, 6, period: 5)])
    try expect(
      y,
      [
        0.061255, -0.073929, 0.061255, -0.073929, 0.104397, -0.459284, 0, 0, 0.061546, -0.175435,
        0.127709, -0.427422,
      ])
  }

  private func masked(_ cell: RecurrentAttributes.Cell, _ weights: [Tensor]) throws -> Tensor {
    let attributes = RecurrentAttributes(
      cell: cell, units: 2, activation: .tanh, recurrentActivation: .sigmoid, hasBias: true, hasMask: true,
      hasInitialState: false, reverse: false, zeroOutputForMask: false)
    let mask = try Tensor([true, false, true, false, true, true], sizes: [2, 3])
    return try recurrent(attributes, [pattern(2, 3, 2)] + weights + [mask])[0]
  }

  @Test func `bilinear resizing by half-pixel centres`() throws {
    let attributes = ResizeAttributes(method: .linear, coordinates: .halfPixel, axes: [1, 2], sizes: [4, 5])
    try expect(
      try resize(attributes, pattern(1, 2, 3, 1)),
      [
        -0.75, -0.65, -0.5, -0.35, -0.25, -0.5625, -0.4625, -0.3125, -0.1625, -0.0625, -0.1875,
        -0.0875, 0.0625, 0.2125, 0.3125, 0, 0.1, 0.25, 0.4, 0.5,
      ])
  }

  @Test func `nearest resizing by half-pixel centres`() throws {
    let attributes = ResizeAttributes(
      method: .nearest, coordinates: .halfPixel, axes: [1, 2], sizes: [4, 5])
    try expect(
      try resize(attributes, pattern(1, 2, 3, 1)),
      [
        -0.75, -0.75, -0.5, -0.25, -0.25, -0.75, -0.75, -0.5, -0.25, -0.25, 0, 0, 0.25, 0.5, 0.5,
        0, 0, 0.25, 0.5, 0.5,
      ])
  }

  @Test func `of equal elements the first comes first`() throws {
    let x = try Tensor([Float(1), 3, 2, 3, 3, 0], sizes: [6])
    #expect(try topK(x, 4, 0, true)[1].elements(as: Int64.self) == [1, 3, 4, 2])
  }

  @Test func `not a number passes through maxima`() throws {
    let x = try Tensor([Float.nan, 1], sizes: [2])
    let y = try Tensor([Float(2), .nan], sizes: [2])
    #expect(try binary(.maximum, x, y).elements(as: Float.self).allSatisfy(\.isNaN))
    #expect(try reduce(.logSumExp, x, [0], false).elements(as: Float.self)[0].isNaN)
    let running = try cumulative(.maximum, y, 0, reverse: false, exclusive: false).elements(as: Float.self)
    #expect(running[0] == 2 && running[1].isNaN)
    #expect(try unary(.relu, x).elements(as: Float.self)[0].isNaN)
  }

  @Test func `integers wrap around and division by zero gives zero`() throws {
    let x = try Tensor([Int64.max, .min, 7], sizes: [3])
    #expect(try binary(.divide, x, Tensor([Int64(0), -1, -2], sizes: [3])).elements() == [0, Int64.min, -3])
    let place = try Tensor([Int64(0)], sizes: [1, 1])
    let sum = try scatterND(x, place, Tensor([Int64(1)], sizes: [1]), .add)
    #expect(try sum.elements() == [Int64.min, .min, 7])
  }
}
