import ModelIR

/// The product of a layer's inputs with its kernel, whatever the kernel is stored in.
///
/// | mode | product |
/// | --- | --- |
/// | none | `x . kernel` |
/// | int8 | `(q . kernel) / (s * kernel_scale)`, q the inputs rounded, s their scale; weights alone: `(x . kernel) / kernel_scale` |
/// | int4 | the same with 4-bit numbers; in blocks `x . ((v - zero) * scale)` |
/// | float8 | both operands through e4m3 |
/// | gptq, awq | `x . ((v - zero) * scale)`, for awq divided by a factor for each input |
///
/// Source: `keras/src/layers/core/dense.py`, `einsum_dense.py` (`_int8_call`, `_int4_call`, `_float8_call`,
/// `_gptq_call`, `_awq_call`). Sums of products of 8-bit numbers are exact in float32 up to 2^24.
struct QuantizedKernel: Sendable {
  let mode: QuantizationMode?
  let activations: ActivationQuantizer?
  /// How inputs are rounded where 4-bit numbers without a block turn out to be packed as today.
  private let laterActivations: ActivationQuantizer?
  /// Zero points that the file lacks are all in the middle of the range.
  let isSymmetric: Bool
  let lora: LowRankUpdate

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    mode = try config.quantizationMode()
    isSymmetric = config.quantizationSetting("symmetric")?.bool ?? false
    lora = try LowRankUpdate(&config)
    laterActivations = try config.activationQuantizer(default: nil)
    switch mode {
    case .int8, .earlyInt4: activations = try config.activationQuantizer(default: ActivationQuantizer())
    case .int4(block: nil): activations = try config.activationQuantizer(default: nil)
    case .int4, .float8, .gptq, .awq, nil:
      config.ignore("quantization_config")
      activations = nil
    }
  }

  init(mode: QuantizationMode?) {
    self.mode = mode
    activations = mode == .int8 || mode == .earlyInt4 ? ActivationQuantizer() : nil
    laterActivations = nil
    isSymmetric = false
    lora = .none
  }

  /// Weights by Keras's order of creation, the bias among them.
  func weights(useBias: Bool) -> [WeightSpec] {
    let own =
      mode?.weights(useBias: useBias) ?? [lora.kernelWeight("kernel")] + (useBias ? [WeightSpec("bias")] : [])
    return own + lora.weights("kernel")
  }

  /// `product(x, kernel)` by the mode's formula.
  func product(_ x: Value, _ form: KernelForm, in scope: LoweringScope) throws(KerasImportError) -> Value {
    let y: Value
    switch mode {
    case nil:
      let kernel = try scope.weight("kernel", Shape(form.sizes))
      return try form.product(x, kernel)
    case .int8: y = try scaled(x, scope.variable("kernel", Shape(form.sizes)), activations, form, in: scope)
    case .earlyInt4:
      y =
        try isPackedAlongOutputs(form, in: scope)
        ? perOutput(x, laterActivations, form, in: scope)
        : scaled(x, earlyKernel(form, in: scope), activations, form, in: scope)
    case .int4(block: nil): y = try perOutput(x, activations, form, in: scope)
    case .int4(let block?): y = try form.product(x, form.restored(blocks(block, form, in: scope), in: scope))
    case .float8:
      let kernel = try scope.weight("kernel", Shape(form.sizes))
      return try form.product(
        scope.roundedToFloat8(x, scale: scope.weight("inputs_scale", [])),
        scope.roundedToFloat8(kernel, scale: scope.weight("kernel_scale", [])))
    case .gptq(let bits, _): y = try form.product(x, form.restored(groups(bits, form, in: scope), in: scope))
    case .awq:
      let rows = try groups(4, form, in: scope)
      let factors = try scope.weight("awq_scales", [.fixed(form.rows)])
      let kernel = try scope.divide(rows, scope.reshape(factors, [.fixed(form.rows), 1]))
      y = try form.product(x, form.restored(kernel, in: scope))
    }
    return try lora.added(to: y, x, "kernel", in: scope) { a, b throws(KerasImportError) in
      try form.product(a, b)
    }
  }

  // MARK: One scale for each output

  /// `(q . kernel) / (s * scale)`: the scale lies against the result as Keras stores it.
  private func scaled(
    _ x: Value, _ kernel: Value, _ activations: ActivationQuantizer?, _ form: KernelForm,
    in scope: LoweringScope
  ) throws(KerasImportError) -> Value {
    let scale = try scope.weight("kernel_scale", Shape(scope.tensor("kernel_scale").sizes))
    let floats = try scope.floats(kernel)
    guard let activations else { return try scope.divide(form.product(x, floats), scale) }
    let (q, inputScale) = try scope.quantized(x, activations, axes: form.reducedAxes)
    return try scope.divide(form.product(q, floats), scope.multiply(form.alignedScale(inputScale), scale))
  }

  /// 4-bit kernels: Dense divides the product, EinsumDense the kernel.
  private func perOutput(
    _ x: Value, _ activations: ActivationQuantizer?, _ form: KernelForm, in scope: LoweringScope
  ) throws(KerasImportError) -> Value {
    let numbers = try scope.numbers("kernel", columns: form.columns, rows: form.rows)
    if !form.scalesKernel { return try scaled(x, numbers, activations, form, in: scope) }
    let scale = try scope.weight("kernel_scale", [.fixed(form.columns)])
    let kernel = try form.restored(
      scope.divide(numbers, scale), in: scope)
    guard let activations else { return try form.product(x, kernel) }
    let (q, inputScale) = try scope.quantized(x, activations, axes: form.reducedAxes)
    return try scope.divide(form.product(q, kernel), form.alignedScale(inputScale))
  }

  /// A policy that names no block is either of Keras 3.13 or before, or given to a layer as its `dtype` since: the
  /// stored shape tells.
  private func isPackedAlongOutputs(_ form: KernelForm, in scope: LoweringScope) throws(KerasImportError)
    -> Bool
  {
    var early = form.sizes
    if form.packedAxis < early.count { early[form.packedAxis] = (early[form.packedAxis] + 1) / 2 }
    let sizes = try scope.tensor("kernel").sizes
    return sizes != early && sizes == [form.rows, (form.columns + 1) / 2]
  }

  /// Packed along the first contracted axis: that axis is brought to the end, where numbers are unpacked, and back.
  private func earlyKernel(_ form: KernelForm, in scope: LoweringScope) throws(KerasImportError) -> Value {
    let stored = try scope.tensor("kernel")
    let axis = form.packedAxis
    var expected = form.sizes
    guard axis < expected.count, stored.rank == expected.count else {
      throw KerasImportError(
        .weightShape("kernel", expected: Shape(expected), found: Shape(stored.sizes), origin: nil))
    }
    expected[axis] = (expected[axis] + 1) / 2
    guard stored.sizes == expected else {
      throw KerasImportError(
        .weightShape("kernel", expected: Shape(expected), found: Shape(stored.sizes), origin: nil))
    }
    let order = (0..<stored.rank).filter { $0 != axis } + [axis]
    let packed = try scope.transposed(stored, order, as: "kernel")
    let numbers = try scope.unpacked(packed, count: form.sizes[axis], isSigned: true)
    return try scope.transpose(numbers, order.indices.map { order.firstIndex(of: $0) ?? $0 })
  }

  // MARK: Scales for groups of inputs

  private func blocks(_ block: Int, _ form: KernelForm, in scope: LoweringScope) throws(KerasImportError)
    -> Value
  {
    let packed = try scope.variable("kernel", [.fixed(form.rows), .fixed((form.columns + 1) / 2)])
    let groups = Shape([(form.rows + block - 1) / block, form.columns])
    return try scope.grouped(
      packed, .nibbles(isSigned: true, count: form.columns), scale: scope.weight("kernel_scale", groups),
      zero: scope.variable("kernel_zero", groups),
      GroupIndex(tensor: scope.tensor("g_idx"), size: form.rows, block: block), axis: 0)
  }

  /// GPTQ and AWQ store the kernel with the outputs first.
  private func groups(_ bits: Int, _ form: KernelForm, in scope: LoweringScope) throws(KerasImportError)
    -> Value
  {
    let stored = try scope.tensor("kernel")
    let scales = try scope.tensor("kernel_scale")
    guard stored.rank == 2, scales.rank == 2, scales.sizes[0] == form.columns, stored.sizes[1] == form.rows
    else {
      throw KerasImportError(
        .weightShape(
          "kernel", expected: Shape([form.columns, form.rows]), found: Shape(stored.sizes), origin: nil))
    }
    let numbers: DequantizeAttributes.Numbers
    switch stored.sizes[0] {
    case form.columns: numbers = .bytes
    case (form.columns + 1) / 2 where bits == 4: numbers = .nibbles(isSigned: false, count: form.columns)
    default:
      throw KerasImportError(
        .unsupported("numbers of \(bits) bits packed into \(stored.sizes[0]) rows of bytes"))
    }
    let groupCount = scales.sizes[1]
    let zero: Value
    if scope.hasWeight("kernel_zero") {
      zero = try scope.transposed(scope.tensor("kernel_zero"), [1, 0], as: "kernel_zero")
    } else {
      guard isSymmetric else {
        throw KerasImportError(
          .unsupported(
            "a quantised kernel whose zero points are not in the file, as Keras 3.14.0 to 3.15.1 write it; save the model with a later Keras"
          ))
      }
      let middle = Array(repeating: Double(1 << (bits - 1)), count: groupCount * form.columns)
      zero = try scope.array(middle, [groupCount, form.columns], .uint8, as: "kernel_zero")
    }
    let scale = try scope.transposed(scales, [1, 0], as: "kernel_scale")
    let block: Int? =
      switch mode {
      case .gptq(_, let group): group
      case .awq(let group): group
      case .int8, .int4, .earlyInt4, .float8, nil: nil
      }
    return try scope.grouped(
      scope.transposed(stored, [1, 0], as: "kernel"), numbers,
      scale: scope.cast(scale, to: scope.computeDType),
      zero: zero,
      GroupIndex(tensor: scope.tensor("g_idx"), size: form.rows, block: block ?? form.rows), axis: 0)
  }
}

