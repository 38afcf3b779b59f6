import ModelIR
import ONNXFormat

/// What an ONNX file can hold and onnxruntime's CPU kernels compute, by opset.
struct ONNXTable: Sendable {
  let opset: Int

  /// The target of the passes that bring a graph into ONNX's terms.
  var target: Target { Target("ONNX opset \(opset)") { op, operands in rule(op, operands) } }

  private typealias Rule = Target.Rule

  private static let floats: DTypeSet = [.float16, .float32, .float64]
  private static let half: DTypeSet = [.float16, .float32]
  private static let numbers = floats.union([.int32, .int64])
  /// Small integers are computed in int64 where there are no kernels for them.
  private static let throughInt64: [DType: DType] = [
    .int8: .int64, .uint8: .int64, .int16: .int64, .uint16: .int64, .uint32: .int64, .uint64: .int64,
    .bool: .int64,
  ]
  /// Doubles go through kernels of float32 with 24 bits, integers too.
  private static let throughFloat32: [DType: DType] = [
    .float64: .float32, .int8: .float32, .uint8: .float32, .int16: .float32, .uint16: .float32,
    .int32: .float32,
    .uint32: .float32, .int64: .float32, .uint64: .float32, .float16: .float32,
  ]

  private func since(_ version: Int, _ rule: Rule, _ name: String) -> Rule {
    opset >= version ? rule : .composed("expected opset \(version) or higher for \(name), found \(opset)")
  }

  // MARK: Operations

  private func rule(_ op: Op, _ operands: [TensorType]) -> Rule {
    switch op {
    case .unary(let function): return rule(function, operands)
    case .binary(let function): return rule(function, operands)
    case .compare(let comparison): return rule(comparison)
    case .select:
      let carriers: [DType: DType] = [
        .bool: .int32, .int8: .int32, .int16: .int32, .uint16: .int32, .uint32: .int64, .uint64: .int64,
      ]
      return Rule(ONNXTable.numbers.union([.uint8, .string]), carriers: carriers)
    case .cast(.bool) where operands.first?.dtype.isFloatingPoint == true: return .composed()
    case .cast, .reshape, .transpose, .concat, .split, .slice, .expand, .tile, .range, .count, .sizes,
      .lookup, .scan:
      return .any
    case .matMul:
      return Rule(ONNXTable.numbers.union([.uint32, .uint64]), carriers: ONNXTable.throughInt64)
    case .dense(let epilogue):
      return epilogue.isEmpty && operands[0].shape.rank == 2 ? Rule(ONNXTable.floats) : .composed()
    case .dequantize: return .any
    case .attention(let attributes):
      // onnxruntime wants a positive factor; a learned one need not be.
      guard attributes.scale > 0 else { return .composed() }
      return since(23, Rule(ONNXTable.half, carriers: [.float64: .float32]), "Attention")
    case .einsum: return Rule(ONNXTable.numbers, carriers: ONNXTable.throughInt64)
    case .conv(let attributes): return rule(attributes)
    case .convTranspose(let attributes): return rule(attributes)
    case .pool(let attributes): return rule(attributes)
    case .reduce(let function, _, _): return rule(function)
    case .argReduce:
      return Rule(
        ONNXTable.floats.union([.int32]),
        carriers: ONNXTable.throughInt64.mapValues { _ in .float64 }.merging([.int64: .float64]) { a, _ in a }
      )
    case .cumulative(let function, _, _, _): return rule(function)
    case .topK:
      return Rule(
        [.float32, .float64, .int32, .int64],
        carriers: ONNXTable.throughInt64.merging([.float16: .float32]) { a, _ in a })
    case .batchNormalization(let axis, _): return axis == 1 ? Rule(ONNXTable.floats) : .composed()
    case .normalization(let kind, _): return rule(kind)
    case .softmax, .logSoftmax: return Rule(ONNXTable.floats)
    case .pad(let attributes): return rule(attributes)
    case .reverse: return .composed()
    case .gather, .gatherElements:
      return [.int32, .int64].contains(operands[1].dtype) ? .any : .composed()
    case .gatherND: return operands[1].dtype == .int64 ? .any : .composed()
    case .scatterND(let reduction): return operands[1].dtype == .int64 ? rule(reduction) : .composed()
    case .triangle:
      let carriers = ONNXTable.throughInt64.merging([.int32: .int64, .float16: .float32]) { a, _ in a }
      return since(14, Rule([.float32, .float64, .int64], carriers: carriers), "Trilu")
    case .recurrent(let attributes): return rule(attributes)
    case .sequenceRecurrent: return Rule([.float32], carriers: [.float64: .float32, .float16: .float32])
    case .resize: return Rule([.float32, .uint8, .int8, .int32], carriers: ONNXTable.throughFloat32)
    case .hash:
      let isOfText = operands.contains { $0.dtype == .string }
      return .composed(isOfText ? "ONNX has no operator that hashes strings" : "hashes of integers")
    case .vectorize(let attributes): return rule(attributes)
    }
  }

