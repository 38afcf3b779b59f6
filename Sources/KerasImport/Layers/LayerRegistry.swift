/// The layer classes and operations that an import knows; a value that is passed, never global state.
public struct LayerRegistry: Sendable {
  typealias Factory = @Sendable (inout LayerConfig) throws(KerasImportError) -> any Layer

  private var layers: [String: any Layer.Type] = [:]
  private var operations: [String: Factory] = [:]

  /// A registry that knows nothing.
  package init() {}

  /// Adds a layer class under its Keras names (`Conv2D`; custom classes `Package>Name` or `Name`).
  public mutating func register<L: Layer>(_ layer: L.Type, as names: String...) {
    for name in names { layers[name] = layer }
  }

  /// Adds an operation (module `keras.src.ops.*`) under its class names.
  mutating func register(operation name: String, _ factory: @escaping Factory) { operations[name] = factory }

  /// Every layer class, sorted.
  package var layerNames: [String] { layers.keys.sorted() }
  /// Every operation class, sorted.
  package var operationNames: [String] { operations.keys.sorted() }

  /// True for modules whose classes are operations, not layers of the same name.
  package static func isOperation(module: String) -> Bool {
    module.hasPrefix("keras.src.ops.") || module.hasPrefix("keras.ops")
      || module.hasPrefix("keras.src.activations") || module == "kconvert.ops"
  }

  /// Builds what a configuration describes.
  /// - Throws: `unsupportedLayer` for an unknown class; what the layer's init throws; `unknownKeys`.
  func makeLayer(_ config: inout LayerConfig) throws(KerasImportError) -> any Layer {
    let layer: any Layer
    if LayerRegistry.isOperation(module: config.module) {
      guard let factory = operations[config.className] else {
        throw unknown(config.className, among: operations.keys)
      }
      layer = try factory(&config)
    } else {
      guard let type = layers[config.className] else { throw unknown(config.className, among: layers.keys) }
      layer = try type.init(&config)
    }
    try config.finish()
    return layer
  }

  private func unknown(_ className: String, among known: some Sequence<String>) -> KerasImportError {
    let nearest = LayerRegistry.nearest(to: className, in: Array(known))
    return KerasImportError(.unsupportedLayer(className: className, nearest: nearest))
  }

  /// A known name that differs from `name` by at most two letters.
  static func nearest(to name: String, in known: [String]) -> String? {
    known.map { (editDistance($0, name), $0) }.filter { $0.0 <= 2 && $0.0 > 0 }.min { $0 < $1 }?.1
  }

  private static func editDistance(_ a: String, _ b: String) -> Int {
    let a = Array(a.utf8.prefix(64))
    let b = Array(b.utf8.prefix(64))
    if abs(a.count - b.count) > 2 { return 3 }
    var row = Array(0...b.count)
    for i in 0..<a.count {
      var diagonal = row[0]
      row[0] = i + 1
      for j in 0..<b.count {
        let substitution = diagonal + (a[i] == b[j] ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substitution, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[b.count]
  }
}
