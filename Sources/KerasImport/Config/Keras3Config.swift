import NativeFormat

/// What differs between Keras 3's releases and between its archives and its HDF5 files.
enum Keras3Config {
  private static let merging: Set<String> = [
    "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate",
  ]

  /// Layers with a softmax over masked positions. Before 3.10 a row without a kept position was spread evenly; since
  /// then it is zero.
  static let maskedSoftmax: Set<String> = ["Softmax", "MultiHeadAttention", "GroupQueryAttention"]

  /// The public names of classes that HDF5 files call by another.
  private static let publicNames = ["GroupedQueryAttention": "GroupQueryAttention"]

  /// Layers that do not write `trainable`.
  private static let untrained: Set<String> = [
    "InputLayer", "Discretization", "HashedCrossing", "SpatialDropout1D", "SpatialDropout2D",
    "SpatialDropout3D",
    "Pipeline",
  ]

  /// The canonical form of a serialised layer or model.
  /// - Parameter minor: the minor number of the writer's release; today's where the file does not say.
  static func canonical(_ value: JSONValue, minor: Int = .max) -> JSONValue {
    guard var object = value.object, let className = object["class_name"]?.string,
      var config = object["config"]?.object
    else { return value }
    if let name = publicNames[className] { object["class_name"] = .string(name) }
    if object["module"] == nil || object["module"]?.isNull == true, object["registered_name"]?.string == nil {
      // HDF5 files leave the module out: what has no `trainable` is an operation.
      let isOperation =
        !config.contains("trainable") && !config.contains("layers") && !untrained.contains(className)
      object["module"] = .string(isOperation ? OperationModules.module(of: className) : "keras.layers")
    }
    func inside(_ inner: JSONValue) -> JSONValue { canonical(inner, minor: minor) }
    let isLayer =
      // Without a module it is no operation.
      !LayerRegistry.isOperation(module: object["module"]?.string ?? "") && ClassIdentity(object).isOfKeras
    // Before 3.4 merging layers dropped their masks.
    if minor < 4, isLayer, merging.contains(className) { config.insert(.mergesMasks(.none)) }
    if minor < 10, isLayer, maskedSoftmax.contains(className) { config.insert(.spreadsFullyMasked) }
    if minor < 13, isLayer, className == "Softmax" { config.insert(.lowersByMask) }
    if minor < 8, isLayer, className.hasSuffix("Attention"), maskedSoftmax.contains(className) {
      config.insert(.lowersByMask)
    }
    if minor < 11, isLayer, className == "LayerNormalization" { config.insert(.normalizesUnrounded) }
    if minor < 15, isLayer, className == "GroupNormalization" { config.insert(.normalizesUnrounded) }
    if minor < 15, isLayer, className == "GlobalAveragePooling1D" { config.insert(.weighsByMask) }
    if isLayer, let calls = object["inbound_nodes"]?.array,
      calls.contains(where: { $0["kwargs"]?.object?.contains("training") ?? false })
    {
      object["inbound_nodes"] = .array(calls.map(withoutTraining))
    }
    for key in ["layer", "backward_layer", "cell"] {
      if let inner = config[key], inner.object != nil { config[key] = inside(inner) }
    }
    if let cells = config["cells"]?.array { config["cells"] = .array(cells.map(inside)) }
    if let layers = config["layers"]?.array {
      config["layers"] = .array(layers.map(inside))
      if className != "Sequential" { config = renumbered(config) }
    }
    object["config"] = .object(config)
    return .object(object)
  }

  /// A call without its `training` argument: Keras 3 predicts with its own in all layers, those of nested models too.
  private static func withoutTraining(_ call: JSONValue) -> JSONValue {
    guard var object = call.object, var keywords = object["kwargs"]?.object else { return call }
    keywords["training"] = nil
    object["kwargs"] = .object(keywords)
    return .object(object)
  }

  /// A nested Functional model's own construction is its call 0 where outputs refer to it; elsewhere its first use is.
  private static func renumbered(_ config: JSONObject) -> JSONObject {
    var result = config
    var nested: Set<String> = []
    for layer in config["layers"]?.array ?? [] {  // A model without layers has no nested ones.
      let className = layer["class_name"]?.string
      let module = layer["module"]?.string ?? ""  // The module was filled in above.
      if className == "Functional" || (className == "Model" && module.hasPrefix("keras")),
        let name = layer["name"]?.string
      {
        nested.insert(name)
      }
    }
    guard !nested.isEmpty else { return result }
    for key in ["input_layers", "output_layers"] {
      if let value = config[key] { result[key] = shifted(value, nested) }
    }
    return result
  }

  private static func shifted(_ value: JSONValue, _ nested: Set<String>) -> JSONValue {
    if let items = value.array {
      if items.count == 3, let name = items[0].string, let node = items[1].int {
        return nested.contains(name) && node > 0 ? .array([items[0], .integer(node - 1), items[2]]) : value
      }
      return .array(items.map { shifted($0, nested) })
    }
    guard let object = value.object else { return value }
    var result = object
    for key in object.keys { if let inner = object[key] { result[key] = shifted(inner, nested) } }
    return .object(result)
  }
}
