import ModelIR

/// Element-wise functions of `keras.src.ops.numpy`, `.math` and `.nn`.
extension LayerRegistry {
  mutating func addElementwiseOperations() {
    addFunctions()
    addArithmetic()
    addComparisons()
    addActivations()
  }

  /// Functions whose integer operands become float32.
  private mutating func addFunctions() {
    let functions: [(String, UnaryFunction)] = [
      ("Exp", .exp), ("Log", .log), ("Sqrt", .sqrt), ("Expm1", .expm1), ("Log1p", .log1p), ("Sin", .sin),
      ("Cos", .cos), ("Tan", .tan), ("Arcsin", .asin), ("Arccos", .acos), ("Arctan", .atan), ("Sinh", .sinh),
      ("Cosh", .cosh), ("Tanh", .tanh), ("Arcsinh", .asinh), ("Arccosh", .acosh), ("Arctanh", .atanh), ("Erf", .erf),
      ("Sigmoid", .sigmoid), ("Softplus", .softplus), ("Softsign", .softsign), ("Ceil", .ceil), ("Floor", .floor),
      ("Trunc", .truncate), ("Reciprocal", .reciprocal), ("Selu", .selu),
    ]
    for (name, function) in functions {
      operation(name) { call throws(KerasImportError) in
        [try call.scope.unary(function, call.floating("x", 0))]
      }
    }
    let plain: [(String, UnaryFunction)] = [
      ("Negative", .negate), ("Absolute", .absolute), ("Abs", .absolute), ("Sign", .sign), ("Square", .square),
      ("Relu", .relu), ("BitwiseInvert", .bitwiseNot), ("BitwiseNot", .bitwiseNot),
    ]
    for (name, function) in plain {
      operation(name) { call throws(KerasImportError) in [try call.scope.unary(function, call.tensor("x", 0))] }
    }
    operation("Copy", "Conjugate", "Conj", "Real", "StopGradient", "ConvertToTensor") { call throws(KerasImportError) in
      call.ignore("sparse", "ragged")
      let x = try call.tensor("x", 0)
      return [try call.dtype().map { dtype throws(KerasImportError) in try call.scope.cast(x, to: dtype) } ?? x]
    }
    operation("Rsqrt") { call throws(KerasImportError) in
      [try call.scope.unary(.reciprocal, call.scope.unary(.sqrt, call.floating("x", 0)))]
    }
    operation("Log2") { call throws(KerasImportError) in
      [try call.scope.multiply(call.scope.unary(.log, call.floating("x", 0)), 1.4426950408889634)]
    }
    operation("Log10") { call throws(KerasImportError) in
      [try call.scope.multiply(call.scope.unary(.log, call.floating("x", 0)), 0.4342944819032518)]
    }
    operation("Isnan") { call throws(KerasImportError) in [try call.scope.unary(.isNaN, call.floating("x", 0))] }
    operation("Isinf") { call throws(KerasImportError) in [try call.scope.unary(.isInfinite, call.floating("x", 0))] }
    operation("Isfinite") { call throws(KerasImportError) in
      let x = try call.floating("x", 0)
      let isOdd = try call.scope.emit(.binary(.logicalOr), call.scope.unary(.isNaN, x), call.scope.unary(.isInfinite, x))
      return [try call.scope.unary(.logicalNot, isOdd)]
    }
    operation("Erfc") { call throws(KerasImportError) in
      let y = try call.scope.unary(.erf, call.floating("x", 0))
      return [try call.scope.subtract(call.scope.scalar(1, like: y), y)]
    }
    operation("Deg2rad") { call throws(KerasImportError) in
      [try call.scope.multiply(call.floating("x", 0), 0.017453292519943295)]
    }
    operation("Rad2deg") { call throws(KerasImportError) in
      [try call.scope.multiply(call.floating("x", 0), 57.29577951308232)]
    }
    operation("Round") { call throws(KerasImportError) in
      let x = try call.floating("x", 0)
      guard let decimals = try call.int("decimals"), decimals != 0 else { return [try call.scope.unary(.round, x)] }
      var factor = 1.0
      for _ in 0..<min(abs(decimals), 30) { factor *= 10 }
      if decimals < 0 { factor = 1 / factor }
      return [try call.scope.divide(call.scope.unary(.round, call.scope.multiply(x, factor)), call.scope.scalar(factor, like: x))]
    }
    operation("Clip") { call throws(KerasImportError) in
      let x = try call.tensor("x", 0)
      let function = UnaryFunction.clip(minimum: try call.double("x_min", 1), maximum: try call.double("x_max", 2))
      return [try call.scope.unary(function, x)]
    }
  }

