import CKernels
import COneDNN
import ModelIR

extension OneDNNBackend {
  /// A convolution of an image that is multiplied by one number for each channel, one operand more: each run multiplies the
  /// packed kernel instead. Nil for Winograd's kernels, which are not kernels any more.
  func prepareGatedConvolution(_ attributes: ConvAttributes, _ request: StepRequest) throws -> PreparedStep? {
    guard !attributes.paysWinograd(request), let prepared = try prepareConvolution(attributes, request),
      let product = prepared.step as? OneDNNStep, case .packed(let kernel)? = product.kernel,
      let blocks = try ChannelBlocks(
        request.operands[1].sizes, packed: product.primitive.layout(kdnn_argument_kernel), request)
    else { return nil }
    let step = GatedConvolution(
      product: product, kernel: kernel, blocks: blocks, gate: request.operands.count)
    return PreparedStep(
      step: step, operandLayouts: prepared.operandLayouts + [.rowMajor],
      resultLayouts: prepared.resultLayouts, accumulated: prepared.accumulated)
  }
}

/// A convolution whose packed kernel is multiplied by a gate before.
private struct GatedConvolution: Step {
  let product: OneDNNStep
  let kernel: PackedConstant
  let blocks: ChannelBlocks
  /// The operand with a number for each channel.
  let gate: Int

  var name: String { "gated " + product.name }
  /// The multiplied kernel, then what the product needs.
  var scratchByteCount: Int { kernelByteCount + product.scratchByteCount }

  private var kernelByteCount: Int { (4 * blocks.size * blocks.channels.count + 63) & ~63 }

  func run(_ memory: StepMemory) throws {
    ck_scale_blocks(
      kernel.pointer.assumingMemoryBound(to: Float.self), blocks.channels, blocks.channels.count,
      memory.operand(gate).assumingMemoryBound(to: Float.self), blocks.size,
      memory.scratch.assumingMemoryBound(to: Float.self))
    let rest = StepMemory(
      pointers: memory.pointers, operandCount: memory.operandCount, scratch: memory.scratch + kernelByteCount)
    try product.run(rest, kernel: UnsafeRawPointer(memory.scratch))
  }
}

/// For a packed kernel, which channel of the image each block of its elements belongs to.
private struct ChannelBlocks: Sendable {
  /// The elements of a block.
  let size: Int
  /// For each block its channel.
  let channels: [Int32]

  /// Looks where a kernel goes whose elements are the numbers of their channels; nil when blocks are shorter than vectors.
  /// - Parameters:
  ///   - kernel: the sizes of Keras's kernel, `[K..., C, F]`.
  ///   - packed: the layout it goes into.
  init?(_ kernel: [Int], packed: OneDNNLayout, _ request: StepRequest) throws {
    let (channels, filters) = (kernel[kernel.count - 2], kernel[kernel.count - 1])
    // The numbers must be exact as floats.
    guard channels < 1 << 24 else { return nil }
    let numbers = (0..<kernel.reduce(1, *)).map { Float($0 / filters % channels + 1) }
    guard let found = try ChannelBlocks.pack(numbers, kernel, to: packed, request) else { return nil }
    // What fills up blocks is 0 and may be multiplied by any number: by its neighbour's.
    var filled = found.map { Int32($0) - 1 }
    var last = filled.first { $0 >= 0 } ?? 0  // A kernel without elements has no blocks.
    for index in filled.indices {
      if filled[index] < 0 { filled[index] = last }
      last = filled[index]
    }
    let changes = filled.indices.dropFirst().filter { filled[$0] != filled[$0 - 1] }
    size = changes.reduce(filled.count, greatestCommonDivisor)
    guard size >= 8 else { return nil }
    self.channels = stride(from: 0, to: filled.count, by: size).map { filled[$0] }
  }

  private static func pack(
    _ numbers: [Float], _ kernel: [Int], to packed: OneDNNLayout, _ request: StepRequest
  ) throws -> [Float]? {
    let order = OneDNNLayout.kernel(kernel, groups: 1, isTransposed: false)
    guard let plain = OneDNNLayout(sizes: order.sizes, strides: order.strides),
      let packing = OneDNNPacking(from: plain, to: packed, request.options)
    else { return nil }
    let constant = try PackedConstant(byteCount: packed.byteCount) { target in
      try numbers.withUnsafeBytes { try packing.run($0.baseAddress, target, request.store) }
    }
    let count = packed.byteCount / 4
    return Array(
      UnsafeBufferPointer(start: constant.pointer.assumingMemoryBound(to: Float.self), count: count))
  }
}

private func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
  var (a, b) = (a, b)
  while b != 0 { (a, b) = (b, a % b) }
  return a
}
