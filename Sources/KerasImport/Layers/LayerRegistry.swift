package import NativeFormat

/// The layer classes and operations that an import knows; a value that is passed, never global state.
public struct LayerRegistry: Sendable {
  typealias Factory = @Sendable (inout LayerConfig) throws(KerasImportError) -> any Layer

  private var layers: [String: Factory] = [:]
  private var operations: [String: Factory] = [:]

  /// A registry that knows nothing.
  public init() {}

  /// Adds a layer class under its Keras names (`Conv2D`; custom classes `Package>Name` or `Name`).
  public mutating func register<L: Layer>(_ layer: L.Type, as names: String...) {
    for name in names {
      layers[name] = { (config: inout LayerConfig) throws(KerasImportError) -> any Layer in try L(&config) }
    }
  }

  /// Adds an operation (module `keras.src.ops.*`) under its class names.
  mutating func register(operation name: String, _ factory: @escaping Factory) { operations[name] = factory }

  /// Every layer class, sorted.
  public var layerNames: [String] { layers.keys.sorted() }
  /// Every operation class, sorted.
  public var operationNames: [String] { operations.keys.sorted() }

  /// True for modules whose classes are operations, not layers of the same name.
  static func isOperation(module: String) -> Bool {
    module.hasPrefix("keras.src.ops.") || module.hasPrefix("keras.ops")
      || module.hasPrefix("keras.src.activations")
  }

  /// Builds what a configuration describes.
  /// - Throws: `unsupportedLayer` for an unknown class; what the layer's init throws; `unknownKeys`.
  func makeLayer(_ config: inout LayerConfig) throws(KerasImportError) -> any Layer {
    let table = LayerRegistry.isOperation(module: config.module) ? operations : layers
    guard let factory = table[config.className] else {
      let nearest = LayerRegistry.nearest(to: config.className, in: Array(table.keys))
      throw KerasImportError(.unsupportedLayer(className: config.className, nearest: nearest))
    }
    let layer = try factory(&config)
    try config.finish()
    return layer
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