  private mutating func addArithmetic() {
    let functions: [(String, BinaryFunction)] = [
      ("Add", .add), ("Subtract", .subtract), ("Multiply", .multiply), ("Power", .power), ("Maximum", .maximum),
      ("Minimum", .minimum), ("Mod", .modulo), ("Fmod", .remainder), ("FloorDivide", .floorDivide),
    ]
    for (name, function) in functions {
      operation(name) { call throws(KerasImportError) in
        var x = try call.operands("x1", "x2")
        if call.scope.dtype(of: x[0]) == .bool {
          for index in x.indices { x[index] = try call.scope.cast(x[index], to: .int32) }
        }
        return [try call.scope.emit(.binary(function), x[0], x[1])]
      }
    }
    operation("TrueDivide", "Divide") { call throws(KerasImportError) in
      let x = try call.floatingOperands("x1", "x2")
      return [try call.scope.divide(x[0], x[1])]
    }
    operation("DivideNoNan") { call throws(KerasImportError) in
      let x = try call.floatingOperands("x1", "x2")
      let zero = call.scope.scalar(0, like: x[1])
      let isZero = try call.scope.emit(.compare(.equal), x[1], zero)
      return [try call.scope.emit(.select, isZero, zero, call.scope.divide(x[0], x[1]))]
    }
    operation("Arctan2") { call throws(KerasImportError) in
      let x = try call.floatingOperands("x1", "x2")
      return [try call.scope.emit(.binary(.atan2), x[0], x[1])]
    }
    operation("Hypot") { call throws(KerasImportError) in
      let x = try call.floatingOperands("x1", "x2")
      return [try call.scope.unary(.sqrt, call.scope.add(call.scope.unary(.square, x[0]), call.scope.unary(.square, x[1])))]
    }
    let bitwise: [(String, BinaryFunction)] = [
      ("BitwiseAnd", .bitwiseAnd), ("BitwiseOr", .bitwiseOr), ("BitwiseXor", .bitwiseXor),
      ("BitwiseLeftShift", .shiftLeft), ("LeftShift", .shiftLeft), ("BitwiseRightShift", .shiftRight),
      ("RightShift", .shiftRight),
    ]
    for (name, function) in bitwise {
      operation(name) { call throws(KerasImportError) in
        let x = try call.operands("x", "y")
        return [try call.scope.emit(.binary(function), x[0], x[1])]
      }
    }
  }

  private mutating func addComparisons() {
    let comparisons: [(String, Comparison)] = [
      ("Equal", .equal), ("NotEqual", .notEqual), ("Less", .less), ("LessEqual", .lessOrEqual), ("Greater", .greater),
      ("GreaterEqual", .greaterOrEqual),
    ]
    for (name, comparison) in comparisons {
      operation(name) { call throws(KerasImportError) in
        let x = try call.operands("x1", "x2")
        return [try call.scope.emit(.compare(comparison), x[0], x[1])]
      }
    }
    let logical: [(String, BinaryFunction)] = [
      ("LogicalAnd", .logicalAnd), ("LogicalOr", .logicalOr), ("LogicalXor", .logicalXor),
    ]
    for (name, function) in logical {
      operation(name) { call throws(KerasImportError) in
        let x = try call.operands("x1", "x2")
        return [try call.scope.emit(.binary(function), call.scope.cast(x[0], to: .bool), call.scope.cast(x[1], to: .bool))]
      }
    }
    operation("LogicalNot") { call throws(KerasImportError) in
      [try call.scope.unary(.logicalNot, call.scope.cast(call.tensor("x", 0), to: .bool))]
    }
    operation("Where") { call throws(KerasImportError) in
      let condition = try call.scope.cast(call.tensor("condition", 0), to: .bool)
      guard let first = call.argument("x1", 1), let second = call.argument("x2", 2) else {
        throw KerasImportError(.unsupported("Where with one argument, whose result's size depends on the data"))
      }
      let x = try call.promoted([first, second])
      return [try call.scope.emit(.select, condition, x[0], x[1])]
    }
  }

