import ModelIR

/// A layer whose meaning the caller gives: a Lambda by its name, or a custom class without weights.
struct DefinedLayer: Layer {
  private let meaning: LayerMeaning
  private let numbers: [String: Double]
  private let registry: LayerRegistry
  var callParameters: [String] { ["inputs", "mask"] }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    throw KerasImportError(.unsupportedLayer(className: config.className))
  }

  init(_ meaning: LayerMeaning, _ config: inout LayerConfig) {
    self.meaning = meaning
    registry = config.registry
    var numbers: [String: Double] = [:]
    for (key, value) in config.json { numbers[key] = value.double }
    for (key, value) in config.json["arguments"]?.object ?? [:] { numbers[key] = value.double }
    self.numbers = numbers
    // The meaning decides what of the configuration counts.
    config.ignoreAll()
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] {
    switch meaning {
    case .expression(let expression):
      return try expression.lower(call, names: numbers, registry: registry, in: scope)
    case .closure(let body): return try body(call, scope)
    }
  }
}

/// What a ``DefinedLayer`` computes.
enum LayerMeaning: Sendable {
  case expression(LayerExpression)
  case closure(LayerRegistry.LayerBody)
}

extension LayerRegistry {
  /// Gives a custom class without weights its meaning as operations.
  /// - Parameter name: the name that files have for it.
  /// - Parameter body: emits the operations of a call.
  public mutating func define(class name: String, as body: @escaping LayerBody) {
    definedClasses[name] = .closure(body)
  }

  /// Emits a layer's operations for a call.
  public typealias LayerBody = @Sendable (Call, LoweringScope) throws(KerasImportError) -> [Operand]

  /// Gives the Lambda layer of a name its meaning: the Python code in the file is never executed.
  public mutating func define(lambda name: String, as expression: LayerExpression) {
    lambdas[name] = .expression(expression)
  }

  /// Gives the Lambda layer of a name its meaning as operations of the graph.
  public mutating func define(lambda name: String, as body: @escaping LayerBody) {
    lambdas[name] = .closure(body)
  }

  /// Gives a custom class without weights its meaning; the numbers of its configuration are names in the expression.
  public mutating func define(class name: String, as expression: LayerExpression) {
    definedClasses[name] = .expression(expression)
  }

  /// The meaning that was given to a layer.
  func meaning(of config: LayerConfig) -> LayerMeaning? {
    if config.className == "Lambda" { return lambdas[config.name] }
    return definedClasses[config.className]
      ?? config.className.split(separator: ">").last.flatMap { definedClasses[String($0)] }
  }
}
