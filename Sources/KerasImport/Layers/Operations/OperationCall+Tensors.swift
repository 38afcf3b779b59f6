public import ModelIR

/// Tensors among the arguments, and the types they are brought to.
///
/// Source: `keras/src/backend/common/dtypes.py` (`result_type`): JAX's lattice, in which Python's numbers are weak.
extension OperationCall {
  /// A tensor argument; numbers and arrays become constants of their own type.
  public func tensor(_ name: String, at position: Int) throws(KerasImportError) -> Value {
    guard let argument = argument(name, at: position) else { throw KerasImportError(.missingKey(name)) }
    return try value(argument, like: nil)
  }

  /// A tensor argument that may be absent.
  public func optionalTensor(_ name: String, at position: Int) throws(KerasImportError) -> Value? {
    guard let argument = argument(name, at: position) else { return nil }
    return try value(argument, like: nil)
  }

  /// A list of tensors, brought to their common type.
  public func tensors(_ name: String, at position: Int) throws(KerasImportError) -> [Value] {
    guard let argument = argument(name, at: position) else { throw KerasImportError(.missingKey(name)) }
    guard case .list(let items) = argument else { return [try value(argument, like: nil)] }
    return try promoted(items)
  }

  /// Every positional argument from a position on, not brought to one type.
  func rest(_ name: String, from start: Int = 0) throws(KerasImportError) -> [Value] {
    var values: [Value] = []
    for position in call.positional.indices where position >= start {
      values.append(try tensor(name, at: position))
    }
    return values
  }

  /// Operands brought to their common type; Python's numbers take the type of the tensors beside them.
  public func operands(_ names: String...) throws(KerasImportError) -> [Value] {
    try promoted(arguments(names))
  }

  /// Operands brought to their common type, where Python's numbers count as tensors of int32 and float32.
  func tensorOperands(_ names: String...) throws(KerasImportError) -> [Value] {
    try promoted(arguments(names), isStrict: true)
  }

  /// Operands brought to their common floating-point type.
  func floatingOperands(_ names: String...) throws(KerasImportError) -> [Value] {
    try promoted(arguments(names)).map { value throws(KerasImportError) in try scope.floating(value) }
  }

  /// A tensor in a floating-point type: integers and truth values become float32.
  func floating(_ name: String, at position: Int) throws(KerasImportError) -> Value {
    try scope.floating(tensor(name, at: position))
  }

  /// A tensor in a floating-point type, int64 in float64.
  func exactFloating(_ name: String, at position: Int) throws(KerasImportError) -> Value {
    let x = try tensor(name, at: position)
    return try scope.cast(x, to: scope.dtype(of: x).exactFloating)
  }

  /// A tensor as numbers: truth values become int32.
  func numeric(_ name: String, at position: Int) throws(KerasImportError) -> Value {
    try scope.numeric(tensor(name, at: position))
  }

  private func arguments(_ names: [String]) throws(KerasImportError) -> [CallArgument<Operand>] {
    var arguments: [CallArgument<Operand>] = []
    for (position, name) in names.enumerated() {
      guard let argument = argument(name, at: position) else { throw KerasImportError(.missingKey(name)) }
      arguments.append(argument)
    }
    return arguments
  }

  /// Arguments as values of their common type.
  func promoted(
    _ arguments: [CallArgument<Operand>], isStrict: Bool = false
  ) throws(KerasImportError) -> [Value] {
    var common: DType?
    var hasFloat = false
    var hasInteger = false
    for argument in arguments {
      guard let found = try strongType(of: argument, isStrict: isStrict) else {
        if case .number = argument { hasFloat = true } else { hasInteger = true }
        continue
      }
      common = common.map { $0.promoted(with: found) } ?? found
    }
    var target = common ?? (hasFloat ? .float32 : .int32)
    if hasFloat, !target.isFloatingPoint { target = .float32 }
    if hasInteger, target == .bool { target = .int32 }
    var values: [Value] = []
    for argument in arguments { values.append(try scope.cast(value(argument, like: target), to: target)) }
    return values
  }

  /// The type an argument brings; nil for a Python number that takes the others'.
  private func strongType(of argument: CallArgument<Operand>, isStrict: Bool) throws(KerasImportError)
    -> DType?
  {
    switch argument {
    case .tensor(let operand): return scope.dtype(of: operand.value)
    case .array(let tensor): return tensor.dtype
    case .integer: return isStrict ? .int32 : nil
    case .number: return isStrict ? .float32 : nil
    case .bool: return .bool
    case .list: return try scope.dtype(of: value(argument, like: nil))
    case .dictionary, .string, .none, .slice, .ellipsis, .object:
      throw KerasImportError(.unsupported("this kind of argument in place of a tensor"))
    }
  }

  /// Any argument as a value; plain numbers in the type given, or in Python's.
  func value(_ argument: CallArgument<Operand>, like target: DType?) throws(KerasImportError) -> Value {
    switch argument {
    case .tensor(let operand):
      try scope.state.checkUse(of: operand.value)
      return operand.value
    case .array(let tensor): return scope.constant(tensor)
    case .integer(let value): return scope.scalar(Double(value), target ?? .int32)
    case .number(let value): return scope.scalar(value, target ?? .float32)
    case .bool(let value): return scope.scalar(value ? 1 : 0, target ?? .bool)
    case .list(let items):
      if let numbers = argument.numbers {
        let own: DType = argument.isBoolean ? .bool : argument.isWhole ? .int32 : .float32
        return try scope.constant(numbers.values, sizes: numbers.sizes, dtype: target ?? own)
      }
      let parts = try promoted(items).map { part throws(KerasImportError) in
        try scope.expandDims(part, axes: [0])
      }
      return try scope.concat(parts, axis: 0)
    case .dictionary, .string, .none, .slice, .ellipsis, .object:
      throw KerasImportError(.unsupported("this kind of argument in place of a tensor"))
    }
  }
}

extension CallArgument {
  /// The plain numbers in it, in any nesting, none with a fraction written.
  fileprivate var isWhole: Bool {
    switch self {
    case .integer, .bool: true
    case .list(let items): !items.isEmpty && items.allSatisfy(\.isWhole)
    default: false
    }
  }
}

extension LoweringScope {
  /// Integers and truth values become float32.
  func floating(_ x: Value) throws(KerasImportError) -> Value {
    dtype(of: x).isFloatingPoint ? x : try cast(x, to: .float32)
  }

  /// Truth values become int32.
  func numeric(_ x: Value) throws(KerasImportError) -> Value {
    dtype(of: x) == .bool ? try cast(x, to: .int32) : x
  }

  /// The type that sums and products are made in: small integers become int32 or uint32.
  func summable(_ x: Value) throws(KerasImportError) -> Value { try cast(x, to: dtype(of: x).summable) }
}

extension DType {
  /// Integers and truth values in float32, int64 in float64.
  var exactFloating: DType { isFloatingPoint ? self : self == .int64 ? .float64 : .float32 }

  /// Small integers and truth values in 32 bits.
  var summable: DType {
    switch self {
    case .bool, .int8, .int16: .int32
    case .uint8, .uint16: .uint32
    case .int32, .uint32, .int64, .uint64, .float16, .bfloat16, .float32, .float64, .string: self
    }
  }
}
