import ModelIR
import NativeFormat

/// A layer that is not supported, in a model opened for inspection: it stands where the file has it, with the weights
/// that the file has for it, and computes nothing.
struct UnsupportedLayer: Layer {
  /// Why it is not supported, with the layer's place.
  let reason: KerasImportError

  init(reason: KerasImportError) { self.reason = reason }

  init(_ config: inout LayerConfig) throws(KerasImportError) {
    throw KerasImportError(.unsupportedLayer(className: config.className))
  }

  func lower(_ call: Call, in scope: LoweringScope) throws(KerasImportError) -> [Operand] { throw reason }
}

extension LayerObject {
  /// The layer of a serialised form that cannot be built.
  /// - Parameter error: why, with the layer's place.
  convenience init(unsupported serialized: JSONValue, _ error: KerasImportError) {
    let config = serialized["config"] ?? [:]
    let className = serialized["class_name"]?.string ?? "?"
    self.init(
      name: serialized["name"]?.string ?? config["name"]?.string ?? className, className: className,
      // For people only: nothing is built of it.
      module: serialized["module"]?.string ?? "", config: config, layer: UnsupportedLayer(reason: error),
      policy: DTypePolicy(), buildConfig: serialized["build_config"])
  }

  /// True when nothing is known of the layer but what its configuration says.
  package var isUnsupported: Bool { layer is UnsupportedLayer }
}

extension LayerGraph {
  /// The refusals of all layers, those of nested models with their place.
  var refusals: [KerasImportError] {
    layers.flatMap { object -> [KerasImportError] in
      if let layer = object.layer as? UnsupportedLayer {
        if case .several(let errors) = layer.reason.reason { return errors }
        return [layer.reason]
      }
      guard let nested = object.layer as? NestedModel else { return [] }
      return nested.model.refusals.map { $0.at(.layer(name: object.name, className: object.className)) }
    }
  }

  /// A model of a class that is not known: the layers that have weights in the file, and no calls.
  init(unknown className: String, name: String, layers names: [String], _ error: KerasImportError) {
    let layers = names.map { name in
      LayerObject(unsupported: ["class_name": "?", "config": ["name": .string(name)]], error)
    }
    self.init(
      name: name, kind: .functional, layers: layers, calls: [], inputStructure: .list([]),
      outputStructure: .list([]))
  }
}

extension TensorType {
  /// The type that a `__keras_tensor__` or a shape in a configuration declares; nil when it is none, or one of the element
  /// types that graphs do not have.
  /// - Throws: `invalidValue` for what names no element type of Keras.
  init?(declared shape: JSONValue?, dtype: JSONValue?, name: String) throws(KerasImportError) {
    guard let sizes = shape?.array, sizes.allSatisfy({ $0.isNull || $0.int != nil }) else { return nil }
    let dimensions = sizes.enumerated().map { axis, size in
      size.int.map { Dimension.fixed($0) } ?? .symbol(axis == 0 ? "batch" : "\(name)_\(axis)")
    }
    var element = DType.float32  // Keras's default.
    if let dtype, !dtype.isNull {
      if let text = dtype.string, TensorType.foreignElements.contains(text) { return nil }
      guard let known = dtype.string.flatMap(DType.init(rawValue:)) else {
        throw KerasImportError(
          .invalidValue(key: "dtype", expected: "an element type", found: dtype.shortText))
      }
      element = known
    }
    self.init(element, Shape(dimensions))
  }

  /// Keras's element types that graphs do not have: what is computed with them is not supported.
  private static let foreignElements: Set = [
    "complex64", "complex128", "float8_e4m3fn", "float8_e5m2", "int4", "uint4", "resource", "variant",
  ]
}
