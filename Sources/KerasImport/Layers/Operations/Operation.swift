import ModelIR
import NativeFormat

/// A `keras.ops` function as a node of a model: its constructor's arguments are the configuration, the rest are call
/// arguments. Operations compute in the types of their operands and drop masks.
struct Operation: Layer {
  /// How an operation is lowered.
  typealias Lowering = @Sendable (OperationCall) throws(KerasImportError) -> [Value]

  private let config: LayerConfig
  private let lowering: Lowering

  init(_ config: LayerConfig, _ lowering: @escaping Lowering) {
    self.config = config
    self.lowering = lowering
  }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    throw KerasImportError(.unsupportedLayer(className: config.className))
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let arguments = OperationCall(call: call, config: config, scope: scope)
    let results = try lowering(arguments)
    try arguments.finish()
    return results.map { Operand($0) }
  }
}

extension LayerRegistry {
  /// Adds an operation by its class name.
  mutating func operation(_ names: String..., lowering: @escaping Operation.Lowering) {
    for name in names {
      register(operation: name) { (config: inout LayerConfig) throws(KerasImportError) -> any Layer in
        let operation = Operation(config, lowering)
        config.ignoreAll()
        return operation
      }
    }
  }
}

/// The arguments of one operation, from configuration and call; it remembers what was read.
final class OperationCall {
  let call: Call
  let scope: LoweringScope
  private var config: LayerConfig
  private var readPositions: Set<Int> = []
  private var readKeywords: Set<String> = []

  init(call: Call, config: LayerConfig, scope: LoweringScope) {
    self.call = call
    self.config = config
    self.scope = scope
  }

  /// Refuses arguments that nobody read.
  func finish() throws(KerasImportError) {
    try config.finish()
    for (position, argument) in call.positional.enumerated() where !readPositions.contains(position) {
      if case .none = argument { continue }
      throw KerasImportError(.unsupported("argument \(position + 1) of this operation"))
    }
    let unread = call.keywords.filter { entry in
      if case .none = entry.value { return false }
      return !readKeywords.contains(entry.key)
    }
    if !unread.isEmpty { throw KerasImportError(.unknownKeys(unread.map(\.key))) }
  }

  /// An argument of the call; nil when absent or None.
  func argument(_ name: String, _ position: Int? = nil) -> CallArgument<Operand>? {
    if let position { readPositions.insert(position) }
    readKeywords.insert(name)
    return call.argument(name, at: position)
  }

  // MARK: Settings, from the configuration or the call

  func int(_ name: String, _ position: Int? = nil) throws(KerasImportError) -> Int? {
    if let found = try config.optionalInt(name) { return found }
    switch argument(name, position) {
    case .integer(let value)?: return try config.bounded(value, name)
    case .number(let value)? where value == value.rounded():
      guard let value = Int(exactly: value) else {
        throw config.invalid(name, expected: "an integer", found: "\(value)")
      }
      return try config.bounded(value, name)
    case nil: return nil
    default: throw config.invalid(name, expected: "an integer", found: "something else")
    }
  }

  func ints(_ name: String, _ position: Int? = nil) throws(KerasImportError) -> [Int]? {
    if let found = try config.optionalInts(name) { return found }
    guard let argument = argument(name, position) else { return nil }
    guard let list = argument.integers else {
      throw config.invalid(name, expected: "integers", found: "something else")
    }
    return try list.map { value throws(KerasImportError) in try config.bounded(value, name) }
  }

  func double(_ name: String, _ position: Int? = nil) throws(KerasImportError) -> Double? {
    if let found = try config.optionalDouble(name) { return found }
    switch argument(name, position) {
    case .integer(let value)?: return Double(value)
    case .number(let value)?: return value
    case .array(let tensor)? where tensor.elementCount == 1: return (try? tensor.doubles())?.first
    case nil: return nil
    default: throw config.invalid(name, expected: "a number", found: "something else")
    }
  }

  func bool(_ name: String, _ position: Int? = nil, default standard: Bool) throws(KerasImportError) -> Bool {
    if let found = try config.optionalBool(name) { return found }
    if case .bool(let value)? = argument(name, position) { return value }
    return standard
  }

  func string(_ name: String, _ position: Int? = nil) throws(KerasImportError) -> String? {
    if let found = try config.optionalString(name) { return found }
    if case .string(let value)? = argument(name, position) { return value }
    return nil
  }

  func dtype(_ name: String = "dtype", _ position: Int? = nil) throws(KerasImportError) -> DType? {
    // The key is also the layer's own policy; only a name of the operation's argument counts.
    guard let text = try string(name, position) else { return nil }
    guard let dtype = DType(rawValue: text) else {
      throw config.invalid(name, expected: "a dtype", found: "\"\(text)\"")
    }
    return dtype
  }

