import ModelIR
import NativeFormat

/// One of the projections inside multi-head attention: an EinsumDense of its own, which Keras quantises without telling
/// the attention layer's configuration, so that its mode is read off what is stored.
struct HeadProjection: Layer, NumbersItsWeights {
  let useBias: Bool
  /// The mode that a map of policies gives; nil: see ``LoweringScope/storedMode``.
  let mode: QuantizationMode?
  /// The roles of every mode, so that a file's own can be bound to them.
  var weights: [WeightSpec] {
    if let mode { return mode.weights(useBias: useBias) }
    var optional = [
      "kernel_scale", "kernel_zero", "g_idx", "awq_scales", "inputs_scale", "inputs_amax_history",
      "kernel_amax_history", "outputs_grad_scale", "outputs_grad_amax_history",
    ].map { WeightSpec($0, isTrainable: false) }
    for index in optional.indices { optional[index].isRequired = false }
    return [WeightSpec("kernel")] + (useBias ? [WeightSpec("bias")] : []) + optional
  }

  init(useBias: Bool, mode: QuantizationMode?) {
    self.useBias = useBias
    self.mode = mode
  }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    throw KerasImportError(.unsupported("a projection outside attention"))
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    throw KerasImportError(.unsupported("a projection outside attention"))
  }

  func numberedWeights(_ stored: [Tensor]) -> [WeightSpec] {
    if let mode { return mode.weights(useBias: useBias) }
    let floats = [WeightSpec("kernel")] + (useBias ? [WeightSpec("bias")] : [])
    let extra = stored.count - floats.count
    guard extra > 0 else { return floats }
    let isUnsigned = stored.contains { $0.dtype == .uint8 }
    if isUnsigned {
      let hasFactors = stored.filter { $0.rank == 1 }.count > (useBias ? 2 : 1)
      return (hasFactors ? QuantizationMode.awq(group: nil) : .gptq(bits: 4, group: nil)).weights(
        useBias: useBias)
    }
    if stored.first?.dtype.isFloatingPoint == true {
      return QuantizationMode.float8.weights(useBias: useBias)
    }
    return (extra > 1 ? QuantizationMode.int4(block: 1) : .int8).weights(useBias: useBias)
  }

  /// The roles in an archive's order for the mode that these weights are of.
  func weights(holding bound: [String: Tensor]) -> [WeightSpec] {
    if let mode { return mode.weights(useBias: useBias) }
    if bound["awq_scales"] != nil { return QuantizationMode.awq(group: nil).weights(useBias: useBias) }
    if bound["inputs_scale"] != nil { return QuantizationMode.float8.weights(useBias: useBias) }
    let isUnsigned = bound["kernel"]?.dtype == .uint8
    return isUnsigned ? QuantizationMode.gptq(bits: 4, group: nil).weights(useBias: useBias) : weights
  }

  /// `[..., D]` to `[..., H, K]`; kernel `[D, H, K]`.
  static func intoHeads(
    _ given: Value, _ heads: [Int], in scope: LoweringScope
  ) throws(KerasImportError) -> Value {
    let x = try scope.autocast(Operand(given)).value
    let shape = scope.shape(of: x)
    let depth = shape[shape.rank - 1]
    guard let width = depth.fixedSize else {
      throw KerasImportError(.invalidGraph("the last axis of \(shape) must be known"))
    }
    let kernel = try scope.projectionKernel()
    let sizes = try scope.projectionSizes([width] + heads, kernel.mode)
    guard sizes.count == 3 else {
      throw KerasImportError(.invalidGraph("expected a kernel of rank 3, found \(sizes)"))
    }
    if kernel.mode == nil { _ = try scope.weight("kernel", [depth, .fixed(sizes[1]), .fixed(sizes[2])]) }
    let columns = sizes[1] * sizes[2]
    let form = KernelForm(
      sizes: sizes, rows: sizes[0], columns: columns, reducedAxes: [shape.rank - 1], packedAxis: 0,
      scalesKernel: true,
      product: { a, b throws(KerasImportError) in
        let flat = try scope.matMul(a, scope.reshapedWeight(b, [.fixed(sizes[0]), .fixed(columns)]))
        return try scope.reshape(
          flat,
          Shape(Array(scope.shape(of: flat).dimensions.dropLast()) + [.fixed(sizes[1]), .fixed(sizes[2])]))
      },
      alignedScale: { scale throws(KerasImportError) in try scope.expandDims(scale, axes: [shape.rank]) })
    let y = try kernel.product(x, form, in: scope)
    guard scope.hasWeight("bias") else { return y }
    return try scope.add(y, scope.bias([.fixed(sizes[1]), .fixed(sizes[2])], kernel.mode))
  }

  /// `[..., H, V]` to `[..., O...]`; kernel `[H, V, O...]`.
  static func outOfHeads(
    _ given: Value, _ wanted: [Int], in scope: LoweringScope
  ) throws(KerasImportError) -> Value {
    let x = try scope.autocast(Operand(given)).value
    let shape = scope.shape(of: x)
    let kernel = try scope.projectionKernel()
    let sizes = try scope.projectionSizes(wanted, kernel.mode)
    guard sizes.count >= 3 else {
      throw KerasImportError(.invalidGraph("expected an output kernel of rank 3 or more, found \(sizes)"))
    }
    let trailing = sizes[2...].map(Dimension.fixed)
    if kernel.mode == nil {
      _ = try scope.weight("kernel", Shape([shape[shape.rank - 2], shape[shape.rank - 1]] + trailing))
    }
    let (rows, columns) = (sizes[0] * sizes[1], sizes[2...].reduce(1, *))
    let lead = Array(shape.dimensions.dropLast(2))
    let form = KernelForm(
      sizes: sizes, rows: rows, columns: columns, reducedAxes: [shape.rank - 2, shape.rank - 1],
      packedAxis: 0,
      scalesKernel: true,
      product: { a, b throws(KerasImportError) in
        let flat = try scope.matMul(
          scope.reshape(a, Shape(lead + [.fixed(rows)])),
          scope.reshapedWeight(b, [.fixed(rows), .fixed(columns)]))
        return try scope.reshape(flat, Shape(lead + trailing))
      },
      alignedScale: { scale throws(KerasImportError) in
        try scope.reshape(scale, Shape(lead + trailing.map { _ in 1 }))
      })
    let y = try kernel.product(x, form, in: scope)
    return scope.hasWeight("bias") ? try scope.add(y, scope.bias(Shape(trailing), kernel.mode)) : y
  }
}