  private func rule(_ kind: Normalization) -> Rule {
    switch kind {
    case .layer: return since(17, Rule(ONNXTable.floats), "LayerNormalization")
    case .rootMeanSquare: return since(23, Rule(ONNXTable.floats), "RMSNormalization")
    case .groups(_, let axis):
      return axis == 1 ? since(21, Rule(ONNXTable.floats), "GroupNormalization") : .composed()
    }
  }

  private func rule(_ attributes: PoolAttributes) -> Rule {
    let isMaximum = attributes.function == .maximum
    return Rule(
      isMaximum ? ONNXTable.floats : ONNXTable.half, carriers: ONNXTable.throughFloat32,
      refusal: attributes.layout == .channelsFirst ? nil : "channels last")
  }

  private func rule(_ function: CumulativeFunction) -> Rule {
    guard function == .sum else { return .composed("a running \(function) over a dynamic or long axis") }
    let carriers = ONNXTable.throughInt64.merging([.float16: .float32]) { a, _ in a }
    return Rule([.float32, .float64, .int32, .int64], carriers: carriers)
  }

  private func rule(_ attributes: PadAttributes) -> Rule {
    if case .symmetric = attributes.mode { return .composed() }
    let carriers: [DType: DType] = [.int16: .int32, .uint16: .int32]
    return Rule(DTypeSet.all.subtracting(carriers.keys), carriers: carriers)
  }

  private func rule(_ attributes: RecurrentAttributes) -> Rule {
    .composed("batch first")
  }

  private func rule(_ attributes: TextAttributes) -> Rule {
    if let missing = attributes.missingInONNX {
      return .composed("ONNX has no operator that \(missing)")
    }
    return attributes.rule.split == nil ? .any : since(20, .any, "StringSplit")
  }

  private func rule(_ attributes: ConvAttributes) -> Rule {
    var rule = Rule(ONNXTable.half, carriers: ONNXTable.throughFloat32)
    if !attributes.epilogue.isEmpty || attributes.kernelOrder == .spatialFirst
      || attributes.layout == .channelsLast
    {
      rule.refusal = "another order of axes"
    } else if attributes.padding == .sameUpper, attributes.dilations.contains(where: { $0 > 1 }) {
      rule.refusal =
        "\"same\" padding with strides and dilation on a dynamic size; give the input a fixed shape"
    }
    return rule
  }

  private func rule(_ attributes: ConvTransposeAttributes) -> Rule {
    var rule = Rule(ONNXTable.half, carriers: ONNXTable.throughFloat32)
    let fits = attributes.outputPadding.indices.allSatisfy {
      attributes.outputPadding[$0] < max(attributes.strides[$0], attributes.dilations[$0])
    }
    if attributes.kernelOrder == .spatialFirst || attributes.layout == .channelsLast || !fits {
      rule.refusal = "another order of axes, or more output padding than a stride"
    }
    return rule
  }