  func layout() throws(KerasImportError) -> DataLayout { try config.layout() }
  func value(_ name: String) -> JSONValue? { config.value(name) }
  func ignore(_ names: String...) { for name in names { config.ignore(name); readKeywords.insert(name) } }

  // MARK: Tensors

  /// A tensor argument; numbers and arrays become constants of their own type.
  func tensor(_ name: String, _ position: Int) throws(KerasImportError) -> Value {
    guard let argument = argument(name, position) else { throw KerasImportError(.missingKey(name)) }
    return try value(argument, like: nil)
  }

  /// A tensor argument that may be absent.
  func optionalTensor(_ name: String, _ position: Int) throws(KerasImportError) -> Value? {
    guard let argument = argument(name, position) else { return nil }
    return try value(argument, like: nil)
  }

  /// A list of tensors.
  func tensors(_ name: String, _ position: Int) throws(KerasImportError) -> [Value] {
    guard let argument = argument(name, position) else { throw KerasImportError(.missingKey(name)) }
    guard case .list(let items) = argument else { return [try value(argument, like: nil)] }
    return try promoted(items)
  }

  /// Operands brought to their common type; Python numbers take the type of the tensors beside them.
  func operands(_ names: String...) throws(KerasImportError) -> [Value] {
    var arguments: [CallArgument<Operand>] = []
    for (position, name) in names.enumerated() {
      guard let argument = argument(name, position) else { throw KerasImportError(.missingKey(name)) }
      arguments.append(argument)
    }
    return try promoted(arguments)
  }

  func promoted(_ arguments: [CallArgument<Operand>]) throws(KerasImportError) -> [Value] {
    var common: DType?
    var hasFloat = false
    var hasInteger = false
    for argument in arguments {
      switch argument {
      case .tensor(let operand): common = common.map { $0.promoted(with: scope.dtype(of: operand.value)) } ?? scope.dtype(of: operand.value)
      case .array(let tensor): common = common.map { $0.promoted(with: tensor.dtype) } ?? tensor.dtype
      case .list(let items):
        hasFloat = hasFloat || items.contains { if case .number = $0 { true } else { false } }
        hasInteger = true
      case .number: hasFloat = true
      case .integer: hasInteger = true
      default: break
      }
    }
    var target = common ?? (hasFloat ? .float32 : .int32)
    if hasFloat, !target.isFloatingPoint { target = .float32 }
    if hasInteger, target == .bool { target = .int32 }
    var values: [Value] = []
    for argument in arguments { values.append(try scope.cast(value(argument, like: target), to: target)) }
    return values
  }

  /// Any argument as a value; plain numbers in the type given, or in Python's.
  func value(_ argument: CallArgument<Operand>, like target: DType?) throws(KerasImportError) -> Value {
    switch argument {
    case .tensor(let operand): return operand.value
    case .array(let tensor): return scope.constant(tensor)
    case .integer(let value): return scope.scalar(Double(value), target ?? .int32)
    case .number(let value): return scope.scalar(value, target ?? .float32)
    case .bool(let value): return scope.scalar(value ? 1 : 0, target ?? .bool)
    case .list(let items):
      if let numbers = argument.numbers {
        let isWhole = argument.integers != nil
        let tensor = try checkedTensor(Tensor(numbers.values, sizes: numbers.sizes, dtype: target ?? (isWhole ? .int32 : .float32)))
        return scope.constant(tensor)
      }
      let parts = try promoted(items).map { part throws(KerasImportError) in try scope.expandDims(part, axes: [0]) }
      return parts.count == 1 ? parts[0] : try scope.emitAll(.concat(axis: 0), parts)[0]
    case .dictionary, .string, .none, .slice, .ellipsis:
      throw KerasImportError(.unsupported("this kind of argument in place of a tensor"))
    }
  }
}

extension CallArgument {
  /// An integer, or a list of them.
  var integers: [Int]? {
    switch self {
    case .integer(let value): return [value]
    case .array(let tensor): return tensor.dtype.isInteger ? (try? tensor.doubles())?.map { Int(clampingDouble: $0) } : nil
    case .list(let items):
      var result: [Int] = []
      for item in items {
        guard case .integer(let value) = item else { return nil }
        result.append(value)
      }
      return result
    default: return nil
    }
  }

  /// Numbers in any regular nesting, flattened.
  package var numbers: (values: [Double], sizes: [Int])? {
    switch self {
    case .integer(let value): return ([Double(value)], [])
    case .number(let value): return ([value], [])
    case .bool(let value): return ([value ? 1 : 0], [])
    case .list(let items):
      var values: [Double] = []
      var inner: [Int]?
      for item in items {
        guard let part = item.numbers, inner == nil || inner == part.sizes else { return nil }
        inner = part.sizes
        values += part.values
      }
      return (values, [items.count] + (inner ?? []))
    default: return nil
    }
  }
}
