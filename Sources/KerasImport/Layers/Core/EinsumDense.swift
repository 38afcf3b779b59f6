import ModelIR

/// `activation(einsum(equation, x, kernel) + bias)`; the bias has the axes named by `bias_axes`, 1 elsewhere. Quantised:
/// ``QuantizedKernel``. Source: `keras/src/layers/core/einsum_dense.py`.
struct EinsumDense: Layer, NumbersItsWeights {
  let equation: String
  /// The sizes of the result's axes behind the batch, where they are given.
  let outputShape: [Int?]
  let useBias: Bool
  let activation: Activation
  let kernel: QuantizedKernel
  var sublayers: [Sublayer] { activation.sublayers }
  var weights: [WeightSpec] { kernel.weights(useBias: useBias) }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    guard let text = try config.optionalString("equation") else {
      throw KerasImportError(.missingKey("equation"))
    }
    equation = text
    let given = config.value("output_shape")
    outputShape = given?.array.map { $0.map(\.int) } ?? [given?.int]
    useBias = try config.optionalString("bias_axes") != nil
    activation = try config.activation()
    kernel = try QuantizedKernel(&config)
    config.ignore("gptq_unpacked_column_size", "awq_unpacked_column_size")
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try scope.inComputeType(call.input.value)
    var y = try kernel.product(x, form(scope.shape(of: x), in: scope), in: scope)
    if useBias { y = try scope.add(y, scope.bias(Shape(scope.tensor("bias").sizes), kernel.mode)) }
    return [Operand(try activation.apply(y, in: scope))]
  }

  private func form(_ input: Shape, in scope: LoweringScope) throws(KerasImportError) -> KernelForm {
    let labels = try EinsumLabels(equation, rank: input.rank)
    let sizes: [Int]
    switch kernel.mode {
    // Stored in its own shape.
    case nil, .int8, .float8: sizes = try scope.tensor("kernel").sizes
    case .int4, .earlyInt4, .gptq, .awq: sizes = try labels.kernelSizes(input: input, output: outputShape)
    }
    var (rows, columns) = labels.matrix(sizes)
    switch kernel.mode {
    case .gptq, .awq: (rows, columns) = EinsumDense.calibratedMatrix(sizes)
    case .int8, .int4, .earlyInt4, .float8, nil: break
    }
    return KernelForm(
      sizes: sizes, rows: rows, columns: columns, reducedAxes: labels.reducedInputAxes,
      // A kernel none of whose axes is summed is never packed.
      packedAxis: labels.reducedKernelAxes.first ?? 0,
      scalesKernel: true,
      product: { a, b throws(KerasImportError) in try scope.einsum(equation, [a, b]) },
      alignedScale: { scale throws(KerasImportError) in try labels.aligned(scale, in: scope) })
  }

  /// GPTQ and AWQ see a kernel of three axes as a projection into heads when the first axis is the longest, else out of
  /// them. Source: `_gptq_build`.
  static func calibratedMatrix(_ sizes: [Int]) -> (rows: Int, columns: Int) {
    // A scalar is 1 x 1.
    guard sizes.count == 3 else { return (sizes.first ?? 1, sizes.dropFirst().reduce(1, *)) }
    let isInto = sizes[0] >= max(sizes[1], sizes[2])
    return isInto ? (sizes[0], sizes[1] * sizes[2]) : (sizes[0] * sizes[1], sizes[2])
  }
}

/// The labels of an equation of two operands, with a letter for each axis that an ellipsis stands for.
struct EinsumLabels {
  let input: [Character]
  let kernel: [Character]
  let output: [Character]
  /// The result's labels that `output_shape` gives sizes for.
  private let sized: ArraySlice<Character>

  init(_ equation: String, rank: Int) throws(KerasImportError) {
    let text = equation.filter { $0 != " " }
    let sides = text.components(around: "->")
    let operands = sides[0].split(separator: ",").map(String.init)
    guard sides.count == 2, operands.count == 2 else {
      throw KerasImportError(
        .invalidValue(key: "equation", expected: "two operands and a result", found: "\"\(equation)\""))
    }
    let spare = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".filter { !text.contains($0) }
    let isLeft = operands[0].hasPrefix("...")
    let elided = operands[0].contains("...") ? rank - (operands[0].count - 3) : 0
    guard elided >= 0, elided <= spare.count else {
      throw KerasImportError(.invalidGraph("\"\(equation)\" does not fit an input of rank \(rank)"))
    }
    let letters = String(spare.prefix(elided))
    input = Array(operands[0].replacing("...", with: letters))
    kernel = Array(operands[1])
    output = Array(sides[1].replacing("...", with: letters))
    let own = Array(sides[1].replacing("...", with: ""))
    sized = isLeft && elided > 0 ? own[...] : own.dropFirst()
    guard input.count == rank else {
      throw KerasImportError(.invalidGraph("\"\(equation)\" does not fit an input of rank \(rank)"))
    }
  }