extension LoweringScope {
  /// The kernel of a projection in the mode that its policy or its weights tell.
  fileprivate func projectionKernel() throws(KerasImportError) -> QuantizedKernel {
    if let told = (object.layer as? HeadProjection)?.mode { return QuantizedKernel(mode: told) }
    return QuantizedKernel(mode: try storedMode())
  }

  /// What is stored says which mode it is.
  private func storedMode() throws(KerasImportError) -> QuantizationMode? {
    let kernel = try tensor("kernel")
    if hasWeight("awq_scales") { return .awq(group: try storedBlock()) }
    if kernel.dtype == .uint8 {
      let scales = try tensor("kernel_scale")
      let bits = scales.sizes.first == kernel.sizes.first ? 8 : 4
      return .gptq(bits: bits, group: try storedBlock())
    }
    if kernel.dtype.isFloatingPoint { return hasWeight("inputs_scale") ? .float8 : nil }
    if hasWeight("kernel_zero") {
      let block = try storedBlock()
      return .int4(block: block ?? kernel.sizes.first)
    }
    return kernel.rank == 2 ? .int4(block: nil) : .int8
  }

  /// How many inputs the first group has; nil: all.
  private func storedBlock() throws(KerasImportError) -> Int? {
    let groups: [Double]
    do { groups = try tensor("g_idx").doubles() } catch {
      throw KerasImportError(.corrupted("g_idx: \(error)"))
    }
    return groups.firstIndex { $0 >= 1 }
  }

  /// The kernel's own sizes, stored or wanted.
  fileprivate func projectionSizes(_ wanted: [Int], _ mode: QuantizationMode?) throws(KerasImportError)
    -> [Int]
  {
    switch mode {
    case nil, .int8, .float8: return try tensor("kernel").sizes
    case .int4, .earlyInt4, .gptq, .awq:
      guard wanted.allSatisfy({ $0 > 0 }) else {
        throw KerasImportError(.invalidGraph("the sizes of a quantised kernel do not follow from the shapes"))
      }
      return wanted
    }
  }
}

extension LayerConfig {
  /// The policy of a layer inside attention: what a map of policies has for it.
  func policy(ofPart name: String) throws(KerasImportError) -> DTypePolicy {
    let inFiles = MultiHeadAttention.nameInFiles[name] ?? name
    return try DTypePolicy(config: json["dtype"], layerName: "\(self.name)/\(inFiles)", outer: policy)
  }

  /// A projection with its own policy.
  mutating func headProjection(_ name: String, useBias: Bool) throws(KerasImportError) -> Sublayer {
    let own = try policy(ofPart: name)
    let mode = try own.quantization.map { text throws(KerasImportError) in try QuantizationMode(text) }
    return Sublayer(
      name,
      LayerObject(
        name: MultiHeadAttention.nameInFiles[name] ?? name, className: "EinsumDense", module: "keras.layers",
        config: .object([:]),
        layer: HeadProjection(useBias: useBias, mode: mode), policy: own))
  }
}