  private func rule(_ function: ReduceFunction) -> Rule {
    switch function {
    case .any, .all, .logSumExp: return .composed()
    case .mean:
      return Rule(
        ONNXTable.floats.union([.int32]),
        carriers: ONNXTable.throughInt64.mapValues { _ in .int32 }.merging([.int64: .int32]) { a, _ in a })
    case .sum, .maximum, .minimum, .product: return Rule(ONNXTable.numbers, carriers: ONNXTable.throughInt64)
    }
  }

  private func rule(_ reduction: ScatterReduction) -> Rule {
    // onnxruntime's reductions have no float16.
    let carriers: [DType: DType] = [.float16: .float32]
    let reduced = Rule(DTypeSet.all.subtracting(carriers.keys), carriers: carriers)
    return switch reduction {
    case .none: .any
    case .add, .multiply: since(16, reduced, "ScatterND")
    case .maximum, .minimum: since(18, reduced, "ScatterND")
    }
  }

  // MARK: Elementwise

  private func rule(_ function: UnaryFunction, _ operands: [TensorType]) -> Rule {
    let isBool = operands.first?.dtype == .bool
    switch function {
    // float16 from opset 20 on only.
    case .isInfinite: return Rule([.float32, .float64], carriers: [.float16: .float32])
    case .relu where opset < 14 && operands.first?.dtype.isInteger == true: return .composed()
    case .negate, .absolute, .sign, .sqrt, .exp, .log, .floor, .ceil, .round, .reciprocal, .tanh, .sigmoid,
      .relu,
      .isNaN, .softplus:
      return Rule(ONNXTable.numbers, carriers: ONNXTable.throughInt64)
    case .logicalNot: return .any
    case .sin, .cos, .tan, .asin, .acos, .atan, .sinh, .cosh, .asinh, .acosh, .atanh, .erf, .softsign,
      .leakyRelu, .elu,
      .selu, .hardSigmoid:
      return Rule(ONNXTable.half, carriers: [.float64: .float32])
    case .clip: return .any
    case .gelu:
      // OpenVINO and onnxruntime have kernels of float32 for it.
      return opset >= 20 && operands.first?.dtype != .float64 ? Rule(ONNXTable.half) : .composed()
    case .hardSwish: return opset >= 14 ? Rule(ONNXTable.half, carriers: [.float64: .float32]) : .composed()
    case .square, .expm1, .log1p, .truncate, .swish, .mish: return .composed()
    case .bitwiseNot: return isBool ? .composed() : since(18, .any, "BitwiseNot")
    }
  }

  private func rule(_ function: BinaryFunction, _ operands: [TensorType]) -> Rule {
    let dtype = operands[0].dtype
    let narrow = ONNXTable.throughInt64
    switch function {
    case .add, .subtract, .multiply, .divide, .power, .maximum, .minimum, .remainder:
      return Rule(ONNXTable.numbers, carriers: narrow)
    case .modulo:
      // Unsigned remainders of 64 bits have no signed type to go through.
      return dtype.isFloatingPoint
        ? .composed() : Rule([.int32, .int64, .uint64], carriers: narrow.filter { $0.key != .uint64 })
    case .logicalAnd, .logicalOr, .logicalXor: return .any
    case .floorDivide, .atan2: return .composed(carriers: narrow)
    case .bitwiseAnd, .bitwiseOr, .bitwiseXor:
      // All three have one.
      return dtype == .bool ? .composed() : since(18, .any, function.onnxName ?? function.name)
    case .shiftLeft, .shiftRight:
      if [.uint8, .uint32, .uint64].contains(dtype) { return .any }
      return .composed(carriers: narrow.filter { ![.uint8, .uint32, .uint64].contains($0.key) })
    }
  }

  private func rule(_ comparison: Comparison) -> Rule {
    let types = ONNXTable.numbers.union([.string])
    switch comparison {
    case .equal:
      return Rule(types.union([.bool]), carriers: ONNXTable.throughInt64.filter { $0.key != .bool })
    case .notEqual: return .composed()
    case .less, .lessOrEqual, .greater, .greaterOrEqual: return Rule(types, carriers: ONNXTable.throughInt64)
    }
  }
}