/// A kernel as a matrix and as the layer has it, and how it meets the inputs.
struct KernelForm {
  /// The kernel's sizes.
  let sizes: [Int]
  /// The product of the contracted sizes, and of the others: the matrix that 4-bit kernels are stored as.
  let rows: Int
  let columns: Int
  /// The axes of the input that are summed over.
  let reducedAxes: [Int]
  /// The kernel's axis that early 4-bit kernels are packed along.
  let packedAxis: Int
  /// True where a scale for each output divides the kernel before the product, false where it divides the product.
  let scalesKernel: Bool
  let product: (Value, Value) throws(KerasImportError) -> Value
  /// A scale of the inputs with ones at ``reducedAxes``, laid against the result.
  let alignedScale: (Value) throws(KerasImportError) -> Value

  /// The matrix in the kernel's own shape.
  func restored(_ matrix: Value, in scope: LoweringScope) throws(KerasImportError) -> Value {
    try scope.reshape(matrix, Shape(sizes))
  }
}

/// Which group each input belongs to.
struct GroupIndex {
  let tensor: Tensor
  let size: Int
  let block: Int

  /// The groups in order; nil where they are runs of ``block``, one after another.
  func irregular() throws(KerasImportError) -> [Int64]? {
    guard tensor.sizes == [size] else {
      throw KerasImportError(
        .weightShape("g_idx", expected: Shape([size]), found: Shape(tensor.sizes), origin: nil))
    }
    let values: [Double]
    do { values = try tensor.doubles() } catch { throw KerasImportError(.corrupted("g_idx: \(error)")) }
    let isRegular = values.enumerated().allSatisfy { $1 == Double($0 / max(block, 1)) }
    return isRegular ? nil : values.map { Int64(clampingDouble: $0) }
  }
}
