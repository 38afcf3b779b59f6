/// The layer classes and operations that an import knows; a value that is passed, never global state.
public struct LayerRegistry: Sendable {
  typealias Factory = @Sendable (inout LayerConfig) throws(KerasImportError) -> any Layer

  private var layers: [String: any Layer.Type] = [:]
  /// The names in `layers` that are Keras's own; a program may register its class under one of them.
  private var builtInNames: Set<String> = []
  private var operations: [String: Factory] = [:]
  /// Whether layers that are not supported get a place in the model, for inspection, instead of ending the import.
  var keepsUnsupported = false
  /// Whether a layer whose configuration is damaged is kept, too.
  var keepsMisfits = false
  /// Operations of programs that made files, by the names that they were registered under.
  private var ownOperations: [String: Factory] = [:]
  /// Operations of Keras that are refused, with the reason.
  package private(set) var refusedOperations: [String: String] = [:]

  /// What the caller says of Lambda layers, by name, and of custom classes.
  var lambdas: [String: LayerMeaning] = [:]
  var definedClasses: [String: LayerMeaning] = [:]

  /// A registry that knows nothing.
  package init() {}

  /// Adds a layer class under its Keras names (`Conv2D`; custom classes `Package>Name` or `Name`).
  public mutating func register<L: Layer>(_ layer: L.Type, as names: String...) {
    for name in names {
      layers[name] = layer
      builtInNames.remove(name)
    }
  }

  /// Adds a layer class that a closure makes, for layers that need more than their configuration: a table, an option of
  /// the program's.
  ///
  ///     options.layers.register("Scale") { config throws(KerasImportError) in try Scale(&config, table: table) }
  /// - Parameter names: the names that files have for it.
  /// - Parameter make: reads the configuration, every key of it, and makes the layer.
  public mutating func register(
    _ names: String..., as make: @escaping @Sendable (inout LayerConfig) throws(KerasImportError) -> any Layer
  ) {
    for name in names { registerOwn(operation: name, make) }
  }

  /// True for a class that the program itself registered.
  func isOwn(_ config: LayerConfig) -> Bool {
    if LayerRegistry.isOperation(module: config.module) { return false }
    if !ownOperations.isEmpty, config.identity.names.contains(where: { ownOperations[$0] != nil }) {
      return true
    }
    let names = config.identity.isOfKeras ? [config.className] : config.identity.names
    return names.first { layers[$0] != nil }.map { !builtInNames.contains($0) } ?? false  // Not known at all.
  }

  /// Makes all layers known so far Keras's own: a class of another package is none of them, whatever its name.
  mutating func markBuiltIn() { builtInNames = Set(layers.keys) }

  /// The layer of a class: Keras's under its name, another package's under its registered name or its own.
  private func type(of identity: ClassIdentity, className: String) -> (any Layer.Type)? {
    if identity.isOfKeras { return layers[className] }
    let name = identity.names.first { layers[$0] != nil && !builtInNames.contains($0) }
    return name.flatMap { layers[$0] }
  }

  /// Adds an operation (module `keras.src.ops.*`) under its class names.
  mutating func register(operation name: String, _ factory: @escaping Factory) { operations[name] = factory }

  /// Adds an operation of a program's own.
  mutating func registerOwn(operation name: String, _ factory: @escaping Factory) {
    ownOperations[name] = factory
  }

  /// Notes an operation of Keras that cannot be supported.
  mutating func refuse(_ name: String, because reason: String) { refusedOperations[name] = reason }

  /// Every layer class, sorted.
  package var layerNames: [String] { layers.keys.sorted() }
  /// Every operation class, sorted.
  package var operationNames: [String] { operations.keys.sorted() }

  /// True for an operation that is supported, or refused with its reason.
  func knowsOperation(_ className: String) -> Bool {
    operations[className] != nil || refusedOperations[className] != nil
  }

  /// True for modules whose classes are operations, not layers of the same name.
  package static func isOperation(module: String) -> Bool {
    module.hasPrefix("keras.src.ops.") || module.hasPrefix("keras.ops")
      || module.hasPrefix("keras.src.activations") || module.hasPrefix("keras.src.quantizers")
      || module == "kconvert.ops" || module == UnsupportedFunction.module
  }

  /// Builds what a configuration describes.
  /// - Throws: `unsupportedLayer` for an unknown class; what the layer's init throws; `unknownKeys`.
  func makeLayer(_ config: inout LayerConfig) throws(KerasImportError) -> any Layer {
    if config.module == UnsupportedFunction.module {
      let reason = config.json["reason"]?.string.map { KerasImportError.Reason.unsupported($0) }
      throw KerasImportError(reason ?? .unsupportedLayer(className: config.className))
    }
    let layer: any Layer
    if let meaning = meaning(of: config), !LayerRegistry.isOperation(module: config.module) {
      layer = DefinedLayer(meaning, &config)
    } else if LayerRegistry.isOperation(module: config.module) {
      if let reason = refusedOperations[config.className] {
        throw KerasImportError(.unsupported("operation \"\(config.className)\": \(reason)"))
      }
      guard let factory = operations[config.className] else {
        throw KerasImportError(.unsupportedLayer(className: config.className))
      }
      layer = try factory(&config)
    } else if !ownOperations.isEmpty,
      let factory = config.identity.names.lazy.compactMap({ ownOperations[$0] }).first
    {
      layer = try factory(&config)
    } else {
      guard let type = type(of: config.identity, className: config.className) else {
        // The full name of a class that another package has under a name of Keras's.
        let name = layers[config.className] == nil ? config.className : config.identity.fullName
        throw KerasImportError(.unsupportedLayer(className: name))
      }
      layer = try type.init(&config)
    }
    try config.finish()
    return layer
  }
}