  /// The axes that are summed over.
  var reducedInputAxes: [Int] { input.indices.filter { !output.contains(input[$0]) } }
  var reducedKernelAxes: [Int] { kernel.indices.filter { !output.contains(kernel[$0]) } }

  /// The product of the summed sizes and of the others.
  func matrix(_ sizes: [Int]) -> (rows: Int, columns: Int) {
    let reduced = reducedKernelAxes
    var (rows, columns) = (1, 1)
    for (axis, size) in sizes.enumerated() {
      if reduced.contains(axis) { rows *= size } else { columns *= size }
    }
    return (rows, columns)
  }

  /// The kernel's sizes, those of the result where it has the label, else those of the input.
  func kernelSizes(input shape: Shape, output sizes: [Int?]) throws(KerasImportError) -> [Int] {
    var known: [Character: Int] = [:]
    for (label, size) in zip(input, shape.dimensions) { known[label] = size.fixedSize }
    for (label, size) in zip(sized, sizes) { if let size { known[label] = size } }
    var result: [Int] = []
    for label in kernel {
      guard let size = known[label], size > 0, size < 1 << 31 else {
        throw KerasImportError(
          .invalidGraph("the size of \"\(label)\" in the kernel does not follow from the shapes"))
      }
      result.append(size)
    }
    return result
  }

  /// A tensor of the input's axes, with ones where they are summed over, laid against the result.
  func aligned(_ scale: Value, in scope: LoweringScope) throws(KerasImportError) -> Value {
    let kept = input.filter { output.contains($0) }
    let narrow = try scope.squeeze(scale, axes: reducedInputAxes)
    let order = output.compactMap { kept.firstIndex(of: $0) }
    let missing = output.indices.filter { !kept.contains(output[$0]) }
    return try scope.expandDims(scope.transpose(narrow, order), axes: missing)
  }
}

extension String {
  /// The parts before and after the first occurrence of a separator; the whole without one.
  fileprivate func components(around separator: String) -> [String] {
    guard let range = firstRange(of: separator) else { return [self] }
    return [String(self[..<range.lowerBound]), String(self[range.upperBound...])]
  }
}

/// Embedding that can also map back: `x . transposed table`, or a table of its own, then a soft cap. Quantised:
/// ``QuantizedTable``. Source: `keras/src/layers/core/reversible_embedding.py`.
struct ReversibleEmbedding: Layer, KeepsInputTypes, NumbersItsWeights {
  let inputDim: Int
  let outputDim: Int
  let maskZero: Bool
  let tiesWeights: Bool
  let softCap: Double?
  let table: QuantizedTable
  let reverse: QuantizedTable
  let activations: ActivationQuantizer?
  /// The type in which a table that is not quantised maps back.
  let reverseDType: DType?
  var maskRule: MaskRule { .custom }
  var callParameters: [String] { ["inputs", "reverse"] }
  var weights: [WeightSpec] { table.weights + (tiesWeights ? [] : reverse.reversedWeights) }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    inputDim = try config.count("input_dim")
    outputDim = try config.count("output_dim")
    maskZero = try config.bool("mask_zero", default: false)
    tiesWeights = try config.bool("tie_weights", default: true)
    softCap = try config.optionalDouble("logit_soft_cap")
    table = try QuantizedTable(&config, rows: inputDim, columns: outputDim)
    reverse = table.reversed
    activations = try config.activationQuantizer(default: table.mode == nil ? nil : ActivationQuantizer())
    reverseDType = try config.optionalDType("reverse_dtype")
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let x = try call.input.value
    if try call.flag("reverse") {
      let source = tiesWeights ? table : reverse
      var y = try source.logits(of: x, activations, in: scope, as: reverseDType)
      if let softCap {
        y = try scope.multiply(scope.unary(.tanh, scope.divide(y, scope.scalar(softCap, like: y))), softCap)
      }
      return [Operand(y)]
    }
    let isIndex = scope.dtype(of: x) == .int32 || scope.dtype(of: x) == .int64
    var result = Operand(try table.rows(at: isIndex ? x : scope.cast(x, to: .int32), in: scope))
    if maskZero { result.mask = try scope.emit(.compare(.notEqual), x, scope.scalar(0, like: x)) }
    return [result]
  }
}
