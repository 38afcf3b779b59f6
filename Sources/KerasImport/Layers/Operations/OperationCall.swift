public import ModelIR
import NativeFormat

/// The arguments of one operation, from configuration and call; it remembers what was read.
public final class OperationCall {
  let call: Call
  /// Where the operation is lowered.
  public let scope: LoweringScope
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
  public func argument(_ name: String, at position: Int? = nil) -> CallArgument<Operand>? {
    if let position { readPositions.insert(position) }
    readKeywords.insert(name)
    return call.argument(name, at: position)
  }

  // MARK: Settings, from the configuration or the call

  /// An integer; nil when absent or None.
  public func int(_ name: String, at position: Int? = nil) throws(KerasImportError) -> Int? {
    if let found = try config.optionalInt(name) { return found }
    switch argument(name, at: position) {
    case .integer(let value)?: return try config.bounded(value, name)
    case .number(let value)? where value == value.rounded():
      guard let value = Int(exactly: value) else {
        throw config.invalid(name, expected: "an integer", found: "\(value)")
      }
      return try config.bounded(value, name)
    case .bool(let value)?: return value ? 1 : 0
    case .array(let tensor)? where tensor.elementCount == 1 && tensor.dtype.isInteger:
      let found = CallArgument<Operand>.array(tensor).integers?.first
      return try found.map { value throws(KerasImportError) in try config.bounded(value, name) }
    case nil: return nil
    default: throw config.invalid(name, expected: "an integer", found: "something else")
    }
  }

  /// An integer with Keras's default, which stands for one that is absent or None.
  public func int(_ name: String, at position: Int? = nil, default standard: Int) throws(KerasImportError)
    -> Int
  {
    try int(name, at: position) ?? standard
  }

  /// Integers; a single one is a list of one; nil when absent or None.
  public func ints(_ name: String, at position: Int? = nil) throws(KerasImportError) -> [Int]? {
    if let found = try config.optionalInts(name) { return found }
    guard let argument = argument(name, at: position) else { return nil }
    guard let list = argument.integers else {
      throw config.invalid(name, expected: "integers", found: "something else")
    }
    return try list.map { value throws(KerasImportError) in try config.bounded(value, name) }
  }

  /// A number; nil when absent or None.
  public func double(_ name: String, at position: Int? = nil) throws(KerasImportError) -> Double? {
    if let found = try special(name) { return found }
    switch argument(name, at: position) {
    case .integer(let value)?: return Double(value)
    case .number(let value)?: return value
    case .bool(let value)?: return value ? 1 : 0
    case .array(let tensor)? where tensor.elementCount == 1: return try tensor.numbers().first
    case nil: return nil
    default: throw config.invalid(name, expected: "a number", found: "something else")
    }
  }

  /// A number with Keras's default, which stands for one that is absent or None.
  public func double(
    _ name: String, at position: Int? = nil, default standard: Double
  ) throws(KerasImportError) -> Double {
    try double(name, at: position) ?? standard
  }

  /// A number of the configuration, which may be an array of one element.
  private func special(_ name: String) throws(KerasImportError) -> Double? {
    guard let value = config.value(name) else { return nil }
    if let list = value.numericArray, list.values.count == 1 { return list.values[0] }
    if let array = try constant(value), let number = try array.numbers().first, array.elementCount == 1 {
      return number
    }
    return try config.optionalDouble(name)
  }

  /// True or false, with Keras's default.
  public func bool(_ name: String, at position: Int? = nil, default standard: Bool) throws(KerasImportError)
    -> Bool
  {
    if let found = try config.optionalBool(name) { return found }
    switch argument(name, at: position) {
    case nil: return standard
    case .bool(let value)?: return value
    case .integer(let value)? where value == 0 || value == 1: return value == 1
    default: throw config.invalid(name, expected: "true or false", found: "something else")
    }
  }

  /// A string; nil when absent or None.
  public func string(_ name: String, at position: Int? = nil) throws(KerasImportError) -> String? {
    if let found = try config.optionalString(name) { return found }
    switch argument(name, at: position) {
    case nil: return nil
    case .string(let value)?: return value
    default: throw config.invalid(name, expected: "a string", found: "something else")
    }
  }