  private mutating func addActivations() {
    let named: [(String, Activation.Name)] = [
      ("Relu6", .relu6), ("SparseSigmoid", .sparseSigmoid), ("SparsePlus", .sparsePlus), ("Silu", .silu),
      ("LogSigmoid", .logSigmoid), ("HardSigmoid", .hardSigmoid), ("HardSilu", .hardSilu), ("TanhShrink", .tanhShrink),
      ("HardTanh", .hardTanh), ("Mish", .mish),
    ]
    for (name, activation) in named {
      operation(name) { call throws(KerasImportError) in [try activation.apply(call.floating("x", 0), in: call.scope)] }
    }
    operation("SoftShrink") { call throws(KerasImportError) in
      [try call.scope.softShrink(call.floating("x", 0), threshold: call.double("threshold", 1) ?? 0.5)]
    }
    operation("HardShrink") { call throws(KerasImportError) in
      [try call.scope.hardShrink(call.floating("x", 0), threshold: call.double("threshold", 1) ?? 0.5)]
    }
    operation("Squareplus") { call throws(KerasImportError) in
      [try call.scope.squareplus(call.floating("x", 0), b: call.double("b", 1) ?? 4)]
    }
    operation("LeakyRelu") { call throws(KerasImportError) in
      [try call.scope.unary(.leakyRelu(slope: call.double("negative_slope", 1) ?? 0.2), call.floating("x", 0))]
    }
    operation("Elu") { call throws(KerasImportError) in
      [try call.scope.unary(.elu(alpha: call.double("alpha", 1) ?? 1), call.floating("x", 0))]
    }
    operation("Celu") { call throws(KerasImportError) in
      let x = try call.floating("x", 0)
      let alpha = try call.double("alpha", 1) ?? 1
      let negative = try call.scope.unary(.clip(minimum: nil, maximum: 0), x)
      let bent = try call.scope.multiply(call.scope.unary(.expm1, call.scope.multiply(negative, 1 / alpha)), alpha)
      return [try call.scope.add(call.scope.unary(.relu, x), bent)]
    }
    operation("Gelu") { call throws(KerasImportError) in
      [try call.scope.gelu(call.floating("x", 0), approximate: call.bool("approximate", 1, default: true))]
    }
    operation("Threshold") { call throws(KerasImportError) in
      let x = try call.floating("x", 0)
      let isAbove = try call.scope.emit(
        .compare(.greater), x, call.scope.scalar(call.double("threshold", 1) ?? 0, like: x))
      return [try call.scope.emit(.select, isAbove, x, call.scope.scalar(call.double("default_value", 2) ?? 0, like: x))]
    }
    operation("ReLU") { call throws(KerasImportError) in
      let function = ReLU(
        maximum: try call.double("max_value"), slope: try call.double("negative_slope") ?? 0,
        threshold: try call.double("threshold") ?? 0)
      let isPlain = function.maximum == nil && function.slope == 0 && function.threshold == 0
      let x = isPlain ? try call.tensor("x", 0) : try call.floating("x", 0)
      return [try function.apply(x, in: call.scope)]
    }
    operation("Glu") { call throws(KerasImportError) in
      let x = try call.floating("x", 0)
      return [try call.scope.glu(x, axis: call.scope.axis(call.int("axis", 1) ?? -1, rank: call.scope.rank(of: x)))]
    }
    operation("Sparsemax") { call throws(KerasImportError) in
      let x = try call.floating("x", 0)
      return [try call.scope.sparsemax(x, axis: call.scope.axis(call.int("axis", 1) ?? -1, rank: call.scope.rank(of: x)))]
    }
    operation("Softmax", "LogSoftmax") { call throws(KerasImportError) in
      var x = try call.floating("x", 0)
      let isLog = call.scope.object.className == "LogSoftmax"
      let shape = call.scope.shape(of: x)
      let axes = try call.ints("axis", 1)
      let isWhole = axes == nil && call.value("axis") == nil && call.scope.object.config["axis"]?.isNull == true
      if isWhole { x = try call.scope.reshape(x, [shape.elementCount]) }
      let axis = isWhole ? 0 : try call.scope.axis(axes?.first ?? -1, rank: shape.rank)
      let y = try call.scope.emit(isLog ? .logSoftmax(axis: axis) : .softmax(axis: axis), x)
      return [try call.scope.reshape(y, shape)]
    }
  }
}

extension OperationCall {
  /// A tensor in a floating-point type: integers become float32.
  func floating(_ name: String, _ position: Int) throws(KerasImportError) -> Value {
    let x = try tensor(name, position)
    return scope.dtype(of: x).isFloatingPoint ? x : try scope.cast(x, to: .float32)
  }

  /// Operands brought to their common floating-point type.
  func floatingOperands(_ names: String...) throws(KerasImportError) -> [Value] {
    var arguments: [CallArgument<Operand>] = []
    for (position, name) in names.enumerated() {
      guard let argument = argument(name, position) else { throw KerasImportError(.missingKey(name)) }
      arguments.append(argument)
    }
    return try promoted(arguments).map { value throws(KerasImportError) in
      scope.dtype(of: value).isFloatingPoint ? value : try scope.cast(value, to: .float32)
    }
  }
}
