public import ModelIR
import NativeFormat

/// A `keras.ops` function as a node of a model: its constructor's arguments are the configuration, the rest are call
/// arguments. Operations compute in the types of their operands and drop masks.
struct Operation: Layer {
  private let config: LayerConfig
  private let lowering: LayerRegistry.OperationBody

  init(_ config: LayerConfig, _ lowering: @escaping LayerRegistry.OperationBody) {
    self.config = config
    self.lowering = lowering
  }

  /// Operations are made by the registry, from a class name and what ``LayerRegistry/register(operation:as:)`` was
  /// given for it.
  init(_ config: inout LayerConfig) throws(KerasImportError) {
    throw KerasImportError(.unsupportedLayer(className: config.className))
  }

  /// What makes an operation of a configuration; its keys are read when it is lowered.
  static func factory(_ lowering: @escaping LayerRegistry.OperationBody) -> LayerRegistry.Factory {
    { (config: inout LayerConfig) throws(KerasImportError) -> any Layer in
      let operation = Operation(config, lowering)
      config.ignoreAll()
      return operation
    }
  }

  /// Emits the operation's primitives.
  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    let arguments = OperationCall(call: call, config: config, scope: scope)
    let results = try lowering(arguments)
    try arguments.finish()
    return results.map { Operand($0) }
  }
}

extension LayerRegistry {
  /// How an operation is lowered: its arguments in, its results (flattened) out.
  public typealias OperationBody = @Sendable (OperationCall) throws(KerasImportError) -> [Value]

  /// Adds an operation under its class names: the `keras.Operation` subclasses of a program (`Package>Name` or `Name`)
  /// as well as Keras's own. Its lowering must read every argument it is given; what it did not read is an error.
  ///
  ///     registry.register(operation: "my_pkg>ScaledSum") { call throws(KerasImportError) in
  ///       let x = try call.operands("x1", "x2")
  ///       let sum = try call.scope.emit(.binary(.add), x[0], x[1])
  ///       let factor = call.scope.scalar(try call.double("factor", default: 1), like: sum)
  ///       return [try call.scope.emit(.binary(.multiply), sum, factor)]
  ///     }
  public mutating func register(
    operation names: String..., as lowering: @escaping LayerRegistry.OperationBody
  ) {
    for name in names { registerOwn(operation: name, Operation.factory(lowering)) }
  }

  private mutating func addOperation(_ name: String, _ lowering: @escaping LayerRegistry.OperationBody) {
    register(operation: name, Operation.factory(lowering))
  }

  // MARK: Lines of the tables

  /// An operation of one result.
  mutating func add(
    _ names: String..., as method: @escaping @Sendable (OperationCall) -> () throws(KerasImportError) -> Value
  ) {
    for name in names { addOperation(name) { call throws(KerasImportError) in [try method(call)()] } }
  }

  /// An operation of several results.
  mutating func add(
    _ names: String...,
    as method: @escaping @Sendable (OperationCall) -> () throws(KerasImportError) -> [Value]
  ) {
    for name in names { addOperation(name) { call throws(KerasImportError) in try method(call)() } }
  }

  /// An operation of several results that is a case of a general one.
  mutating func add<Kind: Sendable>(
    _ names: String...,
    as method: @escaping @Sendable (OperationCall) -> (Kind) throws(KerasImportError) -> [Value],
    _ kind: Kind
  ) {
    for name in names { addOperation(name) { call throws(KerasImportError) in try method(call)(kind) } }
  }

  /// An operation of one result that is a case of a general one.
  mutating func add<Kind: Sendable>(
    _ names: String...,
    as method: @escaping @Sendable (OperationCall) -> (Kind) throws(KerasImportError) -> Value,
    _ kind: Kind
  ) {
    for name in names { addOperation(name) { call throws(KerasImportError) in [try method(call)(kind)] } }
  }
}