  /// The name of an element type; nil when absent or None.
  public func dtype(_ name: String = "dtype", at position: Int? = nil) throws(KerasImportError) -> DType? {
    // The key is also the layer's own policy; only a name of the operation's argument counts.
    guard let text = try string(name, at: position) else { return nil }
    guard let dtype = DType(rawValue: text) else {
      throw config.invalid(name, expected: "a dtype", found: "\"\(text)\"")
    }
    return dtype
  }

  func layout() throws(KerasImportError) -> DataLayout { try config.layout() }
  /// A key of the configuration as it is written; nil when absent or null.
  func value(_ name: String) -> JSONValue? { config.value(name) }
  /// The configuration, for what is built from a part of it.
  var serializedConfig: LayerConfig { config }
  /// Marks arguments as known that never matter.
  public func ignore(_ names: String...) {
    for name in names { config.ignore(name); readKeywords.insert(name) }
  }
  /// True when an argument is given by keyword.
  func hasArgument(_ name: String) -> Bool { call.keywords.contains { $0.key == name } }

  /// A setting that must be there.
  func required<T>(_ name: String, _ found: T?) throws(KerasImportError) -> T {
    guard let found else { throw KerasImportError(.missingKey(name)) }
    return found
  }

  /// Sizes among the settings, or from the call as numbers and tensors that follow from shapes.
  func dimensions(_ name: String, at position: Int? = nil) throws(KerasImportError) -> [Dimension]? {
    if let found = try config.optionalInts(name) { return found.map(Dimension.fixed) }
    return try sizes(name, at: position)
  }

  /// Integers among the settings, plain or as an array.
  func numbers(_ name: String) throws(KerasImportError) -> [Int]? {
    try array(name)?.numbers().map { Int(clampingDouble: $0) }
  }

  /// An array among the settings: numbers in any regular nesting or a serialised array; nil when absent or null.
  func array(_ name: String) throws(KerasImportError) -> Tensor? {
    guard let value = config.value(name) else { return nil }
    if let list = value.numericArray {
      let isWhole = value.isWhole
      return try checkedTensor(Tensor(list.values, sizes: list.sizes, dtype: isWhole ? .int32 : .float32))
    }
    guard let tensor = try constant(value) else {
      throw config.invalid(name, expected: "numbers", found: value.shortText)
    }
    return tensor
  }

  private func constant(_ value: JSONValue) throws(KerasImportError) -> Tensor? {
    guard value.object != nil, case .array(let tensor) = try CallArgument<TensorReference>(serialized: value)
    else { return nil }
    return tensor
  }
}

extension JSONValue {
  /// True for integers in any nesting.
  fileprivate var isWhole: Bool {
    if let array { return array.allSatisfy(\.isWhole) }
    return int != nil && bool == nil
  }
}

extension Tensor {
  /// The elements as numbers.
  /// - Throws: `unsupported` for texts.
  func numbers() throws(KerasImportError) -> [Double] {
    do { return try doubles() } catch {
      throw KerasImportError(.unsupported("\(dtype.rawValue) elements as numbers"))
    }
  }
}

extension CallArgument {
  /// An integer, or a list of them.
  var integers: [Int]? {
    switch self {
    case .integer(let value): return [value]
    case .array(let tensor):
      // Its reader refuses.
      guard tensor.dtype.isInteger, let values = try? tensor.doubles() else { return nil }
      return values.map { Int(clampingDouble: $0) }
    case .list(let items):
      var result: [Int] = []
      for item in items {
        guard let part = item.integers, part.count == 1 else { return nil }
        result += part
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
      return (values, [items.count] + (inner ?? []))  // An empty list ends the nesting.
    default: return nil
    }
  }

  /// The plain values in it, in any nesting, all of them truth values.
  package var isBoolean: Bool {
    switch self {
    case .bool: true
    case .list(let items): !items.isEmpty && items.allSatisfy(\.isBoolean)
    default: false
    }
  }

  /// Rows of integers.
  var integerRows: [[Int]]? {
    if case .array(let tensor) = self, tensor.rank == 2, tensor.dtype.isInteger,
      let values = try? tensor.doubles()  // Its reader refuses what is no list of rows.
    {
      return stride(from: 0, to: values.count, by: Swift.max(tensor.sizes[1], 1)).map { row in
        values[row..<(row + tensor.sizes[1])].map { Int(clampingDouble: $0) }
      }
    }
    guard case .list(let items) = self else { return nil }
    var rows: [[Int]] = []
    for item in items {
      guard let row = item.integers else { return nil }
      rows.append(row)
    }
    return rows
  }
}
